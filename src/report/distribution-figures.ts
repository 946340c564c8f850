import { chartFigure, type Series } from './charts.ts';

/** Points of one line of a distribution. */
const POINTS = 600;

/** Something that knows its quantiles: measured, simulated, or expected. */
export interface Quantiles {
  /** The value that this fraction of all does not exceed; Infinity when it never comes. */
  quantile(fraction: number): number;
}

/** One distribution of times in ms. */
export interface NamedDistribution {
  readonly name: string;
  readonly of: Quantiles;
  /** Drawn dashed: what theory expects. */
  readonly expected?: boolean;
}

const percent = (share: number): string => `${Number((100 * share).toPrecision(6))} %`;

/**
 * Two figures: how many have it by when, and the slowest on a logarithmic scale.
 *
 * @param whatOf such as `handshakes`.
 * @param runs how many there were: the tail is drawn down to one of them.
 * @param longestMs where the first figure ends when a 99th percentile is endless.
 * @param suffix told after the titles, to tell the figures of several cells of a page apart.
 */
export function distributionFigures(
  distributions: readonly NamedDistribution[],
  { whatOf, runs, longestMs, suffix = '' }: DistributionLabels,
): readonly string[] {
  const lastMs = Math.max(...distributions.map(({ of }) => finite(of.quantile(0.99), longestMs)));
  const lines = (points: (of: Quantiles) => Series['points']): Series[] =>
    distributions.map(({ name, of, expected = false }) => ({ name, points: points(of), dashed: expected }));
  return [
    chartFigure({
      title: `How many see it by when${suffix}`,
      subtitle: `Share of all ${whatOf}, by time since the viewer began.`,
      x: { label: 'ms since the start', scale: 'linear', to: lastMs },
      y: { label: `share of ${whatOf}`, scale: 'linear', from: 0, to: 1, text: percent },
      series: lines(bodyPoints),
    }),
    chartFigure({
      title: `The slowest${suffix}`,
      subtitle: `Share of ${whatOf} that still wait, on a logarithmic scale.`,
      x: { label: 'ms since the start', scale: 'linear' },
      y: { label: 'share still waiting', scale: 'log', from: 1 / Math.max(10, runs), to: 1, text: percent },
      series: lines((of) => tailPoints(of, runs)),
    }),
  ];
}

/** See {@link distributionFigures}. */
export interface DistributionLabels {
  readonly whatOf: string;
  readonly runs: number;
  readonly longestMs: number;
  readonly suffix?: string;
}

/** The curve as steps: quantiles of equal distance. */
function bodyPoints(of: Quantiles): Series['points'] {
  return Array.from({ length: POINTS }, (_, index) => {
    const share = (index + 0.5) / POINTS;
    return [of.quantile(share), share] as const;
  });
}

/** From all to one of `runs`, by equal ratios. */
function tailPoints(of: Quantiles, runs: number): Series['points'] {
  const least = 1 / Math.max(10, runs);
  return Array.from({ length: POINTS }, (_, index) => {
    const waiting = least ** (index / (POINTS - 1));
    return [of.quantile(1 - waiting), waiting] as const;
  });
}

function finite(value: number, otherwise: number): number {
  return Number.isFinite(value) ? value : otherwise;
}
