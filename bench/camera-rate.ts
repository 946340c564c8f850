import { setTimeout as wait } from 'node:timers/promises';
import { parseDuration, parseSize } from '../src/config/units.ts';
import { Child } from './child.ts';
import { listed, oneOf, option, type ValuesOf, whole } from './options.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import type { CameraOptions, CameraReady, CameraReport } from './processes/camera.ts';
import type { WatchersOptions, WatchersReport } from './processes/watchers.ts';
import { type BenchCell, costSince, type Measure, measure, type ProcessCost, sumOfCosts } from './result.ts';

const sockets = ['dgram', 'batch'] as const;
/** Between the confirm of the last viewer and what counts, ms. */
const SETTLED_MS = 500;

const options = {
  sockets: option('list', 'dgram, batch', listed(oneOf(sockets), sockets.length), sockets.join(',')),
  viewers: option('number', 'of one stream', whole(1, 10_000), '20'),
  frame: option('size', 'of each test frame', parseSize, '40kB'),
  fps: option('number', 'frames in a second', whole(1, 1000), '30'),
  repeats: option('number', 'cameras on each socket, one after the other', whole(1, 100), '3'),
  run: option('time', 'of each that counts', parseDuration, '2s'),
};

type SocketName = (typeof sockets)[number];
type Context = BenchContext<ValuesOf<typeof options>>;

/** What one camera did while it was watched. */
interface Turn {
  readonly perSecond: number;
  readonly cpuUs: number;
  readonly sent: number;
  readonly dropped: number;
  readonly received: number;
  readonly ended: number;
  readonly camera: ProcessCost;
  readonly viewers: ProcessCost;
}

/** `firstframe bench camera-rate`. */
export const cameraRate = benchPlan({
  name: 'camera-rate',
  summary: 'What a media datagram costs a camera with everything that belongs to it, by each socket.',
  description:
    'A camera as respond() makes it, with test frames, in a process of its own, and viewers in another one that count and throw away. ' +
    'CPU time of the camera’s process over what it sent; sockets take turns. What its queue had no room for was not sent and does not count.',
  options,
  takesLink: false,
  async run(context: Context): Promise<BenchOutcome> {
    const { sockets: kinds, repeats } = context.options;
    const turns = new Map<SocketName, Turn[]>(kinds.map((kind) => [kind, []]));
    let done = 0;
    for (let repeat = 0; repeat < repeats; repeat++) {
      for (const [kind, ofKind] of turns) {
        if (context.signal.aborted) break;
        context.progress('cameras', done++, repeats * turns.size);
        ofKind.push(await measureCamera(context, kind));
      }
    }
    const measured = [...turns].filter(([, ofKind]) => ofKind.length > 0);
    const reference = turns.get('dgram') ?? [];
    return {
      cells: measured.map(([kind, ofKind]) => cellOf(kind, ofKind, kind !== 'dgram' && reference.length > 0)),
      references: reference.length === 0 ? {} : referencesOf(reference),
      limitsRaised: {},
      skipped: [],
      figures: [],
    };
  },
});

const names = { rate: 'media datagrams', cpu: 'CPU of a datagram' } as const;
const referenceName = (name: string): string => `${name}, dgram`;

/** One camera with all its viewers, once. */
async function measureCamera({ options: given, signal }: Context, socket: SocketName): Promise<Turn> {
  const { viewers, frame: frameBytes, fps: framesPerSecond, run } = given;
  const asked: CameraOptions = {
    ...{ stream: 'test', frameBytes, framesPerSecond, limits: {} },
    ...{ socket, repair: false },
  };
  await using camera = await Child.start<CameraReady, CameraReport>('camera', asked);
  const watch: WatchersOptions = { target: `127.0.0.1:${camera.ready.port}`, viewers };
  await using watchers = await Child.start<undefined, WatchersReport>('watchers', watch);
  await waitFor(SETTLED_MS, signal);
  const from = performance.now();
  const before = { camera: await camera.report(), watchers: await watchers.report() };
  await waitFor(run, signal);
  const elapsedMs = performance.now() - from;
  const after = { camera: await camera.report(), watchers: await watchers.report() };
  const grown = (name: 'mediaDatagramsSent' | 'sendQueueDropped'): number =>
    after.camera.report[name] - before.camera.report[name];
  const dropped = grown('sendQueueDropped');
  const sent = grown('mediaDatagramsSent') - dropped;
  const cost = costSince(after.camera.cost, before.camera.cost);
  return {
    perSecond: (1000 * sent) / elapsedMs,
    cpuUs: (1000 * (cost.cpuUserMs + cost.cpuSystemMs)) / sent,
    ...{ sent, dropped },
    received: after.watchers.report.datagramsReceived - before.watchers.report.datagramsReceived,
    ended: after.watchers.report.ended,
    camera: cost,
    viewers: costSince(after.watchers.cost, before.watchers.cost),
  };
}

/** Until then, or until it was interrupted. */
async function waitFor(ms: number, signal: AbortSignal): Promise<void> {
  await wait(ms, undefined, { signal }).catch(() => {});
}

function measuresOf(turns: readonly Turn[], hasReference: boolean): Readonly<Record<string, Measure>> {
  const reference = (name: string): string | undefined => (hasReference ? referenceName(name) : undefined);
  const rates = turns.map(({ perSecond }) => perSecond);
  return {
    [names.rate]: measure(rates, { unit: '/s', better: 'higher', reference: reference(names.rate) }),
    [names.cpu]: measure(
      turns.map(({ cpuUs }) => cpuUs),
      { unit: 'us', reference: reference(names.cpu) },
    ),
  };
}

function referencesOf(turns: readonly Turn[]): Readonly<Record<string, Measure>> {
  return Object.fromEntries(
    Object.entries(measuresOf(turns, false)).map(([name, value]) => [referenceName(name), value]),
  );
}

function cellOf(socket: SocketName, turns: readonly Turn[], hasReference: boolean): BenchCell {
  const sum = (of: (turn: Turn) => number): number => turns.reduce((all, turn) => all + of(turn), 0);
  const ended = sum((turn) => turn.ended);
  return {
    name: `camera, ${socket}`,
    parameters: { socket },
    attempts: sum(({ sent }) => sent),
    failures: ended === 0 ? {} : { 'viewers that ended': ended },
    measures: measuresOf(turns, hasReference),
    totals: {
      'datagrams sent': sum(({ sent }) => sent),
      'dropped for want of room': sum(({ dropped }) => dropped),
      'that viewers counted': sum(({ received }) => received),
    },
    processes: {
      camera: sumOfCosts(turns.map(({ camera }) => camera)),
      viewers: sumOfCosts(turns.map(({ viewers }) => viewers)),
    },
    lateness: {},
  };
}
