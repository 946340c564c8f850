import { type Axis, type Scale, scaleOf } from './axis.ts';
import { escaped } from './escape.ts';

/** Points of one line, in order of x. */
export interface Series {
  readonly name: string;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** Drawn dashed: an expectation, a limit. */
  readonly dashed?: boolean;
}

/** A chart of lines. */
export interface LineChart {
  readonly title: string;
  /** A sentence below the title. */
  readonly subtitle?: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** The series are steps of one quantity, such as loss: their colours go from cool to hot instead of telling them apart only. */
  readonly ordered?: boolean;
}

const WIDTH = 860;
const HEIGHT = 400;
const LEFT = 78;
const RIGHT = 24;
const TOP = 18;
const BOTTOM = 52;
const LEGEND_ROW = 22;
/** Of a letter in a legend, on average. */
const LETTER = 7.4;
/** Colours that the style has; further series begin again. */
export const TONES = 6;

/**
 * Draws a chart as SVG. Its colours are those of {@link chartStyle}, which the page or the file must have, so that it can be read on light
 * and on dark paper.
 */
export function lineChart(chart: LineChart): string {
  const all = chart.series.flatMap(({ points }) => points);
  const x = scaleOf(
    chart.x,
    all.map(([value]) => value),
  );
  const y = scaleOf(
    chart.y,
    all.map(([, value]) => value),
  );
  const legend = legendOf(chart);
  const top = TOP + legend.rows * LEGEND_ROW;
  const height = HEIGHT + legend.rows * LEGEND_ROW;
  const left = (value: number): number => LEFT + x.place(value) * (WIDTH - LEFT - RIGHT);
  const down = (value: number): number => height - BOTTOM - y.place(value) * (height - BOTTOM - top);
  const lines = chart.series.map((series, index) => {
    const points = series.points
      .filter(([px, py]) => drawable(chart.x, px) && drawable(chart.y, py))
      .map(([px, py]) => `${left(px).toFixed(1)},${down(py).toFixed(1)}`);
    return `<polyline class="line ${toneOf(chart, index)}${series.dashed === true ? ' dashed' : ''}" points="${points.join(' ')}"/>`;
  });
  return [
    `<svg class="chart" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="${escaped(chart.title)}" xmlns="http://www.w3.org/2000/svg">`,
    `<clipPath id="${clipId(chart)}"><rect x="${LEFT}" y="${top - 2}" width="${WIDTH - LEFT - RIGHT}" height="${height - BOTTOM - top + 4}"/></clipPath>`,
    ...gridOf(x, y, left, down, top, height),
    `<text class="axis" x="${(LEFT + WIDTH - RIGHT) / 2}" y="${height - 10}" text-anchor="middle">${escaped(chart.x.label)}</text>`,
    `<text class="axis" transform="translate(16 ${(top + height - BOTTOM) / 2}) rotate(-90)" text-anchor="middle">${escaped(chart.y.label)}</text>`,
    `<g clip-path="url(#${clipId(chart)})">${lines.join('')}</g>`,
    legend.svg,
    '</svg>',
  ].join('\n');
}

/** Title, sentence and chart, as a part of a page. */
export function chartFigure(chart: LineChart): string {
  const subtitle = chart.subtitle === undefined ? '' : `<p>${escaped(chart.subtitle)}</p>`;
  return `<figure><figcaption><h2>${escaped(chart.title)}</h2>${subtitle}</figcaption>\n${lineChart(chart)}\n</figure>`;
}

function gridOf(
  x: Scale,
  y: Scale,
  left: (value: number) => number,
  down: (value: number) => number,
  top: number,
  height: number,
): string[] {
  const bottom = height - BOTTOM;
  return [
    ...y.ticks.map((tick) => {
      const at = down(tick).toFixed(1);
      return `<path class="grid" d="M${LEFT} ${at}H${WIDTH - RIGHT}"/><text class="tick" x="${LEFT - 8}" y="${at}" dy="0.35em" text-anchor="end">${escaped(y.text(tick))}</text>`;
    }),
    ...x.ticks.map((tick) => {
      const at = left(tick).toFixed(1);
      return `<path class="grid" d="M${at} ${top}V${bottom}"/><text class="tick" x="${at}" y="${bottom + 18}" text-anchor="middle">${escaped(x.text(tick))}</text>`;
    }),
    `<path class="frame" d="M${LEFT} ${top}V${bottom}H${WIDTH - RIGHT}"/>`,
  ];
}

function legendOf(chart: LineChart): { readonly svg: string; readonly rows: number } {
  let at = LEFT;
  let rows = 1;
  const items = chart.series.map((series, index) => {
    const width = 36 + series.name.length * LETTER + 14;
    if (at > LEFT && at + width > WIDTH - RIGHT) {
      at = LEFT;
      rows++;
    }
    const y = TOP + (rows - 1) * LEGEND_ROW;
    const dashed = series.dashed === true ? ' dashed' : '';
    const item = `<path class="line ${toneOf(chart, index)}${dashed}" d="M${at} ${y}h28"/><text class="legend" x="${at + 36}" y="${y}" dy="0.35em">${escaped(series.name)}</text>`;
    at += width;
    return item;
  });
  return { svg: items.join('\n'), rows };
}

function toneOf({ ordered, series }: LineChart, index: number): string {
  if (ordered !== true) return `tone${index % TONES}`;
  return `step${Math.round((index * (TONES - 1)) / Math.max(1, series.length - 1))}`;
}

function drawable({ scale }: Axis, value: number): boolean {
  return Number.isFinite(value) && (scale === 'linear' || value > 0);
}

/** Two charts of one page must not share a clip. */
function clipId({ title }: LineChart): string {
  return `clip-${title.replaceAll(/[^A-Za-z0-9]+/g, '-')}`;
}
