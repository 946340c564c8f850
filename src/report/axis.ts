/** One axis of a chart. */
export interface Axis {
  readonly label: string;
  readonly scale: 'linear' | 'log';
  /** Where it begins and ends; default: what the points need. Above 0 on a logarithmic axis. */
  readonly from?: number;
  readonly to?: number;
  /** A tick's label; default the number. */
  readonly text?: (value: number) => string;
}

/** An axis that knows its ends: where a value lies on it, and where its ticks are. */
export interface Scale {
  /** 0 at the beginning, 1 at the end; beyond them outside. */
  place(value: number): number;
  readonly ticks: readonly number[];
  text(value: number): string;
}

/** Ticks of one axis at most. */
const TICKS_MAX = 8;

/** Makes a scale for an axis and the values that go on it. */
export function scaleOf(axis: Axis, values: readonly number[]): Scale {
  const log = axis.scale === 'log';
  const usable = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const least = axis.from ?? usable.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = axis.to ?? usable.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const [from, to] = Number.isFinite(least) && most > least ? [least, most] : aroundOf(least, log);
  const at = (value: number): number => (log ? Math.log10(value) : value);
  const span = at(to) - at(from);
  return {
    place: (value) => (at(value) - at(from)) / span,
    ticks: log ? logTicks(from, to) : linearTicks(from, to),
    text: axis.text ?? plain,
  };
}

/** One value, or none, still needs room on both sides. */
function aroundOf(value: number, log: boolean): readonly [number, number] {
  if (!Number.isFinite(value)) return log ? [1, 10] : [0, 1];
  return log ? [value / 2, value * 2] : [value - 1, value + 1];
}

/** Multiples of 1, 2 or 5 times a power of ten. */
export function linearTicks(from: number, to: number): number[] {
  const rough = (to - from) / TICKS_MAX;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((factor) => factor * power >= rough) ?? 10);
  const ticks: number[] = [];
  for (let index = Math.ceil(from / step - 1e-9); index * step <= to + 1e-9 * step; index++) {
    ticks.push(Number((index * step).toPrecision(12)));
  }
  return ticks;
}

/** Powers of ten; with 2 and 5 between them where that leaves room. */
export function logTicks(from: number, to: number): number[] {
  const decades = Math.log10(to / from);
  const factors = decades <= 2.5 ? [1, 2, 5] : [1];
  const skip = Math.max(1, Math.ceil(decades / TICKS_MAX));
  const ticks: number[] = [];
  for (let power = Math.floor(Math.log10(from) + 1e-9); 10 ** power <= to; power++) {
    for (const factor of factors) {
      const tick = Number((factor * 10 ** power).toPrecision(12));
      if (tick >= from * (1 - 1e-9) && tick <= to * (1 + 1e-9) && power % skip === 0) ticks.push(tick);
    }
  }
  return ticks;
}

function plain(value: number): string {
  return value.toLocaleString('en-US', { maximumFractionDigits: 6 });
}
