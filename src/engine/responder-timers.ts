import { jitterMs, repeatMs, type TimerName } from '../../machines/index.ts';
import { SUSPICIOUS_PING_MS } from '../media/datagram-size.ts';
import { PROBE_INTERVAL_MS, PROBES, RESERVE_MS } from '../protocol/constants.ts';
import type { Profile } from '../protocol/profiles.ts';

/** What the lengths of a responder's timers depend on. */
export interface ResponderTiming {
  readonly profile: Profile;
  /** How long a candidate is kept. */
  readonly pendingMs: number;
  /** Of the three PINGs after the confirm, those that were sent. */
  readonly probes: number;
  /** The last PONG told of no full-size datagram: ask again soon. */
  readonly suspicious: boolean;
  /** Smoothed, in ms. */
  readonly rttMs: number | undefined;
  /** A random number, 0 <= unit < 1. */
  unit(): number;
}

/** Which timer an output of the responder's machine arms, and for how long, in ms; `undefined` for one that arms none. */
export function responderTimer(
  output: string,
  timing: ResponderTiming,
): { readonly timer: TimerName; readonly ms: number } | undefined {
  const { profile, probes, suspicious, rttMs } = timing;
  const repeat = repeatMs(profile.pingRepeatMs, rttMs);
  switch (output) {
    case 'armReserve':
      return { timer: 'reserve', ms: RESERVE_MS };
    case 'armPending':
      return { timer: 'pending', ms: timing.pendingMs };
    case 'armProbe':
      return { timer: 'heartbeat', ms: probes < PROBES ? PROBE_INTERVAL_MS : repeat };
    case 'armHeartbeat':
      return {
        timer: 'heartbeat',
        ms: suspicious ? SUSPICIOUS_PING_MS : jitterMs(profile.heartbeatMs, 0.2, timing.unit()),
      };
    case 'armHeartbeatRepeat':
      return { timer: 'heartbeat', ms: repeat };
    case 'armDead':
      return { timer: 'dead', ms: profile.deadMs };
    default:
      return undefined;
  }
}
