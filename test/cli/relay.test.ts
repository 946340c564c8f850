import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  figure,
  firstframe,
  runToEnd,
  startCamera,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { RawPeer } from '../support/raw-peer.ts';

vi.setConfig({ maxConcurrency: 6 });

const CLIP_MS = 30_000;
const START_MS = 20_000;

/** Starts a relay on a port of the system's choice, and waits until it listens. */
async function startRelay(cleanup: Cleanup, to: string, ...parts: readonly string[]) {
  const run = cleanup.use(firstframe(['relay', '--listen', '127.0.0.1:0', '--to', to, '--json', ...parts]));
  const listening = await run.event('listening', undefined, START_MS);
  return { run, listening, address: `127.0.0.1:${figure(listening, 'port')}` };
}

describe.concurrent('firstframe relay', () => {
  test('makes the way between a camera and a viewer worse, and the clip arrives byte for byte', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--once']);
    const bad = ['--loss', '10%', '--delay', '5ms', '--jitter', '5ms', '--duplicate', '5%', '--reorder', '5%'];
    const relay = await startRelay(cleanup, camera.address, ...bad, '--seed', '7');
    expect(relay.listening).toMatchObject({ to: camera.address, seed: 7, toCamera: { loss: 0.1, oneWayMs: 5 } });
    const path = join(temporaryFolder(cleanup), 'door.h264');
    const viewer = startViewer(cleanup, `${relay.address}/door`, ['-o', path, '--latency', '1s']);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { written: CLIP_FRAMES } });
    expect(readFileSync(path).equals(readFileSync(CLIP))).toBe(true);
    expect(await relay.run.event('status')).toMatchObject({ lanes: 1 });
    relay.run.signal('SIGINT');
    expect(await relay.run.exit()).toMatchObject({ code: 130 });
    const stats = await relay.run.event('ended');
    expect(figure(stats, 'toViewer', 'carried')).toBeGreaterThan(500);
    expect(figure(stats, 'toViewer', 'lost', 'random')).toBeGreaterThan(20);
    expect(figure(stats, 'toViewer', 'duplicated')).toBeGreaterThan(5);
    expect(figure(stats, 'lateness', 'count')).toBeGreaterThan(500);
    expect(relay.run.leftovers()).toEqual([]);
  });

  test('takes a preset, options that change it, and links for one way that change those', async () => {
    await using cleanup = new Cleanup();
    const parts = ['--preset', 'satellite', '--loss', '3%', '--down', 'loss=7%,mtu=700B'];
    const { listening } = await startRelay(cleanup, '127.0.0.1:9', ...parts);
    expect(listening).toMatchObject({
      toCamera: { loss: 0.03, oneWayMs: 280, bitsPerSecond: 2e6 },
      toViewer: { loss: 0.07, oneWayMs: 280, bitsPerSecond: 10e6, datagramBytesMax: 700 },
    });
    expect(listening['toCamera']).not.toHaveProperty('datagramBytesMax');
  });

  test('tells people what it does, each second, and in the end', async () => {
    await using cleanup = new Cleanup();
    const parts = ['--listen', '127.0.0.1:0', '--to', '127.0.0.1:9', '--loss', '30%', '--seed', '7'];
    const run = cleanup.use(firstframe(['relay', ...parts]));
    const [, port] = await run.line(
      /passing on 127\.0\.0\.1:(\d+) to 127\.0\.0\.1:9 \(--seed 7\)\n {2}up {4}30 % lost\n {2}down {2}30 % lost\n/,
      START_MS,
    );
    const viewer = await RawPeer.open({ address: '127.0.0.1', port: Number(port) });
    cleanup.defer(() => viewer.close());
    await viewer.send(Uint8Array.of(1));
    await run.line(/\d\.\d s {2}1 viewer {2}up \d datagrams\/s.* {2}down 0 datagrams\/s {2}0 on their way\n/);
    run.signal('SIGTERM');
    expect(await run.exit()).toMatchObject({ code: 143 });
    expect(run.stdout).toMatch(/closing\n {2}up {4}1 came, .*, 0 twice, 0 damaged, 0 out of order\n/);
  });

  for (const [what, parts, says] of [
    ['no target', [], /required option '-t, --to <address>'/],
    ['a target with a stream', ['--to', '127.0.0.1:4444/door'], /names a stream; leave out \/door/],
    ['a loss without percent', ['--to', '127.0.0.1', '--loss', '30'], /write 30%/],
    ['a link of unknown parts', ['--to', '127.0.0.1', '--up', 'lag=1s'], /no part of a link.*there is loss, burst/],
    ['a target outside without --security', ['--to', '192.0.2.1'], /"192\.0\.2\.1".*--security none/],
    [
      'listening to all without --security',
      ['--to', '127.0.0.1', '--listen', ':0'],
      /every interface.*--security none/,
    ],
  ] as const) {
    test(`ends with 2 for ${what}`, async () => {
      const { code, stderr } = await runToEnd(['relay', ...parts]);
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) });
    });
  }

  test('ends with 3 when its port is taken', async () => {
    await using cleanup = new Cleanup();
    const { address } = await startRelay(cleanup, '127.0.0.1:9');
    const { code, stderr } = await runToEnd(['relay', '--listen', address, '--to', '127.0.0.1:9']);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/EADDRINUSE.*Try: another port/) });
  });
});
