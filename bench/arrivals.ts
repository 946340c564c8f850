import { Prng } from '../src/sim/prng.ts';

/** How the times between beginnings are spread. */
export const arrivalKinds = ['poisson', 'fixed'] as const;

/** One of {@link arrivalKinds}. */
export type ArrivalKind = (typeof arrivalKinds)[number];

/**
 * When each of `count` viewers is meant to begin, in ms after the first could: an open loop, in which nobody waits for those before. Times are
 * counted from here, so that a viewer who had to wait for a busy machine is as slow as a user would see it.
 *
 * @param perSecond how many begin in a second, on average.
 * @param seed u32.
 */
export function arrivalsMs(kind: ArrivalKind, count: number, perSecond: number, seed: number): Float64Array {
  const meanMs = 1000 / perSecond;
  const prng = new Prng(seed, ARRIVALS_STREAM);
  const times = new Float64Array(count);
  let atMs = 0;
  for (let index = 0; index < count; index++) {
    // 1 - unit is never 0. A Poisson process: waits are exponential.
    atMs += kind === 'fixed' ? meanMs : -meanMs * Math.log(1 - prng.unit());
    times[index] = atMs;
  }
  return times;
}

/** Tells these draws apart from others of the same seed. */
const ARRIVALS_STREAM = 0x6172;
