import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/engine/io-types.ts';
import { DelayLine } from '../../src/io/delay-line.ts';
import { type RelayRecord, relayLimits, UdpRelay, type UdpRelayOptions } from '../../src/io/udp-relay.ts';
import { Link } from '../../src/sim/link.ts';
import { bursts, type LinkModel } from '../../src/sim/link-model.ts';
import { Prng } from '../../src/sim/prng.ts';
import { RawPeer } from '../support/raw-peer.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { soon, Witness } from '../support/witness.ts';

const LIMIT_MS = 5000;
const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const numbered = (number: number): Uint8Array => Uint8Array.of(0, number >> 8, number, 0, 0, 0, 0, 0);

/** A relay with a camera behind it that only listens, and everything that the relay sees. */
class RelayBench implements AsyncDisposable {
  readonly relay: UdpRelay;
  readonly camera: RawPeer;
  readonly records: Witness<RelayRecord>;
  readonly #viewers: RawPeer[] = [];

  private constructor(relay: UdpRelay, camera: RawPeer, records: Witness<RelayRecord>) {
    this.relay = relay;
    this.camera = camera;
    this.records = records;
  }

  static async open(options: Partial<UdpRelayOptions> = {}): Promise<RelayBench> {
    const camera = await RawPeer.open({ address: '127.0.0.1', port: 9 });
    const records = new Witness<RelayRecord>();
    const trace = (record: RelayRecord): void => records.note(record);
    const behind: Peer = { address: '127.0.0.1', port: camera.port };
    return new RelayBench(await UdpRelay.open({ camera: behind, seed: 1, trace, ...options }), camera, records);
  }

  async viewer(): Promise<RawPeer> {
    const viewer = await RawPeer.open(this.relay.local);
    this.#viewers.push(viewer);
    return viewer;
  }

  /** Sends it, and resolves when the relay has decided about it. */
  async pass(viewer: RawPeer, bytes: Uint8Array): Promise<void> {
    const { length } = this.records.seen;
    await viewer.send(bytes);
    await this.records.when(
      ({ at, bytes: seen }) => at === 'arrived' && hex(seen) === hex(bytes),
      LIMIT_MS,
      hex(bytes),
      length,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.relay.close(), this.camera.close(), ...this.#viewers.map((viewer) => viewer.close())]);
  }
}

/** What leaves of 400 datagrams that are sent one after the other. */
async function through(seed: number, toCamera: LinkModel): Promise<readonly string[]> {
  await using bench = await RelayBench.open({ seed, toCamera });
  const viewer = await bench.viewer();
  for (let number = 0; number < 400; number++) await bench.pass(viewer, numbered(number));
  const { toCamera: counters } = bench.relay.stats;
  expect(counters.carried).toBe(400);
  const left = bench.records.seen.filter(({ at }) => at === 'left');
  expect(counters.left).toBe(left.length);
  return left.map(({ bytes }) => hex(bytes));
}

/** What the simulator's link lets through of the same. */
function simulated(seed: number, model: LinkModel): readonly string[] {
  const link = new Link(model, new Prng(seed, 0));
  const left: string[] = [];
  for (let number = 0; number < 400; number++) link.carry(numbered(number), number, (bytes) => left.push(hex(bytes)));
  return left;
}

describe('a relay', () => {
  it('passes everything on in order when its link is perfect', async () => {
    expect(await through(1, {})).toEqual(Array.from({ length: 400 }, (_, number) => hex(numbered(number))));
  });

  it('loses, doubles and damages exactly what the simulator does with the same seed', async () => {
    const seed = seedFromEnv('io/udp-relay');
    const models: readonly LinkModel[] = [
      { loss: 0.3, duplication: 0.1, corruption: 0.1 },
      { burst: bursts(0.2, 4), loss: 0.01 },
    ];
    for (const model of models) {
      const left = await through(seed, model);
      expect(left).toEqual(simulated(seed, model));
      expect(await through((seed + 1) >>> 0, model)).not.toEqual(left);
    }
  });

  it('holds each datagram for its delay, never less, and tells how late it was', async () => {
    await using bench = await RelayBench.open({ toCamera: { oneWayMs: 20, jitterMs: 10 } });
    const viewer = await bench.viewer();
    for (let number = 0; number < 50; number++) await bench.pass(viewer, numbered(number));
    await bench.records.when(() => bench.relay.stats.toCamera.left === 50, LIMIT_MS, 'all that was held');
    const { seen } = bench.records;
    for (const { at, atMs, bytes } of seen) {
      if (at === 'arrived') continue;
      const arrived = seen.find((record) => record.at === 'arrived' && hex(record.bytes) === hex(bytes));
      expect(atMs - (arrived?.atMs ?? Number.NaN)).toBeGreaterThanOrEqual(20);
    }
    expect(bench.relay.stats).toMatchObject({ held: 0, heldBytes: 0, lateness: { count: 50 } });
    const { p50Ms, p99Ms, maxMs } = bench.relay.stats.lateness;
    expect(p50Ms).toBeLessThanOrEqual(p99Ms);
    expect(p99Ms).toBeLessThanOrEqual(maxMs);
  });

  it('lets datagrams overtake each other where its link reorders', async () => {
    await using bench = await RelayBench.open({ toCamera: { reorder: 0.3 } });
    const viewer = await bench.viewer();
    for (let number = 0; number < 200; number++) await bench.pass(viewer, numbered(number));
    await bench.records.when(() => bench.relay.stats.toCamera.left === 200, LIMIT_MS, 'all that was held');
    const order = bench.records.seen.flatMap(({ at, bytes }) =>
      at === 'left' ? [(bytes[1] ?? 0) * 256 + (bytes[2] ?? 0)] : [],
    );
    expect(order.some((number, index) => number < (order[index - 1] ?? 0))).toBe(true);
    expect(order.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, number) => number));
    expect(bench.relay.stats.toCamera.reordered).toBeGreaterThan(30);
  });

  it('swallows what is larger than its path carries, and what finds no room at a bottleneck', async () => {
    await using bench = await RelayBench.open({
      toCamera: { datagramBytesMax: 700, bitsPerSecond: 100_000, queueBytesMax: 2000 },
    });
    const viewer = await bench.viewer();
    await bench.pass(viewer, new Uint8Array(701));
    for (let number = 0; number < 20; number++) await bench.pass(viewer, new Uint8Array(600).fill(number + 1));
    const { lost } = bench.relay.stats.toCamera;
    expect(lost.tooLarge).toBe(1);
    expect(lost.queueFull).toBeGreaterThan(5);
    await bench.camera.received.when(({ length }) => length === 600, LIMIT_MS, 'the first');
    expect(bench.camera.received.seen.some(({ length }) => length > 700)).toBe(false);
  });

  it('gives each viewer a port of its own towards the camera, and its answers back to it alone', async () => {
    await using bench = await RelayBench.open();
    const viewers = await Promise.all([1, 2, 3].map(() => bench.viewer()));
    for (const [index, viewer] of viewers.entries()) await viewer.send(Uint8Array.of(index));
    for (const index of viewers.keys()) {
      await bench.camera.received.when(([first]) => first === index, LIMIT_MS, `viewer ${index}`);
    }
    const ports = bench.relay.cameraSidePorts;
    expect(new Set(ports).size).toBe(3);
    expect(bench.relay.stats.lanes).toBe(3);
    for (const port of ports) await bench.camera.sendTo(Uint8Array.of(port >> 8, port & 255), port);
    const answers = await Promise.all(viewers.map((viewer) => viewer.received.when(() => true, LIMIT_MS, 'an answer')));
    expect(new Set(answers.map(hex)).size).toBe(3);
    for (const viewer of viewers) expect(viewer.received.seen).toHaveLength(1);
  });

  it('passes nothing while it is severed, one way or both, also for viewers that come meanwhile', async () => {
    await using bench = await RelayBench.open();
    const { relay, camera } = bench;
    const viewer = await bench.viewer();
    const other = await bench.viewer();
    await viewer.send(Uint8Array.of(1));
    await camera.received.when(([first]) => first === 1, LIMIT_MS, 'the first');
    relay.sever('toCamera');
    await bench.pass(viewer, Uint8Array.of(2));
    await bench.pass(other, Uint8Array.of(3));
    const [port = 0] = relay.cameraSidePorts;
    await camera.sendTo(Uint8Array.of(4), port);
    await viewer.received.when(([first]) => first === 4, LIMIT_MS, 'the way back');
    relay.sever();
    await camera.sendTo(Uint8Array.of(5), port);
    await bench.records.when(({ bytes }) => bytes[0] === 5, LIMIT_MS, 'what is lost on the way back');
    relay.heal();
    await viewer.send(Uint8Array.of(6));
    await camera.received.when(([first]) => first === 6, LIMIT_MS, 'what came after');
    expect(camera.received.seen.map(([first]) => first)).toEqual([1, 6]);
    expect(viewer.received.seen.map(([first]) => first)).toEqual([4]);
    const { toCamera, toViewer } = relay.stats;
    expect([toCamera.lost, toViewer.lost]).toEqual([{ partition: 2 }, { partition: 1 }]);
  });

  it('holds no more than its limits, in datagrams and in bytes, and counts what is lost for it', async () => {
    for (const limits of [{ heldMax: 3 }, { heldBytesMax: 30 }]) {
      await using bench = await RelayBench.open({ toCamera: { oneWayMs: 60_000 }, limits });
      const viewer = await bench.viewer();
      for (let number = 0; number < 5; number++) await bench.pass(viewer, numbered(number));
      expect(bench.relay.stats).toMatchObject({ held: 3, heldBytes: 24, toCamera: { left: 0, lost: { heldFull: 2 } } });
    }
  });

  it('refuses viewers beyond its lanes, and gives up the one that was idle for longest when it was so for long enough', async () => {
    for (const laneIdleMs of [relayLimits.laneIdleMs, 0]) {
      await using bench = await RelayBench.open({ limits: { lanesMax: 2, laneIdleMs } });
      const known = await bench.viewer();
      for (const [number, viewer] of [
        [1, known],
        [2, await bench.viewer()],
      ] as const) {
        await viewer.send(Uint8Array.of(number));
        await bench.camera.received.when(([first]) => first === number, LIMIT_MS, `viewer ${number}`);
      }
      const [first, second] = bench.relay.cameraSidePorts;
      const third = await bench.viewer();
      await third.send(Uint8Array.of(3));
      if (laneIdleMs === 0) {
        await bench.camera.received.when(([byte]) => byte === 3, LIMIT_MS, 'the third viewer');
        expect(bench.relay.stats).toMatchObject({ lanes: 2, lanesEvicted: 1, lanesRefused: 0, toCamera: { left: 3 } });
        expect(bench.relay.cameraSidePorts).not.toContain(first);
        expect(bench.relay.cameraSidePorts).toContain(second);
      } else {
        await bench.pass(known, Uint8Array.of(4));
        expect(bench.relay.stats).toMatchObject({ lanes: 2, lanesEvicted: 0, lanesRefused: 1, toCamera: { left: 3 } });
      }
    }
  });
});

describe('a delay line', () => {
  it('lets go in order of time, equal ones in order of arrival, none before its time', async () => {
    const line = new DelayLine({ datagramsMax: 100, bytesMax: 1000 });
    const now = performance.now();
    const gone: { readonly name: string; readonly early: boolean }[] = [];
    const done = new Promise<void>((resolve) => {
      for (const [name, afterMs] of [
        ['d', 12],
        ['b', 5.5],
        ['c', 5.5],
        ['a', 0.4],
        ['e', 12.2],
      ] as const) {
        line.hold(now + afterMs, 1, () => {
          gone.push({ name, early: performance.now() < now + afterMs });
          if (gone.length === 5) resolve();
        });
      }
    });
    await soon(done, LIMIT_MS, 'all five');
    expect(gone.map(({ name }) => name)).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(gone.some(({ early }) => early)).toBe(false);
  });
});
