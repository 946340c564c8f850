import type { Counters } from './counters.ts';
import { MediaWheel, type Paced } from './media-wheel.ts';

/** Datagrams of live media that one endpoint sends in a slot of 1 ms before the others wait for the next. */
export const SLOT_DATAGRAMS_MAX = 256;

/** What the media of a session leaves through. */
export interface PacedOutlet {
  deadlineMs(nowMs: number): number;
  /** It waits for its first group, or is in the middle of it: nobody else's media makes it wait. */
  readonly opening: boolean;
}

/** A session that sends media. */
export interface PacedSession extends Paced {
  readonly outlet: PacedOutlet | undefined;
  /** Sends what is due, up to the bound of one session. @returns how many datagrams. */
  mediaDue(nowMs: number): number;
}

/**
 * When the sessions of one endpoint send media. Bursts are bounded twice: a session sends no more than its own bound in one go, and all
 * together no more than {@link SLOT_DATAGRAMS_MAX} in a slot, so that a frame for thousands of viewers, or thousands of frames
 * that come at once, leave in slots one after the other, each viewer in the same one every time, and between them the
 * endpoint hears what comes in.
 */
export class MediaPacer<Session extends PacedSession> {
  readonly #counters: Counters;
  readonly #wheel = new MediaWheel<Session>();
  #slot = 0;
  #sentInSlot = 0;
  #due: Session[] = [];

  constructor(counters: Counters) {
    this.#counters = counters;
  }

  /** When {@link timeout} is to be called; may be early, never late. */
  earliestMs(): number {
    return this.#wheel.earliestMs();
  }

  /** There may be something due for the session: sends it, unless the slot is full. */
  offer(session: Session, nowMs: number): void {
    if (session.outlet?.opening === false && this.#full(nowMs)) {
      this.#counters.add('mediaPutOff');
      return this.#wheel.putOff(session, nowMs);
    }
    this.#sentInSlot += session.mediaDue(nowMs);
    this.settle(session, nowMs);
  }

  /** Call after anything else that may have changed when the session's media is due. */
  settle(session: Session, nowMs: number): void {
    this.#wheel.update(session, nowMs);
  }

  /** Sends what is due. @param after is told of each session that may have changed. */
  timeout(nowMs: number, after: (session: Session) => void): void {
    const due = this.#due;
    this.#wheel.takeDue(nowMs, due);
    for (const session of due) {
      this.offer(session, nowMs);
      after(session);
    }
    due.length = 0;
  }

  #full(nowMs: number): boolean {
    const slot = Math.floor(nowMs);
    if (slot !== this.#slot) {
      this.#slot = slot;
      this.#sentInSlot = 0;
    }
    return this.#sentInSlot >= SLOT_DATAGRAMS_MAX;
  }
}
