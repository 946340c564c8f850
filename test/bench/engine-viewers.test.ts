import { expect, test } from 'vitest';
import { EngineViewers } from '../../bench/engine-viewers.ts';
import { profiles } from '../../src/protocol/profiles.ts';

const COUNT = 100;

function live(): EngineViewers {
  const viewers = new EngineViewers(COUNT, profiles.default);
  viewers.give(viewers.starts(0, COUNT));
  expect([viewers.pendingCount, viewers.sessionCount]).toEqual([COUNT, COUNT]);
  viewers.give(viewers.confirms(0, COUNT));
  return viewers;
}

test('viewers of the engine that answer PINGs live on, each of them pinged', () => {
  const viewers = live();
  expect([viewers.pendingCount, viewers.sessionCount]).toEqual([0, COUNT]);
  const pinged = new Set<number>();
  for (let ms = 0; ms < 60_000; ms += 50) {
    const now = viewers.advance(50);
    for (const index of now) pinged.add(index);
    viewers.give(viewers.pongs(now));
  }
  expect([pinged.size, viewers.sessionCount]).toEqual([COUNT, COUNT]);
});

test('viewers of the engine that answer nothing are given up', () => {
  const viewers = live();
  viewers.advance(60_000);
  expect(viewers.sessionCount).toBe(0);
});

test('viewers of the engine that leave are forgotten', () => {
  const viewers = live();
  viewers.give(viewers.byes(0, COUNT));
  expect(viewers.sessionCount).toBe(COUNT);
  viewers.forget();
  expect(viewers.sessionCount).toBe(0);
});
