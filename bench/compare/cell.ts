import type { Lateness } from '../../src/io/delay-line.ts';
import { Child } from '../child.ts';
import type { PeerCameraOptions, PeerCameraReady } from '../processes/peer-camera.ts';
import type { PeerViewersOptions } from '../processes/peer-viewers.ts';
import { type BenchCell, costSince, failureCounts, measure } from '../result.ts';
import type { ComparePeer } from './peer.ts';
import type { PeerLoad, PeerSample } from './peer-load.ts';
import type { LaneCount, LinkShape, TunLink } from './tun-link.ts';

/** Name of the measure of every cell. */
export const TO_MEDIA = 'time to first media';

/** One peer on one link. */
export interface PeerCell {
  readonly name: string;
  readonly parameters: BenchCell['parameters'];
  readonly peer: ComparePeer;
  readonly credentials: Readonly<Record<string, string>>;
  readonly shape: LinkShape;
  readonly load: PeerLoad;
  /** Viewers before those that count, one after the other as fast as the load's, on a link without loss and delay. */
  readonly warmUp: number;
  readonly keyframeDatagrams: number;
  /** What its times are told as multiples of, among the result's references. */
  readonly reference: string | undefined;
}

/** A cell, and what its viewers saw. */
export interface MeasuredPeer {
  readonly peer: ComparePeer;
  readonly cell: BenchCell;
  /** Until the first media, ms; Infinity where none came, unless the peer repeats nothing. */
  readonly timesMs: readonly number[];
}

/** Who watches a cell being measured. */
export interface CellWatch {
  readonly signal: AbortSignal;
  readonly onSample: () => void;
}

/** Starts the peer's processes at the ends of the link, measures it, ends them. */
export async function measurePeer(given: PeerCell, link: TunLink, watch: CellWatch): Promise<MeasuredPeer> {
  const { peer, credentials, keyframeDatagrams, load, shape } = given;
  await link.set({ loss: 0, oneWayMs: 0, seed: shape.seed });
  const site = { address: link.cameraAddress, credentials, keyframeDatagrams };
  await using camera = await Child.start<PeerCameraReady, undefined>(
    'peer-camera',
    { peer: peer.name, ...site } satisfies PeerCameraOptions,
    link.enter.camera,
  );
  await using viewers = await Child.start<Record<string, never>, undefined>(
    'peer-viewers',
    { peer: peer.name, ...site, ...camera.ready, timeoutMs: load.timeoutMs } satisfies PeerViewersOptions,
    link.enter.viewer,
  );
  const warmUp: PeerLoad = { ...load, viewers: given.warmUp, seed: (load.seed ^ 0x5741_524d) >>> 0 };
  await viewers.run<PeerSample, Lateness>(warmUp, () => {}, watch.signal);
  await link.set(shape);
  const before = { camera: await camera.report(), viewers: await viewers.report() };
  const samples: PeerSample[] = [];
  const hear = (sample: PeerSample): void => {
    samples.push(sample);
    watch.onSample();
  };
  const lateness = await viewers.run<PeerSample, Lateness>(load, hear, watch.signal);
  const after = { camera: await camera.report(), viewers: await viewers.report() };
  const count = await link.count();
  const { timesMs, failures } = outcome(peer, samples);
  const cell: BenchCell = {
    name: given.name,
    parameters: given.parameters,
    attempts: samples.length,
    failures,
    measures: { [TO_MEDIA]: measure(timesMs, { unit: 'ms', reference: given.reference }) },
    totals: {
      ...(peer.unrepeated === true ? { 'without an answer': samples.length - timesMs.length } : {}),
      ...lane('to the camera', count.toCamera),
      ...lane('to the viewers', count.toViewer),
    },
    processes: {
      viewers: costSince(after.viewers.cost, before.viewers.cost),
      camera: costSince(after.camera.cost, before.camera.cost),
    },
    lateness: { ...(lateness === undefined ? {} : { viewers: lateness }), link: count.lateness },
  };
  return { peer, cell, timesMs };
}

/** Times in ms, Infinity for those that failed; and why those did. What nobody repeats may be lost, which is no failure. */
function outcome({ unrepeated }: ComparePeer, samples: readonly PeerSample[]) {
  const counted = unrepeated === true ? samples.filter(({ ok }) => ok) : samples;
  const timesMs = counted.map((sample) => (sample.ok ? sample.ms : Number.POSITIVE_INFINITY));
  return { failures: failureCounts(counted.filter((sample) => !sample.ok)), timesMs };
}

function lane(where: string, { packets, bytes, lost, overflown, unwritten }: LaneCount): BenchCell['totals'] {
  const room = overflown + unwritten;
  return {
    [`packets ${where}`]: packets,
    [`bytes ${where}`]: bytes,
    [`lost ${where}`]: lost,
    ...(room === 0 ? {} : { [`dropped for want of room ${where}`]: room }),
  };
}
