import { describe, expect, test } from 'vitest';
import { isMet, measure, type Wanted } from '../../bench/result.ts';
import { cellLines, wantedText } from '../../bench/result-text.ts';

const reference = measure([100], { unit: '/s', better: 'higher' });
const ratio = (bound: number): Wanted => ({ quantile: 'p50', of: 'reference', bound });

describe('what is wanted of a measure', () => {
  test('is met by a ratio on the right side of its bound, whichever side is better', () => {
    const faster = (bound: number) => measure([50], { unit: '/s', better: 'higher', wanted: ratio(bound) });
    const slower = (bound: number) => measure([50], { unit: 'us', wanted: ratio(bound) });
    expect([isMet(faster(0.4), reference), isMet(faster(0.6), reference)]).toEqual([true, false]);
    expect([isMet(slower(0.4), reference), isMet(slower(0.6), reference)]).toEqual([false, true]);
  });

  test('may be a value of its own, at the quantile that is named', () => {
    const late = (bound: number) => measure([1, 2, 9], { unit: 'ms', wanted: { quantile: 'max', of: 'value', bound } });
    expect([isMet(late(8), undefined), isMet(late(9), undefined)]).toEqual([false, true]);
    expect(wantedText(late(9), undefined)).toBe('max at most 9.00 ms: met');
  });

  test('cannot be told without its reference, or without a value', () => {
    const alone = measure([50], { unit: '/s', better: 'higher', wanted: ratio(0.4) });
    expect(isMet(alone, undefined)).toBeUndefined();
    expect(wantedText(alone, undefined)).toBe('p50 at least 0.40 x reference: cannot be told');
    expect(isMet(measure([], { unit: '/s', wanted: ratio(0.4) }), reference)).toBeUndefined();
    expect(isMet(reference, undefined)).toBeUndefined();
  });

  test('stands under the line of its measure', () => {
    const now = measure([30], { unit: '/s', better: 'higher', reference: 'C', wanted: ratio(0.4) });
    const cell = { name: 'a', parameters: {}, attempts: 1, failures: {}, measures: { now }, totals: {} };
    const lines = cellLines({ ...cell, processes: {}, lateness: {} }, { C: reference }, []);
    const at = lines.findIndex((line) => line.startsWith('  now'));
    expect(lines[at]).toMatch(/0\.30 x$/);
    expect(lines[at + 1]).toBe('    wanted: p50 at least 0.40 x reference: missed');
  });
});
