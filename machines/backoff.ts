import type { Profile } from '../src/protocol/profiles.ts';

/**
 * The wait after the `sends`-th copy of a frame, in ms, before jitter: first interval, times the factor for each copy
 * before it, never above the cap.
 *
 * @param sends 1 after the first copy.
 */
export function rtoMs(
  profile: Pick<Profile, 'rtoInitialMs' | 'rtoFactor' | 'rtoMaxMs'>,
  sends: number,
  rtoInitialMs: number = profile.rtoInitialMs,
): number {
  let ms = rtoInitialMs;
  for (let copy = 1; copy < sends && ms < profile.rtoMaxMs; copy++) ms *= profile.rtoFactor;
  return ms < profile.rtoMaxMs ? ms : Math.max(profile.rtoMaxMs, rtoInitialMs);
}

/**
 * Spreads `ms` over +/- `fraction` of it.
 *
 * @param unit random number, 0 <= unit < 1.
 */
export function jitterMs(ms: number, fraction: number, unit: number): number {
  return ms * (1 + fraction * (2 * unit - 1));
}

/** Wait before PING or BYE is repeated, in ms: max(least, 1.5 RTT); `least` alone while no RTT is known. */
export function repeatMs(leastMs: number, rttMs: number | undefined): number {
  return Math.max(leastMs, 1.5 * (rttMs ?? 0));
}
