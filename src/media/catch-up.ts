/** Datagrams that leave at once when a viewer begins. */
export const CATCH_UP_BURST = 32;
/** Datagrams per ms after them, unless the stream itself needs more. */
export const CATCH_UP_PER_MS = 2;

/**
 * The pace at which a viewer that is behind gets what is waiting: a burst of 32 datagrams, then 2 per ms, or twice the stream's own
 * rate where that is more, since it would never catch up otherwise. A pause in calling earns at most one more burst.
 */
export class CatchUpPace {
  #perMs = CATCH_UP_PER_MS;
  #nextMs = Number.NEGATIVE_INFINITY;

  /** @param streamPerMs the stream's own datagrams per ms. */
  begin(streamPerMs: number, nowMs: number): void {
    this.#perMs = Math.max(CATCH_UP_PER_MS, 2 * streamPerMs);
    this.#nextMs = nowMs;
  }

  /** When the next datagram may leave, monotonic ms. */
  dueMs(): number {
    return this.#nextMs - (CATCH_UP_BURST - 1) / this.#perMs;
  }

  /** A datagram left. */
  sent(nowMs: number): void {
    this.#nextMs = Math.max(this.#nextMs, nowMs) + 1 / this.#perMs;
  }
}
