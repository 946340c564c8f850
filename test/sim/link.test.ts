import { describe, expect, it } from 'vitest';
import { HELD_MAX, Link } from '../../src/sim/link.ts';
import { bursts, type LinkModel } from '../../src/sim/link-model.ts';
import { Prng } from '../../src/sim/prng.ts';
import { seedFromEnv } from '../support/seeded.ts';

const bytes = new Uint8Array(1000);

interface Arrival {
  readonly number: number;
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** Sends `count` datagrams, one each `everyMs`. */
function send(link: Link, count: number, everyMs = 1): { readonly arrivals: Arrival[]; readonly lost: boolean[] } {
  const arrivals: Arrival[] = [];
  const lost: boolean[] = [];
  for (let number = 0; number < count; number++) {
    const reason = link.carry(bytes, number * everyMs, (copy, atMs) => arrivals.push({ number, atMs, bytes: copy }));
    lost.push(reason !== undefined);
  }
  return { arrivals, lost };
}

const linkOf = (model: LinkModel, seed = seedFromEnv('sim/link')) => new Link(model, new Prng(seed, 3));

describe('Link', () => {
  it('loses, doubles and corrupts the fractions that it is told, and counts them', () => {
    const link = linkOf({ loss: 0.3, duplication: 0.05, corruption: 0.01, oneWayMs: 10, jitterMs: 5 });
    const { arrivals } = send(link, 20_000, 0);
    const { carried, lost, duplicated, corrupted } = link.counters;
    expect(carried).toBe(20_000);
    expect(Math.abs((lost.random ?? 0) - 6000)).toBeLessThan(330);
    expect(Math.abs(duplicated - 700)).toBeLessThan(130);
    expect(Math.abs(corrupted - 140)).toBeLessThan(60);
    expect(arrivals).toHaveLength(20_000 - (lost.random ?? 0) + duplicated);
    for (const { atMs } of arrivals) {
      expect(atMs).toBeGreaterThanOrEqual(10);
      expect(atMs).toBeLessThan(15);
    }
    const damaged = arrivals.filter((arrival) => arrival.bytes.some((byte) => byte !== 0));
    expect(damaged.length).toBeGreaterThanOrEqual(corrupted);
    for (const { bytes: copy } of damaged) {
      const bits = copy.reduce((sum, byte) => sum + byte.toString(2).replaceAll('0', '').length, 0);
      expect(bits).toBe(1);
    }
    expect(bytes.every((byte) => byte === 0)).toBe(true);
  });

  it('loses in runs of the mean length and the share that bursts() is asked for', () => {
    for (const [share, length] of [
      [0.1, 5],
      [0.3, 12],
    ] as const) {
      const link = linkOf({ burst: bursts(share, length) });
      const { lost } = send(link, 200_000);
      const count = lost.filter(Boolean).length;
      const runs = lost.filter((is, at) => is && lost[at - 1] !== true).length;
      expect(Math.abs(count / lost.length - share)).toBeLessThan(0.15 * share);
      expect(Math.abs(count / runs - length)).toBeLessThan(0.1 * length);
      expect(link.counters.lost.burst).toBe(count);
    }
  });

  it('loses nearly the independent share only, where a burst loses just a part', () => {
    const link = linkOf({ loss: 0.02, burst: { enter: 0.1, leave: 0.1, loss: 0.4 } });
    const { lost } = send(link, 100_000);
    expect(Math.abs(lost.filter(Boolean).length / lost.length - (0.5 * 0.4 + 0.5 * 0.02))).toBeLessThan(0.02);
  });

  it('lets those behind overtake the fraction that it holds back, and no others', () => {
    const link = linkOf({ reorder: 0.1, reorderMs: 30, oneWayMs: 10 });
    const { arrivals } = send(link, 10_000);
    const heldBack = arrivals.filter(({ atMs, number }) => atMs - number > 10);
    expect(heldBack).toHaveLength(link.counters.reordered);
    expect(Math.abs(heldBack.length - 1000)).toBeLessThan(150);
    for (const { atMs, number } of heldBack) {
      expect(atMs - number).toBeGreaterThanOrEqual(25);
      expect(atMs - number).toBeLessThanOrEqual(40);
    }
  });

  it('sends as fast as its bottleneck, and loses what the queue cannot hold', () => {
    const link = linkOf({ bitsPerSecond: 1_000_000, queueBytesMax: 20_000, oneWayMs: 10 });
    const { arrivals } = send(link, 1000, 1);
    const onWireMs = (1028 * 8) / 1000;
    expect(arrivals[0]?.atMs).toBeCloseTo(10 + onWireMs, 6);
    const last = arrivals.at(-1);
    expect((last?.atMs ?? 0) - 10).toBeCloseTo(arrivals.length * onWireMs, 3);
    const waits = arrivals.map(({ atMs, number }) => atMs - number - 10);
    expect(Math.max(...waits)).toBeLessThanOrEqual((20_000 * 8) / 1000);
    expect(link.counters.lost.queueFull).toBe(1000 - arrivals.length);
  });

  it('is idle again at once when nothing waits', () => {
    const link = linkOf({ bitsPerSecond: 1_000_000 });
    const { arrivals } = send(link, 10, 1000);
    for (const { atMs, number } of arrivals) expect(atMs - 1000 * number).toBeCloseTo((1028 * 8) / 1000, 6);
  });

  it('lets nothing pass that is too large, or while it is partitioned', () => {
    const link = linkOf({ datagramBytesMax: 999 });
    const none = () => expect.unreachable();
    expect(link.carry(bytes, 0, none)).toBe('tooLarge');
    expect(link.carry(bytes.subarray(1), 0, () => {})).toBeUndefined();
    link.partitioned = true;
    expect(link.carry(bytes.subarray(1), 0, none)).toBe('partition');
  });

  it('holds what it must while it is clogged, and lets it go with its delay afterwards', () => {
    const link = linkOf({ oneWayMs: 7 });
    link.clog();
    const { arrivals } = send(link, HELD_MAX + 10, 0);
    expect(arrivals).toEqual([]);
    expect(link.clogged).toBe(true);
    link.release(500);
    expect(arrivals).toHaveLength(HELD_MAX);
    expect(arrivals.every(({ atMs }) => atMs === 507)).toBe(true);
    expect(link.counters.lost.heldFull).toBe(10);
    expect(link.clogged).toBe(false);
  });

  it('decides the same of the n-th datagram whatever other faults there are (S15)', () => {
    const seed = seedFromEnv('sim/link');
    const plain = send(linkOf({ loss: 0.2 }, seed), 5000).lost;
    const busy = send(
      linkOf({ loss: 0.2, jitterMs: 9, reorder: 0.3, duplication: 0.2, corruption: 0.2, bitsPerSecond: 1e9 }, seed),
      5000,
    ).lost;
    expect(busy).toEqual(plain);
  });
});
