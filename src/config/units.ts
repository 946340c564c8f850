import { accepted, type Parsed, quoted, refused } from './parsed.ts';

/** Longest duration in ms: what a timer can wait for, 24.8 days. */
export const DURATION_MAX_MS = 2_147_483_647;
/** Largest size in bytes: 1 TiB. */
export const SIZE_MAX_BYTES = 2 ** 40;
/** Largest rate in bits per second: 1 Tbit/s. */
export const RATE_MAX_BITS = 1e12;

interface Quantity {
  readonly what: string;
  /** Each unit's worth in the base unit, smallest first. */
  readonly units: Readonly<Record<string, number>>;
  readonly max: number;
  /** The largest, for people. */
  readonly maxText: string;
  /** Unit that a bare number is most likely meant in. */
  readonly likely: string;
  /** Spellings that look right and are not, with what was probably meant. */
  readonly meant: Readonly<Record<string, string>>;
}

const durations: Quantity = {
  what: 'duration',
  units: { ms: 1, s: 1000, min: 60_000, h: 3_600_000 },
  max: DURATION_MAX_MS,
  maxText: '596h',
  likely: 's',
  meant: { m: 'min', M: 'min', sec: 's', secs: 's', S: 's', msec: 'ms', MS: 'ms', H: 'h', hours: 'h', mins: 'min' },
};

const sizes: Quantity = {
  what: 'size',
  units: { B: 1, kB: 1e3, KiB: 2 ** 10, MB: 1e6, MiB: 2 ** 20, GB: 1e9, GiB: 2 ** 30 },
  max: SIZE_MAX_BYTES,
  maxText: '1024GiB',
  likely: 'B',
  meant: { b: 'B', k: 'kB', K: 'KiB', KB: 'KiB', kb: 'kB', kib: 'KiB', M: 'MiB', mb: 'MB', mib: 'MiB', G: 'GiB' },
};

const rates: Quantity = {
  what: 'rate',
  units: { 'bit/s': 1, 'kbit/s': 1e3, 'Mbit/s': 1e6, 'Gbit/s': 1e9 },
  max: RATE_MAX_BITS,
  maxText: '1000Gbit/s',
  likely: 'Mbit/s',
  meant: { bps: 'bit/s', k: 'kbit/s', kbps: 'kbit/s', M: 'Mbit/s', Mbps: 'Mbit/s', mbps: 'Mbit/s', Gbps: 'Gbit/s' },
};

// Bounded digits: the product stays far below where numbers lose whole units, and no text can make the search slow.
const numberAndUnit = /^(\d{1,12}(?:\.\d{1,6})?) ?([A-Za-z][A-Za-z/]{0,11})?$/;

function parseQuantity(text: string, quantity: Quantity): Parsed<number> {
  const { what, units, max, maxText, likely, meant } = quantity;
  const names = Object.keys(units).join(', ');
  const [, digits, unit] = numberAndUnit.exec(text) ?? [];
  if (digits === undefined) {
    return refused(`${quoted(text)} is no ${what}`, `write a number and a unit, such as 5${likely} (units: ${names})`);
  }
  if (unit === undefined) return refused(`${quoted(text)} has no unit`, `write ${digits}${likely} (units: ${names})`);
  const worth = Object.hasOwn(units, unit) ? units[unit] : undefined;
  if (worth === undefined) {
    const guess = Object.hasOwn(meant, unit) ? `write ${digits}${meant[unit]} (units: ${names})` : `units are ${names}`;
    return refused(`${quoted(text)} has the unknown unit "${unit}"`, guess);
  }
  // 1.1 x 1000 is 1100.0000000000002 in binary; 15 digits are what a decimal text can mean.
  const value = Number((Number(digits) * worth).toPrecision(15));
  return value <= max ? accepted(value) : refused(`${quoted(text)} is too large a ${what}`, `write at most ${maxText}`);
}

/**
 * A duration such as `200ms`, `5s`, `1.5min`, `1h`, in ms; a bare number is a problem, because nobody can know its unit.
 * Range 0..{@link DURATION_MAX_MS}.
 */
export function parseDuration(text: string): Parsed<number> {
  return parseQuantity(text, durations);
}

/**
 * A size such as `1200B`, `64kB` (1,000), `64KiB` (1,024), `4MiB`, in whole bytes (rounded). Range 0..{@link SIZE_MAX_BYTES}.
 */
export function parseSize(text: string): Parsed<number> {
  const parsed = parseQuantity(text, sizes);
  return parsed.ok ? accepted(Math.round(parsed.value)) : parsed;
}

/** A rate such as `500kbit/s`, `2Mbit/s`, in bits per second. Range 0..{@link RATE_MAX_BITS}. */
export function parseRate(text: string): Parsed<number> {
  return parseQuantity(text, rates);
}

/**
 * A share such as `20%` or `0.2`, as a fraction 0..1. A bare number of 1 or more is a problem: `1` may be meant as 1 % and
 * as 100 %.
 */
export function parseFraction(text: string): Parsed<number> {
  const [, digits, percent] = /^(\d{1,3}(?:\.\d{1,9})?) ?(%)?$/.exec(text) ?? [];
  if (digits === undefined) return refused(`${quoted(text)} is no share`, 'write a percentage, such as 20%');
  const number = Number(digits);
  if (percent === undefined) {
    return number < 1 ? accepted(number) : refused(`${quoted(text)} may be meant as percent`, `write ${digits}%`);
  }
  if (number > 100) return refused(`${quoted(text)} is more than everything`, 'write at most 100%');
  return accepted(Number((number / 100).toPrecision(15)));
}

type Step = readonly [unit: string, worth: number, below: number];

/** One decimal under 100, none above: three figures tell people what they can act on. */
function threeFigures(value: number): string {
  const fine = value.toFixed(1);
  return Number(fine) < 100 ? fine : value.toFixed(0);
}

function withUnit(value: number, steps: readonly Step[], baseText: (value: number) => string): string {
  if (Number.isNaN(value)) return 'unknown';
  if (value === Number.POSITIVE_INFINITY) return 'endless';
  if (value < 0) return `-${withUnit(-value, steps, baseText)}`;
  let text = '';
  for (const [unit, worth, below] of steps) {
    const figures = worth === 1 ? baseText(value) : threeFigures(value / worth);
    text = `${figures} ${unit}`;
    // Judged by what is shown: 999.7 ms would otherwise become "1000 ms".
    if (Number(figures) < below) break;
  }
  return text;
}

const whole = (value: number): string => value.toFixed(0);
const EVER = Number.POSITIVE_INFINITY;

/** For people: `1.9 ms`, `105 ms`, `15.0 s`, `2.5 min`, `1.2 h`; `endless` for Infinity, `unknown` for NaN. */
export function formatDuration(ms: number): string {
  const steps: readonly Step[] = [
    ['ms', 1, 1000],
    ['s', 1000, 60],
    ['min', 60_000, 60],
    ['h', 3_600_000, EVER],
  ];
  return withUnit(ms, steps, threeFigures);
}

/** For people: `1200 B`, `64.0 KiB`, `4.0 MiB`. Whole bytes below 10,000, because datagrams are counted in them. */
export function formatBytes(bytes: number): string {
  const steps: readonly Step[] = [
    ['B', 1, 10_000],
    ['KiB', 2 ** 10, 1024],
    ['MiB', 2 ** 20, 1024],
    ['GiB', 2 ** 30, EVER],
  ];
  return withUnit(bytes, steps, whole);
}

/** For people, from bits per second: `850 bit/s`, `2.1 Mbit/s`. */
export function formatRate(bitsPerSecond: number): string {
  const steps: readonly Step[] = [
    ['bit/s', 1, 1000],
    ['kbit/s', 1e3, 1000],
    ['Mbit/s', 1e6, 1000],
    ['Gbit/s', 1e9, EVER],
  ];
  return withUnit(bitsPerSecond, steps, whole);
}

/**
 * For people, from a fraction: `20 %`, `0.5 %`. What is not nothing is never shown as `0 %`, and what is not all never as
 * `100 %`: a single lost datagram in a million is news.
 */
export function formatPercent(fraction: number): string {
  if (!Number.isFinite(fraction)) return 'unknown';
  if (fraction < 0) return `-${formatPercent(-fraction)}`;
  const shown = Number((fraction * 100).toFixed(1));
  if (shown === 0 && fraction > 0) return '<0.1 %';
  if (shown === 100 && fraction < 1) return '>99.9 %';
  return `${shown} %`;
}
