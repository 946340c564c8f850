import { encodeNack } from './rtcp.ts';

/** Least time between two NACKs for the same sequence number, in ms; half a round trip if that is more. */
export const NACK_INTERVAL_MIN_MS = 20;

const NOBODY = -1;
const SLOTS_MIN = 16;

/**
 * Which missing datagrams are asked for, and when (docs/PROTOCOL.md, section 8): at once, then again each
 * max({@link NACK_INTERVAL_MIN_MS}, RTT/2) until they arrive or their play-out time has come.
 *
 * Sequence numbers are absolute here: counted on past 65,535.
 */
export class NackPlan {
  /** NACK datagrams made. */
  nacksSent = 0;
  /** Sequence numbers that they named. */
  sequencesAsked = 0;
  private readonly senderSsrc: number;
  private readonly mediaSsrc: number;
  /** Room for what is missing, a power of two less one: grows when two missing ones fall on one place. */
  private mask = 0;
  private owner: number[] = [];
  private askAtMs: number[] = [];
  private deadlineAtMs: number[] = [];
  private asked: boolean[] = [];
  /** Ascending; an entry whose slot has another owner has been settled and goes at the next walk. */
  private readonly open: number[] = [];
  private readonly due: number[] = [];
  private openCount = 0;
  private nextAtMs = Number.POSITIVE_INFINITY;
  private intervalMs = NACK_INTERVAL_MIN_MS;

  /**
   * @param senderSsrc the SSRC that NACKs are sent under.
   * @param mediaSsrc the SSRC of the stream that they ask for.
   */
  constructor(senderSsrc: number, mediaSsrc: number) {
    this.senderSsrc = senderSsrc;
    this.mediaSsrc = mediaSsrc;
  }

  /** Round-trip time in ms, for the next interval on. */
  setRtt(rttMs: number): void {
    this.intervalMs = Math.max(NACK_INTERVAL_MIN_MS, rttMs / 2);
  }

  /** `absolute`, higher than all before it, was found missing: it is due now. */
  add(absolute: number, nowMs: number, deadlineAtMs: number): void {
    if (this.open.length > 2 * this.mask) this.dropSettled();
    while (this.owner[absolute & this.mask] !== NOBODY) this.grow();
    const slot = absolute & this.mask;
    this.owner[slot] = absolute;
    this.askAtMs[slot] = nowMs;
    this.deadlineAtMs[slot] = deadlineAtMs;
    this.asked[slot] = false;
    this.open.push(absolute);
    this.openCount++;
    if (nowMs < deadlineAtMs) this.nextAtMs = Math.min(this.nextAtMs, nowMs);
  }

  /** `absolute` may be asked for until `deadlineAtMs`, and is due now. */
  extend(absolute: number, nowMs: number, deadlineAtMs: number): void {
    const slot = absolute & this.mask;
    if (this.owner[slot] !== absolute) return;
    this.askAtMs[slot] = nowMs;
    this.deadlineAtMs[slot] = Math.max(deadlineAtMs, this.deadlineAtMs[slot] ?? 0);
    if (nowMs < deadlineAtMs) this.nextAtMs = Math.min(this.nextAtMs, nowMs);
  }

  /** `absolute` arrived or was given up. Returns whether a NACK had asked for it. */
  settle(absolute: number): boolean {
    const slot = absolute & this.mask;
    if (this.owner[slot] !== absolute) return false;
    this.owner[slot] = NOBODY;
    this.openCount--;
    if (this.openCount === 0) {
      this.open.length = 0;
      this.nextAtMs = Number.POSITIVE_INFINITY;
    }
    return this.asked[slot] === true;
  }

  /** Not later than the next NACK is due, monotonic ms; Infinity if nothing is missing. */
  deadlineMs(): number {
    return this.nextAtMs;
  }

  /** The next NACK that is due, `undefined` when there is none (more). */
  poll(nowMs: number): Uint8Array | undefined {
    if (nowMs < this.nextAtMs) return undefined;
    this.collectDue(nowMs);
    if (this.due.length === 0) return undefined;
    const sequences = this.due.map((absolute) => absolute & 0xffff);
    const { datagram, count } = encodeNack(this.senderSsrc, this.mediaSsrc, sequences);
    const againAtMs = nowMs + this.intervalMs;
    for (let index = 0; index < count; index++) {
      const slot = (this.due[index] ?? 0) & this.mask;
      this.asked[slot] = true;
      this.askAtMs[slot] = againAtMs;
      if (againAtMs < (this.deadlineAtMs[slot] ?? 0)) this.nextAtMs = Math.min(this.nextAtMs, againAtMs);
    }
    if (count < this.due.length) this.nextAtMs = nowMs;
    this.nacksSent++;
    this.sequencesAsked += count;
    return datagram;
  }

  /** Fills `due`, and sets `nextAtMs` to when the others will be. */
  private collectDue(nowMs: number): void {
    this.dropSettled();
    this.due.length = 0;
    this.nextAtMs = Number.POSITIVE_INFINITY;
    for (const absolute of this.open) {
      const slot = absolute & this.mask;
      const askAtMs = this.askAtMs[slot] ?? 0;
      const deadlineAtMs = this.deadlineAtMs[slot] ?? 0;
      if (askAtMs >= deadlineAtMs || nowMs >= deadlineAtMs) continue;
      if (askAtMs <= nowMs) this.due.push(absolute);
      else this.nextAtMs = Math.min(this.nextAtMs, askAtMs);
    }
  }

  /** What is missing at one time lies within the window, so that a place is free for each before this is as large. */
  private grow(): void {
    this.dropSettled();
    const { mask, askAtMs, deadlineAtMs, asked } = this;
    const slots = Math.max(SLOTS_MIN, 2 * (mask + 1));
    this.mask = slots - 1;
    this.owner = new Array<number>(slots).fill(NOBODY);
    this.askAtMs = new Array<number>(slots).fill(0);
    this.deadlineAtMs = new Array<number>(slots).fill(0);
    this.asked = new Array<boolean>(slots).fill(false);
    for (const absolute of this.open) {
      const [from, to] = [absolute & mask, absolute & this.mask];
      this.owner[to] = absolute;
      this.askAtMs[to] = askAtMs[from] ?? 0;
      this.deadlineAtMs[to] = deadlineAtMs[from] ?? 0;
      this.asked[to] = asked[from] ?? false;
    }
  }

  private dropSettled(): void {
    let kept = 0;
    for (const absolute of this.open) {
      if (this.owner[absolute & this.mask] === absolute) this.open[kept++] = absolute;
    }
    this.open.length = kept;
  }
}
