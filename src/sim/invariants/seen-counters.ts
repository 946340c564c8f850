/** Which counters of sealed frames, or of packets of media, reached one end of one session: each counts once, and none that is too old to tell. */
export class SeenCounters {
  readonly #recent = new Set<number>();
  readonly #window: number;
  #newest = -1;

  /** @param window how many counters are told apart. */
  constructor(window: number) {
    this.#window = window;
  }

  /** The largest that counted, -1 before the first. */
  get newest(): number {
    return this.#newest;
  }

  /** Whether this counter counts. It does not a second time. */
  take(counter: number): boolean {
    if (counter < 0 || counter <= this.#newest - this.#window || this.#recent.has(counter)) return false;
    this.#recent.add(counter);
    this.#newest = Math.max(this.#newest, counter);
    if (this.#recent.size > 2 * this.#window) {
      for (const old of this.#recent) if (old <= this.#newest - this.#window) this.#recent.delete(old);
    }
    return true;
  }
}
