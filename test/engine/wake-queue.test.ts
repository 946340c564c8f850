import { describe, expect, it } from 'vitest';
import { type Sleeper, WakeQueue } from '../../src/engine/wake-queue.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';

class Timed implements Sleeper {
  queuedAtMs = Number.POSITIVE_INFINITY;
  atMs = Number.POSITIVE_INFINITY;
  deadlineMs(): number {
    return this.atMs;
  }
}

describe('WakeQueue', () => {
  it('wakes exactly those whose deadline has passed, whatever the order of changes, as a naive list does', () => {
    const { below } = seeded(seedFromEnv('engine/wake-queue'));
    for (let round = 0; round < 60; round++) {
      const queue = new WakeQueue();
      const sleepers = Array.from({ length: 1 + below(20) }, () => new Timed());
      let nowMs = 0;
      for (let step = 0; step < 200; step++) {
        const sleeper = sleepers[below(sleepers.length)];
        if (sleeper !== undefined && below(3) > 0) {
          sleeper.atMs = below(8) === 0 ? Number.POSITIVE_INFINITY : nowMs + below(50);
          queue.update(sleeper);
        }
        expect(queue.earliestMs()).toBeLessThanOrEqual(Math.min(...sleepers.map(({ atMs }) => atMs)));
        if (below(4) > 0) continue;
        nowMs += below(30);
        const due = new Set(sleepers.filter(({ atMs }) => atMs <= nowMs));
        const woken = new Set<Sleeper>();
        for (let next = queue.takeDue(nowMs); next !== undefined; next = queue.takeDue(nowMs)) {
          expect(woken.has(next)).toBe(false);
          woken.add(next);
          const timed = sleepers.find((candidate) => candidate === next);
          if (timed !== undefined) timed.atMs = below(2) === 0 ? Number.POSITIVE_INFINITY : nowMs + 1 + below(40);
          queue.update(next);
        }
        expect(woken).toEqual(due);
      }
    }
  });

  it('sleeps for ever when nobody is in it', () => {
    const queue = new WakeQueue();
    expect(queue.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    expect(queue.takeDue(1e12)).toBeUndefined();
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
});
