import { formatBytes, formatDuration } from '../src/config/units.ts';
import type { MachineDescription } from '../src/report/machine.ts';
import type { BaselineRatio } from './baseline.ts';
import { type BenchCell, type BenchResult, failuresOf, isMet, type Measure, referenceOf } from './result.ts';

const NAME = 34;
/** 1,234,567 and a space. */
const COLUMN = 10;
const QUANTILES = ['p50', 'p90', 'p99', 'p999', 'max'] as const;

/** A measure's value: as many digits as tell something. */
export function valueText(value: number): string {
  if (Number.isNaN(value)) return '-';
  if (value === Number.POSITIVE_INFINITY) return 'never';
  if (value >= 10_000) return Math.round(value).toLocaleString('en-US');
  if (value >= 1000) return value.toFixed(0);
  return value.toFixed(value >= 100 ? 1 : value >= 1 ? 2 : 3);
}

/** `1.54 x`, `12.3 x`, `0.0034 x`; `-` when there is none. */
export function ratioText(ratio: number): string {
  return Number.isFinite(ratio) ? `${ratio.toFixed(ratio < 0.1 ? 4 : ratio < 10 ? 2 : 1)} x` : '-';
}

/** What it ran on. */
export function machineText({ cpu, cores, memoryGiB, platform, node, loadBefore }: MachineDescription): string {
  return `${cpu}, ${cores} cores, ${memoryGiB} GiB, ${platform}, Node ${node}, load ${loadBefore.toFixed(2)} before`;
}

/** The lines of one cell: a table of its measures, then what it cost. */
export function cellLines(
  cell: BenchCell,
  references: BenchResult['references'],
  ratios: readonly BaselineRatio[],
): readonly string[] {
  const ofCell = ratios.filter((ratio) => ratio.cell === cell.name);
  const rows = Object.entries(cell.measures).flatMap(([name, measure]) => {
    const reference = referenceOf(cell, measure, references);
    const ratio = ofCell.find((each) => each.measure === name);
    return [
      measureLine(name, measure, reference, ratio),
      ...(measure.expected === undefined ? [] : [expectedLine(measure.expected)]),
      ...wantedLines(measure, reference),
    ];
  });
  const heading = QUANTILES.map((name) => (name === 'p999' ? 'p99.9' : name).padStart(COLUMN)).join('');
  const last = ofCell.length === 0 ? '' : '  baseline p50/p99';
  return ['', cell.name, `${''.padEnd(NAME)}${heading}        ${'x reference'}${last}`, ...rows, ...footLines(cell)];
}

/** References that belong to no cell. */
export function referenceLines(references: BenchResult['references']): readonly string[] {
  const all = Object.entries(references);
  if (all.length === 0) return [];
  return ['', 'references of the same run', ...all.map(([name, measure]) => measureLine(name, measure))];
}

function measureLine(name: string, measure: Measure, reference?: Measure, ratio?: BaselineRatio): string {
  const figures = QUANTILES.map((quantile) => valueText(measure[quantile]).padStart(COLUMN)).join('');
  const times = reference === undefined ? '' : ratioText(measure.p50 / reference.p50);
  const compared =
    ratio === undefined
      ? ''
      : `  ${ratioText(ratio.p50)} / ${ratioText(ratio.p99)}${ratio.kind === 'raw' ? ' raw' : ''}`;
  const often = measure.unit === 'ns' ? `${valueText(1e9 / measure.p50).padStart(15)}/s` : '';
  return `  ${name.padEnd(NAME - 2)}${figures} ${measure.unit.padEnd(6)}${times.padStart(12)}${often}${compared}`.trimEnd();
}

/** `p50 at least 0.40 x reference: met`; `undefined` when nothing is wanted. */
export function wantedText(measure: Measure, reference: Measure | undefined): string | undefined {
  const { wanted, better, unit } = measure;
  if (wanted === undefined) return undefined;
  const { quantile, of, bound } = wanted;
  const met = isMet(measure, reference);
  const limit = of === 'value' ? `${valueText(bound)} ${unit}` : `${ratioText(bound)} reference`;
  const verdict = met === undefined ? 'cannot be told' : met ? 'met' : 'missed';
  return `${quantile} ${better === 'lower' ? 'at most' : 'at least'} ${limit}: ${verdict}`;
}

function wantedLines(measure: Measure, reference: Measure | undefined): readonly string[] {
  const text = wantedText(measure, reference);
  return text === undefined ? [] : [`    wanted: ${text}`];
}

function expectedLine(expected: NonNullable<Measure['expected']>): string {
  const figures = QUANTILES.map((name) => (name === 'max' ? '' : valueText(expected[name])).padStart(COLUMN)).join('');
  return `  ${'  theory'.padEnd(NAME - 2)}${figures}`.trimEnd();
}

function footLines(cell: BenchCell): readonly string[] {
  const { attempts, failures, totals, processes, lateness } = cell;
  const failed = failuresOf(cell);
  const reasons = Object.entries(failures).map(([reason, count]) => `${reason} ${count}`);
  const sums = Object.entries(totals).map(([name, sum]) => `${name} ${Math.round(sum).toLocaleString('en-US')}`);
  return [
    `  ${failed} of ${attempts.toLocaleString('en-US')} failed${failed === 0 ? '' : ` (${reasons.join(', ')})`}`,
    ...(sums.length === 0 ? [] : [`  in all: ${sums.join(', ')}`]),
    ...Object.entries(processes).map(([name, { cpuUserMs, cpuSystemMs, rssBytes, rssMaxBytes }]) => {
      const each = attempts === 0 ? '' : `, ${((cpuUserMs + cpuSystemMs) / attempts).toFixed(3)} ms each`;
      const cpu = `CPU ${formatDuration(cpuUserMs + cpuSystemMs)} (system ${formatDuration(cpuSystemMs)})${each}`;
      return `  ${name.padEnd(8)} ${cpu}; memory ${formatBytes(rssBytes)}, at most ${formatBytes(rssMaxBytes)}`;
    }),
    ...Object.entries(lateness)
      .filter(([, { count }]) => count > 0)
      .map(([name, { p50Ms, p99Ms, maxMs }]) => {
        const late = [p50Ms, p99Ms, maxMs].map((ms) => ms.toFixed(2));
        return `  timers of the ${name} were late by p50 ${late[0]}, p99 ${late[1]}, max ${late[2]} ms`;
      }),
  ];
}

/** What the ratios to a baseline are of, a sentence; `undefined` when nothing could be compared. */
export function baselineText(ratios: readonly BaselineRatio[]): string | undefined {
  if (ratios.length === 0) return undefined;
  const raw = ratios.filter(({ kind }) => kind === 'raw').length;
  const relative = ratios.length - raw;
  const parts = [
    ...(relative === 0
      ? []
      : [`${relative} as multiples of their references, so that another machine may have made it`]),
    ...(raw === 0 ? [] : [`${raw} as they are ("raw"), which means little on another machine`]),
  ];
  return `now over baseline: ${parts.join('; ')}`;
}
