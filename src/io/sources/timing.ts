import { monotonicMs } from '../clock.ts';

/** Takes back what was asked for; does nothing once it has happened. */
export type Cancel = () => void;

/** The clock and the timers of sources and sinks. An argument, so that tests run without waiting. */
export interface Timing {
  /** Monotonic ms. */
  nowMs(): number;
  /** Calls back once, `delayMs` from now. */
  after(delayMs: number, callback: () => void): Cancel;
  /** Calls back once, after all input that waits now was read. */
  afterInput(callback: () => void): Cancel;
}

/** Real time. */
export const systemTiming: Timing = {
  nowMs: monotonicMs,
  after(delayMs, callback) {
    const timer = setTimeout(callback, Math.ceil(delayMs));
    return () => clearTimeout(timer);
  },
  afterInput(callback) {
    // A timer may fire before the bytes that came while the event loop stood still are read. An immediate set by a timer runs
    // in the same turn, after them.
    const immediate = setImmediate(callback);
    return () => clearImmediate(immediate);
  },
};

/** Waits for `event`, but no longer than `limitMs`. Returns whether it happened. */
export function within(event: Promise<unknown>, limitMs: number, timing: Timing): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const cancel = timing.after(limitMs, () => resolve(false));
    event.then(() => resolve(true), reject).finally(cancel);
  });
}
