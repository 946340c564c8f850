/** Times of many runs in order, those that never came last, as Infinity. Quantiles are exact: nothing is sorted into classes. */
export class Distribution {
  /** Ascending; Infinity for never. */
  readonly sorted: Float64Array;
  /** How many are not Infinity. */
  readonly finite: number;

  /** @param values in any order; copied. */
  constructor(values: Float64Array) {
    this.sorted = values.slice().sort();
    this.finite = countAtMost(this.sorted, Number.MAX_VALUE);
  }

  /** All, those that never came too. */
  get count(): number {
    return this.sorted.length;
  }

  /** The largest that came; NaN when none did. */
  get max(): number {
    return this.sorted[this.finite - 1] ?? Number.NaN;
  }

  /** Nearest rank over all; Infinity where that is one that never came, NaN without any. */
  quantile(fraction: number): number {
    return this.sorted[Math.max(0, Math.ceil(fraction * this.count) - 1)] ?? Number.NaN;
  }

  /** The share of all that is at most `ms`, 0..1. */
  shareAtMost(ms: number): number {
    return this.count === 0 ? Number.NaN : countAtMost(this.sorted, ms) / this.count;
  }
}

function countAtMost(sorted: Float64Array, limit: number): number {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sorted[middle] ?? 0) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
