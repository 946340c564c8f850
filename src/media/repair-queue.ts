import { CONTROL_BYTES_MAX } from '../protocol/constants.ts';
import { ByteWindow } from './byte-window.ts';
import { CATCH_UP_BURST } from './catch-up.ts';

/** Sequence numbers that wait for repair at most; the receiver asks again for those that found no place. */
export const REPAIRS_WAITING_MAX = 2048;

/**
 * So many bytes may be sent again in a second in any case: twice the burst that a viewer begins with. A stream at rest sends nothing for
 * the first time, and its one key frame must arrive all the same.
 */
export const REPAIR_BYTES_MIN = 2 * CATCH_UP_BURST * CONTROL_BYTES_MAX;

/**
 * What a session was asked to send again, and whether it may: in a second at most as many bytes as it sent for the first time in the last
 * one, or {@link REPAIR_BYTES_MIN} if that is more.
 */
export class RepairQueue {
  // Most sessions are never asked for anything.
  #waiting: Set<number> | undefined;
  #media: ByteWindow | undefined;
  #repairs: ByteWindow | undefined;

  /** Nothing waits. */
  get empty(): boolean {
    return this.#waiting === undefined || this.#waiting.size === 0;
  }

  /** Puts a sequence number at the end. Returns false for one that waits already, or when the queue is full. */
  add(sequence: number): boolean {
    this.#waiting ??= new Set();
    if (this.#waiting.has(sequence) || this.#waiting.size >= REPAIRS_WAITING_MAX) return false;
    this.#waiting.add(sequence);
    return true;
  }

  /** Takes the one that has waited longest. */
  take(): number | undefined {
    for (const sequence of this.#waiting ?? []) {
      this.#waiting?.delete(sequence);
      return sequence;
    }
    return undefined;
  }

  /** Nothing is asked for any more. The budget's memory stays. */
  clear(): void {
    this.#waiting?.clear();
  }

  /** Media went out for the first time. */
  mediaSent(bytes: number, nowMs: number): void {
    this.#media ??= new ByteWindow();
    this.#media.add(bytes, nowMs);
  }

  /** Takes these bytes from the budget, if it has them. */
  spend(bytes: number, nowMs: number): boolean {
    const budget = Math.max(REPAIR_BYTES_MIN, this.#media?.atLeast(nowMs) ?? 0);
    this.#repairs ??= new ByteWindow();
    if (this.#repairs.atMost(nowMs) + bytes > budget) return false;
    this.#repairs.add(bytes, nowMs);
    return true;
  }
}
