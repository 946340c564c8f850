import { halfSipHash } from '../security/half-siphash.ts';

/** Counters of one table: power of two. */
const SLOTS = 65_536;

/** Refill and depth of every bucket. */
export interface BucketRate {
  /** Tokens per second. */
  readonly perSecond: number;
  /** Most tokens at once. */
  readonly burst: number;
}

/**
 * Token buckets for any number of prefixes in fixed memory: a keyed hash picks one of 65,536 buckets, so that prefixes may
 * share one but nobody can choose whom to share with (docs/PROTOCOL.md, section 6).
 */
export class PrefixBucket {
  readonly #key: Uint8Array;
  readonly #rate: BucketRate;
  readonly #tokens: Float64Array;
  readonly #refilledAtMs: Float64Array;

  /** @param key 8 random bytes. */
  constructor(key: Uint8Array, rate: BucketRate) {
    this.#key = key;
    this.#rate = rate;
    this.#tokens = new Float64Array(SLOTS).fill(rate.burst);
    this.#refilledAtMs = new Float64Array(SLOTS);
  }

  /** Takes one token of the prefix's bucket; false when it is empty. */
  take(prefix: Uint8Array, nowMs: number): boolean {
    const slot = halfSipHash(this.#key, prefix) & (SLOTS - 1);
    const elapsedMs = nowMs - (this.#refilledAtMs[slot] ?? 0);
    const refilled = (this.#tokens[slot] ?? 0) + (elapsedMs * this.#rate.perSecond) / 1000;
    const tokens = Math.min(this.#rate.burst, refilled);
    this.#refilledAtMs[slot] = nowMs;
    this.#tokens[slot] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }
}
