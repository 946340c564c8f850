/** Upper bounds of the buckets in ms, the same for every histogram of times. */
export const histogramBoundsMs = [
  1, 2, 5, 10, 20, 50, 100, 150, 200, 300, 500, 1000, 2000, 5000, 10_000, 30_000,
] as const;

/** A histogram's values. */
export interface HistogramSnapshot {
  /** Observations at most as large as each of {@link histogramBoundsMs}; cumulative, as Prometheus wants them. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sumMs: number;
}

/** Counts times in fixed buckets. */
export class Histogram {
  readonly #counts = new Array<number>(histogramBoundsMs.length).fill(0);
  #count = 0;
  #sumMs = 0;

  observe(ms: number): void {
    const bucket = histogramBoundsMs.findIndex((bound) => ms <= bound);
    if (bucket >= 0) this.#counts[bucket] = (this.#counts[bucket] ?? 0) + 1;
    this.#count++;
    this.#sumMs += ms;
  }

  snapshot(): HistogramSnapshot {
    let below = 0;
    const cumulative = this.#counts.map((count) => {
      below += count;
      return below;
    });
    return { cumulative, count: this.#count, sumMs: this.#sumMs };
  }
}
