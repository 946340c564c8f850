/**
 * Which counters came already: the newest and those before it, as far as the window is wide (RFC 4303, section 3.4.3). Moved
 * only after a datagram is found to be authentic, so that a forged one cannot push others out.
 */
export class ReplayWindow {
  /** Counters that are remembered. */
  readonly size: number;
  readonly #seen: Uint32Array;
  /** -1 before the first. */
  #newest = -1;

  /**
   * @param size a power of two of at least 32: 64 for control frames, 4096 for media.
   * @throws RangeError for another size.
   */
  constructor(size: number) {
    if (!Number.isInteger(size) || size < 32 || (size & (size - 1)) !== 0) {
      throw new RangeError(`a window has a power of two of counters, at least 32, not ${size}`);
    }
    this.size = size;
    this.#seen = new Uint32Array(size / 32);
  }

  /** The largest counter so far, -1 for none. */
  get newest(): number {
    return this.#newest;
  }

  /**
   * Whether this counter may be used: not one that came, and not one too old to tell.
   *
   * @param counter integer, 0 and up, below 2^53.
   */
  accepts(counter: number): boolean {
    if (counter > this.#newest) return true;
    if (counter <= this.#newest - this.size || counter < 0) return false;
    return ((this.#seen[this.#word(counter)] ?? 0) & bit(counter)) === 0;
  }

  /** Notes a counter that {@link accepts} allowed and whose datagram is authentic. */
  note(counter: number): void {
    if (counter > this.#newest) this.#advance(counter);
    const word = this.#word(counter);
    this.#seen[word] = (this.#seen[word] ?? 0) | bit(counter);
  }

  #advance(counter: number): void {
    if (counter - this.#newest >= this.size) {
      this.#seen.fill(0);
    } else {
      for (let skipped = this.#newest + 1; skipped <= counter; skipped++) {
        const word = this.#word(skipped);
        this.#seen[word] = (this.#seen[word] ?? 0) & ~bit(skipped);
      }
    }
    this.#newest = counter;
  }

  #word(counter: number): number {
    return Math.floor((counter % this.size) / 32);
  }
}

function bit(counter: number): number {
  return 1 << (counter % 32);
}
