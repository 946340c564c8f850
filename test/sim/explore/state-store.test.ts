import { describe, expect, it } from 'vitest';
import { StateStore } from '../../../src/sim/explore/state-store.ts';
import { seeded, seedFromEnv } from '../../support/seeded.ts';

describe('the store of states', () => {
  it('knows exactly the states that were added, as a set of texts does', () => {
    const random = seeded(seedFromEnv('sim/explore/state-store'));
    const store = new StateStore(3, 27_000);
    const numbers = new Map<string, number>();
    for (let i = 0; i < 40_000; i++) {
      // Few values in each word, so that many states are near each other and many come twice.
      const state = Int32Array.from([random.below(30) - 15, random.below(30) << 25, random.below(30)]);
      const known = numbers.get(state.join());
      const number = store.add(state, i % 7);
      expect(number).toBe(known === undefined ? numbers.size : -1);
      if (known === undefined) numbers.set(state.join(), number);
    }
    expect(store.count).toBe(numbers.size);
    for (const [text, number] of numbers) {
      expect(store.find(Int32Array.from(text.split(',').map(Number)))).toBe(number);
      expect(store.states.subarray(3 * number, 3 * number + 3).join()).toBe(text);
    }
    expect(store.find(Int32Array.from([99, 0, 0]))).toBe(-1);
  });

  it('says so when it is full, and still knows what it has', () => {
    const store = new StateStore(1, 2);
    expect([1, 2, 3, 1].map((word) => store.add(Int32Array.of(word), -1))).toEqual([0, 1, -2, -1]);
    expect(store.count).toBe(2);
  });
});
