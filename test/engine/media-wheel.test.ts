import { describe, expect, it } from 'vitest';
import { MediaWheel, NO_SLOT, type Paced, WHEEL_SLOTS } from '../../src/engine/media-wheel.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';

class Timed implements Paced {
  mediaSlot = NO_SLOT;
  atMs = Number.POSITIVE_INFINITY;
  readonly outlet = { deadlineMs: () => this.atMs };
}

function timed(atMs: number): Timed {
  const item = new Timed();
  item.atMs = atMs;
  return item;
}

function take(wheel: MediaWheel<Timed>, nowMs: number): Timed[] {
  const due: Timed[] = [];
  wheel.takeDue(nowMs, due);
  return due;
}

describe('a media wheel', () => {
  it('gives out exactly those that are due, once each, whatever the order of changes and the length of a stall, as a naive list does', () => {
    const { below, u32 } = seeded(seedFromEnv('engine/media-wheel'));
    const soon = () => u32() / 2 ** 32;
    for (let round = 0; round < 60; round++) {
      const wheel = new MediaWheel<Timed>();
      const items = Array.from({ length: 1 + below(20) }, () => new Timed());
      let nowMs = below(2) === 0 ? 0 : 1e6 * soon();
      for (let step = 0; step < 200; step++) {
        const item = items[below(items.length)];
        if (item !== undefined && below(3) > 0) {
          const within = [0.9, 20, 3 * WHEEL_SLOTS][below(3)] ?? 0;
          item.atMs = below(8) === 0 ? Number.POSITIVE_INFINITY : nowMs + within * soon();
          wheel.update(item, nowMs);
        }
        expect(wheel.earliestMs()).toBeLessThanOrEqual(Math.max(nowMs, Math.min(...items.map(({ atMs }) => atMs))));
        if (below(4) > 0) continue;
        nowMs += ([0.3, 30, 3 * WHEEL_SLOTS][below(3)] ?? 0) * soon();
        const due = items.filter(({ atMs }) => atMs <= nowMs);
        const taken = take(wheel, nowMs);
        expect(taken.length).toBe(due.length);
        expect(new Set(taken)).toEqual(new Set(due));
        for (const one of taken) {
          one.atMs = below(2) === 0 ? Number.POSITIVE_INFINITY : nowMs + 0.001 + 40 * soon();
          wheel.update(one, nowMs);
        }
      }
    }
  });

  it('is asked for nothing when nobody waits', () => {
    const wheel = new MediaWheel<Timed>();
    expect(wheel.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    expect(take(wheel, 1e12)).toEqual([]);
    wheel.update(timed(Number.POSITIVE_INFINITY), 5);
    expect(wheel.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('tells the very time at which the first is due, when that lies in the ring', () => {
    const wheel = new MediaWheel<Timed>();
    wheel.update(timed(120.75), 100.5);
    wheel.update(timed(120.25), 100.5);
    wheel.update(timed(300.5), 100.5);
    expect(wheel.earliestMs()).toBe(120.25);
    expect(take(wheel, 120.25).map(({ atMs }) => atMs)).toEqual([120.25]);
    expect(take(wheel, 120.75).map(({ atMs }) => atMs)).toEqual([120.75]);
    expect(wheel.earliestMs()).toBe(300.5);
  });

  it('looks at what lies beyond the ring once a turn, and never too late', () => {
    const wheel = new MediaWheel<Timed>();
    const far = timed(10_000);
    wheel.update(far, 0);
    let looks = 0;
    let nowMs = 0;
    for (; nowMs < 10_000; looks++) {
      nowMs = wheel.earliestMs();
      if (nowMs < 10_000) expect(take(wheel, nowMs)).toEqual([]);
    }
    expect(nowMs).toBe(10_000);
    expect(take(wheel, nowMs)).toEqual([far]);
    expect(looks).toBeLessThanOrEqual(Math.ceil(10_000 / (WHEEL_SLOTS - 1)) + 1);
  });

  it('gives out what was put off first in the next slot, in order, and not again', () => {
    const wheel = new MediaWheel<Timed>();
    const items = [timed(10.1), timed(10.2), timed(10.3)];
    const later = timed(11);
    wheel.update(later, 10);
    for (const item of items) wheel.update(item, 10);
    for (const item of take(wheel, 10.5)) wheel.putOff(item, 10.5);
    wheel.putOff(items[0] as Timed, 10.6);
    expect(wheel.earliestMs()).toBe(11);
    expect(take(wheel, 10.9)).toEqual([]);
    expect(take(wheel, 11)).toEqual([...items, later]);
    expect(wheel.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('lets what was put off wait for the next slot only, whatever is put off or due after it', () => {
    const wheel = new MediaWheel<Timed>();
    const [first, second] = [timed(0.2), timed(1.1)];
    wheel.putOff(first, 0.5);
    wheel.update(first, 0.6);
    expect([wheel.earliestMs(), take(wheel, 0.9)]).toEqual([1, []]);
    wheel.putOff(second, 1.2);
    expect(wheel.earliestMs()).toBe(1);
    expect(take(wheel, 1.3)).toEqual([first, second]);
  });

  it('looks no more at what has nothing due when its turn comes, or nothing to send through', () => {
    const wheel = new MediaWheel<Paced>();
    const item: { mediaSlot: number; outlet: Paced['outlet'] } = timed(10.5);
    for (const outlet of [{ deadlineMs: () => Number.POSITIVE_INFINITY }, undefined]) {
      item.outlet = { deadlineMs: () => 10.5 };
      wheel.update(item, 10);
      item.outlet = outlet;
      const due: Paced[] = [];
      wheel.takeDue(10.5, due);
      expect([due, wheel.earliestMs(), item.mediaSlot]).toEqual([[], Number.POSITIVE_INFINITY, NO_SLOT]);
    }
    wheel.update(item, 11);
    expect(wheel.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('forgets what was put off when nothing of it is due any more', () => {
    const wheel = new MediaWheel<Timed>();
    const item = timed(3);
    wheel.putOff(item, 3);
    item.atMs = Number.POSITIVE_INFINITY;
    wheel.update(item, 3);
    expect(take(wheel, 4)).toEqual([]);
  });
});
