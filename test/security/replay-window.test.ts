import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ReplayWindow } from '../../src/security/replay-window.ts';

/** What a window of this size must say, with all counters kept for ever. */
class Reference {
  readonly #size: number;
  readonly #seen = new Set<number>();
  #newest = -1;
  constructor(size: number) {
    this.#size = size;
  }
  take(counter: number): boolean {
    if (this.#seen.has(counter) || counter <= this.#newest - this.#size) return false;
    this.#seen.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    return true;
  }
}

function take(window: ReplayWindow, counter: number): boolean {
  const accepted = window.accepts(counter);
  if (accepted) window.note(counter);
  return accepted;
}

describe('ReplayWindow', () => {
  it.each([64, 4096])('of %i: takes each counter once, and none that is too old to tell (S11)', (size) => {
    const counters = fc.array(fc.oneof(fc.nat(3 * size), fc.nat(2 ** 40)), { maxLength: 200 });
    fc.assert(
      fc.property(counters, fc.nat(2 ** 40), (steps, base) => {
        const window = new ReplayWindow(size);
        const reference = new Reference(size);
        for (const step of steps) expect(take(window, base + step)).toBe(reference.take(base + step));
      }),
    );
  });

  it('remembers exactly its size of counters', () => {
    const window = new ReplayWindow(64);
    expect(take(window, 100)).toBe(true);
    expect(take(window, 37)).toBe(true);
    expect(take(window, 36)).toBe(false);
    expect(take(window, 37)).toBe(false);
    expect(window.newest).toBe(100);
  });

  it('does not move before a counter is noted', () => {
    const window = new ReplayWindow(64);
    expect(window.accepts(1_000_000)).toBe(true);
    expect(window.newest).toBe(-1);
    expect(take(window, 0)).toBe(true);
    expect(window.accepts(-1)).toBe(false);
  });

  it('works with counters above 32 bits', () => {
    const window = new ReplayWindow(64);
    for (const counter of [2 ** 32 - 1, 2 ** 32, 2 ** 32 + 63]) expect(take(window, counter)).toBe(true);
    expect(take(window, 2 ** 32)).toBe(false);
    expect(take(window, 2 ** 32 - 1)).toBe(false);
    expect(take(window, 2 ** 32 + 1)).toBe(true);
  });

  it('has a size that words of bits can hold', () => {
    for (const size of [0, 16, 33, 100, 64.5]) expect(() => new ReplayWindow(size)).toThrow(RangeError);
  });
});
