import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Parsed } from '../../src/config/parsed.ts';
import {
  DURATION_MAX_MS,
  formatBytes,
  formatDuration,
  formatPercent,
  formatRate,
  parseDuration,
  parseFraction,
  parseRate,
  parseSize,
  RATE_MAX_BITS,
  SIZE_MAX_BYTES,
} from '../../src/config/units.ts';
import { seedFromEnv } from '../support/seeded.ts';

const value = <Value>(parsed: Parsed<Value>): Value | string => (parsed.ok ? parsed.value : parsed.problem);
const advice = (parsed: Parsed<unknown>): string => (parsed.ok ? '' : parsed.tryInstead);

describe('what people write', () => {
  test.each([
    ['200ms', 200],
    ['5s', 5000],
    ['1.5s', 1500],
    ['2min', 120_000],
    ['1h', 3_600_000],
    ['0ms', 0],
    ['15.0 s', 15_000],
    ['1.1s', 1100],
  ])('the duration %s is %d ms', (text, ms) => expect(value(parseDuration(text))).toBe(ms));

  test.each([
    ['1200B', 1200],
    ['4MiB', 4_194_304],
    ['64kB', 64_000],
    ['64KiB', 65_536],
    ['1.5MB', 1_500_000],
    ['1GiB', 2 ** 30],
    ['0.4B', 0],
  ])('the size %s is %d bytes', (text, bytes) => expect(value(parseSize(text))).toBe(bytes));

  test.each([
    ['800bit/s', 800],
    ['500kbit/s', 500_000],
    ['2.1Mbit/s', 2_100_000],
    ['1Gbit/s', 1e9],
  ])('the rate %s is %d bit/s', (text, bits) => expect(value(parseRate(text))).toBe(bits));

  test.each([
    ['20%', 0.2],
    ['0.2', 0.2],
    ['0', 0],
    ['100%', 1],
    ['0.5 %', 0.005],
  ])('the share %s is %d', (text, fraction) => expect(value(parseFraction(text))).toBe(fraction));
});

describe('what people write by mistake', () => {
  test('a bare number is refused with the unit that was probably meant', () => {
    expect(value(parseDuration('5'))).toBe('"5" has no unit');
    expect(advice(parseDuration('5'))).toBe('write 5s (units: ms, s, min, h)');
    expect(advice(parseSize('1200'))).toContain('write 1200B');
    expect(advice(parseRate('2'))).toContain('write 2Mbit/s');
  });

  test.each([
    ['5m', 'write 5min'],
    ['5S', 'write 5s'],
  ])('the duration %s is refused with: %s', (text, hint) => expect(advice(parseDuration(text))).toContain(hint));

  test('64KB may be two sizes, so the hint names one and lists all', () => {
    expect(advice(parseSize('64KB'))).toBe('write 64KiB (units: B, kB, KiB, MB, MiB, GB, GiB)');
  });

  test('an unknown unit is named, and a property of every object is none', () => {
    expect(value(parseDuration('5parsec'))).toBe('"5parsec" has the unknown unit "parsec"');
    expect(advice(parseDuration('5parsec'))).toBe('units are ms, s, min, h');
    expect(parseDuration('5constructor').ok).toBe(false);
    expect(advice(parseRate('2Mbps'))).toContain('write 2Mbit/s');
  });

  test.each(['', 'soon', '-5s', '.5s', '5.s', '1e3ms', '5  s', '1234567890123s', '٣s'])('%j is no duration', (text) => {
    expect(value(parseDuration(text))).toContain('is no duration');
  });

  test('what is larger than a timer, a memory or a link can be is refused', () => {
    expect(parseDuration(`${DURATION_MAX_MS}ms`).ok).toBe(true);
    expect(value(parseDuration('597h'))).toBe('"597h" is too large a duration');
    expect(parseSize('1024GiB')).toEqual({ ok: true, value: SIZE_MAX_BYTES });
    expect(parseSize('1025GiB').ok).toBe(false);
    expect(parseRate('1000Gbit/s')).toEqual({ ok: true, value: RATE_MAX_BITS });
    expect(parseRate('1001Gbit/s').ok).toBe(false);
  });

  test('a share of 1 or more without a percent sign is refused, because it may be meant as percent', () => {
    expect(value(parseFraction('1'))).toBe('"1" may be meant as percent');
    expect(advice(parseFraction('20'))).toBe('write 20%');
    expect(value(parseFraction('101%'))).toBe('"101%" is more than everything');
    expect(value(parseFraction('half'))).toBe('"half" is no share');
  });

  test('a problem quotes at most a line of what was given', () => {
    const problem = String(value(parseDuration(`\u001b[2J\n${'x'.repeat(100_000)}`)));
    expect(problem.length).toBeLessThan(100);
    expect(problem).not.toMatch(/\p{Cc}/u);
  });
});

describe('for people', () => {
  test.each([
    [0, '0.0 ms'],
    [1.94, '1.9 ms'],
    [99.96, '100 ms'],
    [105.4, '105 ms'],
    [999.7, '1.0 s'],
    [15_000, '15.0 s'],
    [59_960, '1.0 min'],
    [150_000, '2.5 min'],
    [4_320_000, '1.2 h'],
    [720_000_000, '200 h'],
    [-5, '-5.0 ms'],
    [Number.POSITIVE_INFINITY, 'endless'],
    [Number.NaN, 'unknown'],
  ])('%d ms are %s', (ms, text) => expect(formatDuration(ms)).toBe(text));

  test.each([
    [0, '0 B'],
    [1200, '1200 B'],
    [9999, '9999 B'],
    [10_000, '9.8 KiB'],
    [65_536, '64.0 KiB'],
    [1_048_575, '1.0 MiB'],
    [4_194_304, '4.0 MiB'],
    [2 ** 41, '2048 GiB'],
  ])('%d bytes are %s', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  test.each([
    [850, '850 bit/s'],
    [999.9, '1.0 kbit/s'],
    [2_100_000, '2.1 Mbit/s'],
    [5e12, '5000 Gbit/s'],
  ])('%d bits per second are %s', (bits, text) => expect(formatRate(bits)).toBe(text));

  test.each([
    [0, '0 %'],
    [0.2, '20 %'],
    [0.005, '0.5 %'],
    [1e-6, '<0.1 %'],
    [0.999_999, '>99.9 %'],
    [1, '100 %'],
    [-0.2, '-20 %'],
    [Number.NaN, 'unknown'],
  ])('the fraction %d is %s', (fraction, text) => expect(formatPercent(fraction)).toBe(text));
});

describe('round trip', () => {
  const assert = <Input>(arbitrary: fc.Arbitrary<Input>, check: (input: Input) => void) =>
    fc.assert(fc.property(arbitrary, check), { seed: seedFromEnv('config/units'), numRuns: 500 });

  const pairs = [
    ['a duration', 596 * 3_600_000, formatDuration, parseDuration],
    ['a size', 1023 * 2 ** 30, formatBytes, parseSize],
    ['a rate', RATE_MAX_BITS, formatRate, parseRate],
  ] as const;

  test.each(pairs)('%s as shown reads back to what is shown the same, within 5 %', (_name, max, format, parse) => {
    assert(fc.double({ min: 0, max, noNaN: true }), (number) => {
      const back = parse(format(number));
      if (!back.ok) throw new Error(back.problem);
      expect(Math.abs(back.value - number)).toBeLessThanOrEqual(Math.max(0.051 * number, 0.5));
      expect(format(back.value)).toBe(format(number));
    });
  });

  test('a share as shown reads back within a tenth of a percent', () => {
    assert(fc.double({ min: 0.001, max: 0.999, noNaN: true }), (fraction) => {
      expect(Number(value(parseFraction(formatPercent(fraction))))).toBeCloseTo(fraction, 3);
    });
  });

  test('every whole number of every unit reads as that many of it', () => {
    const units = [
      [parseDuration, 'ms', 1],
      [parseDuration, 's', 1000],
      [parseDuration, 'min', 60_000],
      [parseSize, 'B', 1],
      [parseSize, 'kB', 1000],
      [parseSize, 'MiB', 2 ** 20],
      [parseRate, 'kbit/s', 1000],
    ] as const;
    assert(fc.tuple(fc.constantFrom(...units), fc.nat(35_000)), ([[parse, unit, worth], number]) => {
      expect(parse(`${number}${unit}`)).toEqual({ ok: true, value: number * worth });
    });
  });

  test('no text makes a parser throw', () => {
    assert(fc.string({ unit: 'binary', maxLength: 40 }), (text) => {
      for (const parse of [parseDuration, parseSize, parseRate, parseFraction])
        expect(typeof parse(text).ok).toBe('boolean');
    });
  });
});
