import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { FrameFlag, FrameType } from '../../src/protocol/frame.ts';
import { mac1Key, mac1Trailer } from '../../src/security/mac1.ts';
import {
  CLIP,
  Cleanup,
  figure,
  runToEnd,
  startCamera,
  startStreamingViewer,
  temporaryFolder,
} from '../support/command.ts';
import { forgeableBut, rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { layRoutedCable, namespacesLeft, type RoutedCable } from '../support/namespaces.ts';
import { bytesCountedBy, countedBy, FIRST_BYTE, install } from '../support/nft.ts';
import { furtherFrames } from '../support/progress.ts';
import { freshStreamId, otherVersionStart } from '../support/raw-peer.ts';
import { skipBecause } from '../support/skip-because.ts';
import { Spoofer, spoofingMissing } from '../support/spoofer.ts';

vi.setConfig({ maxConcurrency: 3 });

const LIMIT_MS = 30_000;
const door = ['--stream', `door=${CLIP}`, '--loop'];
const open = ['--security', 'none'];
/** What ends or moves sessions, of those who have the ids. */
const ending = forgeableBut('START', 'PATH_CHALLENGE', 'PATH_RESPONSE', 'NOTIFY');

if (spoofingMissing !== undefined) process.stderr.write(`skipped: another's address: ${spoofingMissing}\n`);

afterAll(() => {
  expect(namespacesLeft()).toEqual([]);
});

/** The camera can reach the viewer's network, as on the internet; whoever is on the router can send in the viewer's name. */
function layOpenRoute(cleanup: Cleanup): RoutedCable {
  const cable = layRoutedCable(cleanup);
  const { camera, router, viewer } = cable;
  const net = viewer.address.replace(/\d+$/, '0/24');
  const { status, stderr } = spawnSync('ip', ['-n', camera.namespace, 'route', 'add', net, 'via', router.address], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stderr);
  return cable;
}

/** A START with a MAC1 of somebody who has not the secret. */
function strangersStart(): Uint8Array {
  const header = { flags: FrameFlag.ACK_REQUIRED, streamId: freshStreamId(), sessionTag: 0n, attempt: 1 };
  const handshake = new Uint8Array(48).fill(7);
  return encodeFrame(
    { ...header, type: FrameType.START, versions: [1], handshake },
    mac1Trailer(mac1Key(new Uint8Array(32))),
  );
}

function guess(): { streamId: bigint; sessionTag: bigint } {
  return { streamId: freshStreamId(), sessionTag: freshStreamId() };
}

describe.skipIf(spoofingMissing !== undefined).concurrent('a host that sends in another’s name', () => {
  test.for(['none', 'psk'] as const)(
    'S1, S2: in mode %s makes a camera send the victim no more than it sent itself, and no media',
    async (mode, context) => {
      await using cleanup = new Cleanup();
      const { camera, router, viewer: victim } = layOpenRoute(cleanup);
      const from = `ip saddr ${camera.address}`;
      const reason = install(victim, [
        { hook: 'input', match: from, counter: 'heard' },
        { hook: 'input', match: `${from} ${FIRST_BYTE} 128-191`, counter: 'pictures' },
      ]);
      skipBecause(context, reason);
      const psk = join(temporaryFolder(cleanup), 'home.psk');
      if (mode === 'psk') await runToEnd(['keygen', '--psk', psk]);
      const security = mode === 'none' ? open : ['--security', 'psk', '--psk-file', psk];
      const sender = await startCamera(cleanup, [...door, ...security], {
        namespace: camera.namespace,
        host: camera.address,
      });
      const to: Peer = { address: camera.address, port: sender.port };
      const spoofer = await Spoofer.start(cleanup, router.namespace);
      for (let port = 5000; port < 5300; port++) {
        const as = { address: victim.address, port };
        const start = mode === 'none' ? startBytes(freshStreamId()) : strangersStart();
        for (let copy = 0; copy < 3; copy++) spoofer.udp(as, to, start);
        spoofer.udp(as, to, otherVersionStart(freshStreamId()));
        for (const type of ending) spoofer.udp(as, to, sessionFrame(type, guess()));
      }
      await spoofer.strike();
      // By when a viewer beside the spoofer has pictures, all of that was handled.
      const viewer = await startStreamingViewer(cleanup, `${sender.address}/door`, security, {
        namespace: router.namespace,
      });
      await furtherFrames(viewer, 25, LIMIT_MS);
      const datagrams = countedBy(victim, 'heard');
      expect(countedBy(victim, 'pictures')).toBe(0);
      expect(datagrams).toBeLessThanOrEqual(spoofer.sent.datagrams);
      expect(bytesCountedBy(victim, 'heard')).toBeLessThanOrEqual(spoofer.sent.bytes);
      // One prefix has 200 tokens at once, and copies of STARTs are answered as often as they come.
      if (mode === 'none') expect(datagrams).toBeGreaterThan(10);
      else expect(datagrams).toBe(0);
      expect(sender.run.events.filter(({ event }) => event === 'streaming')).toHaveLength(1);
    },
  );

  test('S7, S8: and forges ICMP, ends no session of a victim, at either end, and frames go on', async (context) => {
    await using cleanup = new Cleanup();
    const { camera, router, viewer: victim } = layOpenRoute(cleanup);
    const sender = await startCamera(cleanup, [...door, ...open], {
      namespace: camera.namespace,
      host: camera.address,
    });
    const here = { namespace: victim.namespace };
    const viewer = await startStreamingViewer(cleanup, `${sender.address}/door`, open, here);
    const seen = await sender.run.event('streaming');
    const [host = '', port = ''] = String(seen['peer']).split(':');
    const [a, b]: readonly [Peer, Peer] = [
      { address: camera.address, port: sender.port },
      { address: host, port: Number(port) },
    ];
    skipBecause(context, host === victim.address ? undefined : `the camera sees ${host}`);
    await furtherFrames(viewer, 10, LIMIT_MS);

    const spoofer = await Spoofer.start(cleanup, router.namespace);
    for (let round = 0; round < 50; round++) {
      for (const type of ending) {
        spoofer.udp(b, a, sessionFrame(type, guess()));
        spoofer.udp(a, b, sessionFrame(type, guess()));
      }
      spoofer.udp(b, a, startBytes(freshStreamId()));
      spoofer.udp(a, b, rtpBytes(round));
      for (const code of [0, 1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13]) {
        spoofer.icmp(router.address, [3, code, 0], { from: a, to: b });
        spoofer.icmp(router.address, [3, code, 0], { from: b, to: a });
      }
      for (const type of [11, 12]) spoofer.icmp(router.address, [type, 0, 0], { from: b, to: a });
    }
    await spoofer.strike();
    await furtherFrames(viewer, 50, LIMIT_MS);
    expect(sender.run.events.filter(({ event }) => event === 'streaming')).toHaveLength(1);
    expect(sender.run.events.filter(({ event, wasStreaming }) => event === 'closed' && wasStreaming === true)).toEqual(
      [],
    );
    expect([viewer.isRunning, sender.run.isRunning]).toEqual([true, true]);
    viewer.signal('SIGINT');
    const ended = await viewer.event('ended', undefined, LIMIT_MS);
    expect(ended).toMatchObject({ byPeer: false, metrics: { drops: { mediaForeign: 50 } } });
    // What shows that the forged messages arrived. The system tells of them one by one, and only of the newest.
    expect(figure(ended, 'metrics', 'hints', 'ECONNREFUSED')).toBeGreaterThan(0);
    expect(figure(ended, 'metrics', 'hints', 'other')).toBeGreaterThan(0);
  });
});
