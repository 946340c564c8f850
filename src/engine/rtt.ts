/** Smoothed round-trip time in ms (RFC 6298, section 2, without the variance, which no timer here uses). */
export class RttEstimate {
  #ms: number | undefined;

  /** `undefined` before the first sample. */
  get ms(): number | undefined {
    return this.#ms;
  }

  /** The RTT is certainly no longer than this, whatever was sampled. */
  atMost(ms: number): void {
    if (this.#ms === undefined || ms < this.#ms) this.#ms = ms;
  }

  /** Another path: what was sampled says nothing about it. */
  restart(ms: number): void {
    this.#ms = ms;
  }

  sample(ms: number): void {
    this.#ms = this.#ms === undefined ? ms : this.#ms + (ms - this.#ms) / 8;
  }
}
