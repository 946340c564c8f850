import type { SharedTokens } from '../security/tokens.ts';
import type { AdmissionLimits } from './admission.ts';
import type { BucketRate } from './prefix-bucket.ts';

/** Workers of one camera at most: a byte names them. */
export const CAMERA_WORKERS_MAX = 256;

/** Where the byte lies that names a worker, in a SessionTag of 64 bits. */
const WORKER_SHIFT = 56n;
const RANDOM_BITS = (1n << WORKER_SHIFT) - 1n;

/** Which of a camera's workers an endpoint is. */
export interface WorkerShare {
  /** From 0. */
  readonly index: number;
  /** 1..{@link CAMERA_WORKERS_MAX}; 1 for an endpoint that is the whole camera, whose tags name nobody. */
  readonly count: number;
  /**
   * The system, not the camera, chooses which worker's socket a datagram comes to: media feedback of a tuple that has no session
   * here may be another worker's. Default false.
   */
  readonly tuplesStray?: boolean;
}

/** What the workers of a camera have in common. Drawn once, by whoever starts them. */
export interface SharedKeys {
  /** 32 bytes, see ResponderEndpointOptions. */
  readonly resetKey: Uint8Array;
  /** 16 bytes, of which the keys of cookies are made: a cookie of one worker is good for all. */
  readonly cookieKey: Uint8Array;
  /** Of fast mode: a token of one worker is good for all. */
  readonly tokens: SharedTokens;
}

/**
 * A SessionTag of a worker: its first byte is the worker's index, the other 56 bits are as drawn.
 *
 * @returns 0, which is no tag, when nothing would be left.
 */
export function tagOfWorker(drawn: bigint, { index, count }: WorkerShare): bigint {
  if (count === 1) return drawn;
  return (BigInt(index) << WORKER_SHIFT) | (drawn & RANDOM_BITS);
}

/** The worker that a tag names, unless that is this one or none that there is: tags of an earlier process name anything. */
export function otherWorkerOf(tag: bigint, { index, count }: WorkerShare): number | undefined {
  const named = Number(tag >> WORKER_SHIFT);
  return named < count && named !== index ? named : undefined;
}

/**
 * One worker's part of a camera's limits, so that all together have the whole: counts and rates are divided, rounded up. Times and
 * fractions stay.
 *
 * @param workers 1..{@link CAMERA_WORKERS_MAX}, else RangeError.
 */
export function shareOfLimits(limits: AdmissionLimits, workers: number): AdmissionLimits {
  if (!(workers >= 1 && workers <= CAMERA_WORKERS_MAX)) throw new RangeError(`${workers} workers`);
  const part = (whole: number): number => Math.ceil(whole / workers);
  const rate = ({ perSecond, burst }: BucketRate): BucketRate => ({ perSecond: part(perSecond), burst: part(burst) });
  const { load, retryFraction } = limits;
  return {
    prefixRate: rate(limits.prefixRate),
    prefixRateUnderLoad: rate(limits.prefixRateUnderLoad),
    pendingPerPrefixSoft: part(limits.pendingPerPrefixSoft),
    pendingPerPrefixMax: part(limits.pendingPerPrefixMax),
    pendingMax: part(limits.pendingMax),
    load: { pending: part(load.pending), startsPerSecond: part(load.startsPerSecond), lateMs: load.lateMs },
    retryFraction,
  };
}
