import { escaped } from '../../src/report/escape.ts';
import { type BenchCell, failuresOf, type Measure } from '../result.ts';
import { ratioText, valueText } from '../result-text.ts';
import { TO_MEDIA } from './cell.ts';

const NAME = 18;
const COLUMN = 10;

/** A cell of one peer, beside ours over the same link; `undefined` when ours was not measured. */
export interface PeerRow {
  readonly peer: string;
  readonly cell: BenchCell;
  readonly ours: Measure | undefined;
}

const headings = [
  'viewers',
  'failed',
  'p50',
  'p90',
  'p99',
  'max',
  'x p50',
  'x p99',
  'packets',
  'bytes',
  'late',
] as const;

/**
 * The heading of the table of one link: times in ms, ratios to ours, then what went over the link for each viewer, both ways, lost or
 * not; and how late 99 of 100 viewers at most were let begin, which is in their times and the machine's fault. */
export function headingLine(): string {
  return `${'  ms to first media'.padEnd(NAME + 2)}${headings.map((text) => text.padStart(COLUMN)).join('')}`;
}

/** One row of it. */
export function rowLine(row: PeerRow): string {
  const line = rowValues(row).map((text) => text.padStart(COLUMN));
  return `  ${row.peer.padEnd(NAME)}${line.join('')}`;
}

/** The same table for the page. */
export function rowTable(title: string, rows: readonly PeerRow[]): string {
  const heading = headings.map((text) => `<th scope="col">${escaped(text)}</th>`).join('');
  const body = rows.map((row) => {
    const values = rowValues(row).map((text) => `<td>${escaped(text)}</td>`);
    return `<tr><th scope="row">${escaped(row.peer)}</th>${values.join('')}</tr>`;
  });
  const meaning =
    'Times in ms; x: multiples of firstframe’s; packets and bytes: for each viewer, both ways, lost or not; late: p99 of how late this machine let viewers begin, in ms.';
  return [
    `<figure><figcaption><h2>${escaped(title)}</h2><p>${escaped(meaning)}</p></figcaption>`,
    `<table class="heat"><thead><tr><th class="corner"></th>${heading}</tr></thead>`,
    `<tbody>${body.join('')}</tbody></table></figure>`,
  ].join('');
}

function rowValues({ cell, ours }: PeerRow): readonly string[] {
  const measure = cell.measures[TO_MEDIA];
  if (measure === undefined) return [];
  const times = (quantile: 'p50' | 'p99'): string =>
    ours === undefined ? '' : ratioText(measure[quantile] / ours[quantile]);
  const both = (what: string): string => {
    const sum = (cell.totals[`${what} to the camera`] ?? 0) + (cell.totals[`${what} to the viewers`] ?? 0);
    return valueText(sum / cell.attempts);
  };
  return [
    String(cell.attempts),
    String(failuresOf(cell) + (cell.totals['without an answer'] ?? 0)),
    ...(['p50', 'p90', 'p99', 'max'] as const).map((quantile) => valueText(measure[quantile])),
    times('p50'),
    times('p99'),
    both('packets'),
    both('bytes'),
    valueText(cell.lateness['viewers']?.p99Ms ?? Number.NaN),
  ];
}
