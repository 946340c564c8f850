import type { Timing } from '../io/sources/timing.ts';
import type { EventQueue } from '../sim/event-queue.ts';

/** The clock and the timers of a simulated world, for everything that takes a `Timing`. */
export function virtualTiming(queue: EventQueue): Timing {
  const after = (delayMs: number, callback: () => void): (() => void) => {
    let wanted = true;
    queue.at(queue.nowMs + delayMs, () => {
      if (wanted) callback();
    });
    return () => {
      wanted = false;
    };
  };
  return { nowMs: () => queue.nowMs, after, afterInput: (callback) => after(0, callback) };
}
