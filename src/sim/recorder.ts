import type { WorldEvent } from './world-event.ts';

/** Events that a recorder keeps by default. */
export const RECORDED_EVENTS_MAX = 100_000;

/** Keeps what happened in a world, in order, up to a limit; the first events are the ones that stay. */
export class Recorder {
  readonly events: WorldEvent[] = [];
  /** Events that came after the recorder was full. */
  overflow = 0;
  readonly #max: number;

  /** @param eventsMax default {@link RECORDED_EVENTS_MAX}. */
  constructor(eventsMax: number = RECORDED_EVENTS_MAX) {
    this.#max = eventsMax;
  }

  see(event: WorldEvent): void {
    if (this.events.length < this.#max) this.events.push(event);
    else this.overflow++;
  }
}
