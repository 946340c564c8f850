import { describe, expect, test } from 'vitest';
import type { RelayRecord, UdpRelayOptions } from '../../../src/io/udp-relay.ts';
import { ErrorCode } from '../../../src/protocol/error-code.ts';
import { profiles } from '../../../src/protocol/profiles.ts';
import type { LinkModel } from '../../../src/sim/link-model.ts';
import { CLIP, Cleanup, figure, startCamera, startStreamingViewer } from '../../support/command.ts';
import { kindOf } from '../../support/frames.ts';
import { furtherFrames } from '../../support/progress.ts';
import { TappedRelay } from '../../support/relay-tap.ts';
import { seedFromEnv } from '../../support/seeded.ts';

/** Far beyond what any step takes. */
const LIMIT_MS = 30_000;
/** How much later than the protocol's own time an end may be seen on a busy machine. */
const SLACK_MS = 8000;
const lan = ['--profile', 'lan'];
const loop = ['--stream', `door=${CLIP}`, '--loop'];

/** A camera that streams to a viewer through a relay. */
async function stream(cleanup: Cleanup, link: LinkModel, profile: readonly string[] = [], view = profile) {
  const camera = await startCamera(cleanup, [...loop, ...profile]);
  const options: UdpRelayOptions = {
    camera: { address: '127.0.0.1', port: camera.port },
    seed: seedFromEnv('socket/faults'),
    toCamera: link,
    toViewer: link,
  };
  const relay = cleanup.use(await TappedRelay.open(options));
  const viewer = await startStreamingViewer(cleanup, `${relay.address}/door`, view);
  return { camera: camera.run, relay, viewer };
}

const lastAtMs = (records: readonly RelayRecord[], fits: (record: RelayRecord) => boolean): number =>
  records.findLast(fits)?.atMs ?? Number.NaN;
/** What an end takes for a sign of life: any frame, and for a viewer media. */
const heard = (direction: RelayRecord['direction']) => (record: RelayRecord) =>
  record.at === 'left' && record.direction === direction && kindOf(record.bytes) !== 'RTCP';
const isMedia = ({ at, direction, bytes }: RelayRecord): boolean =>
  at === 'arrived' && direction === 'toViewer' && kindOf(bytes) === 'RTP';
const isPong = ({ direction, bytes }: RelayRecord): boolean => direction === 'toCamera' && kindOf(bytes) === 'PONG';
const isBye = ({ at, bytes }: RelayRecord): boolean => at === 'arrived' && kindOf(bytes) === 'BYE';

/** A seeded relay between the two processes. */
export function relayFaults(): void {
  describe.concurrent('through a relay', () => {
    test('with 30 % loss, duplicates, reordering, damage and a round trip of 50 ms the stream starts, frames arrive, and 3 s of nothing are outlived', async () => {
      await using cleanup = new Cleanup();
      // A second of play-out time: some two dozen tries for each datagram, so that chance has no part in it.
      const bad: LinkModel = { oneWayMs: 25, loss: 0.3, duplication: 0.05, reorder: 0.1, corruption: 0.01 };
      const { camera, relay, viewer } = await stream(cleanup, bad, [], ['--latency', '1s']);
      const before = await furtherFrames(viewer, 50, LIMIT_MS);
      const { toCamera, toViewer } = relay.relay.stats;
      expect(toViewer.lost.random).toBeGreaterThan(50);
      expect(toCamera.lost.random).toBeGreaterThan(0);
      expect([toViewer.duplicated, toViewer.reordered].every((count) => count > 0)).toBe(true);
      expect(figure(before, 'rttMs')).toBeGreaterThanOrEqual(49);

      relay.relay.sever();
      const untilMs = figure(before, 'elapsedMs') + 3000;
      await viewer.event('status', (event) => figure(event, 'elapsedMs') > untilMs, LIMIT_MS);
      expect(relay.relay.stats.toViewer.lost.partition).toBeGreaterThan(50);
      relay.relay.heal();
      await furtherFrames(viewer, 50, LIMIT_MS);
      expect(camera.events.some(({ event }) => event === 'closed')).toBe(false);
      expect(camera.events.filter(({ event }) => event === 'streaming')).toHaveLength(1);
      viewer.signal('SIGINT');
      expect(await viewer.exit(LIMIT_MS)).toMatchObject({ code: 130 });
    });

    test('that is cut for good both ends find the other dead, neither before its time', async () => {
      await using cleanup = new Cleanup();
      const { camera, relay, viewer } = await stream(cleanup, {}, lan);
      await furtherFrames(viewer, 10, LIMIT_MS);
      relay.relay.sever();
      const { deadMs } = profiles.lan;
      const viewerEnd = async (): Promise<void> => {
        expect(await viewer.event('ended', undefined, deadMs + SLACK_MS)).toMatchObject({
          code: ErrorCode.PEER_DEAD,
          byPeer: false,
        });
        expect(performance.now() - lastAtMs(relay.records, heard('toViewer'))).toBeGreaterThanOrEqual(deadMs);
      };
      const cameraEnd = async (): Promise<void> => {
        const closed = await camera.event('closed', undefined, deadMs + SLACK_MS);
        expect(closed).toMatchObject({ code: ErrorCode.PEER_DEAD });
        expect(performance.now() - lastAtMs(relay.records, heard('toCamera'))).toBeGreaterThanOrEqual(deadMs);
      };
      await Promise.all([viewerEnd(), cameraEnd()]);
      expect(await viewer.exit()).toMatchObject({ code: 1 });
      await viewer.complaint(/PEER_DEAD.*Try: /s);
    });

    test('L6, S9: that is cut towards the camera the camera finds its viewer dead and sends no more, then the viewer the camera', async () => {
      await using cleanup = new Cleanup();
      const { camera, relay, viewer } = await stream(cleanup, {}, lan);
      await furtherFrames(viewer, 10, LIMIT_MS);
      relay.relay.sever('toCamera');
      const { deadMs } = profiles.lan;
      const closed = await camera.event('closed', undefined, deadMs + SLACK_MS);
      expect(closed).toMatchObject({ code: ErrorCode.PEER_DEAD });
      // It would not be dead for the viewer if media still came.
      const ended = await viewer.event('ended', undefined, deadMs + SLACK_MS);
      expect(ended).toMatchObject({ code: ErrorCode.PEER_DEAD, byPeer: false });
      expect(performance.now() - lastAtMs(relay.records, isMedia)).toBeGreaterThanOrEqual(deadMs);
      expect(await viewer.exit()).toMatchObject({ code: 1 });
    });

    test('L6, S9: that is cut towards the viewer the camera sends until consent ends, and not after it', async () => {
      await using cleanup = new Cleanup();
      const { camera, relay, viewer } = await stream(cleanup, {}, lan);
      await furtherFrames(viewer, 10, LIMIT_MS);
      relay.relay.sever('toViewer');
      const { deadMs, consentMs } = profiles.lan;
      const ended = await viewer.event('ended', undefined, deadMs + SLACK_MS);
      expect(ended).toMatchObject({ code: ErrorCode.PEER_DEAD, byPeer: false });
      // The viewer's PINGs keep the camera from finding it dead, but they are no consent.
      const closed = await camera.event('closed', undefined, consentMs + SLACK_MS);
      expect(closed).toMatchObject({ code: ErrorCode.CONSENT_EXPIRED });
      expect(performance.now() - lastAtMs(relay.records, isPong)).toBeGreaterThan(deadMs);
      const { records } = relay;
      expect(records.filter(isBye)).toHaveLength(1);
      expect(records.findLastIndex(isMedia)).toBeLessThan(records.findIndex(isBye));
    });
  });
}
