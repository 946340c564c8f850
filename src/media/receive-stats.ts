import { RTP_CLOCK_HZ, timestampDistance } from './rtp.ts';

/** What a receiver saw of one session, as one snapshot. All but the last two are counts from 0 that never fall. */
export interface ReceiveStats {
  /** Well-formed RTP datagrams, those that were of no use included: new ones + duplicated + late + outOfWindow. */
  readonly received: number;
  /** Bytes of them, RTP headers included. */
  readonly bytes: number;
  /** Sequence numbers that were given up: not there by their play-out time, or skipped. Stays so when they come late. */
  readonly lost: number;
  /** Came although the same sequence number was there already. */
  readonly duplicated: number;
  /** Came behind a higher sequence number without having been asked for. */
  readonly reordered: number;
  /** Came after they had been given up. */
  readonly late: number;
  /** Came after a NACK had asked for them. */
  readonly repaired: number;
  /** Too far ahead of the window, too old to know anything about them, or before the session's first. */
  readonly outOfWindow: number;
  /** How often the stream really had jumped and the window was set anew. */
  readonly resyncs: number;
  /** Gaps that were given up early because the window was full. */
  readonly windowOverflows: number;
  /** Datagrams that are no RTP packet, or whose own lengths do not fit their size. Not in `received`. */
  readonly malformed: number;
  /** Payloads that no frame can be made of: wrong lengths, unknown kinds, broken chains of fragments. In `received`. */
  readonly malformedPayloads: number;
  /** NACK datagrams. */
  readonly nacksSent: number;
  /** Sequence numbers that they named, each as often as it was asked for. */
  readonly sequencesAsked: number;
  /** Frames that arrived whole and were given out. */
  readonly framesComplete: number;
  /** Frames of which something was missing or wrong. Frames that were lost altogether count only where frames are numbered. */
  readonly framesIncomplete: number;
  /** Those of `framesComplete` that need no frame that was not given out. */
  readonly framesDecodable: number;
  /** Frames of a group that was sent again after they had been given out. */
  readonly framesRepeated: number;
  /** Frames that left the queue unread because it was full. */
  readonly framesDropped: number;
  /** Datagrams that left the queue for an RTP sink unread because it was full. */
  readonly datagramsDropped: number;
  /** Interarrival jitter (RFC 3550, appendix A.8) in ms. */
  readonly jitterMs: number;
  /** When the first picture that can be decoded was given out, monotonic ms; `undefined` before. */
  readonly firstFrameAtMs: number | undefined;
}

/** The counts of {@link ReceiveStats} while they are counted. */
export type ReceiveCounters = { -readonly [Key in Exclude<keyof ReceiveStats, 'jitterMs' | 'firstFrameAtMs'>]: number };

/** Counters that all stand at 0. */
export function receiveCounters(): ReceiveCounters {
  return {
    received: 0,
    bytes: 0,
    lost: 0,
    duplicated: 0,
    reordered: 0,
    late: 0,
    repaired: 0,
    outOfWindow: 0,
    resyncs: 0,
    windowOverflows: 0,
    malformed: 0,
    malformedPayloads: 0,
    nacksSent: 0,
    sequencesAsked: 0,
    framesComplete: 0,
    framesIncomplete: 0,
    framesDecodable: 0,
    framesRepeated: 0,
    framesDropped: 0,
    datagramsDropped: 0,
  };
}

const TICKS_PER_MS = RTP_CLOCK_HZ / 1000;

/** Interarrival jitter (RFC 3550, section 6.4.1 and appendix A.8) of a 90 kHz stream. */
export class JitterMeter {
  /** The estimate in ms, 0 before the second sample. */
  jitterMs = 0;
  private lastMs = Number.NaN;
  private lastTimestamp = 0;

  /** Takes the arrival of one datagram. Resent ones must be left out: their way says nothing about the path's jitter. */
  sample(nowMs: number, timestamp: number): void {
    const difference = nowMs - this.lastMs - timestampDistance(timestamp, this.lastTimestamp) / TICKS_PER_MS;
    if (!Number.isNaN(difference)) this.jitterMs += (Math.abs(difference) - this.jitterMs) / 16;
    this.lastMs = nowMs;
    this.lastTimestamp = timestamp;
  }
}
