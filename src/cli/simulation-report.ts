import type { Axis } from '../report/axis.ts';
import { chartFigure } from '../report/charts.ts';
import { distributionFigures, type NamedDistribution, type Quantiles } from '../report/distribution-figures.ts';
import { heatTable } from '../report/heat-table.ts';
import { htmlPage } from '../report/html.ts';
import { describeMachine } from '../report/machine.ts';
import { count } from './progress.ts';
import { cameraText, msText, type SimulationOutcome, shareText, theoryText } from './simulation-text.ts';

/** A page for one scenario: the distribution, its tail, and what theory expects. */
export function outcomePage(outcome: SimulationOutcome, link: string): string {
  const { timesToStream, timesToFirstFrame, theory, stats, scenario } = outcome;
  const runs = timesToStream.count;
  const distributions: readonly NamedDistribution[] = [
    ...(timesToFirstFrame.count === 0 ? [] : [{ name: 'time to first frame, simulated', of: timesToFirstFrame }]),
    { name: 'time to stream, simulated', of: timesToStream },
    ...(theory === undefined ? [] : [{ name: 'time to stream, expected', of: theory.expectation, expected: true }]),
  ];
  const ok = stats.outcomes.ok ?? 0;
  return htmlPage({
    title: `${count(runs)} simulated handshakes`,
    intro: [link, cameraText(scenario)],
    facts: [
      ['success', `${shareText(ok, runs)} (${count(ok)} of ${count(runs)})`],
      ['time to stream', quantileText(timesToStream)],
      ...(timesToFirstFrame.count === 0 ? [] : [['time to first frame', quantileText(timesToFirstFrame)] as const]),
      ...(theory === undefined ? [] : [['expected', quantileText(theory.expectation)] as const]),
      ['theory', theoryText(outcome)],
      ['seeds', `${outcome.seed} and on`],
      ['machine', machineText()],
    ],
    figures: distributionFigures(distributions, { whatOf: 'handshakes', runs, longestMs: timesToStream.max }),
  });
}

/** A page for a grid of losses and round trips. */
export function gridPage(
  cells: readonly (readonly SimulationOutcome[])[],
  rows: readonly string[],
  columns: readonly string[],
  rttsMs: readonly number[],
): string {
  const table = (title: string, subtitle: string, value: (outcome: SimulationOutcome) => number) =>
    heatTable({
      title,
      subtitle,
      rowLabel: 'loss each way',
      columnLabel: 'RTT',
      rows,
      columns,
      cells: cells.map((row) => row.map((outcome) => ({ value: value(outcome), text: msText(value(outcome)) }))),
      log: true,
    });
  const over = (
    title: string,
    subtitle: string,
    y: Axis,
    value: (outcome: SimulationOutcome, rttMs: number) => number,
  ) =>
    chartFigure({
      title,
      subtitle,
      x: { label: 'RTT, ms', scale: 'linear' },
      y,
      ordered: true,
      series: cells.map((row, index) => ({
        name: rows[index] ?? '',
        points: row.map((outcome, column) => {
          const rttMs = rttsMs[column] ?? 0;
          return [rttMs, value(outcome, rttMs)] as const;
        }),
      })),
    });
  const success = heatTable({
    title: 'Success',
    rowLabel: 'loss each way',
    columnLabel: 'RTT',
    rows,
    columns,
    cells: cells.map((row) =>
      row.map(({ stats }) => ({
        value: 1 - stats.success,
        text: shareText(stats.outcomes.ok ?? 0, stats.counts.runs),
      })),
    ),
  });
  const runs = cells.flat().reduce((sum, { stats }) => sum + stats.counts.runs, 0);
  return htmlPage({
    title: 'Time to stream by loss and round trip',
    intro: [`${count(runs)} simulated handshakes, each on the real engine. Times in ms.`],
    facts: [['machine', machineText()]],
    figures: [
      table('Half of the viewers see media within', 'p50 of time to stream, ms.', ({ timesToStream }) =>
        timesToStream.quantile(0.5),
      ),
      table('99 of 100 see media within', 'p99 of time to stream, ms.', ({ timesToStream }) =>
        timesToStream.quantile(0.99),
      ),
      success,
      over(
        'What loss adds',
        'p50 of time to stream beyond the two round trips that it takes without loss, a line for each loss each way.',
        { label: 'ms beyond 2 RTT', scale: 'linear', from: 0 },
        ({ timesToStream }, rttMs) => timesToStream.quantile(0.5) - 2 * rttMs,
      ),
      over(
        'The slow ones',
        'p99 of time to stream, a line for each loss each way.',
        { label: 'ms', scale: 'log', text: count },
        ({ timesToStream }) => timesToStream.quantile(0.99),
      ),
    ],
  });
}

function quantileText(of: Quantiles): string {
  return [0.5, 0.9, 0.99, 0.999]
    .map((q) => `p${100 * q} ${msText(of.quantile(q))}`)
    .join(', ')
    .concat(' ms');
}

function machineText(): string {
  const { cpu, cores, node, platform } = describeMachine();
  return `${cpu}, ${cores} cores, ${platform}, Node ${node}; simulated times do not depend on it`;
}
