import type { Part } from '../../core/part.ts';

/** What a nudge asks of the session. */
export interface NudgeHost {
  /** Answers are waited for, and nothing waits to be sent. */
  waits(): boolean;
  /** When something was last sent, monotonic ms. */
  sentAtMs(): number;
  /** Sends a Ping beside those of the heartbeat. */
  ping(): void;
}

/**
 * While answers are waited for and nothing else is said: a Ping from time to time. RedPepper 0.3.4 takes one message from what it holds
 * for each piece that arrives, so that a request which came together with another message is seen only when more bytes come.
 */
export class Nudge implements Part {
  readonly #intervalMs: number;
  readonly #host: NudgeHost;

  /** @param intervalMs 0 for never. */
  constructor(intervalMs: number, host: NudgeHost) {
    this.#intervalMs = intervalMs;
    this.#host = host;
  }

  deadlineMs(): number {
    if (this.#intervalMs === 0 || !this.#host.waits()) return Number.POSITIVE_INFINITY;
    return this.#host.sentAtMs() + this.#intervalMs;
  }

  timeout(nowMs: number): void {
    if (this.deadlineMs() <= nowMs) this.#host.ping();
  }
}
