import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, type TestContext, test } from 'vitest';
import { ErrorCode } from '../../../src/protocol/error-code.ts';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  figure,
  startCamera,
  startStreamingViewer,
  startViewer,
  temporaryFolder,
} from '../../support/command.ts';
import { type Cable, layCable, layRoutedCable, namespacesMissing } from '../../support/namespaces.ts';
import {
  countedBy,
  FIRST_BYTE,
  flushConnections,
  fraction,
  heal,
  install,
  mediaByPort,
  nft,
  watchMedia,
} from '../../support/nft.ts';
import { furtherFrames } from '../../support/progress.ts';
import { skipBecause } from '../../support/skip-because.ts';

const open = ['--security', 'none'];
const lan = ['--profile', 'lan'];
const clip = ['--stream', `door=${CLIP}`];
/** Far beyond what any step takes; the protocol's own times are of seconds. */
const LIMIT_MS = 30_000;

/** A camera in its namespace, and how a viewer in the other one is started. */
async function startBoth(
  cleanup: Cleanup,
  { camera, viewer }: Cable,
  more: readonly string[],
  { security = open, env = {} }: { readonly security?: readonly string[]; readonly env?: Record<string, string> } = {},
) {
  const there = { namespace: camera.namespace, host: camera.address, env };
  const sender = await startCamera(cleanup, [...clip, ...security, ...more], there);
  return { sender, target: `${sender.address}/door`, here: { namespace: viewer.namespace, env } };
}

/** A camera and a viewer with a NAT between them, or why the test is skipped. */
function layNat(cleanup: Cleanup, context: TestContext): ReturnType<typeof layRoutedCable> {
  const cable = layRoutedCable(cleanup);
  const nat = [
    'add table ip nat',
    'add chain ip nat out { type nat hook postrouting priority 100; }',
    'add rule ip nat out oifname "eth0" masquerade random,fully-random',
  ];
  skipBecause(context, nft(cable.router, nat) ?? flushConnections(cable.router) ?? watchMedia(cable.camera));
  return cable;
}

/** Faults that only nftables and conntrack make, between a camera and a viewer in network namespaces. */
export function namespaceFaults(): void {
  const missing = namespacesMissing;
  if (missing !== undefined) process.stderr.write(`skipped: faults between namespaces: ${missing}\n`);

  describe.skipIf(missing !== undefined).concurrent('between two namespaces', () => {
    test('datagrams of which a tenth is damaged on the way are refused by their CRC, each one, and the stream arrives', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layCable(cleanup);
      const damage = (firstByte: string, place: string, counter: string) => ({
        hook: 'input' as const,
        match: `${FIRST_BYTE} ${firstByte} ${fraction(10)}`,
        // Without a checksum, or the system would find the damage before the CRC can.
        act: `udp checksum set 0 ${place} set ${place} xor 0x10`,
        counter,
      });
      // A control frame's SessionTag; the payload of media, which has no CRC.
      const rules = [damage('0x0c', '@th,160,8', 'control'), damage('128-191', '@th,384,8', 'media')];
      skipBecause(context, install(cable.camera, rules) ?? install(cable.viewer, rules));
      const { sender, target, here } = await startBoth(cleanup, cable, [...lan, '--once']);
      const viewer = startViewer(cleanup, target, [...open, ...lan], here);
      const ended = await viewer.event('ended', undefined, LIMIT_MS);
      expect(ended).toMatchObject({ code: 0, byPeer: true, metrics: { closed: { NO_ERROR: 0 } } });
      expect(figure(ended, 'stats', 'framesComplete')).toBeGreaterThan(0.5 * CLIP_FRAMES);
      expect(await viewer.exit()).toMatchObject({ code: 0 });
      expect(await sender.run.exit(LIMIT_MS)).toMatchObject({ code: 0 });
      const { metrics } = await sender.run.event('ended');
      expect(metrics).toMatchObject({ drops: { crc: countedBy(cable.camera, 'control') } });
      expect(figure(ended, 'metrics', 'drops', 'crc')).toBeLessThanOrEqual(countedBy(cable.viewer, 'control'));
      expect(countedBy(cable.camera, 'control') + countedBy(cable.viewer, 'control')).toBeGreaterThan(0);
      expect(countedBy(cable.viewer, 'media')).toBeGreaterThan(20);
    });

    test('datagrams of which a third comes twice make one session, and the clip byte for byte', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layCable(cleanup);
      const twice = (to: string) => ({
        hook: 'output' as const,
        match: fraction(33),
        act: `dup to ${to} device "eth0"`,
        counter: 'twice',
      });
      skipBecause(
        context,
        install(cable.camera, [twice(cable.viewer.address)]) ?? install(cable.viewer, [twice(cable.camera.address)]),
      );
      const path = join(temporaryFolder(cleanup), 'door.h264');
      const { sender, target, here } = await startBoth(cleanup, cable, ['--once']);
      const viewer = startViewer(cleanup, target, [...open, '-o', path], here);
      const ended = await viewer.event('ended', undefined, LIMIT_MS);
      expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { written: CLIP_FRAMES } });
      expect(figure(ended, 'stats', 'duplicated')).toBeGreaterThan(100);
      expect(await viewer.exit()).toMatchObject({ code: 0 });
      expect(readFileSync(path).equals(readFileSync(CLIP))).toBe(true);
      expect(await sender.run.exit(LIMIT_MS)).toMatchObject({ code: 0 });
      const { metrics } = await sender.run.event('ended');
      expect(metrics).toMatchObject({ counters: { handshakesCompleted: 1 }, closed: { NO_ERROR: 1 } });
      expect(countedBy(cable.camera, 'twice')).toBeGreaterThan(100);
    });

    test('a black hole for datagrams of more than 700 bytes that opens mid-stream is stepped under, and frames go on', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layCable(cleanup);
      const { sender, target, here } = await startBoth(cleanup, cable, [...lan, '--loop']);
      const viewer = await startStreamingViewer(cleanup, target, [...open, ...lan], here);
      await furtherFrames(viewer, 10, LIMIT_MS);
      const hole = { hook: 'input', match: 'udp length > 708', act: 'drop', counter: 'swallowed' } as const;
      skipBecause(context, install(cable.viewer, [hole]));
      await sender.run.event(
        'status',
        (event) => figure(event, 'metrics', 'counters', 'datagramSizeStepsDown') === 1,
        LIMIT_MS,
      );
      const swallowed = countedBy(cable.viewer, 'swallowed');
      expect(swallowed).toBeGreaterThan(0);
      await furtherFrames(viewer, 50, LIMIT_MS);
      viewer.signal('SIGINT');
      expect(await viewer.exit()).toMatchObject({ code: 130 });
      const closed = await sender.run.event('closed', undefined, LIMIT_MS);
      expect(closed).toMatchObject({ code: ErrorCode.NO_ERROR });
    });

    test('the loss of 30 % of all datagrams each way, and of all of them for 3 s, is outlived', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layCable(cleanup);
      const lost = { hook: 'input', match: fraction(30), act: 'drop', counter: 'lost' } as const;
      skipBecause(context, install(cable.camera, [lost]) ?? install(cable.viewer, [lost]));
      const { target, here } = await startBoth(cleanup, cable, ['--loop']);
      const viewer = await startStreamingViewer(cleanup, target, open, here);
      const before = await furtherFrames(viewer, 10, LIMIT_MS);
      expect(countedBy(cable.viewer, 'lost')).toBeGreaterThan(5);
      expect(install(cable.viewer, [{ hook: 'input', act: 'drop', counter: 'cut' }])).toBeUndefined();
      const untilMs = figure(before, 'elapsedMs') + 3000;
      await viewer.event('status', (event) => figure(event, 'elapsedMs') > untilMs, LIMIT_MS);
      expect(countedBy(cable.viewer, 'cut')).toBeGreaterThan(50);
      expect(heal(cable.viewer)).toBeUndefined();
      await furtherFrames(viewer, 50, LIMIT_MS);
      expect(viewer.isRunning).toBe(true);
    });

    test('S1, S14: a NAT that forgets its mappings ends the session at both ends, and nothing but a new handshake moves media', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layNat(cleanup, context);
      const { camera, router } = cable;
      const { sender, target, here } = await startBoth(cleanup, cable, [...lan, '--loop']);
      const viewer = await startStreamingViewer(cleanup, target, [...open, ...lan], here);
      const first = portOf(await sender.run.event('streaming'));
      await furtherFrames(viewer, 10, LIMIT_MS);

      expect(flushConnections(router)).toBeUndefined();
      const { code } = await viewer.event('ended', undefined, LIMIT_MS);
      // Silence, or a RESET once the camera's session is over: whichever comes first.
      expect([ErrorCode.PEER_DEAD, ErrorCode.PEER_RESET]).toContain(code);
      expect(await viewer.exit()).toMatchObject({ code: 1 });
      await viewer.complaint(/\((PEER_DEAD|PEER_RESET)\)?.*Try: /s);
      const closed = await sender.run.event('closed', undefined, LIMIT_MS);
      expect([ErrorCode.PEER_DEAD, ErrorCode.CONSENT_EXPIRED]).toContain(closed['code']);
      expect([...mediaByPort(camera).keys()]).toEqual([first]);

      const next = await startStreamingViewer(cleanup, target, [...open, ...lan], here);
      const second = portOf(await sender.run.event('streaming', (event) => portOf(event) !== first));
      await furtherFrames(next, 10, LIMIT_MS);
      expect(new Set(mediaByPort(camera).keys())).toEqual(new Set([first, second]));
      // The viewer's PINGs did come from its new tuple, and had no effect.
      await sender.run.event('status', (event) => figure(event, 'metrics', 'drops', 'otherTuple') > 0);
    });

    test('S14: in mode psk media follows the viewer to the port that a NAT gives it after it forgot its mappings, in the same session', async (context) => {
      await using cleanup = new Cleanup();
      const cable = layNat(cleanup, context);
      const security = ['--security', 'psk'];
      const env = { FIRSTFRAME_PSK: '5a'.repeat(32) };
      const { sender, target, here } = await startBoth(cleanup, cable, [...lan, '--loop'], { security, env });
      const viewer = await startStreamingViewer(cleanup, target, [...security, ...lan], here);
      const first = portOf(await sender.run.event('streaming'));
      await furtherFrames(viewer, 10, LIMIT_MS);

      expect(flushConnections(cable.router)).toBeUndefined();
      const moved = await sender.run.event('moved', undefined, LIMIT_MS);
      const second = portOf(moved);
      expect(second).not.toBe(first);
      await furtherFrames(viewer, 50, LIMIT_MS);
      expect(viewer.isRunning).toBe(true);
      expect(new Set(mediaByPort(cable.camera).keys())).toEqual(new Set([first, second]));
      viewer.signal('SIGINT');
      expect(await viewer.exit()).toMatchObject({ code: 130 });
      expect(await sender.run.event('closed', undefined, LIMIT_MS)).toMatchObject({ code: ErrorCode.NO_ERROR });
    });
  });
}

function portOf(event: { readonly [field: string]: unknown }): number {
  return Number(String(event['peer']).split(':').at(-1));
}
