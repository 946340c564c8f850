import { setTimeout as wait } from 'node:timers/promises';
import { parseDuration } from '../src/config/units.ts';
import { testSource } from '../src/io/sources/test-source.ts';
import { buildSdp } from '../src/media/sdp.ts';
import { CResponder, type HandshakePrograms, handshakePrograms, type LoadReport, runCLoad } from './c-load.ts';
import { Child } from './child.ts';
import { raisedLimits } from './handshake-cell.ts';
import { cameraLimitsText } from './limits-text.ts';
import { listed, oneOf, option, type ValuesOf, whole } from './options.ts';
import { type Cores, onCore, twoCores } from './pin.ts';
import { type BenchContext, benchPlan } from './plan.ts';
import { costOf } from './process-cost.ts';
import type { CameraOptions, CameraReady, CameraReport } from './processes/camera.ts';
import {
  type BenchCell,
  costSince,
  type Measure,
  type MeasureMeaning,
  measure,
  type ProcessCost,
  sumOfCosts,
} from './result.ts';

const kinds = ['c', 'dgram', 'batch'] as const;
/** What of the responder in C each socket is wanted to reach. */
const wantedOfC = { dgram: 0.4, batch: 0.6 } as const;
const titles = { c: 'responder in C', dgram: 'camera, dgram', batch: 'camera, batch socket' } as const;
const names = { rate: 'handshakes', cpu: 'handshakes per second of its CPU' } as const;
const referenceName = (name: keyof typeof names): string => `${names[name]}, ${titles.c}`;

/** As a camera's stream that is called `bench`. */
const STREAM = 'bench';
/** Longer than a camera remembers a session that was closed, ms. */
const FORGOTTEN_MS = 10_000;

const options = {
  responders: option('list', `what answers: ${kinds.join(', ')}`, listed(oneOf(kinds), kinds.length), kinds.join(',')),
  window: option('number', 'handshakes under way at a time', whole(1, 65_536), '128'),
  repeats: option('number', 'turns of each', whole(1, 100), '5'),
  run: option('time', 'of each turn that counts', parseDuration, '3s'),
  warmUp: option('time', 'before it; sessions that were closed are kept for 3.5 s', parseDuration, '4s'),
  sockets: option('number', 'ports that viewers come from', whole(1, 64), '8'),
  addresses: option('number', 'addresses that viewers come from', whole(1, 4_194_304), '65536'),
};

type Kind = (typeof kinds)[number];
type Context = BenchContext<ValuesOf<typeof options>>;

/** One turn of one responder. */
interface Turn {
  readonly report: LoadReport;
  readonly responder: ProcessCost;
  readonly load: ProcessCost;
}

/** A responder that can be loaded again and again. */
interface Responder extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Waits until it has forgotten all sessions. */
  calm(): Promise<void>;
}

/** `firstframe bench handshake-rate`. */
export const handshakeRate = benchPlan({
  name: 'handshake-rate',
  summary: 'Handshakes per second of one core, beside a responder in C.',
  description:
    'Viewers in C on one core, and on another one what answers them: a responder in C, and a camera as respond() makes it, on both of its sockets; ' +
    'they take turns, and all send the same datagrams. A handshake is START, START_ACK, START_CONFIRM and READY, and the PING that follows; ' +
    'then comes BYE, and the next one begins, each from another tuple. ' +
    'Before each turn the viewers try whether it verifies CRCs and tags; tags must be random. No media, no security, IPv4 over loopback. ' +
    'Per second of CPU means what a core would do that had nothing else to do: where others use the machine, it is the better figure.',
  options,
  takesLink: false,
  async run(context: Context) {
    const programs = await handshakePrograms();
    if (typeof programs === 'string') return { ...nothing, skipped: [programs] };
    await using compiled = programs;
    const cores = await twoCores();
    const turns = await takeTurns(context, compiled, typeof cores === 'string' ? undefined : cores);
    const measured = context.options.responders.filter((kind) => (turns.get(kind)?.length ?? 0) > 0);
    const inC = turns.get('c') ?? [];
    return {
      ...nothing,
      cells: measured.map((kind) => cellOf(kind, turns.get(kind) ?? [], inC.length > 0)),
      references: inC.length === 0 ? {} : referencesOf(inC),
      limitsRaised: cameraLimitsText(limitsOf(context)),
      skipped: typeof cores === 'string' ? [cores] : [],
    };
  },
});

const nothing = { cells: [], references: {}, limitsRaised: {}, skipped: [], figures: [] } as const;

async function takeTurns(
  context: Context,
  programs: HandshakePrograms,
  cores: Cores | undefined,
): Promise<ReadonlyMap<Kind, readonly Turn[]>> {
  const { responders, repeats } = context.options;
  const turns = new Map<Kind, Turn[]>(responders.map((kind) => [kind, []]));
  const running = new Map<Kind, Responder>();
  try {
    for (const kind of turns.keys()) {
      running.set(kind, await startResponder(kind, context, programs, cores?.measured));
    }
    // The first turn of each is for the compiler, and does not count.
    for (let turn = -1; turn < repeats; turn++) {
      for (const [kind, responder] of running) {
        if (context.signal.aborted) return turns;
        context.progress('turns', (turn + 1) * running.size, (repeats + 1) * running.size);
        const took = await takeTurn(context, responder, programs, cores, turn);
        if (turn >= 0 && took !== undefined) turns.get(kind)?.push(took);
        // Nobody comes after the last one.
        if (turn < repeats - 1 || running.size > 1) await responder.calm();
      }
    }
    return turns;
  } finally {
    for (const responder of running.values()) await responder[Symbol.asyncDispose]();
  }
}

/** @returns `undefined` when it was interrupted. */
async function takeTurn(
  { options: given, seed, signal }: Context,
  { port, pid }: Responder,
  { load }: HandshakePrograms,
  cores: Cores | undefined,
  turn: number,
): Promise<Turn | undefined> {
  const { window, sockets, addresses, warmUp, run } = given;
  const costs: { readonly responder: ProcessCost; readonly load: ProcessCost }[] = [];
  const asked = { port, window, sockets, addresses, warmUpMs: warmUp, runMs: run, seed: (seed + turn + 1) >>> 0 };
  try {
    const report = await runCLoad(load, asked, cores?.load, signal, async (loadPid) => {
      const [responder, own] = await Promise.all([costOf(pid), costOf(loadPid)]);
      costs.push({ responder, load: own });
    });
    const [before, after] = costs;
    if (before === undefined || after === undefined) return undefined;
    return {
      report,
      responder: costSince(after.responder, before.responder),
      load: costSince(after.load, before.load),
    };
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  }
}

async function startResponder(
  kind: Kind,
  context: Context,
  programs: HandshakePrograms,
  core: number | undefined,
): Promise<Responder> {
  if (kind === 'c') {
    const sdp = buildSdp({ streamName: STREAM, ...testSource().describe() });
    const responder = await CResponder.start(programs.responder, sdp, core);
    const { port, pid } = responder;
    const dispose = (): Promise<void> => responder[Symbol.asyncDispose]();
    // What it has to forget costs it next to nothing while others have their turn.
    return { port, pid, calm: async () => {}, [Symbol.asyncDispose]: dispose };
  }
  const asked: CameraOptions = {
    stream: 'silent',
    frameBytes: 0,
    limits: limitsOf(context),
    host: '127.0.0.1',
    socket: kind,
  };
  const camera = await Child.start<CameraReady, CameraReport>('camera', asked, onCore(core));
  const calm = async (): Promise<void> => {
    const endMs = performance.now() + FORGOTTEN_MS;
    while (performance.now() < endMs && !context.signal.aborted) {
      if ((await camera.report()).report.sessions === 0) return;
      await wait(100);
    }
  };
  const { ready, pid } = camera;
  return { port: ready.port, pid, calm, [Symbol.asyncDispose]: () => camera[Symbol.asyncDispose]() };
}

function limitsOf({ options: { window } }: Context): ReturnType<typeof raisedLimits>['camera'] {
  return raisedLimits(window, 0).camera;
}

const perSecond = ({ report: { ready, elapsedMs } }: Turn): number => (1000 * ready) / elapsedMs;
const perCpuSecond = ({ report: { ready }, responder: { cpuUserMs, cpuSystemMs } }: Turn): number =>
  (1000 * ready) / (cpuUserMs + cpuSystemMs);

function measuresOf(turns: readonly Turn[], meaning: (name: keyof typeof names) => Partial<MeasureMeaning>) {
  const common = { unit: '/s', better: 'higher' } as const;
  return {
    rate: measure(turns.map(perSecond), { ...common, ...meaning('rate') }),
    cpu: measure(turns.map(perCpuSecond), { ...common, ...meaning('cpu') }),
  };
}

function referencesOf(turns: readonly Turn[]): Readonly<Record<string, Measure>> {
  const { rate, cpu } = measuresOf(turns, () => ({}));
  return { [referenceName('rate')]: rate, [referenceName('cpu')]: cpu };
}

function cellOf(kind: Kind, turns: readonly Turn[], hasC: boolean): BenchCell {
  const { rate, cpu } = measuresOf(turns, (name) => {
    if (kind === 'c' || !hasC) return {};
    return { reference: referenceName(name), wanted: { quantile: 'p50', of: 'reference', bound: wantedOfC[kind] } };
  });
  const sum = (of: (report: LoadReport) => number): number => turns.reduce((all, { report }) => all + of(report), 0);
  const failures: Record<string, number> = {};
  for (const { report } of turns) {
    for (const [reason, count] of Object.entries(report.failures)) {
      if (count > 0) failures[reason] = (failures[reason] ?? 0) + count;
    }
  }
  return {
    name: titles[kind],
    parameters: { responder: kind },
    attempts: sum(({ ready }) => ready),
    failures,
    measures: { [names.rate]: rate, [names.cpu]: cpu },
    totals: {
      'datagrams to it': sum(({ datagramsSent }) => datagramsSent),
      'their bytes': sum(({ bytesSent }) => bytesSent),
      'datagrams from it': sum(({ datagramsReceived }) => datagramsReceived),
      'bytes of those': sum(({ bytesReceived }) => bytesReceived),
      PINGs: sum(({ pings }) => pings),
      'sent again': sum(({ repeated }) => repeated),
      RETRYs: sum(({ retries }) => retries),
    },
    processes: {
      answers: sumOfCosts(turns.map(({ responder }) => responder)),
      viewers: sumOfCosts(turns.map(({ load }) => load)),
    },
    lateness: {},
  };
}
