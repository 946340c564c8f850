import { DATAGRAM_BYTES_STEPS } from '../protocol/constants.ts';
import type { AccessUnit, MediaFormat } from './access-unit.ts';
import { DATAGRAM_BYTES_MIN, packetizeGeneric, packetizeH264 } from './packetizer.ts';
import { type Piece, PiecePool } from './piece-pool.ts';
import {
  isRtcp,
  isRtpOrRtcp,
  PAYLOAD_TYPE_GENERIC,
  PAYLOAD_TYPE_H264,
  rtpPayloadRange,
  rtpSequence,
  sequenceDistance,
} from './rtp.ts';
import { StreamLane } from './stream-lane.ts';

/** Datagram sizes that one stream is cut for at a time at most. */
export const LANES_MAX = 8;

/** The mean rate is taken over at least this long, so that a group's first frames do not look like its rate, in ms. */
const RATE_SPAN_MIN_MS = 1000;

/** What a stream is, and its bounds. */
export interface StreamFeedOptions {
  readonly format: MediaFormat;
  /** 0..127, default 96 for H.264 and 97 for generic; of no meaning for pass-through. */
  readonly payloadType?: number;
  /** Datagram size that is always kept ready, in bytes, at least 64; default 1200. */
  readonly datagramBytesMax?: number;
  /** Bytes of frames in the group kept, default 8 MiB. A single frame larger than this is dropped. */
  readonly groupBytesMax?: number;
  /** Datagrams of that size in the group kept, default 8192. A single frame of more is dropped. */
  readonly groupDatagramsMax?: number;
  /** Datagrams kept for repair in any case, default 512. */
  readonly repairDatagramsMin?: number;
  /** Part of the frame interval over which a frame's datagrams are spread, 0..1, default 0.5. */
  readonly spreadFraction?: number;
}

/** What became of the frames pushed. */
export interface StreamFeedCounters {
  /** Frames that reached the log. */
  readonly frames: number;
  /** Frames too large, or pass-through packets that are not RTP. */
  readonly droppedFrames: number;
  /** Frames without a use: before the first keyframe, and between a dropped frame and the next keyframe. */
  readonly skippedFrames: number;
  /** Groups that became too large to be kept. */
  readonly droppedGroups: number;
}

interface GroupFrame {
  readonly number: number;
  readonly unit: AccessUnit;
  readonly nowMs: number;
  readonly spreadMs: number;
}

/**
 * One stream on its way to all its viewers: cut into datagrams once per datagram size, whoever watches.
 *
 * It keeps the newest decodable group, so that a new viewer can begin at once. A group that becomes too large is no longer
 * kept: new viewers wait for the next keyframe, those up to date go on. A frame that cannot be taken at all breaks the group: nothing
 * goes out until the next keyframe, because nothing could be decoded.
 */
export class StreamFeed {
  /** Kind of stream. */
  readonly format: MediaFormat;
  readonly #payloadType: number;
  readonly #groupBytesMax: number;
  readonly #groupDatagramsMax: number;
  readonly #repairDatagramsMin: number;
  readonly #spreadFraction: number;
  readonly #mainLane: StreamLane;
  readonly #lanes = new Map<number, { readonly lane: StreamLane; users: number }>();
  readonly #pool = new PiecePool();
  readonly #memoryOf = (bytes: number): Piece => this.#pool.take(bytes);
  readonly #freed = (memory: ArrayBufferLike): void => this.#pool.give(memory as Piece);
  readonly #counters = { frames: 0, droppedFrames: 0, skippedFrames: 0, droppedGroups: 0 };
  #group: GroupFrame[] = [];
  #groupBytes = 0;
  #groupDatagrams = 0;
  #awaitsKeyframe = true;
  #nextFrame = 0;
  #sourceSequence: number | undefined;
  #endedAtMs = Number.POSITIVE_INFINITY;

  constructor(options: StreamFeedOptions) {
    this.format = options.format;
    this.#payloadType =
      options.payloadType ?? (options.format === 'generic' ? PAYLOAD_TYPE_GENERIC : PAYLOAD_TYPE_H264);
    this.#groupBytesMax = options.groupBytesMax ?? 8 * 1024 * 1024;
    this.#groupDatagramsMax = options.groupDatagramsMax ?? 8192;
    this.#repairDatagramsMin = options.repairDatagramsMin ?? 512;
    this.#spreadFraction = options.spreadFraction ?? 0.5;
    const size = options.format === 'passthrough' ? Number.POSITIVE_INFINITY : options.datagramBytesMax;
    this.#mainLane = this.#makeLane(size ?? DATAGRAM_BYTES_STEPS[0]);
  }

  /** See {@link StreamFeedCounters}. */
  get counters(): StreamFeedCounters {
    return this.#counters;
  }

  /** It keeps a group: a new viewer can begin at once. */
  get hasGroup(): boolean {
    return this.#mainLane.group >= 0;
  }

  /** No frame will follow. */
  get ended(): boolean {
    return this.#endedAtMs !== Number.POSITIVE_INFINITY;
  }

  /** When it ended, monotonic ms; infinite before. */
  get endedAtMs(): number {
    return this.#endedAtMs;
  }

  /** Mean rate of the group kept, over a second at least, in bytes per ms; 0 without one. */
  get bytesPerMs(): number {
    const [first, last] = [this.#group[0], this.#group.at(-1)];
    if (first === undefined || last === undefined) return 0;
    return this.#groupBytes / Math.max(RATE_SPAN_MIN_MS, last.nowMs - first.nowMs);
  }

  /**
   * Takes the next frame. The feed keeps its bytes: they must not change afterwards. Ignored after {@link end}.
   *
   * @param nowMs monotonic ms; its first datagrams are due then.
   * @param frameIntervalMs time to the next frame, over a part of which the others are spread.
   */
  push(unit: AccessUnit, nowMs: number, frameIntervalMs: number): void {
    if (this.ended) return;
    const bytes = unit.units.reduce((sum, part) => sum + part.length, 0);
    const number = this.#nextFrame;
    const datagrams = bytes > this.#groupBytesMax ? [] : this.#packetize(unit, number, this.#mainLane);
    if (datagrams.length === 0 || datagrams.length > this.#groupDatagramsMax) {
      this.#counters.droppedFrames++;
      // A packet that is not RTP was no part of the stream; a frame of it is missed.
      if (this.format !== 'passthrough') this.#breakGroup();
      return;
    }
    if (this.#awaitsKeyframe && !unit.keyframe) {
      this.#counters.skippedFrames++;
      return;
    }
    this.#nextFrame++;
    this.#counters.frames++;
    this.#awaitsKeyframe = false;
    const spreadMs = frameIntervalMs > 0 ? frameIntervalMs * this.#spreadFraction : 0;
    const frame = { number, unit, nowMs, spreadMs };
    this.#keep(frame, bytes, datagrams.length);
    this.#mainLane.append(number, datagrams, unit.keyframe, frame);
    for (const { lane } of this.#lanes.values()) {
      lane.append(number, this.#packetize(unit, number, lane), unit.keyframe, frame);
    }
    if (this.#group.length === 0) this.#forgetGroup();
  }

  /** The stream is over; what is logged is still sent. */
  end(nowMs: number): void {
    if (!this.ended) this.#endedAtMs = nowMs;
  }

  /**
   * The log for one datagram size, made from the group kept when nobody uses that size yet. To be given back with {@link release}.
   * Pass-through has one log for all sizes.
   *
   * @param datagramBytesMax at least 64 (else RangeError); at most 8 different ones at a time (else RangeError).
   */
  retain(datagramBytesMax: number): StreamLane {
    if (this.format === 'passthrough' || datagramBytesMax === this.#mainLane.datagramBytesMax) return this.#mainLane;
    const found = this.#lanes.get(datagramBytesMax);
    if (found !== undefined) {
      found.users++;
      return found.lane;
    }
    if (this.#lanes.size === LANES_MAX - 1) throw new RangeError('too many datagram sizes at a time');
    const lane = this.#makeLane(datagramBytesMax);
    for (const frame of this.#group) {
      lane.append(frame.number, this.#packetize(frame.unit, frame.number, lane), frame.unit.keyframe, frame);
    }
    this.#lanes.set(datagramBytesMax, { lane, users: 1 });
    return lane;
  }

  /** Gives a log back. One that nobody uses any more is dropped. */
  release(lane: StreamLane): void {
    const entry = this.#lanes.get(lane.datagramBytesMax);
    if (entry?.lane === lane && --entry.users === 0) this.#lanes.delete(lane.datagramBytesMax);
  }

  #makeLane(datagramBytesMax: number): StreamLane {
    if (!(datagramBytesMax >= DATAGRAM_BYTES_MIN)) throw new RangeError(`datagramBytesMax is ${datagramBytesMax}`);
    const firstFrame = this.#group[0]?.number ?? this.#nextFrame;
    // What passes through is the source's.
    const freed = this.format === 'passthrough' ? undefined : this.#freed;
    return new StreamLane(datagramBytesMax, this.#repairDatagramsMin, firstFrame, freed);
  }

  /** Adds the frame to the group, or gives the group up when it would pass a bound. */
  #keep(frame: GroupFrame, bytes: number, datagrams: number): void {
    if (frame.unit.keyframe) {
      this.#group = [];
      this.#groupBytes = 0;
      this.#groupDatagrams = 0;
    } else if (this.#group.length === 0) {
      return;
    }
    this.#groupBytes += bytes;
    this.#groupDatagrams += datagrams;
    if (this.#groupBytes <= this.#groupBytesMax && this.#groupDatagrams <= this.#groupDatagramsMax) {
      this.#group.push(frame);
    } else {
      this.#counters.droppedGroups++;
      this.#group = [];
    }
  }

  #breakGroup(): void {
    this.#awaitsKeyframe = true;
    this.#group = [];
    this.#forgetGroup();
  }

  #forgetGroup(): void {
    this.#mainLane.forgetGroup();
    for (const { lane } of this.#lanes.values()) lane.forgetGroup();
  }

  #packetize(unit: AccessUnit, frameNumber: number, lane: StreamLane): Uint8Array[] {
    const { datagramBytesMax } = lane;
    switch (this.format) {
      case 'h264':
        return packetizeH264(unit, datagramBytesMax, this.#payloadType, this.#memoryOf);
      case 'generic':
        return packetizeGeneric(unit, frameNumber, datagramBytesMax, this.#payloadType, this.#memoryOf);
      default:
        return this.#passThrough(unit);
    }
  }

  #passThrough(unit: AccessUnit): Uint8Array[] {
    const packet = unit.units[0];
    if (packet === undefined || !isRtpOrRtcp(packet) || isRtcp(packet) || rtpPayloadRange(packet) === undefined)
      return [];
    const sequence = rtpSequence(packet);
    const lost = this.#sourceSequence !== undefined && sequenceDistance(sequence, this.#sourceSequence) > 1;
    this.#sourceSequence = sequence;
    return lost ? [new Uint8Array(0), packet] : [packet];
  }
}
