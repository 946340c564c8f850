import { randomBytes } from 'node:crypto';
import { onTestFailed } from 'vitest';

const DEFAULT_SEED = 20_260_101;

/** Random numbers that are the same for the same seed. Fast rather than good: for test data only. */
export interface Seeded {
  /** 0..2^32-1. */
  u32(): number;
  /** 0..limit-1, for limits up to 2^32. */
  below(limit: number): number;
}

/**
 * The seed of the running test: FIRSTFRAME_SEED if it is set (`fresh`: a new one each time), else always the same. If the
 * test fails, the command that repeats it is printed.
 *
 * @param name part of the test file's path, such as `codec/fuzz`.
 * @returns u32.
 */
export function seedFromEnv(name: string): number {
  const wanted = process.env['FIRSTFRAME_SEED'];
  const seed = wanted === 'fresh' ? randomBytes(4).readUInt32BE() : Number(wanted ?? DEFAULT_SEED);
  if (!Number.isInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new RangeError(`FIRSTFRAME_SEED must be a u32 or "fresh", not ${wanted}`);
  }
  const percent = process.env['FIRSTFRAME_RUNS'];
  const runs = percent === undefined ? '' : ` FIRSTFRAME_RUNS=${percent}`;
  onTestFailed(() => {
    process.stderr.write(`\nrepeat with: FIRSTFRAME_SEED=${seed}${runs} npx vitest run ${name}\n`);
  });
  return seed;
}

/**
 * How often a random test repeats itself: FIRSTFRAME_RUNS percent of `full`, at least once; all of it where that is not set.
 * Mutation testing runs the same tests thousands of times and sets less; the gate, whose
 * step with the fixed seeds runs all, does with fresh ones.
 */
export function runsFromEnv(full: number): number {
  return Math.max(1, Math.round((full * Number(process.env['FIRSTFRAME_RUNS'] ?? 100)) / 100));
}

/** The generator Mulberry32 from a u32 seed. */
export function seeded(seed: number): Seeded {
  let state = seed | 0;
  const u32 = () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  };
  return { u32, below: (limit) => Math.floor((u32() / 0x1_0000_0000) * limit) };
}
