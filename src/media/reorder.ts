import { NackPlan } from './nack-plan.ts';
import type { ReceiveCounters } from './receive-stats.ts';
import { firstSequence, rtpSequence, sequenceDistance } from './rtp.ts';

/** How far behind the highest sequence number a datagram may be for the window to know what became of it. */
export const HISTORY_DATAGRAMS = 4096;
/** So many datagrams out of the window in a row, each a little ahead of the one before, mean that the stream jumped. */
export const RESYNC_DATAGRAMS = 3;
/** The most that "a little ahead" may be, so that loss on the way does not hide a jump. */
export const RESYNC_STEP_MAX = 16;
/** A play-out time that is noticed this late means that the event loop stood still, in ms. */
export const STALL_MS = 50;
/** Least and greatest size of the window in datagrams; more would come near half the 16-bit circle. */
export const WINDOW_DATAGRAMS_RANGE = [16, 16_384] as const;

/** What became of a datagram: `new` and `repaired` ones were taken, `repaired` after a NACK had asked for them. */
export type Arrival = 'new' | 'repaired' | 'duplicated' | 'late' | 'outOfWindow';

/** Takes datagrams in sequence: when each arrived (monotonic ms), and how many right before it were given up. */
export type Release = (datagram: Uint8Array, arrivedAtMs: number, lostBefore: number) => void;

/** Settings of a {@link ReorderWindow}. */
export interface ReorderOptions {
  /** SSRC of the session, which also says its first sequence number. */
  readonly ssrc: number;
  /** SSRC that NACKs are sent under. */
  readonly senderSsrc: number;
  /** How long a gap holds back what is behind it, in ms. */
  readonly latencyMs: number;
  /** No gap is given up sooner than this after the start, in ms. */
  readonly firstGroupMs: number;
  /** Whether missing datagrams are asked for. */
  readonly repair: boolean;
  /** Datagrams from the oldest gap on, rounded down to a power of two within {@link WINDOW_DATAGRAMS_RANGE}. */
  readonly windowDatagramsMax: number;
  /** Bytes of the datagrams that wait behind a gap. */
  readonly windowBytesMax: number;
}

const UNKNOWN = 0;
const MISSING = 1;
const HELD = 2;
const DONE = 3;
const GIVEN_UP = 4;

const NOTHING_SEEN = new Uint8Array(0);
const SLOTS_MIN = 16;

function powerOfTwoWithin(most: number): number {
  const [least, greatest] = WINDOW_DATAGRAMS_RANGE;
  let size: number = least;
  while (2 * size <= Math.min(most, greatest)) size *= 2;
  return size;
}

/**
 * Puts datagrams back into sequence. What is behind a gap waits until the gap is repaired or its play-out time has come;
 * what is behind nothing passes at once. Time stands in arguments only.
 *
 * Sequence numbers are counted on past 65,535 ("absolute"). `next` is the oldest not yet released or given up, `head` one past
 * the highest seen; if they differ, `next` is missing. Three datagrams in a row that are out of the window but fit each
 * other move it to where they are: whatever is sent, the window follows within three datagrams and never sticks.
 */
export class ReorderWindow {
  private readonly options: ReorderOptions;
  private readonly counters: ReceiveCounters;
  private readonly release: Release;
  private readonly nacks: NackPlan | undefined;
  private readonly windowSize: number;
  private readonly stateMask: number;
  private state = NOTHING_SEEN;
  /** Room from the oldest gap on, a power of two: grows with the gaps, up to the window's size. */
  private slots = 0;
  private held: (Uint8Array | undefined)[] = [];
  private arrivedAtMs: number[] = [];
  private deadlineAtMs: number[] = [];
  private startedAtMs: number | undefined;
  private next: number;
  private head: number;
  private extendedBefore = 0;
  private heldBytes = 0;
  private lostBefore = 0;
  private strays = 0;
  private strayFirst = 0;
  private strayLast = 0;

  /** @param counters counts here, shared with the caller. */
  constructor(options: ReorderOptions, counters: ReceiveCounters, release: Release) {
    this.options = options;
    this.counters = counters;
    this.release = release;
    this.windowSize = powerOfTwoWithin(options.windowDatagramsMax);
    this.stateMask = Math.max(HISTORY_DATAGRAMS, this.windowSize) - 1;
    this.nacks = options.repair ? new NackPlan(options.senderSsrc, options.ssrc) : undefined;
    this.next = 0x1_0000 + firstSequence(options.ssrc);
    this.head = this.next;
  }

  /** Begins the first group's time. Only the first call counts. */
  start(nowMs: number): void {
    this.startedAtMs ??= nowMs;
  }

  /** Round-trip time in ms, which spaces the NACKs. */
  setRtt(rttMs: number): void {
    this.nacks?.setRtt(rttMs);
  }

  /** Whether a gap holds anything back. */
  get waiting(): boolean {
    return this.next !== this.head;
  }

  /** Takes a well-formed RTP datagram, which may be kept by reference, and releases what that makes possible. */
  insert(datagram: Uint8Array, nowMs: number): Arrival {
    if (this.state === NOTHING_SEEN) this.state = new Uint8Array(this.stateMask + 1);
    const sequence = rtpSequence(datagram);
    const absolute = this.absoluteOf(sequence);
    if (absolute >= this.head) {
      if (absolute >= this.head + this.windowSize) return this.stray(datagram, sequence, nowMs);
      this.strays = 0;
      this.append(datagram, absolute, nowMs);
      return 'new';
    }
    if (absolute < this.next && absolute < this.head - HISTORY_DATAGRAMS) return this.stray(datagram, sequence, nowMs);
    switch (this.state[absolute & this.stateMask]) {
      case MISSING: {
        this.strays = 0;
        const asked = this.nacks?.settle(absolute) ?? false;
        if (asked) this.counters.repaired++;
        else this.counters.reordered++;
        this.fill(datagram, absolute, nowMs);
        return asked ? 'repaired' : 'new';
      }
      case UNKNOWN:
        return this.stray(datagram, sequence, nowMs);
      case GIVEN_UP:
        this.strays = 0;
        this.state[absolute & this.stateMask] = DONE;
        this.counters.late++;
        return 'late';
      default:
        this.strays = 0;
        this.counters.duplicated++;
        return 'duplicated';
    }
  }

  /** The absolute number that a sequence number means now: the one nearest to the highest seen. */
  absoluteOf(sequence: number): number {
    return this.head - 1 + sequenceDistance(sequence, (this.head - 1) & 0xffff);
  }

  /** A datagram that waits behind a gap, `undefined` if this one does not. */
  heldAt(absolute: number): Uint8Array | undefined {
    return absolute >= this.next && absolute < this.head ? this.held[absolute & (this.slots - 1)] : undefined;
  }

  /** When the oldest gap is to be given up, monotonic ms; Infinity without a gap. */
  playOutMs(): number {
    return this.waiting ? (this.deadlineAtMs[this.next & (this.slots - 1)] ?? 0) : Number.POSITIVE_INFINITY;
  }

  /** When the next NACK is due, monotonic ms; Infinity if none is. */
  nackMs(): number {
    return this.nacks?.deadlineMs() ?? Number.POSITIVE_INFINITY;
  }

  /** The next NACK that is due, `undefined` when there is none (more). */
  pollNack(nowMs: number): Uint8Array | undefined {
    const nack = this.nacks?.poll(nowMs);
    if (this.nacks !== undefined) {
      this.counters.nacksSent = this.nacks.nacksSent;
      this.counters.sequencesAsked = this.nacks.sequencesAsked;
    }
    return nack;
  }

  /**
   * Gives up every gap whose play-out time has come. When that is noticed late, this host stood still and could not ask: then
   * what is missing gets its play-out time once more.
   */
  expire(nowMs: number): void {
    if (nowMs - this.playOutMs() >= STALL_MS && this.next >= this.extendedBefore) this.extend(nowMs);
    while (this.playOutMs() <= nowMs) this.giveUpBefore(this.next + 1);
  }

  private extend(nowMs: number): void {
    const deadlineAtMs = nowMs + this.options.latencyMs;
    for (let absolute = this.next; absolute < this.head; absolute++) {
      if (this.state[absolute & this.stateMask] !== MISSING) continue;
      const slot = absolute & (this.slots - 1);
      this.deadlineAtMs[slot] = Math.max(deadlineAtMs, this.deadlineAtMs[slot] ?? 0);
      this.nacks?.extend(absolute, nowMs, deadlineAtMs);
    }
    this.extendedBefore = this.head;
  }

  /** Gives up all that is missing before `absolute`, which must not be past `head`. */
  giveUpBefore(absolute: number): void {
    while (this.next < absolute) {
      if (this.held[this.next & (this.slots - 1)] === undefined) this.giveUpNext();
      else this.releaseRun();
    }
    this.releaseRun();
  }

  /** Releases or gives up all that waits. */
  flush(): void {
    this.giveUpBefore(this.head);
  }

  /** Takes a datagram that is higher than all before it; those in between are missing from now on. */
  private append(datagram: Uint8Array, absolute: number, nowMs: number): void {
    while (absolute >= this.next + this.windowSize) this.overflow();
    if (absolute - this.next >= this.slots && absolute !== this.next) this.grow(absolute - this.next + 1);
    const latest = nowMs + this.options.latencyMs;
    const deadlineAtMs = Math.max(latest, (this.startedAtMs ?? nowMs) + this.options.firstGroupMs);
    for (; this.head < absolute; this.head++) {
      this.state[this.head & this.stateMask] = MISSING;
      this.deadlineAtMs[this.head & (this.slots - 1)] = deadlineAtMs;
      this.nacks?.add(this.head, nowMs, deadlineAtMs);
    }
    this.head = absolute + 1;
    this.fill(datagram, absolute, nowMs);
  }

  /** Makes room for so many datagrams from the oldest gap on. A session without a gap never needs any. */
  private grow(needed: number): void {
    let slots = Math.max(SLOTS_MIN, this.slots);
    while (slots < needed) slots *= 2;
    const held = new Array<Uint8Array | undefined>(slots).fill(undefined);
    const arrivedAtMs = new Array<number>(slots).fill(0);
    const deadlineAtMs = new Array<number>(slots).fill(0);
    for (let absolute = this.next; absolute < this.head; absolute++) {
      const [from, to] = [absolute & (this.slots - 1), absolute & (slots - 1)];
      held[to] = this.held[from];
      arrivedAtMs[to] = this.arrivedAtMs[from] ?? 0;
      deadlineAtMs[to] = this.deadlineAtMs[from] ?? 0;
    }
    this.slots = slots;
    this.held = held;
    this.arrivedAtMs = arrivedAtMs;
    this.deadlineAtMs = deadlineAtMs;
  }

  /** Holds a datagram of the window, or releases it and its followers if it is the one that they wait for. */
  private fill(datagram: Uint8Array, absolute: number, nowMs: number): void {
    if (absolute === this.next) {
      this.pass(datagram, nowMs);
      this.releaseRun();
      return;
    }
    const slot = absolute & (this.slots - 1);
    this.state[absolute & this.stateMask] = HELD;
    this.held[slot] = datagram;
    this.arrivedAtMs[slot] = nowMs;
    this.heldBytes += datagram.length;
    while (this.heldBytes > this.options.windowBytesMax) this.overflow();
  }

  private overflow(): void {
    this.counters.windowOverflows++;
    while (this.waiting && this.held[this.next & (this.slots - 1)] === undefined) this.giveUpNext();
    this.releaseRun();
  }

  private giveUpNext(): void {
    this.nacks?.settle(this.next);
    this.state[this.next & this.stateMask] = GIVEN_UP;
    this.counters.lost++;
    this.lostBefore++;
    this.next++;
  }

  private releaseRun(): void {
    for (;;) {
      const slot = this.next & (this.slots - 1);
      const datagram = this.held[slot];
      if (datagram === undefined) return;
      this.held[slot] = undefined;
      this.heldBytes -= datagram.length;
      this.pass(datagram, this.arrivedAtMs[slot] ?? 0);
    }
  }

  private pass(datagram: Uint8Array, arrivedAtMs: number): void {
    this.state[this.next & this.stateMask] = DONE;
    this.next++;
    const lostBefore = this.lostBefore;
    this.lostBefore = 0;
    this.release(datagram, arrivedAtMs, lostBefore);
  }

  /** Drops a datagram out of the window, unless it and those right before it show where the stream is now. */
  private stray(datagram: Uint8Array, sequence: number, nowMs: number): Arrival {
    const step = sequenceDistance(sequence, this.strayLast);
    if (this.strays === 0 || step < 1 || step > RESYNC_STEP_MAX) {
      this.strays = 0;
      this.strayFirst = sequence;
    }
    this.strays++;
    this.strayLast = sequence;
    if (this.strays < RESYNC_DATAGRAMS) {
      this.counters.outOfWindow++;
      return 'outOfWindow';
    }
    this.strays = 0;
    this.moveTo(this.strayFirst);
    this.append(datagram, this.absoluteOf(sequence), nowMs);
    return 'new';
  }

  /** Starts over at `sequence`. The dropped datagrams that led here count as missing, so that they are asked for. */
  private moveTo(sequence: number): void {
    this.flush();
    const skipped = Math.max(0, sequenceDistance(sequence, this.head & 0xffff));
    this.counters.resyncs++;
    this.counters.lost += skipped;
    this.lostBefore += Math.max(1, skipped);
    this.head += (sequence - this.head) & 0xffff;
    this.next = this.head;
    this.state.fill(GIVEN_UP);
  }
}
