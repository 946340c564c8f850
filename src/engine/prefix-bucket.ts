import { halfSipHash } from '../security/half-siphash.ts';

/** Counters of one table: power of two. */
const SLOTS = 65_536;
/** Counters that are made at a time: power of two. */
const PAGE_SLOTS = 32;

/** Refill and depth of every bucket. */
export interface BucketRate {
  /** Tokens per second. */
  readonly perSecond: number;
  /** Most tokens at once. */
  readonly burst: number;
}

/**
 * Token buckets for any number of prefixes in bounded memory: a keyed hash picks one of 65,536 buckets, so that prefixes may
 * share one but nobody can choose whom to share with (docs/PROTOCOL.md, section 6).
 *
 * Buckets are made 32 at a time, when one of them is first used: 512 bytes, 2,048 times at most, whoever calls. All at once would
 * be 1 MiB for an endpoint that sees three viewers.
 */
export class PrefixBucket {
  readonly #key: Uint8Array;
  readonly #rate: BucketRate;
  /** Of each bucket its tokens, and when they were counted. */
  readonly #pages = new Map<number, Float64Array>();

  /** @param key 8 random bytes. */
  constructor(key: Uint8Array, rate: BucketRate) {
    this.#key = key;
    this.#rate = rate;
  }

  /** Takes one token of the prefix's bucket; false when it is empty. @param rate if it is another for now. */
  take(prefix: Uint8Array, nowMs: number, { perSecond, burst } = this.#rate): boolean {
    const slot = halfSipHash(this.#key, prefix) & (SLOTS - 1);
    const page = this.#page(Math.floor(slot / PAGE_SLOTS));
    const at = 2 * (slot % PAGE_SLOTS);
    const elapsedMs = nowMs - (page[at + 1] ?? 0);
    const refilled = (page[at] ?? 0) + (elapsedMs * perSecond) / 1000;
    const tokens = Math.min(burst, refilled);
    page[at + 1] = nowMs;
    page[at] = tokens >= 1 ? tokens - 1 : tokens;
    return tokens >= 1;
  }

  #page(number: number): Float64Array {
    const known = this.#pages.get(number);
    if (known !== undefined) return known;
    const page = new Float64Array(2 * PAGE_SLOTS);
    for (let at = 0; at < page.length; at += 2) page[at] = this.#rate.burst;
    this.#pages.set(number, page);
    return page;
  }
}
