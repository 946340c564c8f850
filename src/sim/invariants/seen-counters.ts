import { CONTROL_REPLAY_WINDOW } from '../../protocol/constants.ts';

/** Which counters of sealed frames reached one end of one session: each counts once, and none that is too old to tell. */
export class SeenCounters {
  readonly #recent = new Set<number>();
  #newest = -1;

  /** Whether this counter counts. It does not a second time. */
  take(counter: number): boolean {
    if (counter <= this.#newest - CONTROL_REPLAY_WINDOW || this.#recent.has(counter)) return false;
    this.#recent.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    for (const old of this.#recent) if (old <= this.#newest - CONTROL_REPLAY_WINDOW) this.#recent.delete(old);
    return true;
  }
}
