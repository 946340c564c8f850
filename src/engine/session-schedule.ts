import type { Counters } from './counters.ts';
import { MediaPacer } from './media-pacer.ts';
import type { ResponderSession } from './responder-session.ts';
import { WakeQueue } from './wake-queue.ts';

/** When each session of an endpoint is to be looked at: for its timers, and for the media that it sends. */
export class SessionSchedule {
  readonly #wakes = new WakeQueue();
  readonly #pacer: MediaPacer<ResponderSession>;

  constructor(counters: Counters) {
    this.#pacer = new MediaPacer(counters);
  }

  /** Nothing is due before this time; it may be early, never late; Infinity for never. */
  earliestMs(): number {
    return Math.min(this.#wakes.earliestMs(), this.#pacer.earliestMs());
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
    for (let due = this.#wakes.takeDue(nowMs); due !== undefined; due = this.#wakes.takeDue(nowMs)) {
      const session = due as ResponderSession;
      session.timeout(nowMs);
      this.settle(session, nowMs);
    }
    this.#pacer.timeout(nowMs, (session) => this.#wakes.update(session));
  }
}
