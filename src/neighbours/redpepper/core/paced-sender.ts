import type { Part } from '../../core/part.ts';

/** Limits of what waits to be sent. */
export interface PacedSenderOptions {
  /** From message to message, at least, in ms; 0 for none. */
  readonly gapMs: number;
  /** Messages that wait. */
  readonly waitingMax: number;
}

/** What a sender asks of the session. */
export interface PacedSenderHost {
  /** One write. */
  write(bytes: Uint8Array): void;
  /** The last message that waited has left. */
  drained(): void;
}

/**
 * Sends messages one by one with a gap between them: RedPepper 0.3.4 looks at the second of two messages that arrive together only
 * when more bytes come.
 */
export class PacedSender implements Part {
  readonly #options: PacedSenderOptions;
  readonly #host: PacedSenderHost;
  #waiting: Uint8Array[] = [];
  #freeAtMs = Number.NEGATIVE_INFINITY;
  #stopped = false;

  constructor(options: PacedSenderOptions, host: PacedSenderHost) {
    this.#options = options;
    this.#host = host;
  }

  /** Messages that wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** When the last message left, monotonic ms. */
  get sentAtMs(): number {
    return this.#freeAtMs - this.#options.gapMs;
  }

  deadlineMs(): number {
    return this.#waiting.length === 0 ? Number.POSITIVE_INFINITY : this.#freeAtMs;
  }

  timeout(nowMs: number): void {
    while (nowMs >= this.#freeAtMs) {
      const next = this.#waiting.shift();
      if (next === undefined) return;
      this.#write(next, nowMs);
      if (this.#waiting.length === 0) this.#host.drained();
    }
  }

  /** Sends it now or in its turn. @param anyway even if too many wait. @returns false when too many wait. */
  send(bytes: Uint8Array, nowMs: number, anyway = false): boolean {
    if (this.#stopped || (this.#waiting.length >= this.#options.waitingMax && !anyway)) return false;
    if (this.#waiting.length === 0 && nowMs >= this.#freeAtMs) this.#write(bytes, nowMs);
    else this.#waiting.push(bytes);
    return true;
  }

  /** Nothing leaves any more. */
  stop(): void {
    this.#stopped = true;
    this.#waiting = [];
  }

  #write(bytes: Uint8Array, nowMs: number): void {
    this.#freeAtMs = nowMs + this.#options.gapMs;
    this.#host.write(bytes);
  }
}
