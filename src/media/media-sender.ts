import { CatchUpPace } from './catch-up.ts';
import { type DatagramMemory, freshMemory } from './datagram-memory.ts';
import { RepairQueue } from './repair-queue.ts';
import { firstSequence, rewriteRtp } from './rtp.ts';
import { SentLog } from './sent-log.ts';
import type { StreamFeed } from './stream-feed.ts';
import type { StreamLane } from './stream-lane.ts';

/**
 * The last datagram of a burst is sent again so long after it, in ms, while nothing follows: the waits grow like those of START
 * (5 ms, x 1.5, at most 250 ms), for as long as a receiver waits for its first group.
 */
export const TAIL_PROBES_MS = [5, 12, 24, 41, 66, 104, 161, 246, 374, 566, 816, 1066, 1316, 1566, 1816, 2066] as const;

/** A stream that has ended is over so long after its last datagram, in ms; later probes are not made. */
const END_MS = 400;

/** A live viewer whose next datagram is overdue by more, in ms, goes on in catch-up pace: after a stall of the process. */
const OVERDUE_MAX_MS = 100;

const NEVER = Number.POSITIVE_INFINITY;

/** What a session's sender needs. */
export interface MediaSenderOptions {
  readonly feed: StreamFeed;
  /** Of the session, u32; its low 16 bits are the first sequence number. */
  readonly ssrc: number;
  /** Answer NACKs and send tail probes. */
  readonly repair: boolean;
  /** First datagram size in bytes, at least 64. */
  readonly datagramBytesMax: number;
  /** Of the datagrams that it hands out; default: fresh. */
  readonly memory?: DatagramMemory | undefined;
}

/** What one session sent, and what it did not. */
export interface MediaSenderCounters {
  /** Datagrams sent for the first time. */
  readonly sentDatagrams: number;
  /** Their bytes. */
  readonly sentBytes: number;
  /** Datagrams sent again because a NACK asked. */
  readonly repairedDatagrams: number;
  /** Repairs and tail probes not sent: the budget of the last second was spent. */
  readonly repairRefusedBudget: number;
  /** Asked for, but never sent or no longer kept. */
  readonly repairUnknown: number;
  /** Pass-through packets larger than the session's datagram size; their sequence numbers are left out. */
  readonly droppedTooLarge: number;
  /** Repetitions of the last datagram of a burst. */
  readonly tailProbes: number;
  /** Jumps to the newest keyframe because the log no longer had what was next. */
  readonly jumps: number;
}

/**
 * One session's reader of a feed: tells when the next datagram is due and hands it out with the session's SSRC and sequence number.
 *
 * First what a NACK asked for, byte for byte as it was (RFC 4585); then the newest group in catch-up pace; then each datagram when it is
 * due. Sequence numbers are contiguous over everything sent for the first time; one is left out only for a pass-through packet
 * that is too large or that the source lost, so that the receiver does not take a damaged frame for a whole one.
 *
 * After a group was caught up with, and after the stream's end, the last datagram is repeated a few times while nothing follows: a
 * receiver learns of a loss only from what comes later.
 */
export class MediaSender {
  readonly #feed: StreamFeed;
  readonly #ssrc: number;
  readonly #repair: boolean;
  readonly #memory: DatagramMemory;
  readonly #counters = {
    sentDatagrams: 0,
    sentBytes: 0,
    repairedDatagrams: 0,
    repairRefusedBudget: 0,
    repairUnknown: 0,
    droppedTooLarge: 0,
    tailProbes: 0,
    jumps: 0,
  };
  readonly #sent: SentLog;
  readonly #repairs = new RepairQueue();
  readonly #pace = new CatchUpPace();
  #bytesMax: number;
  #lane: StreamLane | undefined;
  #largerLane: StreamLane | undefined;
  #cursor = -1;
  #catchingUp = false;
  #opening = true;
  #stopped = false;
  #nowMs = Number.NEGATIVE_INFINITY;
  #lastSequence = -1;
  #lastSentMs = Number.NEGATIVE_INFINITY;
  #tailFromMs = NEVER;
  #tailProbe = 0;

  constructor(options: MediaSenderOptions) {
    this.#feed = options.feed;
    this.#ssrc = options.ssrc;
    this.#repair = options.repair;
    this.#memory = options.memory ?? freshMemory;
    this.#bytesMax = options.datagramBytesMax;
    this.#sent = new SentLog(firstSequence(options.ssrc));
  }

  /** See {@link MediaSenderCounters}. */
  get counters(): MediaSenderCounters {
    return this.#counters;
  }

  /** The session's datagram size in bytes. After a step up frames already begun are still sent in the smaller size. */
  get datagramBytesMax(): number {
    return this.#bytesMax;
  }

  /** The feed has ended, all of it was sent, and nothing is left to repeat. */
  get finished(): boolean {
    const lane = this.#lane;
    if (lane === undefined || !this.#feed.ended || !this.#repairs.empty) return false;
    if (this.#cursor < lane.base) return lane.group < 0;
    return this.#cursor === lane.next && this.#tailDueMs(lane) === NEVER;
  }

  /** It waits for its first group, or is in the middle of it. */
  get opening(): boolean {
    return this.#opening;
  }

  /** Begins with the newest group, or waits for the next keyframe. */
  start(nowMs: number): void {
    if (this.#lane !== undefined || this.#stopped) return;
    this.#nowMs = nowMs;
    this.#lane = this.#feed.retain(this.#bytesMax);
  }

  /** Ends for good: nothing more is handed out (S9). To be called when the session ends, so that the feed can free its log. */
  stop(): void {
    this.#stopped = true;
    this.#leaveLanes();
    this.#repairs.clear();
    this.#sent.forget();
  }

  /**
   * When to call {@link next}, monotonic ms: infinite when nothing is to be done until the feed or a NACK brings something, past or
   * present when something is due. After `next` gave nothing it is later than the time given.
   */
  deadlineMs(): number {
    const lane = this.#lane;
    if (lane === undefined) return NEVER;
    if (!this.#repairs.empty) return this.#nowMs;
    if (this.#cursor < lane.base) return lane.group < 0 ? NEVER : this.#nowMs;
    if (this.#cursor < lane.next) return this.#catchingUp ? this.#pace.dueMs() : lane.dueMs(this.#cursor);
    return this.#tailDueMs(lane);
  }

  /** The datagram to send now, as an own copy; `undefined` when none is due. */
  next(nowMs: number): Uint8Array | undefined {
    this.#nowMs = nowMs;
    if (this.#lane === undefined) return undefined;
    const repaired = this.#nextRepair(nowMs);
    if (repaired !== undefined) return repaired;
    const lane = this.#place(nowMs);
    if (lane === undefined) return undefined;
    while (this.#cursor < lane.next) {
      if (!this.#catchingUp && nowMs - lane.dueMs(this.#cursor) > OVERDUE_MAX_MS) this.#catchUp(lane, nowMs);
      if ((this.#catchingUp ? this.#pace.dueMs() : lane.dueMs(this.#cursor)) > nowMs) return undefined;
      const datagram = lane.at(this.#cursor++);
      const sequence = this.#sent.advance();
      const caughtUp = this.#catchingUp && this.#cursor === lane.next;
      if (caughtUp) {
        this.#catchingUp = false;
        this.#opening = false;
      }
      if (datagram !== undefined && this.#fits(datagram)) return this.#send(datagram, sequence, caughtUp, nowMs);
    }
    return this.#nextTailProbe(lane, nowMs);
  }

  /**
   * The viewer asks for datagrams again. Those that wait already are not queued twice.
   *
   * @param sequences 16-bit sequence numbers.
   * @returns how many were queued; 0 when repair is off.
   */
  nack(sequences: readonly number[], nowMs: number): number {
    if (!this.#repair || this.#lane === undefined) return 0;
    this.#nowMs = nowMs;
    let queued = 0;
    for (const bits of sequences) {
      const sequence = this.#sent.extend(bits);
      if (this.#repairable(sequence) === undefined) this.#counters.repairUnknown++;
      else if (this.#repairs.add(sequence)) queued++;
    }
    return queued;
  }

  /**
   * Changes the datagram size. Smaller: the newest group is sent again in that size, since what was too large did not
   * arrive. Larger: from the next frame on that the log has in that size.
   */
  setDatagramBytesMax(bytes: number, nowMs: number): void {
    if (bytes === this.#bytesMax) return;
    const smaller = bytes < this.#bytesMax;
    this.#bytesMax = bytes;
    if (this.#lane === undefined) return;
    this.#nowMs = nowMs;
    if (smaller) {
      this.#leaveLanes();
      this.#lane = this.#feed.retain(bytes);
      this.#cursor = -1;
      return;
    }
    if (this.#largerLane !== undefined) this.#feed.release(this.#largerLane);
    this.#largerLane = this.#feed.retain(bytes);
  }

  /** Begins again with the newest group, under new sequence numbers. */
  restartGroup(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#cursor = -1;
  }

  #leaveLanes(): void {
    if (this.#lane !== undefined) this.#feed.release(this.#lane);
    if (this.#largerLane !== undefined) this.#feed.release(this.#largerLane);
    this.#lane = undefined;
    this.#largerLane = undefined;
  }

  #catchUp(lane: StreamLane, nowMs: number): void {
    this.#catchingUp = true;
    const datagramBytes = Math.min(lane.datagramBytesMax, this.#bytesMax);
    this.#pace.begin(this.#feed.bytesPerMs / datagramBytes, nowMs);
  }

  /** Makes the cursor point into the log; `undefined` while there is nothing to begin with. */
  #place(nowMs: number): StreamLane | undefined {
    const lane = this.#largerLane === undefined ? this.#lane : this.#stepUp(this.#largerLane);
    if (lane === undefined || this.#cursor >= lane.base) return lane;
    if (this.#cursor >= 0) this.#counters.jumps++;
    this.#cursor = lane.group;
    if (lane.group < 0) return undefined;
    this.#sent.begin(lane, this.#cursor);
    this.#catchUp(lane, nowMs);
    return lane;
  }

  #stepUp(larger: StreamLane): StreamLane | undefined {
    const lane = this.#lane;
    if (lane === undefined) return lane;
    const placed = this.#cursor >= lane.base;
    const frame = lane.frameOf(this.#cursor);
    if (placed && larger !== lane && (frame < larger.firstFrame || !lane.beginsFrame(this.#cursor))) return lane;
    this.#feed.release(lane);
    this.#lane = larger;
    this.#largerLane = undefined;
    if (placed && larger !== lane) {
      this.#cursor = larger.startOfFrame(frame);
      this.#sent.begin(larger, this.#cursor);
    } else if (!placed) {
      this.#cursor = -1;
    }
    return larger;
  }

  #fits(datagram: Uint8Array): boolean {
    if (datagram.length <= this.#bytesMax) return datagram.length > 0;
    this.#counters.droppedTooLarge++;
    return false;
  }

  #send(datagram: Uint8Array, sequence: number, caughtUp: boolean, nowMs: number): Uint8Array {
    if (this.#catchingUp) this.#pace.sent(nowMs);
    this.#counters.sentDatagrams++;
    this.#counters.sentBytes += datagram.length;
    this.#repairs.mediaSent(datagram.length, nowMs);
    this.#lastSequence = sequence;
    this.#lastSentMs = nowMs;
    this.#tailFromMs = caughtUp ? nowMs : NEVER;
    this.#tailProbe = 0;
    return this.#copy(datagram, sequence);
  }

  #copy(datagram: Uint8Array, sequence: number): Uint8Array {
    const copy = this.#memory.copy(datagram, datagram.length);
    rewriteRtp(copy, sequence & 0xffff, this.#ssrc);
    return copy;
  }

  /** What was sent under this sequence number and can be sent again. */
  #repairable(sequence: number): Uint8Array | undefined {
    const datagram = this.#sent.find(sequence);
    return datagram !== undefined && datagram.length > 0 && datagram.length <= this.#bytesMax ? datagram : undefined;
  }

  #nextRepair(nowMs: number): Uint8Array | undefined {
    if (this.#repairs.empty) return undefined;
    for (let sequence = this.#repairs.take(); sequence !== undefined; sequence = this.#repairs.take()) {
      const datagram = this.#repairable(sequence);
      if (datagram === undefined) {
        this.#counters.repairUnknown++;
      } else if (this.#repairs.spend(datagram.length, nowMs)) {
        this.#counters.repairedDatagrams++;
        return this.#copy(datagram, sequence);
      } else {
        this.#counters.repairRefusedBudget++;
      }
    }
    return undefined;
  }

  #tailDueMs(lane: StreamLane): number {
    const delayMs = TAIL_PROBES_MS[this.#tailProbe];
    if (!this.#repair || delayMs === undefined || this.#cursor !== lane.next || this.#lastSequence < 0) return NEVER;
    const { ended } = this.#feed;
    if (ended && delayMs > END_MS) return NEVER;
    const endMs = ended ? Math.max(this.#lastSentMs, this.#feed.endedAtMs) : NEVER;
    return Math.min(this.#tailFromMs, endMs) + delayMs;
  }

  /** Those that a stall made overdue are one. */
  #nextTailProbe(lane: StreamLane, nowMs: number): Uint8Array | undefined {
    const due = this.#tailDueMs(lane) <= nowMs;
    while (this.#tailDueMs(lane) <= nowMs) this.#tailProbe++;
    const datagram = due ? this.#repairable(this.#lastSequence) : undefined;
    if (datagram === undefined) return undefined;
    if (!this.#repairs.spend(datagram.length, nowMs)) {
      this.#counters.repairRefusedBudget++;
      return undefined;
    }
    this.#counters.tailProbes++;
    return this.#copy(datagram, this.#lastSequence);
  }
}
