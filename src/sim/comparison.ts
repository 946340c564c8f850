import type { Distribution } from './distribution.ts';
import { type Expectation, GRID_ERROR } from './expectation.ts';

/** A disagreement is called one when chance alone would show it less often than this. */
export const FALSE_ALARM = 1e-6;

/** sqrt(ln(2 / FALSE_ALARM) / 2), of the inequality of Dvoretzky, Kiefer and Wolfowitz with the constant of Massart (1990). */
const DKW_FACTOR = 2.6934;

/** Standard deviations beyond which one side of a normal distribution holds {@link FALSE_ALARM}. */
const NORMAL_BOUND = 4.7535;

/** Expected failures from which on their number is taken for normally distributed. */
const NORMAL_FROM = 500;

/** How a simulation and its expectation compare. */
export interface Comparison {
  /** Largest distance between both distributions: shares of all runs that saw media by the same time. */
  readonly distance: number;
  /** Where that is, in ms. */
  readonly distanceAtMs: number;
  /** Distances beyond this are not chance. */
  readonly bound: number;
  /** Failures that the expectation has in so many runs. */
  readonly failuresExpected: number;
  readonly failures: number;
  /** More failures than chance explains. */
  readonly tooManyFailures: boolean;
  /** The distance is within the bound, and there are not too many failures. */
  readonly agrees: boolean;
}

/**
 * Compares simulated times to stream with their expectation, by the largest distance of their distributions (Kolmogorov and Smirnov). For
 * n runs of the expected distribution it exceeds 2.69 / sqrt(n) less than once in 1,000,000 times, whatever the distribution (Dvoretzky,
 * Kiefer, Wolfowitz); the grid's own error comes on top. Failures are so rare that this says little of them: their number is compared
 * with the binomial distribution, on the same level.
 */
export function compareWithExpectation(times: Distribution, expectation: Expectation): Comparison {
  let distance = 0;
  let distanceAtMs = 0;
  let seen = 0;
  for (const edgeMs of expectation.edgesMs()) {
    while ((times.sorted[seen] ?? Number.POSITIVE_INFINITY) <= edgeMs) seen++;
    const here = Math.abs(seen / times.count - expectation.shareAtMost(edgeMs));
    if (here > distance) {
      distance = here;
      distanceAtMs = edgeMs;
    }
  }
  const failureChance = Math.max(0, 1 - expectation.success);
  const failures = times.count - times.finite;
  const tooManyFailures = chanceOfAtLeast(failures, times.count, failureChance) < FALSE_ALARM;
  const bound = DKW_FACTOR / Math.sqrt(times.count) + GRID_ERROR;
  return {
    distance,
    distanceAtMs,
    bound,
    failuresExpected: failureChance * times.count,
    failures,
    tooManyFailures,
    agrees: distance <= bound && !tooManyFailures,
  };
}

/** Chance of `count` or more of `n` independent events that have the given chance each; 0 or 1 instead of it for large numbers. */
export function chanceOfAtLeast(count: number, n: number, chance: number): number {
  if (count <= 0) return 1;
  if (chance <= 0) return 0;
  if (chance >= 1) return 1;
  const mean = n * chance;
  if (mean > NORMAL_FROM) return count - 0.5 - mean > NORMAL_BOUND * Math.sqrt(mean * (1 - chance)) ? 0 : 1;
  let exactly = wholePower(1 - chance, n);
  let fewer = 0;
  for (let k = 0; k < count; k++) {
    fewer += exactly;
    exactly *= ((n - k) / (k + 1)) * (chance / (1 - chance));
  }
  return Math.max(0, 1 - fewer);
}

function wholePower(base: number, exponent: number): number {
  let power = 1;
  let square = base;
  for (let left = exponent; left > 0; left = Math.floor(left / 2)) {
    if (left % 2 === 1) power *= square;
    square *= square;
  }
  return power;
}
