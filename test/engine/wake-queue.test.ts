import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Sleeper } from '../../src/engine/sleeper-wheel.ts';
import { WakeQueue } from '../../src/engine/wake-queue.ts';
import { seedFromEnv } from '../support/seeded.ts';

class Timed implements Sleeper {
  queuedAtMs = Number.POSITIVE_INFINITY;
  queuedBefore: Sleeper | undefined;
  queuedAfter: Sleeper | undefined;
  atMs = Number.POSITIVE_INFINITY;
  deadlineMs(): number {
    return this.atMs;
  }
}

/** The same by sorting: what a heap of exact deadlines would give. */
class Reference {
  readonly #queued = new Map<Timed, { readonly atMs: number; readonly order: number }>();
  #order = 0;

  update(sleeper: Timed): void {
    const queued = this.#queued.get(sleeper);
    if (sleeper.atMs === Number.POSITIVE_INFINITY) this.#queued.delete(sleeper);
    else if (queued === undefined || sleeper.atMs < queued.atMs) {
      this.#queued.set(sleeper, { atMs: sleeper.atMs, order: ++this.#order });
    }
  }

  takeDue(nowMs: number): Timed | undefined {
    for (;;) {
      const [first] = [...this.#queued].sort(([, a], [, b]) => a.atMs - b.atMs || a.order - b.order);
      if (first === undefined || first[1].atMs > nowMs) return undefined;
      this.#queued.delete(first[0]);
      if (first[0].atMs <= nowMs) return first[0];
      this.update(first[0]);
    }
  }
}

const SLEEPERS = 24;
/** Beside the slot's own time, within a slot, within a turn, several turns on; whole numbers, so that some are equal. */
const waitMs = fc.oneof(
  fc.constant(0),
  fc.integer({ min: 0, max: 5 }),
  fc.integer({ min: 0, max: 4000 }),
  fc.integer({ min: 4090, max: 4110 }),
  fc.integer({ min: 0, max: 30_000 }),
  fc.constant(Number.POSITIVE_INFINITY),
);
const act = fc.record({
  moves: fc.array(fc.tuple(fc.nat(SLEEPERS - 1), waitMs), { maxLength: 6 }),
  passesMs: fc.oneof(fc.integer({ min: 0, max: 9 }), fc.integer({ min: 0, max: 20_000 })),
  again: fc.array(waitMs, { minLength: 1, maxLength: 4 }),
});

describe('WakeQueue', () => {
  it('wakes who is due, in the order in which sorting would, whatever the order of changes', () => {
    fc.assert(
      fc.property(fc.array(act, { maxLength: 40 }), fc.integer({ min: -100_000, max: 3e9 }), (acts, startMs) => {
        const queue = new WakeQueue();
        const reference = new Reference();
        const sleepers = Array.from({ length: SLEEPERS }, () => new Timed());
        const move = (sleeper: Timed, atMs: number): void => {
          sleeper.atMs = atMs;
          queue.update(sleeper);
          reference.update(sleeper);
        };
        let nowMs = startMs;
        for (const { moves, passesMs, again } of acts) {
          for (const [index, afterMs] of moves) move(sleepers[index] as Timed, nowMs + afterMs);
          expect(queue.earliestMs()).toBeLessThanOrEqual(Math.min(...sleepers.map(({ atMs }) => atMs)));
          nowMs += passesMs;
          let woken = 0;
          for (;;) {
            const [next, wanted] = [queue.takeDue(nowMs), reference.takeDue(nowMs)];
            expect(sleepers.indexOf(next as Timed)).toBe(sleepers.indexOf(wanted as Timed));
            if (wanted === undefined) break;
            // Some want to be woken again in the same moment, but not for ever.
            const afterMs = again[woken % again.length] ?? 0;
            move(wanted, nowMs + (woken++ < 50 ? afterMs : Math.max(1, afterMs)));
          }
          expect(sleepers.every(({ atMs }) => atMs > nowMs)).toBe(true);
        }
      }),
      { seed: seedFromEnv('engine/wake-queue'), numRuns: 300 },
    );
  });

  it('is early by turns of the wheel at most for one who sleeps long, and wakes it in time', () => {
    const queue = new WakeQueue();
    const sleeper = new Timed();
    sleeper.atMs = 100_000;
    queue.update(sleeper);
    let looks = 0;
    for (let nowMs = queue.earliestMs(); ; nowMs = queue.earliestMs()) {
      expect(nowMs).toBeLessThanOrEqual(100_000);
      if (queue.takeDue(nowMs) !== undefined) {
        expect(nowMs).toBe(100_000);
        break;
      }
      expect(++looks).toBeLessThan(30);
    }
  });

  it('sleeps for ever when nobody is in it', () => {
    const queue = new WakeQueue();
    expect(queue.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    expect(queue.takeDue(1e12)).toBeUndefined();
  });

  it('does not hold who will never be woken', () => {
    const queue = new WakeQueue();
    const sleeper = new Timed();
    sleeper.atMs = 100;
    queue.update(sleeper);
    expect(sleeper.queuedAtMs).toBe(100);
    sleeper.atMs = Number.POSITIVE_INFINITY;
    queue.update(sleeper);
    expect([sleeper.queuedAtMs, sleeper.queuedBefore]).toEqual([Number.POSITIVE_INFINITY, undefined]);
    expect(queue.takeDue(1000)).toBeUndefined();
    expect(queue.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('notices a deadline that moved to later only when the old one comes up', () => {
    const queue = new WakeQueue();
    const sleeper = new Timed();
    sleeper.atMs = 10;
    queue.update(sleeper);
    sleeper.atMs = 100;
    queue.update(sleeper);
    expect(queue.earliestMs()).toBe(10);
    expect(queue.takeDue(10)).toBeUndefined();
    expect(queue.earliestMs()).toBe(100);
    expect(queue.takeDue(100)).toBe(sleeper);
  });

  it("leaves who sleeps a whole turn of eras longer where it is, so that it is in nobody's way", () => {
    const queue = new WakeQueue();
    const [soon, far] = [new Timed(), new Timed()];
    soon.atMs = 160;
    // The wheel of eras has 256 of 256 ticks of 16 ms: the same slot of it, and in its era an earlier tick.
    far.atMs = 256 * 256 * 16 + 80;
    queue.update(soon);
    queue.update(far);
    expect(queue.takeDue(100)).toBeUndefined();
    expect(queue.takeDue(160)).toBe(soon);
    expect(queue.takeDue(far.atMs - 1)).toBeUndefined();
    expect(queue.takeDue(far.atMs)).toBe(far);
  });
});
