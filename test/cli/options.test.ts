import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { benchPlans } from '../../bench/plans.ts';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  figure,
  runToEnd,
  startCamera,
  startStreamingViewer,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { socketKinds } from '../support/sockets.ts';

vi.setConfig({ maxConcurrency: 6 });

const door = ['--stream', `door=${CLIP}`];

describe('the help', () => {
  const benches = benchPlans.map(({ name }) => `bench ${name}`);
  for (const command of [
    '',
    'send',
    'view',
    'call',
    'relay',
    'demo',
    'simulate',
    'agent',
    'fleet',
    'keygen',
    'bench',
    ...benches,
  ]) {
    test(`of firstframe ${command} is as reviewed, and at most 100 columns wide`, async () => {
      const words = command.split(' ').filter((word) => word !== '');
      const { stdout } = await runToEnd([...words, '--help']);
      expect(stdout.split('\n').filter((line) => line.length > 100)).toEqual([]);
      await expect(stdout).toMatchFileSnapshot(`${['help', ...words].join('-')}.txt`);
    });
  }

  test('shows defaults as they are typed', async () => {
    const [send, view] = await Promise.all([runToEnd(['send', '--help']), runToEnd(['view', '--help'])]);
    expect(send.stdout).not.toContain('{"');
    expect(send.stdout).toMatch(/default:\s+127\.0\.0\.1:4444\)/);
    expect(view.stdout).toMatch(/default:\s+200ms\)/);
  });
});

describe.concurrent('options', () => {
  test('--once, --loop, --fps and several streams go together', async () => {
    await using cleanup = new Cleanup();
    const streams = [...door, '--stream', `yard=${CLIP}`, '--stream', 'test=test?bytes=2kB'];
    const camera = await startCamera(cleanup, [...streams, '--once', '--loop', '--fps', '100']);
    expect(await camera.run.event('listening')).toMatchObject({ streams: ['door', 'yard', 'test'] });
    const folder = temporaryFolder(cleanup);
    const view = (stream: string, duration: string) =>
      startStreamingViewer(cleanup, `${camera.address}/${stream}`, [
        ...['-o', stream === 'test' ? 'test' : join(folder, stream)],
        ...['--duration', duration],
      ]);
    const viewers = await Promise.all([view('door', '3s'), view('yard', '2s'), view('test', '2s')]);
    const [doorEnd, yardEnd, testEnd] = await Promise.all(viewers.map((viewer) => viewer.event('ended')));
    if (doorEnd === undefined || yardEnd === undefined || testEnd === undefined) throw new Error('unreachable');
    // 100 frames/s through the end of the clip and on; its beginning comes again.
    expect(figure(doorEnd, 'sink', 'written')).toBeGreaterThan(CLIP_FRAMES + 50);
    expect(figure(doorEnd, 'sink', 'written')).toBeLessThan(330);
    expect(figure(yardEnd, 'sink', 'written')).toBeGreaterThan(150);
    const clip = readFileSync(CLIP);
    const received = readFileSync(join(folder, 'door'));
    expect(received.equals(Buffer.concat([clip, clip, clip]).subarray(0, received.length))).toBe(true);
    expect(testEnd['sink']).toMatchObject({ damaged: 0, missing: 0 });
    for (const viewer of viewers) expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(await camera.run.exit()).toMatchObject({ code: 0 });
    expect(camera.run.events.filter(({ event }) => event === 'streaming')).toHaveLength(3);
  });

  test('--duration ends the viewer with 0 and the session with BYE', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...door, '--loop']);
    const viewer = await startStreamingViewer(cleanup, camera.address, ['--duration', '1.5s']);
    const ended = await viewer.event('ended');
    expect(ended).toMatchObject({ code: 0, byPeer: false });
    expect(figure(ended, 'durationMs')).toBeGreaterThan(1400);
    expect(figure(ended, 'durationMs')).toBeLessThan(3500);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(await camera.run.event('closed')).toMatchObject({ code: 0, wasStreaming: true });
  });

  test('--latency: who does not wait for a lost datagram does not get it repaired', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...door, '--loop']);
    const lossy = ['--drop', '20%', '--seed', '11', '--duration', '5s'];
    const [hasty, patient] = await Promise.all(
      ['0ms', '1s'].map(async (latency) => {
        const viewer = startViewer(cleanup, camera.address, [...lossy, '--latency', latency]);
        return viewer.event('ended', undefined, 20_000);
      }),
    );
    if (hasty === undefined || patient === undefined) throw new Error('unreachable');
    expect(figure(hasty, 'stats', 'framesIncomplete')).toBeGreaterThan(10);
    // What was on its way when the viewer left is incomplete too.
    expect(figure(patient, 'stats', 'framesIncomplete')).toBeLessThan(5);
    expect(figure(patient, 'stats', 'framesDecodable')).toBeGreaterThan(90);
  });

  test('--datagram-bytes makes smaller datagrams, and more of them', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...door, '--datagram-bytes', '296']);
    const viewer = startViewer(cleanup, camera.address, ['--duration', '1s']);
    const ended = await viewer.event('ended');
    const received = figure(ended, 'stats', 'received');
    expect(figure(ended, 'stats', 'bytes') / received).toBeLessThanOrEqual(296);
    expect(received).toBeGreaterThan(200);
    expect(figure(ended, 'stats', 'framesDecodable')).toBeGreaterThan(15);
  });

  test.each(socketKinds)('--socket %s sends as it says, and tells', async (kind) => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...door, '--socket', kind]);
    expect(await camera.run.event('listening')).toMatchObject({ socket: kind });
    const ended = await startViewer(cleanup, camera.address, ['--duration', '1s']).event('ended');
    expect(figure(ended, 'stats', 'framesDecodable')).toBeGreaterThan(15);
  });

  test('two viewers of one file: the second comes in at the newest group, and both end with the file', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...door, '--fps', '50', '--once']);
    const first = await startStreamingViewer(cleanup, `${camera.address}/door`);
    await first.event('status');
    const second = await startStreamingViewer(cleanup, `${camera.address}/door`);
    const [one, two] = await Promise.all([first, second].map((viewer) => viewer.event('ended', undefined, 15_000)));
    if (one === undefined || two === undefined) throw new Error('unreachable');
    expect(figure(one, 'stats', 'framesDecodable')).toBe(CLIP_FRAMES);
    // A key frame each 50: it gets the rest of the clip from one of them on.
    expect([50, 100]).toContain(figure(two, 'stats', 'framesDecodable'));
    expect(await camera.run.exit()).toMatchObject({ code: 0 });
  });
});
