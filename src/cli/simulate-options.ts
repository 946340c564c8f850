import { Command, Option } from 'commander';
import { formatDuration } from '../config/units.ts';
import { WORKERS_MAX } from '../io/simulation-pool.ts';
import { type ProfileName, profiles } from '../protocol/profiles.ts';
import type { HandshakeScenario } from '../sim/handshake-result.ts';
import { RUNS_MAX } from '../sim/handshake-stats.ts';
import { directions, type LinkModel } from '../sim/link-model.ts';
import { type LinkOptions, linksOf, withLinkOptions } from './link-options.ts';
import { linkText } from './link-text.ts';
import { duration, fraction, jsonOption, listOf, seedNumber, wholeNumber } from './options.ts';

/** Options of `firstframe simulate`, as commander hands them over. */
export interface SimulateOptions extends LinkOptions {
  readonly rtt?: number;
  readonly profile: ProfileName;
  readonly keyframeDatagrams?: number;
  readonly fast?: boolean;
  readonly runs: number;
  readonly seed: number;
  readonly workers?: number;
  readonly atLeast?: number;
  readonly grid?: boolean;
  readonly losses: readonly number[];
  readonly rtts: readonly number[];
  readonly report?: string;
  readonly trace?: string;
  readonly json?: boolean;
}

/** The link when nothing is said of it: 30 % loss each way, RTT 50 ms. */
const PLAIN: LinkModel = { loss: 0.3, oneWayMs: 25 };

const LOSSES = '0%,10%,20%,30%,40%,50%';
const RTTS = '0ms,20ms,50ms,100ms,200ms,400ms';
/** Rows and columns of a grid at most. */
const GRID_MAX = 20;
/** What a feed keeps of one group. */
const KEYFRAME_DATAGRAMS_MAX = 6000;

/** The command with its options, without what it does. */
export function simulateOptions(): Command {
  const losses = listOf(fraction, GRID_MAX);
  const rtts = listOf(duration, GRID_MAX);
  const command = new Command('simulate').description(
    'Many handshakes on the real engine, on virtual time and a simulated link (default: 30% loss each way, RTT 50ms): success, times to the first media, cost, and whether they are what theory expects.',
  );
  return withLinkOptions(command)
    .option('--rtt <time>', 'round trip, half of it each way', duration)
    .addOption(
      new Option('--profile <name>', 'timers: how early and how often to ask')
        .choices(Object.keys(profiles))
        .default('default'),
    )
    .option(
      '--keyframe-datagrams <number>',
      'the camera’s key frame has so many datagrams, and the first frame is waited for (default: 1, not waited for)',
      wholeNumber(1, KEYFRAME_DATAGRAMS_MAX),
    )
    .option('--fast', 'the viewer comes back with a token, and has media a round trip earlier')
    .addOption(
      new Option('--runs <number>', 'handshakes; with 1 it is told step by step')
        .argParser(wholeNumber(1, RUNS_MAX))
        .default(10_000, '10000'),
    )
    .addOption(
      new Option('--seed <number>', 'of the first handshake; the next has the next one')
        .argParser(seedNumber)
        .default(1),
    )
    .option('--workers <number>', 'threads (default: one for each core)', wholeNumber(1, WORKERS_MAX))
    .option('--at-least <percent>', 'exit with 1 if fewer succeed, such as 99.99%', fraction)
    .option('--grid', 'the same for each pair of --losses and --rtts')
    .addOption(new Option('--losses <list>', 'rows of the grid').argParser(losses).default(losses(LOSSES), LOSSES))
    .addOption(new Option('--rtts <list>', 'columns of the grid').argParser(rtts).default(rtts(RTTS), RTTS))
    .option('--report <file>', 'write an HTML page with charts')
    .option('--trace <file>', 'with --runs 1: write what happened as a Mermaid diagram')
    .addOption(jsonOption());
}

/** What does not go together; `undefined` when all does. */
export function conflictOf(options: SimulateOptions, given: (name: string) => boolean): string | undefined {
  if (options.rtt !== undefined && options.delay !== undefined) return '--rtt and --delay say the same: give one';
  if (options.trace !== undefined && options.runs !== 1) return '--trace tells of one handshake: add --runs 1';
  if (options.grid !== true) {
    const lone = ['losses', 'rtts'].find(given);
    return lone === undefined ? undefined : `--${lone} needs --grid`;
  }
  if (['loss', 'rtt', 'delay'].some(given)) return '--grid takes --losses and --rtts';
  return options.runs === 1 ? '--grid needs more than one run' : undefined;
}

/** The scenario that the options ask for. */
export function scenarioOf(options: SimulateOptions): HandshakeScenario {
  const delay: LinkOptions = options.rtt === undefined ? {} : { delay: { oneWayMs: options.rtt / 2 } };
  return {
    link: linksOf({ ...options, ...delay }, PLAIN),
    profile: profiles[options.profile],
    keyframeDatagrams: options.keyframeDatagrams ?? 1,
    untilFirstFrame: options.keyframeDatagrams !== undefined,
    fast: options.fast === true,
  };
}

/** A cell of the grid. */
export function cellOf(options: SimulateOptions, loss: number, rttMs: number): HandshakeScenario {
  return scenarioOf({ ...options, loss: { loss }, rtt: rttMs });
}

/** A scenario's link in words. */
export function pathText({ link }: Pick<HandshakeScenario, 'link'>): string {
  const { toCamera, toViewer } = directions(link);
  const rttText = `RTT ${formatDuration((toCamera.oneWayMs ?? 0) + (toViewer.oneWayMs ?? 0))}`;
  const [up, down] = [toCamera, toViewer].map((model) => linkText({ ...model, oneWayMs: 0 }));
  return up === down ? `${rttText}; each way ${up}` : `${rttText}; to the camera ${up}; to the viewer ${down}`;
}
