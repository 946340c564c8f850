import { type Cancel, systemTiming, type Timing } from './timing.ts';

/** How far behind its schedule a {@link FramePacer} makes up for, in ms. */
export const CATCH_UP_MS = 1000;

/** Frames per second when neither the caller nor the stream says. */
export const DEFAULT_FRAMES_PER_SECOND = 25;

/**
 * Says when frames are due: frame k at base + k * interval, so that late timers do not add up. After a stall the frames that
 * are due follow at once, but never more than a second's worth: when further behind, the schedule begins anew.
 */
export class FramePacer {
  readonly #intervalMs: number;
  readonly #timing: Timing;
  #baseMs: number | undefined;
  #frame = 0;
  #rebased = 0;
  #stopped = false;
  #wake: (() => void) | undefined;

  constructor(intervalMs: number, timing: Timing = systemTiming) {
    this.#intervalMs = intervalMs;
    this.#timing = timing;
  }

  /** How often the schedule had to begin anew. */
  get rebased(): number {
    return this.#rebased;
  }

  /** Waits until the next frame is due; the first is at once. One call at a time. Returns false after {@link stop}. */
  async next(): Promise<boolean> {
    const nowMs = this.#timing.nowMs();
    this.#baseMs ??= nowMs;
    const frame = this.#frame++;
    const dueMs = this.#baseMs + frame * this.#intervalMs;
    if (nowMs - dueMs > CATCH_UP_MS) {
      this.#baseMs += nowMs - dueMs;
      this.#rebased++;
    }
    while (!this.#stopped) {
      // A timer counts in whole ms of the event loop's own time, so that it may come a fraction too early.
      const waitMs = dueMs - this.#timing.nowMs();
      if (waitMs <= 0) break;
      await this.#wait(waitMs);
    }
    return !this.#stopped;
  }

  /** No frame is due any more. */
  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  #wait(waitMs: number): Promise<void> {
    return new Promise((resolve) => {
      const cancel: Cancel = this.#timing.after(waitMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }
}
