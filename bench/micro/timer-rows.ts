import { Deadlines } from '../../src/engine/deadlines.ts';
import type { Sleeper } from '../../src/engine/sleeper-wheel.ts';
import { WakeQueue } from '../../src/engine/wake-queue.ts';
import { Prng } from '../../src/sim/prng.ts';
import { type MicroRow, row } from './row.ts';

const SLEEPERS = [100, 100_000] as const;
/** As a session waits for its next heartbeat, ms. */
const WAIT_MS = 5000;

/** A session's own timers, and the queue that knows which of many sessions is next. */
export function timerRows(): readonly MicroRow[] {
  const names = ['reserve', 'pending', 'heartbeat', 'dead', 'consent', 'close', 'drain'] as const;
  const deadlines = new Deadlines(names);
  let nowMs = 0;
  const queues = SLEEPERS.map((count) => {
    const few = `next of ${SLEEPERS[0]} sleepers`;
    const name = `next of ${count.toLocaleString('en-US')} sleepers`;
    return row(name, wakeNext(count), name === few ? {} : { reference: few });
  });
  return [
    row('a timer is armed and disarmed', () => {
      deadlines.arm('dead', ++nowMs);
      deadlines.disarm('dead');
    }),
    row('the earliest of seven timers', () => deadlines.earliestMs()),
    ...queues,
  ];
}

/** The earliest sleeper wakes and goes to sleep again: one of so many. */
function wakeNext(count: number): () => unknown {
  const prng = new Prng(count);
  const queue = new WakeQueue();
  for (let i = 0; i < count; i++) queue.update(sleeperUntil(prng.unit() * WAIT_MS));
  return () => {
    let atMs = queue.earliestMs();
    let sleeper = queue.takeDue(atMs) as (Sleeper & { untilMs: number }) | undefined;
    while (sleeper === undefined) {
      // It may be early.
      atMs = queue.earliestMs();
      sleeper = queue.takeDue(atMs) as typeof sleeper;
    }
    sleeper.untilMs = atMs + WAIT_MS * (0.8 + 0.4 * prng.unit());
    queue.update(sleeper);
    return sleeper;
  };
}

function sleeperUntil(untilMs: number): Sleeper & { untilMs: number } {
  return {
    untilMs,
    queuedAtMs: Number.POSITIVE_INFINITY,
    queuedBefore: undefined,
    queuedAfter: undefined,
    deadlineMs() {
      return this.untilMs;
    },
  };
}
