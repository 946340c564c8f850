import { jitterMs, repeatMs, rtoMs, type TimerName } from '../../machines/index.ts';
import type { Profile } from '../protocol/profiles.ts';

/** What the lengths of an initiator's timers depend on. */
export interface InitiatorTiming {
  readonly profile: Profile;
  /** Copies since T1 last began anew. */
  readonly sends: number;
  /** T1's first interval in ms, when it is not the profile's own. */
  readonly rtoInitialMs: number | undefined;
  /** Smoothed, in ms. */
  readonly rttMs: number | undefined;
  /** A random number, 0 <= unit < 1. */
  unit(): number;
}

/** Which timer an output of the initiator's machine arms, and for how long, in ms; `undefined` for one that arms none. */
export function initiatorTimer(
  output: string,
  timing: InitiatorTiming,
): { readonly timer: TimerName; readonly ms: number } | undefined {
  const { profile, sends, rtoInitialMs, rttMs } = timing;
  switch (output) {
    case 'armT1':
      return { timer: 'T1', ms: jitterMs(rtoMs(profile, sends, rtoInitialMs), profile.rtoJitter, timing.unit()) };
    case 'armDeadline':
      return { timer: 'deadline', ms: profile.handshakeMs };
    case 'armWatchdogRepeat':
      return { timer: 'watchdog', ms: repeatMs(profile.pingRepeatMs, rttMs) };
    default:
      return undefined;
  }
}
