import { describe, expect, test } from 'vitest';
import type { RelayRecord } from '../../../src/io/udp-relay.ts';
import { ErrorCode } from '../../../src/protocol/error-code.ts';
import { profiles } from '../../../src/protocol/profiles.ts';
import {
  CLIP,
  Cleanup,
  type JsonEvent,
  type Run,
  startCamera,
  startStreamingViewer,
  startViewer,
} from '../../support/command.ts';
import { kindOf } from '../../support/frames.ts';
import { furtherFrames } from '../../support/progress.ts';
import { TappedRelay } from '../../support/relay-tap.ts';
import { standStill, stoppingMissing } from '../../support/stopping.ts';

const LIMIT_MS = 40_000;
/** Shorter than a viewer or camera of profile `default` waits for the other. */
const SHORT_MS = 4000;
/** Longer than consent. */
const LONG_MS = 20_000;
const ROUND_TRIP = { oneWayMs: 50 };

const closedOf = (camera: Run, session: unknown): Promise<JsonEvent> =>
  camera.event('closed', (event) => event['session'] === session, LIMIT_MS);
const isMedia = ({ at, direction, bytes }: RelayRecord): boolean =>
  at === 'arrived' && direction === 'toViewer' && kindOf(bytes) === 'RTP';
const isPing = ({ at, direction, bytes }: RelayRecord): boolean =>
  at === 'arrived' && direction === 'toViewer' && kindOf(bytes) === 'PING';

async function start(cleanup: Cleanup) {
  const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--loop']);
  const behind = { address: '127.0.0.1', port: camera.port };
  const relay = cleanup.use(
    await TappedRelay.open({ camera: behind, seed: 1, toCamera: ROUND_TRIP, toViewer: ROUND_TRIP }),
  );
  return { camera: camera.run, relay, target: `${relay.address}/door` };
}

/** Processes that stand still (SIGSTOP) and go on (SIGCONT). */
export function stopFaults(): void {
  if (stoppingMissing !== undefined) process.stderr.write(`skipped: processes that stand still: ${stoppingMissing}\n`);

  describe.skipIf(stoppingMissing !== undefined).concurrent('a process that stands still', () => {
    test('S9: as camera for 20 s, with a PONG on its way to it, ends the session and sends no media after waking', async () => {
      await using cleanup = new Cleanup();
      const { camera, relay, target } = await start(cleanup);
      const viewer = startViewer(cleanup, target);
      await relay.when(isPing, LIMIT_MS, 'a PING');
      const stopping = standStill(camera, LONG_MS);
      const ended = await viewer.event('ended', undefined, LIMIT_MS);
      expect(ended).toMatchObject({ code: ErrorCode.PEER_DEAD, byPeer: false });
      expect(await viewer.exit()).toMatchObject({ code: 1 });
      const { stoppedAtMs, wokenAtMs } = await stopping;
      expect(wokenAtMs - stoppedAtMs).toBeGreaterThan(profiles.default.consentMs);
      const { code } = await camera.event('closed', undefined, LIMIT_MS);
      expect([ErrorCode.CONSENT_EXPIRED, ErrorCode.PEER_DEAD]).toContain(code);
      const { records } = relay;
      expect(records.some(isMedia)).toBe(true);
      const waiting = records.filter(
        ({ at, atMs, bytes }) => at === 'left' && atMs > stoppedAtMs && kindOf(bytes) === 'PONG',
      );
      expect(waiting.length).toBeGreaterThan(0);
      expect(records.filter((record) => isMedia(record) && record.atMs > wokenAtMs).length).toBe(0);
    });

    test('as camera for 4 s goes on', async () => {
      await using cleanup = new Cleanup();
      const { camera, target } = await start(cleanup);
      const viewer = await startStreamingViewer(cleanup, target);
      await furtherFrames(viewer, 10, LIMIT_MS);
      await standStill(camera, SHORT_MS);
      await furtherFrames(viewer, 20, LIMIT_MS);
      expect(camera.events.some(({ event }) => event === 'closed')).toBe(false);
      expect(viewer.isRunning).toBe(true);
    });

    test('as viewer for 4 s goes on; for 20 s it loses its session, and is told', async () => {
      await using cleanup = new Cleanup();
      const { camera, relay, target } = await start(cleanup);
      const brief = await startStreamingViewer(cleanup, target);
      const { session: briefSession } = await camera.event('streaming');
      // Its watchdog asks sooner after waking.
      const long = await startStreamingViewer(cleanup, target, ['--profile', 'lan']);
      const { session } = await camera.event('streaming', (event) => event['session'] !== briefSession);
      await Promise.all([brief, long].map((viewer) => furtherFrames(viewer, 10, LIMIT_MS)));

      const shortStop = async (): Promise<void> => {
        await standStill(brief, SHORT_MS);
        await furtherFrames(brief, 50, LIMIT_MS);
      };
      const longStop = async (): Promise<void> => {
        const { stoppedAtMs, wokenAtMs } = await standStill(long, LONG_MS);
        const closed = await closedOf(camera, session);
        expect(closed).toMatchObject({ code: ErrorCode.PEER_DEAD, wasStreaming: true });
        const media = relay.records.filter((record) => isMedia(record) && record.lane === 1);
        const { deadMs } = profiles.default;
        // PINGs unanswered for so long end it; the rest of the stop is silence.
        expect(media.some(({ atMs }) => atMs > stoppedAtMs)).toBe(true);
        expect(media.some(({ atMs }) => atMs > wokenAtMs)).toBe(false);
        expect(wokenAtMs - stoppedAtMs).toBeGreaterThan(deadMs);
        const { code } = await long.event('ended', undefined, LIMIT_MS);
        expect([ErrorCode.PEER_RESET, ErrorCode.PEER_DEAD]).toContain(code);
        expect(await long.exit()).toMatchObject({ code: 1 });
      };
      await Promise.all([shortStop(), longStop()]);
      expect(camera.events.some((event) => event.event === 'closed' && event['session'] === briefSession)).toBe(false);
      expect(brief.isRunning).toBe(true);
    });
  });
}
