/**
 * The STARTs of one StreamId: when each attempt went out, for an RTT sample, and since which attempt the newest cookie goes
 * with them, so that a stale RETRY can be told (docs/PROTOCOL.md, section 3).
 */
export class StartSends {
  readonly #sentAtMs: number[] = [];
  #freshFrom = 1;

  /** The START with the given attempt goes out now. Attempts count from 1. */
  sent(attempt: number, nowMs: number): void {
    this.#sentAtMs[attempt] = nowMs;
  }

  /** `undefined` for an attempt that was never sent. */
  sentAtMs(attempt: number): number | undefined {
    return this.#sentAtMs[attempt];
  }

  /** A RETRY that echoes this attempt is no older than the newest cookie. */
  isFresh(attempt: number): boolean {
    return attempt >= this.#freshFrom && this.#sentAtMs[attempt] !== undefined;
  }

  /** A new cookie goes with every START from the next on. */
  cookieAdopted(nextAttempt: number): void {
    this.#freshFrom = nextAttempt;
  }
}
