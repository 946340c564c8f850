import { setTimeout as wait } from 'node:timers/promises';
import { parseDuration } from '../src/config/units.ts';
import { monotonicMs } from '../src/io/clock.ts';
import { percentiles } from '../src/report/percentiles.ts';
import { CProcess } from './c-process.ts';
import { buildProgram } from './c-program.ts';
import { Child } from './child.ts';
import { raisedLimits } from './handshake-cell.ts';
import { type LoadOutcome, runLoad } from './handshake-load.ts';
import { cameraLimitsText } from './limits-text.ts';
import { listed, oneOf, option, perSecond, type ValuesOf, whole } from './options.ts';
import { type Cores, onCore, twoCores } from './pin.ts';
import { type BenchContext, benchPlan } from './plan.ts';
import type { CameraReady } from './processes/camera.ts';
import type { FloodedCameraOptions, FloodedCameraReport } from './processes/flooded-camera.ts';
import { type BenchCell, failureCounts, measure } from './result.ts';

const cases = ['none', 'psk', 'unprotected'] as const;
const STREAM = 'time to first media';
const calmName = (kind: Case): string => `${STREAM}, ${kind}, no flood`;

const options = {
  cameras: option(
    'list',
    `what is flooded: ${cases.join(', ')}; unprotected: mode none without limits`,
    listed(oneOf(cases), cases.length),
    cases.join(','),
  ),
  flood: option('rate', 'STARTs of strangers', perSecond, '60000/s'),
  run: option('time', 'of the flood', parseDuration, '30s'),
  before: option('time', 'of viewers without a flood, for comparison', parseDuration, '10s'),
  rate: option('rate', 'viewers that begin', perSecond, '20/s'),
  addresses: option('number', 'addresses that strangers come from', whole(1, 8_000_000), '1000000'),
  sockets: option('number', 'ports that strangers come from', whole(1, 256), '64'),
};

type Case = (typeof cases)[number];
type Context = BenchContext<ValuesOf<typeof options>>;
type Camera = Child<CameraReady, FloodedCameraReport>;

/** How often a camera that was flooded is asked whether it is calm again, and how long it is waited for, ms. */
const CALM_EVERY_MS = 250;
const CALM_MS = 60_000;
/** Of the two modes that it does not matter to, whatever it is. */
const pskHex = '5a'.repeat(32);
/** A test must not fill the machine: what a camera without limits may have half-open. */
const UNPROTECTED_MAX = 1_000_000;

/** `firstframe bench flood`. */
export const flood = benchPlan({
  name: 'flood',
  summary: 'Viewers of a camera that strangers flood with STARTs.',
  description:
    'A program in C sends STARTs from many addresses of 127/8 as a spoofer would, each with a StreamId of its own, while viewers come, each from an address of its own. ' +
    'Time to first media counts from when a viewer was meant to begin. Beside it: what the flood costs the camera, and how long it takes until it is as before. ' +
    'In mode psk the strangers have no MAC1 that is right. For comparison the same flood meets a camera without limits and load mode. No link: over loopback, where a round trip is nothing.',
  options,
  takesLink: false,
  async run(context: Context) {
    const program = await buildProgram('flood');
    if (!program.ok) return { ...nothing, skipped: [program.reason] };
    const cores = await twoCores();
    const cells: BenchCell[] = [];
    try {
      for (const kind of new Set(context.options.cameras)) {
        if (context.signal.aborted) break;
        cells.push(...(await floodOne(context, kind, program.path, typeof cores === 'string' ? undefined : cores)));
      }
    } finally {
      await program.dispose();
    }
    return {
      ...nothing,
      cells,
      limitsRaised: context.options.cameras.includes('unprotected') ? cameraLimitsText(unprotected) : {},
      skipped: typeof cores === 'string' ? [cores] : [],
    };
  },
});

const nothing = { cells: [], references: {}, limitsRaised: {}, skipped: [], figures: [] } as const;
const unprotected = raisedLimits(UNPROTECTED_MAX, 0).camera;

/** The two cells of one camera: before the flood, and in it. */
async function floodOne(context: Context, kind: Case, path: string, cores: Cores | undefined): Promise<BenchCell[]> {
  const { before: beforeMs, run: runMs } = context.options;
  const given: FloodedCameraOptions = {
    limits: kind === 'unprotected' ? unprotected : {},
    pskHex: kind === 'psk' ? pskHex : undefined,
  };
  await using camera = await Child.start<CameraReady, FloodedCameraReport>(
    'flooded-camera',
    given,
    onCore(cores?.measured),
  );
  const calm = await watch(context, kind, camera, beforeMs, 0);
  const at = { before: await camera.report() };
  const flooding = startFlood(context, kind, path, camera.ready.port, cores);
  const flooded = await watch(context, kind, camera, runMs, calm.samples.length);
  // The last viewer may leave before the last stranger came.
  const sent = await flooding;
  const during = await camera.report();
  const back = await untilCalm(camera, context.signal);
  const viewers = flooded.samples.length;
  const bound = percentiles(times(calm)).p99 + (kind === 'psk' ? 20 : 200);
  return [
    {
      ...cellOf(`${kind}, no flood`, calm),
      measures: { [calmName(kind)]: measure(times(calm), { unit: 'ms' }) },
    },
    {
      ...cellOf(`${kind}, flooded`, flooded),
      measures: {
        [STREAM]: measure(times(flooded), {
          unit: 'ms',
          reference: calmName(kind),
          ...(kind === 'unprotected' ? {} : { wanted: { quantile: 'p99', of: 'value', bound } }),
        }),
      },
      totals: {
        'STARTs of strangers': sent,
        'sessions beyond viewers': Math.max(
          0,
          during.report.handshakesStarted - at.before.report.handshakesStarted - viewers,
        ),
        RETRYs: during.report.retriesSent - at.before.report.retriesSent,
        'bytes in use more at the end of the flood': during.report.heapBytes - at.before.report.heapBytes,
        'bytes in use more afterwards': back.heapBytes - at.before.report.heapBytes,
        'ms until calm': back.afterMs,
        'ms until strangers are gone': back.emptyAfterMs,
      },
    },
  ];
}

/** Viewers for so long, each from an address of its own. */
async function watch(context: Context, kind: Case, camera: Camera, forMs: number, first: number): Promise<LoadOutcome> {
  const { rate } = context.options;
  const viewers = Math.max(1, Math.round((rate * forMs) / 1000));
  return await runLoad({
    target: `127.0.0.1:${camera.ready.port}/bench`,
    viewers,
    arrival: { loop: 'open', kind: 'poisson', perSecond: rate },
    seed: (context.seed + first) >>> 0,
    optionsOf: (index) => ({
      localAddress: addressOf(first + index),
      ...(kind === 'psk' ? { security: { mode: 'psk', psk: Buffer.from(pskHex, 'hex') } } : {}),
    }),
    signal: context.signal,
    onProgress: (done) => context.progress(`viewers, ${kind}`, done, viewers),
  });
}

/** 127.0.1.0 and those after it, below those of strangers. */
function addressOf(index: number): string {
  return `127.0.${1 + ((index >> 8) % 255)}.${index & 255}`;
}

/** @returns how many STARTs it sent. */
async function startFlood(
  { options: given, seed, signal }: Context,
  kind: Case,
  path: string,
  port: number,
  cores: Cores | undefined,
): Promise<number> {
  const { flood: rate, run, addresses, sockets } = given;
  const args = [port, rate, run / 1000, addresses, sockets, seed, kind === 'psk' ? 'psk' : 'clear'].map(String);
  await using running = new CProcess(cores?.load, path, args);
  const stop = (): void => void running[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop, { once: true });
  try {
    return (JSON.parse(await running.line()) as { readonly sent: number }).sent;
  } catch (error) {
    if (signal.aborted) return 0;
    throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Until load mode is over, and until no stranger's session is left. */
async function untilCalm(camera: Camera, signal: AbortSignal) {
  const beganAtMs = monotonicMs();
  let afterMs: number | undefined;
  for (;;) {
    const { report } = await camera.report();
    const nowMs = monotonicMs() - beganAtMs;
    if (!report.underLoad) afterMs ??= nowMs;
    if ((afterMs !== undefined && report.pending === 0) || nowMs > CALM_MS || signal.aborted) {
      return { afterMs: Math.round(afterMs ?? nowMs), emptyAfterMs: Math.round(nowMs), heapBytes: report.heapBytes };
    }
    await wait(CALM_EVERY_MS);
  }
}

const times = ({ samples }: LoadOutcome): number[] => samples.map(({ toStreamMs }) => toStreamMs);

function cellOf(name: string, { samples, lateness }: LoadOutcome): Omit<BenchCell, 'measures'> {
  return {
    name,
    parameters: {},
    attempts: samples.length,
    failures: failureCounts(samples),
    totals: {},
    processes: {},
    lateness: { viewers: lateness },
  };
}
