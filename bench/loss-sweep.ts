import { formatDuration, formatPercent, parseDuration, parseFraction } from '../src/config/units.ts';
import { heatTable } from '../src/report/heat-table.ts';
import { type MeasuredCell, measureCell, measureNames } from './handshake-cell.ts';
import { cellFigures } from './handshake-figures.ts';
import { handshakeOptions, raisedLimitsText } from './handshake-options.ts';
import { listed, option, type ValuesOf } from './options.ts';
import { type BenchContext, benchPlan } from './plan.ts';
import { failuresOf } from './result.ts';
import { valueText } from './result-text.ts';

/** Rows and columns at most. */
const GRID_MAX = 20;

const options = {
  ...handshakeOptions,
  losses: option('list', 'rows: lost each way', listed(parseFraction, GRID_MAX), '0%,5%,10%,20%,30%,40%,50%'),
  rtts: option('list', 'columns: round trips', listed(parseDuration, GRID_MAX), '0ms,50ms,100ms,300ms'),
};

type Context = BenchContext<ValuesOf<typeof options>>;
type Quantile = 'p50' | 'p99';

/** `firstframe bench loss-sweep`. */
export const lossSweep = benchPlan({
  name: 'loss-sweep',
  summary: 'Time to first media for each pair of a loss and a round trip.',
  description:
    'What time-to-stream measures, through the relay, for each pair of --losses and --rtts; each cell with processes of its own, and with an echo beside it.',
  options,
  takesLink: false,
  async run(context: Context) {
    const { losses, rtts, viewers, rate } = context.options;
    const grid: MeasuredCell[][] = [];
    for (const [row, loss] of losses.entries()) {
      const cells: MeasuredCell[] = [];
      grid.push(cells);
      for (const [column, rttMs] of rtts.entries()) {
        if (context.signal.aborted) break;
        const before = (row * rtts.length + column) * viewers;
        cells.push(
          await sweepCell(context, loss, rttMs, (done) => {
            context.progress('viewers', before + done, viewers * losses.length * rtts.length);
          }),
        );
      }
    }
    const measured = grid.flat().filter(({ samples }) => samples.length > 0);
    return {
      cells: measured.map(({ cell }) => cell),
      references: {},
      limitsRaised: raisedLimitsText(viewers, rate),
      skipped: [],
      figures: [...gridFigures(grid, losses, rtts), ...measured.flatMap(cellFigures)],
    };
  },
});

async function sweepCell(
  { options: given, seed, signal }: Context,
  loss: number,
  rttMs: number,
  onProgress: (done: number) => void,
): Promise<MeasuredCell> {
  const { viewers, warmUp, arrivals, rate, profile, keyframeDatagrams, stream } = given;
  const model = { loss, oneWayMs: rttMs / 2 };
  return await measureCell(
    {
      name: `${formatPercent(loss)} lost each way, RTT ${formatDuration(rttMs)}`,
      parameters: { loss, rttMs, rate, arrivals, keyframeDatagrams, profile },
      link: { kind: 'relay', toCamera: model, toViewer: model },
      arrival: { loop: 'open', kind: arrivals, perSecond: rate },
      ...{ viewers, warmUp, profile, keyframeDatagrams, stream, seed },
    },
    { signal, onProgress },
  );
}

function gridFigures(
  grid: readonly (readonly MeasuredCell[])[],
  losses: readonly number[],
  rtts: readonly number[],
): readonly string[] {
  const table = (title: string, subtitle: string, value: (cell: MeasuredCell) => number): string =>
    heatTable({
      title,
      subtitle,
      rowLabel: 'loss each way',
      columnLabel: 'RTT',
      rows: losses.map(formatPercent),
      columns: rtts.map(formatDuration),
      cells: grid.map((row) => row.map((cell) => ({ value: value(cell), text: valueText(value(cell)) }))),
      log: true,
    });
  const of =
    (name: string, quantile: Quantile) =>
    ({ cell }: MeasuredCell): number =>
      cell.measures[name]?.[quantile] ?? Number.NaN;
  return [
    table('Half of the viewers see media within', 'p50 in ms.', of(measureNames.stream, 'p50')),
    table('99 of 100 see media within', 'p99 in ms.', of(measureNames.stream, 'p99')),
    table('99 of 100 have the first frame within', 'p99 in ms.', of(measureNames.frame, 'p99')),
    table('Failures', 'Of all viewers of a cell.', ({ cell }) => failuresOf(cell)),
  ];
}
