import type { ResponderOutput } from '../engine/io-types.ts';
import type { AccessUnit, MediaFormat } from '../media/access-unit.ts';
import { AccessUnitAssembler, type AccessUnitNals } from '../media/access-unit-assembler.ts';
import { AnnexBSplitter } from '../media/annex-b-splitter.ts';
import { RTP_CLOCK_HZ } from '../media/rtp.ts';
import { StreamFeed } from '../media/stream-feed.ts';
import { makeTestFrame } from '../media/test-frames.ts';
import type { World } from './world.ts';

/** One frame to stream: its bytes (generic), or the NAL units of an H.264 picture. */
export interface SimulatedFrame {
  readonly units: readonly Uint8Array[];
  /** A decoder can start here. */
  readonly keyframe: boolean;
}

/** Frames whose bytes prove by themselves that they arrived whole; each is a key frame. `bytes` of one, default 3,000. */
export function* testFrames(count: number, bytes = 3000): Generator<SimulatedFrame> {
  for (let frameNumber = 0; frameNumber < count; frameNumber++) {
    const frame = makeTestFrame({ frameNumber, timestampMs: 0, bytes, keyframe: true });
    yield { units: [frame], keyframe: true };
  }
}

/** The pictures of an H.264 byte stream (Annex B), such as a file's content. */
export function* h264Frames(bytes: Uint8Array): Generator<SimulatedFrame> {
  const splitter = new AnnexBSplitter();
  const assembler = new AccessUnitAssembler();
  for (const nal of [...splitter.push(bytes), ...splitter.end()]) {
    const complete: AccessUnitNals | undefined = assembler.push(nal);
    if (complete !== undefined) yield complete;
  }
  const last = assembler.end();
  if (last !== undefined) yield last;
}

/** The camera's one stream on virtual time, and the application that gives it to everybody at once. */
export class SimulatedStream {
  readonly feed: StreamFeed;
  #frames = 0;

  constructor(format: Exclude<MediaFormat, 'passthrough'>) {
    this.feed = new StreamFeed({ format });
  }

  /** Frames streamed so far. */
  get frames(): number {
    return this.#frames;
  }

  /** What the camera's application does: it says yes to every viewer in the same turn. */
  answer(world: World, output: ResponderOutput): void {
    if (output.kind !== 'reserve') return;
    world.clock.at(world.clock.nowMs, () =>
      world.toCamera({ kind: 'reserved', session: output.session, feed: this.feed, sdp: 'v=0\r\n' }),
    );
  }

  /** Streams frames, one each `intervalMs`, the first of them now. The stream goes on, idle, after the last. */
  play(world: World, frames: Iterable<SimulatedFrame>, intervalMs: number): void {
    const iterator = frames[Symbol.iterator]();
    const next = (): void => {
      const { done, value } = iterator.next();
      if (done === true) return;
      const { nowMs } = world.clock;
      const timestamp = Math.round((this.#frames * intervalMs * RTP_CLOCK_HZ) / 1000) >>> 0;
      this.#frames++;
      const unit: AccessUnit = { units: value.units, keyframe: value.keyframe, timestamp };
      this.feed.push(unit, world.cameraHost.localMs, intervalMs);
      world.toCamera({ kind: 'media', feed: this.feed });
      world.clock.at(nowMs + intervalMs, next);
    };
    next();
  }
}
