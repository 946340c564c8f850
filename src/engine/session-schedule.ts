import type { Counters } from './counters.ts';
import { MediaPacer } from './media-pacer.ts';
import type { ResponderSession } from './responder-session.ts';
import type { SessionTable } from './session-table.ts';
import { WakeQueue } from './wake-queue.ts';

/** When each session of an endpoint is to be looked at: for its timers, awake or asleep, and for the media that it sends. */
export class SessionSchedule {
  readonly #sessions: SessionTable;
  readonly #wakes = new WakeQueue();
  readonly #pacer: MediaPacer<ResponderSession>;

  constructor(sessions: SessionTable, counters: Counters) {
    this.#sessions = sessions;
    this.#pacer = new MediaPacer(counters);
  }

  /** Nothing is due before this time; it may be early, never late; Infinity for never. */
  earliestMs(): number {
    return Math.min(this.#sessions.earliestMs(), this.#wakes.earliestMs(), this.#pacer.earliestMs());
  }

  /** Call after anything that may have changed what a session waits for. */
  settle(session: ResponderSession, nowMs: number): void {
    this.#wakes.update(session);
    this.#pacer.settle(session, nowMs);
  }

  /** There may be media for a session: it leaves, unless the slot is full. */
  offerMedia(session: ResponderSession, nowMs: number): void {
    this.#pacer.offer(session, nowMs);
    this.#wakes.update(session);
  }

  /** Has each session do what is due: timers first. */
  timeout(nowMs: number): void {
    for (let session = this.#takeDue(nowMs); session !== undefined; session = this.#takeDue(nowMs)) {
      session.timeout(nowMs);
      this.#sessions.settle();
      this.settle(session, nowMs);
    }
    this.#pacer.timeout(nowMs, (session) => this.#wakes.update(session));
  }

  #takeDue(nowMs: number): ResponderSession | undefined {
    const asleepFirst = this.#sessions.earliestMs() <= Math.min(this.#wakes.earliestMs(), nowMs);
    if (asleepFirst) return this.#sessions.takeDue(nowMs);
    return this.#wakes.takeDue(nowMs) as ResponderSession | undefined;
  }
}
