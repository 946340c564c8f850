import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { ownSecurity } from '../../src/cli/security-options.ts';
import type { ResponderOutput } from '../../src/engine/io-types.ts';
import { ConfigError } from '../../src/errors.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { ReceivedStream } from '../../src/io/received-stream.ts';
import { respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { DatagramRing, RingKind } from '../../src/io/workers/datagram-ring.ts';
import { respondWorkers } from '../../src/io/workers/respond-workers.ts';
import { nodeHasReusePort, whyNoReusePort } from '../../src/io/workers/reuse-port.ts';
import type { RespondWorkersOptions, WorkerViewerSession } from '../../src/io/workers/worker-options.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { skipBecause } from '../support/skip-because.ts';
import { socketKinds } from '../support/sockets.ts';
import { soon } from '../support/witness.ts';

const WORKERS = 3;
const VIEWERS = 50;
/** Threads start and die while others use the machine. */
const LATE_MS = 20_000;

/** Viewers that soon ask whether their camera is there, and have time until it is again. */
const profile = { ...profiles.default, watchdogMs: 500, deadMs: LATE_MS };

const streams = () => ({ door: testSource({ framesPerSecond: 10, bytesPerFrame: 2000 }) });
/** All viewers are of one address. */
const limits = {
  pendingPerPrefixSoft: 1000,
  pendingPerPrefixMax: 1000,
  load: { pending: 1e6, startsPerSecond: 1e6, lateMs: 1e6 },
};

async function takeFrames(stream: ReceivedStream, count: number): Promise<void> {
  let taken = 0;
  for await (const _ of stream.frames()) if (++taken === count) return;
  throw new Error(`it ended after ${taken} frames`);
}

/** Fifty viewers, then one worker fewer: what holds however datagrams come to the workers. */
async function spreadAndLose(options: Partial<RespondWorkersOptions>): Promise<void> {
  await using camera = await respondWorkers({ workers: WORKERS, port: 0, streams: streams(), limits, ...options });
  const viewers: WorkerViewerSession[] = [];
  camera.on('streaming', (viewer) => viewers.push(viewer));
  const target = `127.0.0.1:${camera.local.port}/door`;
  const watching = await Promise.all(Array.from({ length: VIEWERS }, () => initiate(target, { profile })));
  await soon(Promise.all(watching.map((stream) => takeFrames(stream, 2))), LATE_MS, 'two frames for each');
  expect(viewers).toHaveLength(VIEWERS);
  expect(new Set(viewers.map(({ session }) => session)).size).toBe(VIEWERS);
  expect(new Set(viewers.map(({ worker }) => worker)).size).toBe(WORKERS);

  const closed: (readonly [session: number, code: number])[] = [];
  camera.on('closed', ({ session, code }) => closed.push([session, code]));
  const lost = once(camera, 'workerLost');
  await camera.killWorker(1);
  expect(await lost).toMatchObject([{ worker: 1, restarts: true }]);
  const ended = viewers.filter(({ worker }) => worker === 1).map(({ session }) => session);
  expect(new Map(closed)).toEqual(new Map(ended.map((session) => [session, ErrorCode.LOCAL_NETWORK])));
  const placed = new Map(viewers.map(({ streamId, worker }) => [streamId, worker]));
  const others = watching.filter((stream) => placed.get(stream.streamId) !== 1);
  expect(others).toHaveLength(VIEWERS - ended.length);
  await soon(Promise.all(others.map((stream) => takeFrames(stream, 2))), LATE_MS, 'the others go on');
  const told = watching.filter((stream) => placed.get(stream.streamId) === 1);
  const ends = await soon(Promise.all(told.map((stream) => stream.ended)), LATE_MS, 'its viewers learn of it');
  expect(new Set(ends.map(({ code }) => code))).toEqual(new Set([ErrorCode.PEER_RESET]));
  expect(camera.workersUp).toBe(WORKERS);
  await using again = await initiate(target);
  await soon(takeFrames(again, 1), LATE_MS, 'a frame of the camera as it is');
  expect(camera.metrics().counters.workersLost).toBe(1);
  await again.destroy();
  await camera.destroy();
  await Promise.all(watching.map((stream) => stream.destroy()));
}

describe('a camera with workers', () => {
  for (const socket of socketKinds) {
    it(`gives all viewers media, and loses with a worker its sessions alone (one receiver, ${socket})`, () =>
      spreadAndLose({ sharing: 'receiver', socket }));
  }

  it('does the same with a socket for each worker', async (test) => {
    skipBecause(test, whyNoReusePort());
    await spreadAndLose({ sharing: 'reusePort' });
  });

  it('says BYE to the viewers of all workers when it closes', async () => {
    const camera = await respondWorkers({ workers: 2, port: 0, streams: streams(), limits });
    const target = `127.0.0.1:${camera.local.port}`;
    const watching = await Promise.all(Array.from({ length: 8 }, () => initiate(target)));
    const closing = camera.close();
    const ends = await soon(Promise.all(watching.map((stream) => stream.ended)), LATE_MS, 'BYE');
    for (const end of ends) expect(end).toMatchObject({ code: ErrorCode.SHUTDOWN, byPeer: true });
    await closing;
    await camera.closed;
    expect(camera.metrics().counters).toMatchObject({ handshakesCompleted: 8, workersLost: 0 });
  });

  it('asks the main thread who may look, in mode keys and by authorize', async () => {
    const { camera: security, viewer } = ownSecurity('keys');
    await using camera = await respondWorkers({
      workers: 2,
      port: 0,
      streams: streams(),
      limits,
      security,
      authorize: ({ streamName }) => streamName === 'door',
    });
    const told = once(camera, 'streaming');
    await using stream = await initiate(`127.0.0.1:${camera.local.port}/door`, { security: viewer });
    await soon(takeFrames(stream, 1), LATE_MS, 'a frame');
    expect((await told)[0]).toMatchObject({ publicKey: expect.any(Uint8Array) });
    const stranger = { ...viewer, privateKey: new Uint8Array(32).fill(5) };
    await expect(initiate(`127.0.0.1:${camera.local.port}/door`, { security: stranger })).rejects.toMatchObject({
      code: 'AUTH_FAILED',
    });
    await stream.destroy();
    await camera.destroy();
  });

  it('lets the application hear the outputs of all workers, by the sessions that it knows', async () => {
    const heard: { readonly output: ResponderOutput; readonly atMs: number; readonly worker: number }[] = [];
    await using camera = await respondWorkers({
      workers: 2,
      port: 0,
      streams: streams(),
      limits,
      trace: (output, atMs, worker) => heard.push({ output, atMs, worker }),
    });
    const told: WorkerViewerSession[] = [];
    camera.on('streaming', (viewer) => told.push(viewer));
    const target = `127.0.0.1:${camera.local.port}`;
    // So many that they are all one worker's once in 30,000 times.
    const watching = await Promise.all(Array.from({ length: 16 }, () => initiate(target)));
    await Promise.all(watching.map((stream) => stream.close()));
    await camera.close();
    expect(new Set(told.map(({ worker }) => worker)).size).toBe(2);
    for (const { session, worker } of told) {
      const own = heard.filter(({ output }) => 'session' in output && output.session === session);
      expect(new Set(own.map((each) => each.worker))).toEqual(new Set([worker]));
      const kinds = own.map(({ output }) => output.kind);
      expect(kinds).toEqual(expect.arrayContaining(['traceTransition', 'reserve', 'streaming', 'closed']));
      expect(kinds.indexOf('streaming')).toBeLessThan(kinds.indexOf('closed'));
    }
    expect(heard.some(({ output }) => output.kind === 'traceFrame')).toBe(true);
    for (const worker of [0, 1]) {
      const times = heard.filter((each) => each.worker === worker).map(({ atMs }) => atMs);
      expect(times).toEqual(times.toSorted((one, other) => one - other));
    }
    expect(camera.metrics().counters.workerMessagesDropped).toBe(0);
  });

  it('does not share its port with a second camera', async () => {
    await using camera = await respondWorkers({ workers: 2, port: 0, streams: streams() });
    const { port } = camera.local;
    await expect(respondWorkers({ workers: 2, port, streams: streams() })).rejects.toMatchObject({
      code: 'EADDRINUSE',
    });
    await expect(respond({ port, streams: streams() })).rejects.toMatchObject({ code: 'EADDRINUSE' });
  });

  it('refuses what cannot be: too many workers, and what is no function', async () => {
    const trace = 'all' as never;
    for (const wrong of [
      { workers: 2, trace },
      { workers: 0 },
      { workers: 257 },
      { workers: 2, methods: { zoom: 1 } as never },
      { workers: 2, port: -1 },
    ]) {
      await expect(respondWorkers({ streams: streams(), ...wrong })).rejects.toBeInstanceOf(ConfigError);
    }
    if (whyNoReusePort() === undefined) return;
    const options = { workers: 2, port: 0, streams: streams(), sharing: 'reusePort' } as const;
    await expect(respondWorkers(options)).rejects.toBeInstanceOf(ConfigError);
  });
});

describe('reusePort', () => {
  it('is there from Node 22.12 and 23.1 on', () => {
    const has = ['22.12.0', '22.23.3', '23.1.0', '24.0.0'];
    const hasNot = ['20.20.2', '21.7.3', '22.11.0', '23.0.0'];
    expect([...has, ...hasNot].filter(nodeHasReusePort)).toEqual(has);
    expect(whyNoReusePort('24.0.0', 'darwin')).toContain('darwin');
    expect(whyNoReusePort('24.0.0', 'linux')).toBeUndefined();
  });
});

describe('a ring between threads', () => {
  it('gives out what was put in, in order and unchanged, through many turns of its memory', () => {
    const memory = DatagramRing.allocate();
    const [writer, reader] = [new DatagramRing(memory), new DatagramRing(memory)];
    const prng = new Prng(1);
    const waiting: { bytes: Uint8Array; address: string; port: number; mark: number }[] = [];
    const differs = (taken: Uint8Array, peer: { address: string; port: number }, mark: number): boolean => {
      const next = waiting.shift();
      if (next === undefined || Buffer.compare(taken, next.bytes) !== 0) return true;
      return peer.address !== next.address || peer.port !== next.port || mark !== next.mark;
    };
    let wrong = 0;
    let moved = 0;
    for (let step = 0; moved < 4 * 1024 * 1024; step++) {
      const bytes = new Uint8Array(Math.floor(prng.unit() * 1500)).fill(step);
      const address = 'a'.repeat(1 + (step % 45));
      const record = { bytes, address, port: step & 0xffff, mark: step };
      if (prng.chance(0.6)) {
        if (writer.push(RingKind.CONTROL, bytes, record, step)) waiting.push(record);
        moved += bytes.length;
      } else {
        reader.drain(1 + (step % 9), (kind, taken, peer, mark) => {
          if (kind !== RingKind.CONTROL || differs(taken, peer, mark)) wrong++;
        });
      }
    }
    let empty = false;
    while (!empty) {
      empty = reader.drain(64, (_kind, taken, peer, mark) => {
        if (differs(taken, peer, mark)) wrong++;
      });
    }
    expect(wrong).toBe(0);
    expect(waiting).toEqual([]);
  });

  it('is bounded, keeps room for control when media has filled it, and wakes its reader once', () => {
    const ring = new DatagramRing(DatagramRing.allocate());
    const peer = { address: '127.0.0.1', port: 1 };
    const bytes = new Uint8Array(1200);
    const fill = (kind: RingKind): number => {
      for (let count = 0; ; count++) if (!ring.push(kind, bytes, peer)) return count;
    };
    const media = fill(RingKind.MEDIA);
    expect(media).toBe(Math.floor((1024 * 1024 * 7) / 8 / 1224));
    expect(ring.wakes()).toBe(true);
    expect(ring.wakes()).toBe(false);
    const control = fill(RingKind.CONTROL);
    expect(media + control).toBe(Math.floor((1024 * 1024) / 1224));
    expect(ring.drain(media + control, () => {})).toBe(false);
    expect(ring.drain(1, () => {})).toBe(true);
    expect(ring.wakes()).toBe(true);
  });
});
