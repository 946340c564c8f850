import { Command, InvalidArgumentError, Option } from 'commander';
import { formatBytes, formatDuration, formatPercent, formatRate } from '../config/units.ts';
import { WORKERS_MAX } from '../io/simulation-pool.ts';
import { type ProfileName, profiles } from '../protocol/profiles.ts';
import type { HandshakeScenario } from '../sim/handshake-result.ts';
import { RUNS_MAX } from '../sim/handshake-stats.ts';
import { bursts, type LinkModel } from '../sim/link-model.ts';
import { type PresetName, presets } from '../sim/presets.ts';
import { duration, fraction, listOf, rate, size, wholeNumber } from './options.ts';

/** Options of `firstframe simulate`, as commander hands them over. */
export interface SimulateOptions {
  readonly loss?: number;
  readonly rtt?: number;
  readonly jitter?: number;
  readonly duplicate?: number;
  readonly reorder?: number;
  readonly corrupt?: number;
  readonly burst?: BurstOption;
  readonly rate?: number;
  readonly mtu?: number;
  readonly preset?: PresetName;
  readonly profile: ProfileName;
  readonly keyframeDatagrams?: number;
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

/** `--burst 10%,5`: this share is lost, in runs of this mean length. */
export interface BurstOption {
  readonly share: number;
  readonly length: number;
}

/** Without a preset and without its own option. */
const LOSS_DEFAULT = 0.3;
const RTT_DEFAULT_MS = 50;

const LOSSES_DEFAULT = '0%,10%,20%,30%,40%,50%';
const RTTS_DEFAULT = '0ms,20ms,50ms,100ms,200ms,400ms';
/** Rows and columns of a grid at most. */
const GRID_MAX = 20;
/** IPv4 and UDP headers, which an MTU counts and a datagram size does not. */
const HEADERS_BYTES = 28;
/** What a feed keeps of one group. */
const KEYFRAME_DATAGRAMS_MAX = 6000;

/** The command with its options, without what it does. */
export function simulateOptions(): Command {
  return new Command('simulate')
    .description(
      'Many handshakes on the real engine, on virtual time and a simulated link: success, times to the first media, cost, and whether they are what theory expects.',
    )
    .option('--loss <percent>', 'lost each way, each datagram by itself (default: 30%, or the preset’s)', fraction)
    .option('--rtt <time>', 'round trip, half of it each way (default: 50ms, or the preset’s)', duration)
    .option('--jitter <time>', 'up to so much more each way; later ones may overtake', duration)
    .option('--duplicate <percent>', 'arrive twice', fraction)
    .option('--reorder <percent>', 'are held back for 10 to 20 ms', fraction)
    .option('--corrupt <percent>', 'arrive with one bit flipped', fraction)
    .option('--burst <share,length>', 'lost in runs, beside --loss: the share and the mean run, such as 10%,5', burst)
    .option('--rate <rate>', 'bottleneck each way, such as 2Mbit/s, with 64 KiB of queue', rate)
    .option('--mtu <size>', 'larger IPv4 packets never arrive', mtu)
    .addOption(new Option('--preset <name>', 'a link that users have').choices(Object.keys(presets)))
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
    .addOption(
      new Option('--runs <number>', 'handshakes; with 1 it is told step by step')
        .argParser(wholeNumber(1, RUNS_MAX))
        .default(10_000, '10000'),
    )
    .addOption(
      new Option('--seed <number>', 'of the first handshake; the next has the next one')
        .argParser(wholeNumber(0, 2 ** 32 - 1))
        .default(1),
    )
    .option('--workers <number>', 'threads (default: one for each core)', wholeNumber(1, WORKERS_MAX))
    .option('--at-least <percent>', 'exit with 1 if fewer succeed, such as 99.99%', fraction)
    .option('--grid', 'the same for each pair of --losses and --rtts')
    .addOption(
      new Option('--losses <list>', 'rows of the grid')
        .argParser(listOf(fraction, GRID_MAX))
        .default(listOf(fraction, GRID_MAX)(LOSSES_DEFAULT), LOSSES_DEFAULT),
    )
    .addOption(
      new Option('--rtts <list>', 'columns of the grid')
        .argParser(listOf(duration, GRID_MAX))
        .default(listOf(duration, GRID_MAX)(RTTS_DEFAULT), RTTS_DEFAULT),
    )
    .option('--report <file>', 'write an HTML page with charts')
    .option('--trace <file>', 'with --runs 1: write what happened as a Mermaid diagram')
    .option('--json', 'JSON lines on stdout instead of text for people');
}

/** What does not go together; `undefined` when all does. */
export function conflictOf(options: SimulateOptions, given: (name: string) => boolean): string | undefined {
  if (options.trace !== undefined && options.runs !== 1) return '--trace tells of one handshake: add --runs 1';
  if (options.grid !== true) {
    const lone = ['losses', 'rtts'].find(given);
    return lone === undefined ? undefined : `--${lone} needs --grid`;
  }
  if (options.loss !== undefined || options.rtt !== undefined) return '--grid takes --losses and --rtts';
  return options.runs === 1 ? '--grid needs more than one run' : undefined;
}

/** The scenario that the options ask for. */
export function scenarioOf(options: SimulateOptions): HandshakeScenario {
  const base = options.preset === undefined ? { toCamera: {}, toViewer: {} } : presets[options.preset];
  const oneWayMs = options.rtt ?? (options.preset === undefined ? RTT_DEFAULT_MS : undefined);
  const loss = options.loss ?? (options.preset === undefined ? LOSS_DEFAULT : undefined);
  const own: LinkModel = {
    ...(loss === undefined ? {} : { loss }),
    ...(oneWayMs === undefined ? {} : { oneWayMs: oneWayMs / 2 }),
    ...(options.jitter === undefined ? {} : { jitterMs: options.jitter }),
    ...(options.duplicate === undefined ? {} : { duplication: options.duplicate }),
    ...(options.reorder === undefined ? {} : { reorder: options.reorder }),
    ...(options.corrupt === undefined ? {} : { corruption: options.corrupt }),
    ...(options.burst === undefined ? {} : { burst: bursts(options.burst.share, options.burst.length) }),
    ...(options.rate === undefined ? {} : { bitsPerSecond: options.rate }),
    ...(options.mtu === undefined ? {} : { datagramBytesMax: options.mtu - HEADERS_BYTES }),
  };
  return {
    link: { toCamera: { ...base.toCamera, ...own }, toViewer: { ...base.toViewer, ...own } },
    profile: profiles[options.profile],
    keyframeDatagrams: options.keyframeDatagrams ?? 1,
    untilFirstFrame: options.keyframeDatagrams !== undefined,
  };
}

/** A link in words; both directions if they differ. */
export function linkText({ link }: HandshakeScenario): string {
  const { toCamera, toViewer } = 'toCamera' in link ? link : { toCamera: link, toViewer: link };
  const rttText = `RTT ${formatDuration((toCamera.oneWayMs ?? 0) + (toViewer.oneWayMs ?? 0))}`;
  const [there, back] = [impairments(toCamera), impairments(toViewer)];
  if (there === back) return `${rttText}; each way ${there}`;
  return `${rttText}; to the camera ${there}; to the viewer ${back}`;
}

function impairments(model: LinkModel): string {
  const { loss = 0, burst, jitterMs = 0, duplication = 0, reorder = 0, corruption = 0 } = model;
  const lost = burst === undefined ? 0 : burst.enter / (burst.enter + burst.leave);
  return [
    `${formatPercent(loss)} loss`,
    ...(burst === undefined ? [] : [`${formatPercent(lost)} lost in runs of ${(1 / burst.leave).toFixed(1)}`]),
    ...(jitterMs === 0 ? [] : [`jitter up to ${formatDuration(jitterMs)}`]),
    ...(duplication === 0 ? [] : [`${formatPercent(duplication)} twice`]),
    ...(reorder === 0 ? [] : [`${formatPercent(reorder)} held back`]),
    ...(corruption === 0 ? [] : [`${formatPercent(corruption)} damaged`]),
    ...(model.bitsPerSecond === undefined ? [] : [formatRate(model.bitsPerSecond)]),
    ...(model.datagramBytesMax === undefined ? [] : [`datagrams up to ${formatBytes(model.datagramBytesMax)}`]),
  ].join(', ');
}

function burst(text: string): BurstOption {
  const [share = '', length = '', ...rest] = text.split(',');
  const datagrams = Number(length);
  if (rest.length > 0 || !(datagrams >= 1 && datagrams <= 10_000)) {
    throw new InvalidArgumentError('Write a share and a mean run of 1 to 10000 datagrams, such as 10%,5.');
  }
  const lost = fraction(share);
  if (lost > 0.95) throw new InvalidArgumentError('The share lost in runs is at most 95%.');
  return { share: lost, length: datagrams };
}

function mtu(text: string): number {
  const bytes = size(text);
  if (bytes >= 68 && bytes <= 65_535) return bytes;
  throw new InvalidArgumentError('An MTU has 68B to 65535B.');
}
