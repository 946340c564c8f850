import { escaped } from './escape.ts';

/** A cell: its value gives the colour, its text is read. */
export interface HeatCell {
  readonly value: number;
  readonly text: string;
}

/** A table whose cells are the hotter the larger their values are. */
export interface HeatTable {
  readonly title: string;
  readonly subtitle?: string;
  /** What the rows are, and what the columns are. */
  readonly rowLabel: string;
  readonly columnLabel: string;
  readonly rows: readonly string[];
  readonly columns: readonly string[];
  /** By row, then by column; one that is missing stays empty. */
  readonly cells: readonly (readonly (HeatCell | undefined)[])[];
  /** Colours follow the logarithm: for values of several powers of ten. */
  readonly log?: boolean;
}

/** The table as a part of a page. */
export function heatTable(table: HeatTable): string {
  const { title, subtitle, rowLabel, columnLabel, rows, columns, cells, log = false } = table;
  const values = cells
    .flat()
    .map((cell) => cell?.value ?? Number.NaN)
    .filter((value) => Number.isFinite(value) && (!log || value > 0));
  const at = (value: number): number => (log ? Math.log10(value) : value);
  const least = values.reduce((a, b) => Math.min(a, b), Number.POSITIVE_INFINITY);
  const most = values.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const heat = (value: number): number => {
    if (!Number.isFinite(value)) return 1;
    return most > least ? Math.min(1, Math.max(0, (at(value) - at(least)) / (at(most) - at(least)))) : 0;
  };
  const cellOf = (cell: HeatCell | undefined): string =>
    cell === undefined
      ? '<td></td>'
      : `<td style="--heat:${(100 * heat(cell.value)).toFixed(0)}%">${escaped(cell.text)}</td>`;
  const body = rows.map((name, index) => {
    const tds = columns.map((_, column) => cellOf(cells[index]?.[column]));
    return `<tr><th scope="row">${escaped(name)}</th>${tds.join('')}</tr>`;
  });
  return [
    `<figure><figcaption><h2>${escaped(title)}</h2>${subtitle === undefined ? '' : `<p>${escaped(subtitle)}</p>`}</figcaption>`,
    `<table class="heat"><thead><tr><th class="corner">${escaped(rowLabel)} <span>╲</span> ${escaped(columnLabel)}</th>`,
    ...columns.map((name) => `<th scope="col">${escaped(name)}</th>`),
    `</tr></thead><tbody>${body.join('')}</tbody></table></figure>`,
  ].join('');
}
