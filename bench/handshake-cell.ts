import type { InitiateOptions } from '../src/config/options.ts';
import type { SecurityMode } from '../src/config/security.ts';
import type { Peer } from '../src/engine/io-types.ts';
import type { MediaSink } from '../src/io/media-sink.ts';
import type { RelayStats } from '../src/io/udp-relay.ts';
import { type ProfileName, profiles } from '../src/protocol/profiles.ts';
import { Expectation, whyNoExpectation } from '../src/sim/expectation.ts';
import type { LinkModel } from '../src/sim/link-model.ts';
import { Child } from './child.ts';
import { EchoClient } from './echo.ts';
import { type Arrival, runLoad } from './handshake-load.ts';
import type { CameraOptions, CameraReady, CameraReport } from './processes/camera.ts';
import type { RelayOptions, RelayReady } from './processes/relay.ts';
import {
  type BenchCell,
  costSince,
  failureCounts,
  type Measure,
  type MeasureMeaning,
  measure,
  processCost,
} from './result.ts';
import { frameBytesOf } from './still-source.ts';
import type { ViewerSample } from './viewer.ts';

/** Echo round trips on a link without a relay, one after the other. */
const ECHOES = 300;
/** Through a relay they go out beside the handshakes, each after so many ms. */
const ECHO_EVERY_MS = 20;
/** A lane of the relay may be given to another viewer when it was idle for so long: no viewer is silent for as long, ms. */
const LANE_IDLE_MS = 5000;
/** Viewers' lanes that one second of arrivals needs, for as long as they may be in use. */
const LANE_SECONDS = 10;

/** What stands between viewers and camera in one cell. */
export type CellLink =
  | { readonly kind: 'relay'; readonly toCamera: LinkModel; readonly toViewer: LinkModel }
  | { readonly kind: 'drop'; readonly fraction: number }
  | { readonly kind: 'none' };

/** One cell: many viewers over one link. */
export interface HandshakeCell {
  readonly name: string;
  readonly parameters: BenchCell['parameters'];
  readonly link: CellLink;
  readonly viewers: number;
  /** Viewers before those that count, so that all processes run compiled code. */
  readonly warmUp: number;
  readonly arrival: Arrival;
  readonly profile: ProfileName;
  /** The camera's key frame has so many full-size datagrams. */
  readonly keyframeDatagrams: number;
  readonly stream: CameraOptions['stream'];
  /** A camera elsewhere, as a target of `initiate()`, instead of one that is started here. */
  readonly host?: { readonly target: string; readonly security: SecurityMode | undefined } | undefined;
  readonly seed: number;
  /** What the times are told as multiples of, among the result's references; absent: the echo beside them. */
  readonly references?: { readonly stream: string; readonly handshake: string } | undefined;
}

/** Who watches a cell being measured. */
export interface CellWatch {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number) => void;
}

/** A cell, and what its viewers saw. */
export interface MeasuredCell {
  readonly cell: BenchCell;
  readonly samples: readonly ViewerSample[];
  /** Quantiles of time to stream as theory has them; absent where it says nothing. */
  readonly expectation: Expectation | undefined;
}

/** What a load test from one address needs of a camera and a relay: their usual limits are for strangers. */
export function raisedLimits(viewers: number, perSecond: number) {
  const many = Math.max(1024, viewers);
  return {
    camera: {
      prefixRate: { perSecond: 1_000_000, burst: 1_000_000 },
      pendingPerPrefixSoft: many,
      pendingPerPrefixMax: many,
      pendingMax: many,
      load: { pending: many + 1, startsPerSecond: 1_000_000, lateMs: 60_000 },
    },
    relay: {
      lanesMax: Math.max(1024, Math.ceil(LANE_SECONDS * perSecond)),
      laneIdleMs: LANE_IDLE_MS,
      heldMax: 262_144,
    },
  };
}

/** Names of the measures, which a baseline finds again. */
export const measureNames = {
  stream: 'time to first media',
  handshake: 'of that since the first START',
  frame: 'time to first frame',
  starts: 'STARTs',
  echo: 'echo round trip',
} as const;

const echoReferences = { stream: measureNames.echo, handshake: measureNames.echo };

/** Starts the processes of a cell, measures it, ends them. */
export async function measureCell(given: HandshakeCell, watch: CellWatch): Promise<MeasuredCell> {
  const { link, arrival, viewers, keyframeDatagrams, stream, seed, host } = given;
  if (host !== undefined) return await measureThere(given, host, watch);
  const limits = raisedLimits(viewers, arrival.loop === 'open' ? arrival.perSecond : 50 * arrival.concurrency);
  const frameBytes = frameBytesOf(keyframeDatagrams);
  const options: CameraOptions = { stream, frameBytes, limits: limits.camera };
  await using camera = await Child.start<CameraReady, CameraReport>('camera', options);
  await using echo = await Child.start<Peer, undefined>('echo', {});
  if (link.kind !== 'relay') return await measureOver(given, camera.ready, echo.ready, camera, undefined, watch);
  const { toCamera, toViewer } = link;
  const ends = { camera: { ...camera.ready, address: '127.0.0.1' }, echo: echo.ready };
  await using relay = await Child.start<RelayReady, RelayStats>('relay', {
    ...ends,
    seed,
    toCamera,
    toViewer,
    limits: limits.relay,
  } satisfies RelayOptions);
  return await measureOver(given, relay.ready.camera, relay.ready.echo, camera, relay, watch);
}

async function measureOver(
  given: HandshakeCell,
  camera: Peer,
  echoPeer: Peer,
  cameraProcess: Child<CameraReady, CameraReport>,
  relayProcess: Child<RelayReady, RelayStats> | undefined,
  watch: CellWatch,
): Promise<MeasuredCell> {
  const { link, keyframeDatagrams } = given;
  using echo = await EchoClient.open(echoPeer);
  const target = `127.0.0.1:${camera.port}/bench`;
  await load(given, target, watch, true);
  if (relayProcess === undefined) await echo.inTurn(ECHOES);
  else echo.every(ECHO_EVERY_MS);
  const before = { camera: await cameraProcess.report(), relay: await relayProcess?.report(), own: processCost() };
  const { samples, lateness } = await load(given, target, watch, false);
  const after = { camera: await cameraProcess.report(), relay: await relayProcess?.report(), own: processCost() };
  const both = linkBothWays(link);
  const profile = profiles[given.profile];
  // Without a link theory says 0.
  const theory = link.kind !== 'none' && given.stream === 'still' && whyNoExpectation(both) === undefined;
  const expectation = theory
    ? new Expectation({ link: both, profile, keyframeDatagrams, untilFirstFrame: true })
    : undefined;
  const { datagramsReceived, bytesReceived, datagramsSent, bytesSent } = after.camera.report;
  const first = before.camera.report;
  return {
    samples,
    expectation,
    cell: {
      ...cellOf(given, samples, {
        ...measuresOf(samples, given.references ?? echoReferences, expectation),
        [measureNames.echo]: measure(echo.roundTripsMs, { unit: 'ms' }),
      }),
      totals: {
        'datagrams to the camera': datagramsReceived - first.datagramsReceived,
        'their bytes': bytesReceived - first.bytesReceived,
        'datagrams from it': datagramsSent - first.datagramsSent,
        'bytes of those': bytesSent - first.bytesSent,
      },
      processes: {
        viewers: costSince(after.own, before.own),
        camera: costSince(after.camera.cost, before.camera.cost),
        ...(after.relay === undefined || before.relay === undefined
          ? {}
          : { relay: costSince(after.relay.cost, before.relay.cost) }),
      },
      lateness: { viewers: lateness, ...(after.relay === undefined ? {} : { relay: after.relay.report.lateness }) },
    },
  };
}

/** Viewers of a camera elsewhere: nothing is known of it but what they see. */
async function measureThere(
  given: HandshakeCell,
  { target }: NonNullable<HandshakeCell['host']>,
  watch: CellWatch,
): Promise<MeasuredCell> {
  await load(given, target, watch, true);
  const before = processCost();
  const { samples, lateness } = await load(given, target, watch, false);
  const cell = {
    ...cellOf(given, samples, measuresOf(samples, undefined, undefined)),
    processes: { viewers: costSince(processCost(), before) },
    lateness: { viewers: lateness },
  };
  return { cell, samples, expectation: undefined };
}

function load(given: HandshakeCell, target: string, watch: CellWatch, warmUp: boolean) {
  const { viewers, arrival, seed } = given;
  return runLoad({
    target,
    viewers: warmUp ? given.warmUp : viewers,
    arrival,
    seed: warmUp ? (seed ^ 0x5741_524d) >>> 0 : seed,
    optionsOf: (index) => viewerOptions(given, warmUp ? viewers + index : index),
    signal: watch.signal,
    onProgress: warmUp ? () => {} : watch.onProgress,
  });
}

function viewerOptions({ link, profile, host, seed }: HandshakeCell, index: number): InitiateOptions<MediaSink> {
  const drop = { fraction: link.kind === 'drop' ? link.fraction : 0, seed: (Math.imul(seed, 1_000_003) + index) >>> 0 };
  return {
    profile,
    ...(link.kind === 'drop' ? { drop } : {}),
    ...(host?.security === undefined ? {} : { security: { mode: host.security } }),
  };
}

function cellOf(
  { name, parameters }: HandshakeCell,
  samples: readonly ViewerSample[],
  measures: BenchCell['measures'],
): BenchCell {
  return {
    name,
    parameters,
    attempts: samples.length,
    failures: failureCounts(samples),
    measures,
    totals: {},
    processes: {},
    lateness: {},
  };
}

function measuresOf(
  samples: readonly ViewerSample[],
  references: HandshakeCell['references'],
  expectation: Expectation | undefined,
): Record<string, Measure> {
  const column = (of: (sample: ViewerSample) => number, meaning: MeasureMeaning): Measure =>
    measure(samples.map(of), meaning);
  const { stream: reference, handshake } = references ?? {};
  const expected = expectation === undefined ? undefined : quantilesOf(expectation);
  return {
    [measureNames.stream]: column(({ toStreamMs }) => toStreamMs, { unit: 'ms', reference, expected }),
    [measureNames.handshake]: column(({ handshakeMs }) => handshakeMs, { unit: 'ms', reference: handshake }),
    [measureNames.frame]: column(({ toFrameMs }) => toFrameMs, { unit: 'ms', reference }),
    [measureNames.starts]: column(({ starts }) => starts, { unit: '' }),
  };
}

function quantilesOf(expectation: Expectation): NonNullable<Measure['expected']> {
  const [p50, p90, p99, p999] = [0.5, 0.9, 0.99, 0.999].map((fraction) => expectation.quantile(fraction));
  return { p50: p50 ?? Number.NaN, p90: p90 ?? Number.NaN, p99: p99 ?? Number.NaN, p999: p999 ?? Number.NaN };
}

function linkBothWays(link: CellLink): { readonly toCamera: LinkModel; readonly toViewer: LinkModel } {
  if (link.kind === 'relay') return link;
  const model = link.kind === 'drop' ? { loss: link.fraction } : {};
  return { toCamera: model, toViewer: model };
}
