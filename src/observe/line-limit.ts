const SECOND_MS = 1000;

/** Lets so many lines through in any second, however they are placed, and counts the rest. */
export class LineLimit {
  /** When each of the last lines was let through; a ring, so that no second of any phase has more. */
  readonly #allowedAtMs: Float64Array;
  #next = 0;
  #leftOut = 0;
  #leftOutSinceMs = 0;

  /** @param perSecond 1 or more. */
  constructor(perSecond: number) {
    this.#allowedAtMs = new Float64Array(perSecond).fill(Number.NEGATIVE_INFINITY);
  }

  /** Whether a line may be written now; one that may not is counted. */
  allow(nowMs: number): boolean {
    const oldestMs = this.#allowedAtMs[this.#next] ?? 0;
    if (nowMs - oldestMs < SECOND_MS) {
      if (this.#leftOut === 0) this.#leftOutSinceMs = nowMs;
      this.#leftOut++;
      return false;
    }
    this.#allowedAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % this.#allowedAtMs.length;
    return true;
  }

  /** How many lines were left out, at most once a second; 0 when there is nothing to tell yet. Infinity for now: tell all. */
  takeLeftOut(nowMs: number): number {
    if (this.#leftOut === 0 || nowMs - this.#leftOutSinceMs < SECOND_MS) return 0;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
