import { parseDuration } from '../src/config/units.ts';
import { GENERIC_HEADER_BYTES } from '../src/media/generic-payload.ts';
import { RTP_CLOCK_HZ, RTP_HEADER_BYTES } from '../src/media/rtp.ts';
import { DATAGRAM_BYTES_STEPS } from '../src/protocol/constants.ts';
import type { Percentiles } from '../src/report/percentiles.ts';
import { runCounting } from './c-process.ts';
import { buildProgram } from './c-program.ts';
import { Child } from './child.ts';
import { listed, oneOf, option, type ValuesOf, whole } from './options.ts';
import { type Cores, keepFirstThread, twoCores } from './pin.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import { costOf } from './process-cost.ts';
import type { CameraOptions, CameraReady, CameraReport } from './processes/camera.ts';
import { type BenchCell, costSince, measure, type ProcessCost, type Wanted } from './result.ts';
import { TimerWatch } from './timer-watch.ts';

const sockets = ['dgram', 'batch'] as const;
const STREAMS_MAX = 10_000;
const FRAMES_PER_SECOND = 30;
/** Full datagrams of a frame: with 30 frames a second they are 2.016 Mbit/s. */
const PER_FRAME = 7;
const PORTS = 8;
/** So many streams are wanted of each socket with at most so much pacing error. */
const wantedStreams = { dgram: 200, batch: 600 } as const;
const WANTED: Wanted = { quantile: 'p99', of: 'value', bound: 5 };
const TIMER_EVERY_MS = 5;

const options = {
  streams: option('list', 'how many at a time', listed(whole(1, STREAMS_MAX), 20), '1,100,200,600,1000'),
  sockets: option('list', 'dgram, batch', listed(oneOf(sockets), sockets.length), sockets.join(',')),
  warmUp: option('time', 'between the last READY and what counts', parseDuration, '3s'),
  run: option('time', 'that counts', parseDuration, '8s'),
};

type SocketName = (typeof sockets)[number];
type Context = BenchContext<ValuesOf<typeof options>>;

/** What bench/c/pacing-viewers.c counted. */
interface PacingReport {
  readonly elapsedMs: number;
  readonly received: number;
  readonly lost: number;
  readonly repeated: number;
  readonly odd: number;
  readonly notKept: number;
  readonly lateMs: Percentiles;
}

/** `firstframe bench pacing`. */
export const pacing = benchPlan({
  name: 'pacing',
  summary: 'How exactly the datagrams of 1 to 1,000 streams leave one camera.',
  description:
    `Streams of 2 Mbit/s, ${FRAMES_PER_SECOND} frames a second of ${PER_FRAME} datagrams, each with a source and a schedule of its own, and a viewer ` +
    'each: one camera as respond() makes it, whose first thread has a core, viewers in C and V8’s threads on another. Pacing error is measured at the receiver, with the kernel’s time of arrival, ' +
    'which over loopback is that of the camera’s system call: how much later a datagram came after its frame’s RTP timestamp than the earliest one of ' +
    'the same stream and place in a frame. Lateness of source, engine and socket add up in it. Beside it, in the same seconds, how late timers of a ' +
    'process are that has nothing to do.',
  options,
  takesLink: false,
  async run(context: Context): Promise<BenchOutcome> {
    const { streams, sockets: kinds } = context.options;
    const program = await buildProgram('pacing-viewers');
    if (!program.ok) return { cells: [], references: {}, limitsRaised: {}, skipped: [program.reason], figures: [] };
    const cores = await twoCores();
    const cells: BenchCell[] = [];
    const skipped = typeof cores === 'string' ? [cores] : [];
    try {
      for (const count of streams) {
        for (const kind of kinds) {
          context.progress('cameras', cells.length, streams.length * kinds.length);
          const pinned = typeof cores === 'string' ? undefined : cores;
          if (context.signal.aborted) break;
          try {
            const cell = await measurePacing(context, program.path, kind, count, pinned);
            if (cell !== undefined) cells.push(cell);
          } catch (error) {
            // A camera that has more than it can do leaves viewers waiting; others are measured all the same.
            skipped.push(`${cellName(count, kind)}: ${error instanceof Error ? error.message : String(error)}`);
          }
        }
      }
    } finally {
      await program.dispose();
    }
    return { cells, references: {}, limitsRaised: {}, skipped, figures: [] };
  },
});

/** @returns `undefined` when it was interrupted. */
async function measurePacing(
  { options: { warmUp, run }, seed, signal }: Context,
  viewers: string,
  socket: SocketName,
  streams: number,
  cores: Cores | undefined,
): Promise<BenchCell | undefined> {
  const frameBytes = PER_FRAME * (DATAGRAM_BYTES_STEPS[0] - RTP_HEADER_BYTES - GENERIC_HEADER_BYTES);
  const asked: CameraOptions = {
    ...{ stream: 'paced', streams, frameBytes, framesPerSecond: FRAMES_PER_SECOND, seed },
    ...{ socket, host: '127.0.0.1', limits: {} },
  };
  await using camera = await Child.start<CameraReady, CameraReport>('camera', asked);
  if (cores !== undefined) await keepFirstThread(camera.pid, cores);
  const args = [camera.ready.port, streams, PORTS, PER_FRAME, RTP_CLOCK_HZ / FRAMES_PER_SECOND, warmUp, run, seed];
  const costs: (readonly [camera: ProcessCost, viewers: ProcessCost])[] = [];
  let timers: TimerWatch | undefined;
  try {
    const report = await runCounting<PacingReport>(viewers, args, cores?.load, signal, async (pid) => {
      if (timers === undefined) timers = new TimerWatch(TIMER_EVERY_MS);
      else timers[Symbol.dispose]();
      costs.push([await costOf(camera.pid), await costOf(pid)]);
    });
    const { sendQueueDropped } = (await camera.report()).report;
    const [before, after] = costs;
    if (before === undefined || after === undefined) return undefined;
    return cellOf(socket, streams, report, timers?.lateMs ?? [], {
      dropped: sendQueueDropped,
      camera: costSince(after[0], before[0]),
      viewers: costSince(after[1], before[1]),
    });
  } catch (error) {
    if (signal.aborted) return undefined;
    throw error;
  } finally {
    timers?.[Symbol.dispose]();
  }
}

function cellOf(
  socket: SocketName,
  streams: number,
  report: PacingReport,
  timersLateMs: readonly number[],
  others: { readonly dropped: number; readonly camera: ProcessCost; readonly viewers: ProcessCost },
): BenchCell {
  const reference = 'timers of an idle process, late';
  const wanted = streams <= wantedStreams[socket] ? { wanted: WANTED } : {};
  const { elapsedMs, received, lost, repeated, odd, notKept, lateMs } = report;
  const cpuMs = others.camera.cpuUserMs + others.camera.cpuSystemMs;
  const due = Math.round((streams * FRAMES_PER_SECOND * PER_FRAME * elapsedMs) / 1000);
  return {
    name: cellName(streams, socket),
    parameters: { streams, socket },
    attempts: received + lost,
    failures: Object.fromEntries(Object.entries({ lost, odd, notKept }).filter(([, count]) => count > 0)),
    measures: {
      'pacing error': { ...lateMs, unit: 'ms', better: 'lower', reference, ...wanted },
      [reference]: measure(timersLateMs, { unit: 'ms' }),
      // Where others use the machine, this says more than lateness does.
      'streams that a core has CPU for': measure([(streams * elapsedMs) / cpuMs], { unit: '', better: 'higher' }),
    },
    totals: {
      'datagrams that were due': due,
      'that came': received,
      repeated,
      'dropped for want of room': others.dropped,
    },
    processes: { camera: others.camera, viewers: others.viewers },
    lateness: {},
  };
}

function cellName(streams: number, socket: SocketName): string {
  return `${streams.toLocaleString('en-US')} stream${streams === 1 ? '' : 's'}, ${socket}`;
}
