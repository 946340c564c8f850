import { formatBytes, formatDuration } from '../config/units.ts';
import { CONTROL_BYTES_MAX } from '../protocol/constants.ts';
import { type Comparison, FALSE_ALARM } from '../sim/comparison.ts';
import type { Distribution } from '../sim/distribution.ts';
import type { Expectation } from '../sim/expectation.ts';
import type { HandshakeScenario } from '../sim/handshake-result.ts';
import type { HandshakeStats } from '../sim/handshake-stats.ts';
import { count } from './progress.ts';

/** What was simulated, and what was expected of it. */
export interface SimulationOutcome {
  readonly scenario: HandshakeScenario;
  /** Of the first run. */
  readonly seed: number;
  readonly stats: HandshakeStats;
  readonly timesToStream: Distribution;
  /** Empty unless it was asked for. */
  readonly timesToFirstFrame: Distribution;
  /** Absent where the theory says nothing of the link. */
  readonly theory?: { readonly expectation: Expectation; readonly comparison: Comparison };
  /** What theory does not know of the link. */
  readonly whyNoTheory?: string;
}

/** The quantiles that are told. */
export const QUANTILES = [0.5, 0.9, 0.95, 0.99, 0.999] as const;

const NAME_WIDTH = 22;
const FIGURE_WIDTH = 10;

const row = (name: string, text: string): string => `${name.padEnd(NAME_WIDTH)} ${text}`.trimEnd();
const figures = (texts: readonly string[]): string => texts.map((text) => text.padStart(FIGURE_WIDTH)).join('');

/** A time in a table of ms: one decimal, `never` for Infinity. */
export function msText(ms: number): string {
  if (Number.isNaN(ms)) return '-';
  return ms === Number.POSITIVE_INFINITY ? 'never' : ms.toFixed(1);
}

/** What the camera has. */
export function cameraText({ keyframeDatagrams, fast }: HandshakeScenario): string {
  const frame =
    keyframeDatagrams === 1 ? 'one datagram' : `${keyframeDatagrams} datagrams of ${formatBytes(CONTROL_BYTES_MAX)}`;
  const returning = fast === true ? ' The viewer comes back with a token: fast mode.' : '';
  return `The camera has a key frame of ${frame} and nothing after it, and answers at once.${returning}`;
}

/** A share of counted things, in as many digits as show a single one: `99.998 %`. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '-';
  const digits = Math.max(0, Math.min(8, String(whole).length - 3));
  return `${part === whole ? '100' : ((100 * part) / whole).toFixed(digits)} %`;
}

/** One scenario's results. */
export function outcomeLines(outcome: SimulationOutcome): string[] {
  const { stats, scenario, timesToStream, timesToFirstFrame, theory } = outcome;
  const { counts } = stats;
  const wanted = scenario.untilFirstFrame ? 'a decodable frame' : 'media';
  const ok = stats.outcomes.ok ?? 0;
  const times = (name: string, distribution: Distribution): string =>
    row(name, figures([...QUANTILES.map((q) => msText(distribution.quantile(q))), msText(distribution.max)]));
  return [
    row(
      'success',
      `${shareText(ok, counts.runs)} (${count(ok)} of ${count(counts.runs)}): ${wanted} within ${formatDuration(scenario.profile.handshakeMs)}`,
    ),
    ...failureLines(stats),
    '',
    row('ms', figures([...QUANTILES.map((q) => `p${String(100 * q)}`), 'max'])),
    times('time to stream', timesToStream),
    ...(theory === undefined
      ? []
      : [row('  expected', figures(QUANTILES.map((q) => msText(theory.expectation.quantile(q)))))]),
    ...(timesToFirstFrame.count === 0 ? [] : [times('time to first frame', timesToFirstFrame)]),
    '',
    ...costLines(stats),
    row('theory', theoryText(outcome)),
    row('invariants', invariantText(stats, scenario.fast === true)),
    ...stats.firstViolations.map(({ seed, text }) => row('', `seed ${seed}: ${text}`)),
  ];
}

function failureLines({ outcomes, failedSeeds }: HandshakeStats): string[] {
  const failures = Object.entries(outcomes).filter(([outcome]) => outcome !== 'ok');
  if (failures.length === 0) return [];
  const texts = failures.map(([outcome, times]) => `${outcome} ${count(times)}`);
  return [row('failures', `${texts.join(', ')}; first seeds ${failedSeeds.join(', ')}`)];
}

function costLines({ counts }: HandshakeStats): string[] {
  const { media } = counts;
  if (media === 0) return [];
  const cost = (datagrams: number, bytes: number): string =>
    `${(datagrams / media).toFixed(1)} datagrams, ${formatBytes(bytes / media)}`;
  return [
    row(
      'cost of a success',
      `viewer ${cost(counts.datagramsToCamera, counts.bytesToCamera)}; camera ${cost(counts.datagramsToViewer, counts.bytesToViewer)}; until the first media`,
    ),
  ];
}

/** Whether theory and engine agree, and by how much they do not. */
export function theoryText({
  scenario,
  theory,
  whyNoTheory,
}: Pick<SimulationOutcome, 'scenario' | 'theory' | 'whyNoTheory'>): string {
  if (theory === undefined) return `says nothing of ${scenario.fast === true ? '' : 'a link with '}${whyNoTheory}`;
  const { comparison } = theory;
  const distance = `${comparison.distance.toFixed(4)} apart at most`;
  const bound = `chance allows ${comparison.bound.toFixed(4)}`;
  if (comparison.tooManyFailures) {
    return `DISAGREES: ${count(comparison.failures)} failures where ${comparison.failuresExpected.toPrecision(3)} are expected`;
  }
  if (comparison.agrees)
    return `agrees: the distributions are ${distance}, ${bound} once in ${count(1 / FALSE_ALARM)} times`;
  return `DISAGREES: the distributions are ${distance} (at ${msText(comparison.distanceAtMs)} ms), ${bound}`;
}

function invariantText({ counts }: HandshakeStats, fast: boolean): string {
  const early = counts.mediaBeforeConfirm;
  const none = fast ? 'media before START_CONFIRM for a token only' : 'no media before START_CONFIRM';
  const order = early === 0 ? none : `MEDIA BEFORE START_CONFIRM in ${count(early)} runs`;
  const promises = counts.violations === 0 ? '0 violations' : `${count(counts.violations)} VIOLATIONS`;
  return `${promises} of S1 to S16 in ${count(counts.runs)} runs; ${order}`;
}

/** A table of one figure for each cell. */
export function gridLines(
  title: string,
  rows: readonly string[],
  columns: readonly string[],
  cell: (row: number, column: number) => string,
): string[] {
  const lines = rows.map((name, index) => row(name, figures(columns.map((_, column) => cell(index, column)))));
  return [row(title, figures(columns)), ...lines, ''];
}
