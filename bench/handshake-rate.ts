import { parseDuration } from '../src/config/units.ts';
import { CAMERA_WORKERS_MAX } from '../src/engine/worker-share.ts';
import {
  limitsOf,
  type MeasuredResponder,
  type ResponderKind,
  type RunningResponder,
  startResponder,
} from './handshake-responder.ts';
import { type HandshakeViewers, handshakeModes, handshakeViewers, type ViewersReport } from './handshake-viewers.ts';
import { cameraLimitsText } from './limits-text.ts';
import { listed, oneOf, option, optional, type ValuesOf, whole } from './options.ts';
import { type Cores, twoCores } from './pin.ts';
import { type BenchContext, benchPlan } from './plan.ts';
import { costOf, costOfMainThread } from './process-cost.ts';
import {
  type BenchCell,
  costSince,
  type Measure,
  type MeasureMeaning,
  measure,
  type ProcessCost,
  sumOfCosts,
} from './result.ts';

const kinds = ['c', 'dgram', 'batch'] as const satisfies readonly ResponderKind[];
/** What of the responder in C each socket is wanted to reach. */
const wantedOfC = { dgram: 0.4, batch: 0.6 } as const;
const titles = { c: 'responder in C', dgram: 'camera, dgram', batch: 'camera, batch socket' } as const;
const names = { rate: 'handshakes', cpu: 'handshakes per second of its CPU', cores: 'cores that it used' } as const;

const options = {
  responders: option('list', `what answers: ${kinds.join(', ')}`, listed(oneOf(kinds), kinds.length), kinds.join(',')),
  workers: optional('number', 'beside each camera one with so many worker threads', whole(1, CAMERA_WORKERS_MAX)),
  mode: option('mode', `security: ${handshakeModes.join(', ')}`, oneOf(handshakeModes), 'none'),
  window: option('number', 'handshakes under way at a time', whole(1, 65_536), '128'),
  repeats: option('number', 'turns of each', whole(1, 100), '5'),
  run: option('time', 'of each turn that counts', parseDuration, '3s'),
  warmUp: option('time', 'before it; sessions that were closed are kept for 3.5 s', parseDuration, '4s'),
  sockets: option('number', 'ports that viewers come from', whole(1, 64), '8'),
  addresses: option('number', 'addresses that viewers come from', whole(1, 4_194_304), '65536'),
};

/** Each viewer of mode `psk` has a socket. */
const SECURED_WINDOW_MAX = 512;

type Context = BenchContext<ValuesOf<typeof options>>;

/** What the processes of one turn cost. */
interface TurnCost {
  readonly responder: ProcessCost;
  /** Of that its first thread. */
  readonly mainThread: ProcessCost;
  readonly load: ProcessCost;
}

/** One turn of one responder. */
interface Turn extends TurnCost {
  readonly report: ViewersReport;
}

/** A responder, and what it did. */
interface Measured extends MeasuredResponder {
  readonly running: RunningResponder;
  readonly turns: Turn[];
}

/** `firstframe bench handshake-rate`. */
export const handshakeRate = benchPlan({
  name: 'handshake-rate',
  summary: 'Handshakes per second of one core, beside a responder in C.',
  description:
    'Viewers in C on one core, and on another one what answers them: a responder in C, and a camera as respond() makes it, on both of its sockets; ' +
    'they take turns, and all send the same datagrams. A handshake is START, START_ACK, START_CONFIRM and READY, and the PING that follows; ' +
    'then comes BYE, and the next one begins, each from another tuple. ' +
    'Before each turn the viewers try whether it verifies CRCs and tags; tags must be random. No media, IPv4 over loopback. ' +
    'In mode psk viewers are as initiate() has them, each with a socket of its own on which it comes again and again, and there is no responder in C. They cost about as much ' +
    'as a camera does, so that it is the CPU of the camera that counts, and not the rate. ' +
    'Per second of CPU means what a core would do that had nothing else to do: where others use the machine, it is the better figure. ' +
    'With --workers each camera has one beside it whose sessions are spread over threads. That one has all cores but that of the viewers, or theirs ' +
    'too where there are fewer than its threads: a line says so, and what each of them cost is told.',
  options,
  takesLink: false,
  conflict({ mode, window }, given) {
    if (mode === 'none') return undefined;
    if (window > SECURED_WINDOW_MAX) return `--window is at most ${SECURED_WINDOW_MAX} with --mode ${mode}`;
    const other = (['sockets', 'addresses'] as const).find(given);
    return other && `--${other} is for viewers in C, which have no mode ${mode}`;
  },
  async run(context: Context) {
    const { window, workers, mode, responders } = context.options;
    const pair = await twoCores();
    const cores = typeof pair === 'string' ? undefined : pair;
    const made = await handshakeViewers(mode, cores);
    if (typeof made === 'string') return { ...nothing, skipped: [made] };
    await using viewers = made;
    const measured = await takeTurns(context, viewers, cores);
    return {
      ...nothing,
      cells: measured.map((responder) => cellOf(responder, measured)),
      references: Object.assign({}, ...measured.map((responder) => referencesOf(responder, measured))),
      limitsRaised: cameraLimitsText(limitsOf(window, workers)),
      skipped: [
        ...(typeof pair === 'string' ? [pair] : []),
        ...(mode !== 'none' && responders.includes('c') ? [`the responder in C, which has no mode ${mode}`] : []),
      ],
    };
  },
});

const nothing = { cells: [], references: {}, limitsRaised: {}, skipped: [], figures: [] } as const;

/** Every responder that is asked for, and after each camera the same with workers. */
function respondersOf({ responders, workers, mode }: Context['options']): readonly MeasuredResponder[] {
  const kept = [...new Set(responders)].filter((kind) => kind !== 'c' || mode === 'none');
  return kept.flatMap((kind) => [
    { kind, mode, workers: undefined },
    ...(workers === undefined || kind === 'c' ? [] : [{ kind, mode, workers }]),
  ]);
}

/** @returns those that had a turn at least. */
async function takeTurns(
  context: Context,
  viewers: HandshakeViewers,
  cores: Cores | undefined,
): Promise<readonly Measured[]> {
  const { repeats, window } = context.options;
  const all: Measured[] = [];
  try {
    for (const asked of respondersOf(context.options)) {
      const running = await startResponder(asked, { program: viewers.responderProgram, window, cores });
      all.push({ ...asked, running, turns: [] });
      if (asked.workers !== undefined) context.say(coresText(asked, running, cores));
    }
    // The first turn of each is for the compiler, and does not count.
    for (let turn = -1; turn < repeats; turn++) {
      for (const [index, { running, turns }] of all.entries()) {
        if (context.signal.aborted) break;
        context.progress('turns', (turn + 1) * all.length + index, (repeats + 1) * all.length);
        const took = await takeTurn(context, running, viewers, turn);
        if (turn >= 0 && took !== undefined) turns.push(took);
        // Nobody comes after the last one.
        if (turn < repeats - 1 || index < all.length - 1) await running.calm(context.signal);
      }
    }
  } finally {
    for (const { running } of all) await running[Symbol.asyncDispose]();
  }
  return all.filter(({ turns }) => turns.length > 0);
}

const isShared = ({ cores }: RunningResponder, { load }: Cores): boolean => cores?.includes(load) === true;

function coresText(asked: MeasuredResponder, running: RunningResponder, cores: Cores | undefined): string {
  const who = `${titleOf(asked)} (${running.sharing})`;
  if (cores === undefined || running.cores === undefined) return `${who}: on any core, as the viewers`;
  const shared = isShared(running, cores)
    ? `shares core ${cores.load} with the viewers`
    : 'shares none with the viewers';
  return `${who}: on cores ${running.cores.join(', ')}, ${shared}`;
}

/** @returns `undefined` when it was interrupted. */
async function takeTurn(
  { options: given, seed, signal }: Context,
  { port, pid, randomTagBits }: RunningResponder,
  viewers: HandshakeViewers,
  turn: number,
): Promise<Turn | undefined> {
  const { window, sockets, addresses, warmUp, run } = given;
  const costs: TurnCost[] = [];
  const drawn = { window, sockets, addresses, seed: (seed + turn + 1) >>> 0 };
  const asked = { port, ...drawn, warmUpMs: warmUp, runMs: run, randomTagBits };
  const report = await viewers.run(asked, signal, async (viewersPid) => {
    const [responder, mainThread, own] = await Promise.all([costOf(pid), costOfMainThread(pid), costOf(viewersPid)]);
    costs.push({ responder, mainThread, load: own });
  });
  const [before, after] = costs;
  if (report === undefined || before === undefined || after === undefined) return undefined;
  return {
    report,
    responder: costSince(after.responder, before.responder),
    mainThread: costSince(after.mainThread, before.mainThread),
    load: costSince(after.load, before.load),
  };
}

const cpuOf = ({ responder: { cpuUserMs, cpuSystemMs } }: Turn): number => cpuUserMs + cpuSystemMs;
const perSecond = ({ report: { ready, elapsedMs } }: Turn): number => (1000 * ready) / elapsedMs;
const perCpuSecond = (turn: Turn): number => (1000 * turn.report.ready) / cpuOf(turn);

function titleOf({ kind, mode, workers }: MeasuredResponder): string {
  const title = mode === 'none' ? titles[kind] : `${titles[kind]}, ${mode}`;
  return workers === undefined ? title : `${title}, ${workers} ${workers === 1 ? 'worker' : 'workers'}`;
}

/** What a responder is compared with: one thread of the same, and that with the one in C. */
function comparedWith({ kind, workers }: MeasuredResponder, all: readonly Measured[]): Measured | undefined {
  if (workers !== undefined) return all.find((other) => other.kind === kind && other.workers === undefined);
  return kind === 'c' ? undefined : all.find((other) => other.kind === 'c');
}

const referenceName = (name: keyof typeof names, responder: MeasuredResponder): string =>
  `${names[name]}, ${titleOf(responder)}`;

function measuresOf(turns: readonly Turn[], meaning: (name: keyof typeof names) => Partial<MeasureMeaning>) {
  const common = { unit: '/s', better: 'higher' } as const;
  return {
    rate: measure(turns.map(perSecond), { ...common, ...meaning('rate') }),
    cpu: measure(turns.map(perCpuSecond), { ...common, ...meaning('cpu') }),
  };
}

/** Its measures as references, when another is compared with it. */
function referencesOf(responder: Measured, all: readonly Measured[]): Readonly<Record<string, Measure>> {
  if (responder.kind !== 'c' && !all.some((other) => comparedWith(other, all) === responder)) return {};
  const { rate, cpu } = measuresOf(responder.turns, () => ({}));
  return { [referenceName('rate', responder)]: rate, [referenceName('cpu', responder)]: cpu };
}

function cellOf(responder: Measured, all: readonly Measured[]): BenchCell {
  const { kind, mode, workers, turns, running } = responder;
  const reference = comparedWith(responder, all);
  const { rate, cpu } = measuresOf(turns, (name) => {
    if (reference === undefined) return {};
    const wanted = { quantile: 'p50', of: 'reference' } as const;
    return {
      reference: referenceName(name, reference),
      ...(workers === undefined && kind !== 'c' ? { wanted: { ...wanted, bound: wantedOfC[kind] } } : {}),
    };
  });
  const cores = measure(
    turns.map((turn) => cpuOf(turn) / turn.report.elapsedMs),
    { unit: 'cores' },
  );
  return {
    name: titleOf(responder),
    parameters: {
      responder: kind,
      ...(mode === 'none' ? {} : { mode }),
      ...(workers === undefined
        ? {}
        : { workers, sharing: running.sharing ?? '', cores: running.cores?.join(',') ?? 'any' }),
    },
    attempts: turns.reduce((all, { report }) => all + report.ready, 0),
    failures: sumsOf(turns.map(({ report }) => report.failures).map(withoutZeros)),
    measures: { [names.rate]: rate, [names.cpu]: cpu, [names.cores]: cores },
    totals: sumsOf(turns.map(({ report }) => report.totals)),
    processes: {
      answers: sumOfCosts(turns.map(({ responder: cost }) => cost)),
      ...(workers === undefined
        ? {}
        : { 'of it the main thread': sumOfCosts(turns.map(({ mainThread }) => mainThread)) }),
      viewers: sumOfCosts(turns.map(({ load }) => load)),
    },
    lateness: {},
  };
}

/** Sums of what each has by the same names. */
function sumsOf(turns: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {};
  for (const turn of turns) for (const [name, count] of Object.entries(turn)) sums[name] = (sums[name] ?? 0) + count;
  return sums;
}

function withoutZeros(counts: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0));
}
