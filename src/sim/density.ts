/**
 * Chances over time on an even grid: cell i holds the chance of i steps, give or take half of one. What falls behind the last cell is
 * lost: it comes too late to count.
 */
export class Density {
  /** Width of a cell, in ms. */
  readonly stepMs: number;
  readonly cells: Float64Array;

  private constructor(stepMs: number, cells: Float64Array) {
    this.stepMs = stepMs;
    this.cells = cells;
  }

  /** Certainly at 0; nothing after `untilMs` will count. */
  static atZero(stepMs: number, untilMs: number): Density {
    const cells = new Float64Array(Math.max(0, Math.floor(untilMs / stepMs + 1e-9) + 1));
    cells[0] = 1;
    return new Density(stepMs, cells);
  }

  /** Nothing, on the same grid: to be added to. */
  empty(): Density {
    return new Density(this.stepMs, new Float64Array(this.cells.length));
  }

  /** Adds the chances of `other`, which must have the same grid, times `weight`. */
  add(other: Density, weight: number): void {
    for (let index = 0; index < this.cells.length; index++) {
      this.cells[index] = (this.cells[index] ?? 0) + weight * (other.cells[index] ?? 0);
    }
  }

  /** Later by a time that is evenly drawn from `fromMs` to `toMs`, 0 <= fromMs <= toMs. */
  delayed(fromMs: number, toMs: number): Density {
    const from = fromMs / this.stepMs;
    const width = (toMs - fromMs) / this.stepMs;
    // Less than a cell cannot be seen on this grid, only its mean.
    const later = width < 1 ? shifted(this.cells, from + width / 2) : spread(this.cells, from, width);
    return new Density(this.stepMs, later);
  }

  /** Cell i: the chance of at most i + 1/2 steps. */
  cumulative(): Float64Array {
    let sum = 0;
    return this.cells.map((chance) => {
      sum += chance;
      return sum;
    });
  }
}

/** What falls between two cells is shared between them, so that the mean stays right. */
function shifted(cells: Float64Array, by: number): Float64Array {
  const whole = Math.floor(by + 1e-9);
  const part = Math.max(0, by - whole);
  const later = new Float64Array(cells.length);
  for (let index = whole; index < cells.length; index++) {
    const before = index > whole ? (cells[index - whole - 1] ?? 0) : 0;
    later[index] = (1 - part) * (cells[index - whole] ?? 0) + part * before;
  }
  return later;
}

/**
 * A cell's chance is taken for a point and spread over [from, from + width]. The chance of at most x is then the integral of the
 * cumulative chance over (x - from - width, x - from), divided by the width; the cumulative chance is a staircase, its integral linear
 * between cells.
 */
function spread(cells: Float64Array, from: number, width: number): Float64Array {
  const stairs = new Float64Array(cells.length);
  const areas = new Float64Array(cells.length);
  let stair = 0;
  let area = 0;
  for (let index = 0; index < cells.length; index++) {
    areas[index] = area;
    stair += cells[index] ?? 0;
    stairs[index] = stair;
    area += stair;
  }
  const areaUpTo = (x: number): number => {
    if (x <= 0) return 0;
    const index = Math.floor(x);
    return (areas[index] ?? 0) + (x - index) * (stairs[index] ?? 0);
  };
  const later = new Float64Array(cells.length);
  let before = 0;
  for (let index = Math.max(0, Math.floor(from) - 1); index < cells.length; index++) {
    const edge = index + 0.5 - from;
    const atMost = (areaUpTo(edge) - areaUpTo(edge - width)) / width;
    later[index] = Math.max(0, atMost - before);
    before = atMost;
  }
  return later;
}
