/**
 * Timer profiles as data (docs/PROTOCOL.md, section 3). All times in ms on the monotonic clock.
 */
export interface Profile {
  /** T1's first interval, and START_CONFIRM's. */
  readonly rtoInitialMs: number;
  /** Each interval is the one before times this. */
  readonly rtoFactor: number;
  /** No interval is longer. */
  readonly rtoMaxMs: number;
  /** Each interval is drawn from +/- this fraction of it, 0..1. */
  readonly rtoJitter: number;
  /** Copies of one frame (START, START_CONFIRM) since T1 last began anew, at most; a fresh RETRY begins it anew. */
  readonly sendsMax: number;
  /** From `start()` to Streaming at most. */
  readonly handshakeMs: number;
  /** Idle responder's PING, +/-20 %. */
  readonly heartbeatMs: number;
  /** A PING is repeated each max(this, 1.5 RTT). */
  readonly pingRepeatMs: number;
  /** An initiator that heard nothing for this long sends PING. */
  readonly watchdogMs: number;
  /** Either end that heard nothing for this long closes. */
  readonly deadMs: number;
  /** A responder sends media at most this long after the newest PING that was answered. */
  readonly consentMs: number;
}

/** A profile's name. */
export type ProfileName = 'default' | 'lan' | 'internet' | 'seed';

const calm = { heartbeatMs: 5000, pingRepeatMs: 250, watchdogMs: 6000, deadMs: 12_000, consentMs: 15_000 } as const;
const early = { rtoInitialMs: 5, rtoFactor: 1.5, rtoMaxMs: 250, rtoJitter: 0.1, sendsMax: 255 } as const;

/**
 * The four profiles.
 *
 * `default` starts early because the tail of time-to-stream is this timer alone: 12 STARTs = 3 KB in the first second
 * (13 if jitter shortens every wait), a fifth of RFC 9002's initial window, then 4 a second. `internet` is for metered or very long paths. `seed` is the
 * schedule of the plan that this project grew from: it fails in a third of cases at 30 % loss and is kept for comparison.
 */
export const profiles: Readonly<Record<ProfileName, Profile>> = {
  default: { ...early, handshakeMs: 15_000, ...calm },
  lan: {
    ...early,
    handshakeMs: 10_000,
    heartbeatMs: 1000,
    pingRepeatMs: 100,
    watchdogMs: 1500,
    deadMs: 3000,
    consentMs: 5000,
  },
  internet: {
    rtoInitialMs: 250,
    rtoFactor: 1.5,
    rtoMaxMs: 1000,
    rtoJitter: 0.1,
    sendsMax: 255,
    handshakeMs: 30_000,
    ...calm,
  },
  seed: {
    rtoInitialMs: 500,
    rtoFactor: 2,
    rtoMaxMs: 2000,
    rtoJitter: 0,
    sendsMax: 3,
    handshakeMs: 3500,
    ...calm,
  },
};
