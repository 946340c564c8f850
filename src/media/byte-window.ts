const BUCKETS = 50;
const BUCKET_MS = 20;

/** Length of the window, in ms. */
export const BYTE_WINDOW_MS = BUCKETS * BUCKET_MS;

/**
 * How many bytes went out in the last second, in fixed memory: buckets of 20 ms. What lies on the edge can be counted in or out, so
 * that a budget errs on the strict side.
 */
export class ByteWindow {
  readonly #bytes = new Array<number>(BUCKETS + 1).fill(0);
  readonly #buckets = new Array<number>(BUCKETS + 1).fill(Number.NEGATIVE_INFINITY);

  /** Counts bytes that went out now. Time never goes back. */
  add(bytes: number, nowMs: number): void {
    const bucket = Math.floor(nowMs / BUCKET_MS);
    const slot = ((bucket % (BUCKETS + 1)) + BUCKETS + 1) % (BUCKETS + 1);
    if (this.#buckets[slot] !== bucket) {
      this.#buckets[slot] = bucket;
      this.#bytes[slot] = 0;
    }
    this.#bytes[slot] = (this.#bytes[slot] ?? 0) + bytes;
  }

  /** At most as many bytes as went out in the last second. */
  atLeast(nowMs: number): number {
    return this.#sum(Math.floor((nowMs - BYTE_WINDOW_MS) / BUCKET_MS) + 1);
  }

  /** At least as many bytes as went out in the last second. */
  atMost(nowMs: number): number {
    return this.#sum(Math.floor((nowMs - BYTE_WINDOW_MS) / BUCKET_MS));
  }

  #sum(fromBucket: number): number {
    let sum = 0;
    for (let slot = 0; slot < this.#buckets.length; slot++) {
      if ((this.#buckets[slot] ?? 0) >= fromBucket) sum += this.#bytes[slot] ?? 0;
    }
    return sum;
  }
}
