import {
  DATAGRAM_BYTES_STEPS,
  FAST_BYTES_BASE,
  FAST_BYTES_MAX,
  FAST_BYTES_PER_RECEIVED,
  FAST_MS,
} from '../protocol/constants.ts';

/**
 * What a candidate that showed a token may be sent before its confirm: min(64 KiB, 10 x bytes received + 32 KiB), and nothing later
 * than 500 ms after START_ACK (docs/PROTOCOL.md, section 7.9). There is one for each candidate, and it is never filled up again.
 */
export class FastAllowance {
  readonly #untilMs: number;
  #receivedBytes = 0;
  #sentBytes = 0;

  constructor(nowMs: number) {
    this.#untilMs = nowMs + FAST_MS;
  }

  /** A START of this candidate came. */
  startReceived(bytes: number): void {
    this.#receivedBytes += bytes;
  }

  /** Bytes of media that may still leave. */
  roomBytes(nowMs: number): number {
    if (nowMs >= this.#untilMs) return 0;
    const earned = FAST_BYTES_PER_RECEIVED * this.#receivedBytes + FAST_BYTES_BASE;
    return Math.min(FAST_BYTES_MAX, earned) - this.#sentBytes;
  }

  /** Whether the largest datagram there is would still fit: what is cut off in the middle of a datagram would be lost. */
  hasRoom(nowMs: number): boolean {
    return this.roomBytes(nowMs) >= DATAGRAM_BYTES_STEPS[0];
  }

  /** @returns false for more than there is room for. */
  spend(bytes: number, nowMs: number): boolean {
    if (bytes > this.roomBytes(nowMs)) return false;
    this.#sentBytes += bytes;
    return true;
  }
}
