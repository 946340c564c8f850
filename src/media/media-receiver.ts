import type { MediaFormat, ReceivedFrame } from './access-unit.ts';
import { BoundedQueue } from './bounded-queue.ts';
import { type Depacketizer, FRAME_BYTES_MAX } from './depacketizer.ts';
import { GenericDepacketizer } from './depacketizer-generic.ts';
import { H264Depacketizer } from './depacketizer-h264.ts';
import { JitterMeter, type ReceiveStats, receiveCounters } from './receive-stats.ts';
import { ReorderWindow } from './reorder.ts';
import {
  isRtcp,
  isRtpOrRtcp,
  PAYLOAD_TYPE_GENERIC,
  PAYLOAD_TYPE_H264,
  RTP_HEADER_BYTES,
  rtpMarker,
  rtpPayloadRange,
  rtpPayloadType,
  rtpSequence,
  rtpTimestamp,
} from './rtp.ts';

/** Settings of a {@link MediaReceiver}; each maximum is a limit on memory. */
export interface MediaReceiverOptions {
  /** SSRC of the session, from START_ACK. */
  readonly ssrc: number;
  /** SSRC that NACKs are sent under. */
  readonly senderSsrc: number;
  /** How long a gap holds back what is behind it, in ms. Default 200. */
  readonly latencyMs?: number | undefined;
  /** No gap is given up sooner than this after the start, in ms. Default 2000. */
  readonly firstGroupMs?: number | undefined;
  /** Whether missing datagrams are asked for by NACK. Default true. */
  readonly repair?: boolean | undefined;
  /** Whether datagrams are given out by `pollDatagram` too. Default false. */
  readonly datagrams?: boolean | undefined;
  /** Datagrams from the oldest gap on, 16 to 16,384, rounded down to a power of two. Default 2048. */
  readonly windowDatagramsMax?: number | undefined;
  /** Bytes that wait behind gaps. Default 4 MiB. */
  readonly windowBytesMax?: number | undefined;
  /** Bytes of one frame. Default 8 MiB. */
  readonly frameBytesMax?: number | undefined;
  /** Frames that wait for `pollFrame`, 1 or more. Default 256. */
  readonly framesMax?: number | undefined;
  /** Datagrams that wait for `pollDatagram`, 1 or more. Default 2048. */
  readonly datagramsMax?: number | undefined;
  /** Bytes of the frames, and of the datagrams, that wait. Default 16 MiB each. */
  readonly queueBytesMax?: number | undefined;
}

const MEBIBYTE = 1024 * 1024;

/** What a depacketizer is told when nobody knows how much it did not see: more than the end of one frame. */
const LOST_SOMETHING = 2;

/**
 * The receiving half of a session's media: puts RTP datagrams back into sequence, asks for missing ones, makes frames of them
 * and says which can be decoded (docs/PROTOCOL.md, section 8).
 *
 * After each `receive` and at `deadlineMs`, once the socket's queue was read: `expire`, then `pollNack`, `pollFrame` and
 * `pollDatagram` until each gives `undefined`.
 */
export class MediaReceiver {
  private readonly counters = receiveCounters();
  private readonly jitter = new JitterMeter();
  private readonly window: ReorderWindow;
  private readonly frames: BoundedQueue<ReceivedFrame>;
  private readonly datagrams: BoundedQueue<Uint8Array> | undefined;
  private readonly h264: H264Depacketizer;
  private readonly generic: GenericDepacketizer;
  private format: MediaFormat | undefined;
  private formatPayloadType = 0;
  private nowMs = 0;
  private firstFrameAtMs: number | undefined;
  /** A frame that later ones need left the queue unread. */
  private queueBroken = false;

  constructor(options: MediaReceiverOptions) {
    const queueBytesMax = options.queueBytesMax ?? 16 * MEBIBYTE;
    const frameBytesMax = options.frameBytesMax ?? FRAME_BYTES_MAX;
    this.window = new ReorderWindow(
      {
        ssrc: options.ssrc,
        senderSsrc: options.senderSsrc,
        latencyMs: options.latencyMs ?? 200,
        firstGroupMs: options.firstGroupMs ?? 2000,
        repair: options.repair ?? true,
        windowDatagramsMax: options.windowDatagramsMax ?? 2048,
        windowBytesMax: options.windowBytesMax ?? 4 * MEBIBYTE,
      },
      this.counters,
      (datagram, arrivedAtMs, lostBefore) => this.released(datagram, arrivedAtMs, lostBefore),
    );
    this.frames = new BoundedQueue(options.framesMax ?? 256, queueBytesMax, (frame) => frame.payload.length);
    if (options.datagrams) {
      this.datagrams = new BoundedQueue(options.datagramsMax ?? 2048, queueBytesMax, (datagram) => datagram.length);
    }
    const deliver = (frame: ReceivedFrame) => this.delivered(frame);
    this.h264 = new H264Depacketizer(this.counters, deliver, frameBytesMax);
    this.generic = new GenericDepacketizer(this.counters, deliver, frameBytesMax);
  }

  /** The session streams: the first group's time begins, unless a datagram has begun it already. */
  start(nowMs: number): void {
    this.window.start(nowMs);
  }

  /**
   * Takes a datagram whose first byte and SSRC are those of the session's RTP, and keeps it.
   *
   * @returns false if it is malformed or RTCP, and was dropped and counted.
   */
  receive(datagram: Uint8Array, nowMs: number): boolean {
    if (!isWellFormed(datagram)) {
      this.counters.malformed++;
      return false;
    }
    this.nowMs = nowMs;
    this.counters.received++;
    this.counters.bytes += datagram.length;
    this.window.start(nowMs);
    const arrival = this.window.insert(datagram, nowMs);
    if (arrival === 'new') this.jitter.sample(nowMs, rtpTimestamp(datagram));
    const taken = arrival === 'new' || arrival === 'repaired';
    if (taken && this.firstFrameAtMs === undefined && this.window.waiting) this.jumpToKeyframe(datagram);
    return true;
  }

  /**
   * What the SDP says. Before it, payload type 96 is taken for H.264 and 97 for generic frames. Payload types without a format
   * give datagrams only, no frames.
   */
  setFormat(format: MediaFormat, payloadType: number): void {
    const before = this.depacketizerOf(payloadType);
    this.format = format;
    this.formatPayloadType = payloadType;
    const after = this.depacketizerOf(payloadType);
    if (after !== before && this.counters.received > 0) after?.lost(LOST_SOMETHING);
  }

  /** Round-trip time in ms, which spaces the NACKs for one datagram. */
  setRtt(rttMs: number): void {
    this.window.setRtt(rttMs);
  }

  /** When `expire` or `pollNack` may next have something to do, monotonic ms; Infinity if nothing is missing. */
  deadlineMs(): number {
    return Math.min(this.window.nackMs(), this.window.playOutMs());
  }

  /** Gives up what is still missing at its play-out time, and gives out what waited for it. */
  expire(nowMs: number): void {
    this.nowMs = nowMs;
    this.window.expire(nowMs);
  }

  /** The next RTCP NACK that is due; call until `undefined`. */
  pollNack(nowMs: number): Uint8Array | undefined {
    return this.window.pollNack(nowMs);
  }

  /** The next RTP datagram in sequence, if the option `datagrams` is set; call until `undefined`. */
  pollDatagram(): Uint8Array | undefined {
    return this.datagrams?.shift();
  }

  /** The next whole frame in sequence, decodable or not; call until `undefined`. */
  pollFrame(): ReceivedFrame | undefined {
    const frame = this.frames.shift();
    if (frame === undefined || !this.queueBroken) return frame;
    this.queueBroken = !(frame.keyframe && frame.decodable);
    return this.queueBroken ? { ...frame, decodable: false } : frame;
  }

  /** The session is over: gives out all that waits, and gives up what is missing. Frames and datagrams can still be polled. */
  end(nowMs: number): void {
    this.nowMs = nowMs;
    this.window.flush();
    this.h264.end();
    this.generic.end();
  }

  /** What was seen so far. */
  stats(): ReceiveStats {
    return { ...this.counters, jitterMs: this.jitter.jitterMs, firstFrameAtMs: this.firstFrameAtMs };
  }

  private released(datagram: Uint8Array, arrivedAtMs: number, lostBefore: number): void {
    if (this.datagrams !== undefined) {
      while (!this.datagrams.hasRoomFor(datagram)) {
        this.datagrams.shift();
        this.counters.datagramsDropped++;
      }
      this.datagrams.push(datagram);
    }
    if (lostBefore > 0) {
      this.h264.lost(lostBefore);
      this.generic.lost();
    }
    this.depacketizerOf(rtpPayloadType(datagram))?.push(datagram, arrivedAtMs);
  }

  private delivered(frame: ReceivedFrame): void {
    this.counters.framesComplete++;
    if (frame.decodable) {
      this.counters.framesDecodable++;
      if (frame.keyframe) this.firstFrameAtMs ??= this.nowMs;
    }
    while (!this.frames.hasRoomFor(frame)) {
      if (this.frames.shift()?.decodable) this.queueBroken = true;
      this.counters.framesDropped++;
    }
    this.frames.push(frame);
  }

  private depacketizerOf(payloadType: number): Depacketizer | undefined {
    if (this.format === undefined) {
      if (payloadType === PAYLOAD_TYPE_H264) return this.h264;
      return payloadType === PAYLOAD_TYPE_GENERIC ? this.generic : undefined;
    }
    if (payloadType !== this.formatPayloadType || this.format === 'passthrough') return undefined;
    return this.format === 'h264' ? this.h264 : this.generic;
  }

  /**
   * While nothing could be decoded yet, a keyframe that is whole is worth more than what is missing before it: the time to the
   * first frame is what a viewer waits for.
   */
  private jumpToKeyframe(datagram: Uint8Array): void {
    const absolute = this.window.absoluteOf(rtpSequence(datagram));
    const timestamp = rtpTimestamp(datagram);
    const depacketizer = this.depacketizerOf(rtpPayloadType(datagram));
    if (depacketizer === undefined || this.window.heldAt(absolute) === undefined) return;
    let last = absolute;
    for (let at = this.window.heldAt(last); at === undefined || !rtpMarker(at); at = this.window.heldAt(++last)) {
      if (at === undefined || rtpTimestamp(at) !== timestamp) return;
    }
    let first = absolute;
    let before = this.window.heldAt(first - 1);
    while (before !== undefined && rtpTimestamp(before) === timestamp) {
      before = this.window.heldAt(--first - 1);
    }
    let whole = false;
    const trial = depacketizer.trial((frame) => {
      whole = frame.keyframe && frame.decodable;
    });
    if (before === undefined) trial.lost(LOST_SOMETHING);
    for (let at = first; at <= last; at++) {
      const held = this.window.heldAt(at);
      if (held !== undefined) trial.push(held, 0);
    }
    if (whole) this.window.giveUpBefore(first);
  }
}

function isWellFormed(datagram: Uint8Array): boolean {
  if (datagram.length < RTP_HEADER_BYTES || !isRtpOrRtcp(datagram) || isRtcp(datagram)) return false;
  const plain = ((datagram[0] ?? 0) & 0x3f) === 0;
  return plain || rtpPayloadRange(datagram) !== undefined;
}
