import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { Prng } from '../../src/sim/prng.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';
import { TappedWorld } from '../support/tapped-world.ts';

const badLink = { oneWayMs: 20, jitterMs: 30, loss: 0.2, duplication: 0.05, corruption: 0.02 };

function traceOf(seed: number): string {
  const hash = createHash('sha256');
  const world = new TappedWorld({
    seed,
    link: badLink,
    keep: false,
    tap: ({ atMs, from, to, bytes, plane }) => {
      hash.update(`${atMs} ${from.address}:${from.port} ${to.address}:${to.port} ${plane} `).update(bytes);
    },
  });
  world.play({ count: 50, bytes: 4000 });
  world.join();
  world.run(300);
  world.join();
  world.run(3000);
  world.toViewer(world.viewers[0] ?? world.addViewer(), { kind: 'close', code: 0 });
  world.run(8000);
  return hash.digest('hex');
}

describe('a world', () => {
  it('is the same, datagram for datagram, for the same seed and another one for another (S15)', () => {
    const base = seedFromEnv('sim/world');
    const first = Array.from({ length: 5 }, (_, i) => traceOf(base + i));
    const again = Array.from({ length: 5 }, (_, i) => traceOf(base + i));
    expect(again).toEqual(first);
    expect(new Set(first).size).toBe(5);
  });

  it('draws the numbers that it draws on every machine and every Node (S15)', () => {
    const prng = new Prng(20_260_101, 7);
    const drawn = Array.from({ length: 4 }, () => prng.u32());
    expect(drawn).toEqual([1876062116, 2274065753, 1596314301, 134646861]);
  });

  it('lets nothing reach or leave a killed viewer or camera', () => {
    const world = new TappedWorld({ seed: 1, link: { oneWayMs: 5 } });
    world.play({ count: 1000 });
    const viewer = world.join();
    world.run(200);
    viewer.crash();
    const outputs = viewer.outputs.length;
    const sent = world.kindsFrom(viewer).length;
    world.run(1000);
    expect(viewer.outputs).toHaveLength(outputs);
    expect(world.kindsFrom(viewer)).toHaveLength(sent);
    world.crash('camera');
    const all = world.fromCamera.length;
    world.run(20_000);
    expect(world.fromCamera).toHaveLength(all);
  });

  it('delivers what is injected in another name', () => {
    const world = new TappedWorld({ seed: 1 });
    world.inject({ address: '203.0.113.5', port: 9 }, Uint8Array.of(1, 2, 3));
    expect(world.camera.counters.snapshot().drops.notOurs).toBe(1);
    const viewer = world.join();
    world.injectToViewer(viewer, Uint8Array.of(1), { address: '203.0.113.5', port: 9 });
    expect(viewer.endpoint.counters.snapshot().drops.wrongPeer).toBe(1);
  });
});

describe('EventQueue', () => {
  it('runs events in order of time, equal ones in order of being added', () => {
    const { below } = seeded(seedFromEnv('sim/world'));
    const queue = new EventQueue();
    const ran: [number, number][] = [];
    for (let i = 0; i < 2000; i++) {
      const atMs = below(100);
      queue.at(atMs, () => ran.push([atMs, i]));
    }
    queue.runUntil(100);
    expect(ran).toEqual([...ran].sort(([a, i], [b, j]) => a - b || i - j));
    expect(ran).toHaveLength(2000);
    expect(queue.nowMs).toBe(100);
  });

  it('runs what is late now, and never goes back', () => {
    const queue = new EventQueue();
    queue.runUntil(50);
    let atMs = 0;
    queue.at(10, () => {
      atMs = queue.nowMs;
    });
    queue.runUntil(60);
    expect(atMs).toBe(50);
  });
});

describe('Prng', () => {
  it('is even over its range and independent of its sibling streams', () => {
    const prng = new Prng(5, 1);
    const sibling = new Prng(5, 2);
    const buckets = new Array<number>(16).fill(0);
    let equal = 0;
    for (let i = 0; i < 160_000; i++) {
      const drawn = prng.u32();
      buckets[drawn >>> 28] = (buckets[drawn >>> 28] ?? 0) + 1;
      if (sibling.u32() >>> 24 === drawn >>> 24) equal++;
    }
    for (const count of buckets) expect(Math.abs(count - 10_000)).toBeLessThan(500);
    expect(Math.abs(equal - 625)).toBeLessThan(130);
  });

  it('is the sfc32 of PractRand: the first numbers of a known state', () => {
    const reference = (seed: number, stream: number): number[] => {
      let [a, b, c, counter] = [seed >>> 0, stream >>> 0, 0x9e3779b9, 1];
      const next = () => {
        const result = (a + b + counter) >>> 0;
        counter = (counter + 1) >>> 0;
        a = (b ^ (b >>> 9)) >>> 0;
        b = (c + ((c << 3) >>> 0)) >>> 0;
        c = ((((c << 21) | (c >>> 11)) >>> 0) + result) >>> 0;
        return result;
      };
      for (let i = 0; i < 12; i++) next();
      return Array.from({ length: 100 }, next);
    };
    const prng = new Prng(123, 4);
    expect(Array.from({ length: 100 }, () => prng.u32())).toEqual(reference(123, 4));
  });
});
