import { createHistogram } from 'node:perf_hooks';
import { MinHeap } from '../engine/min-heap.ts';
import { monotonicMs } from './clock.ts';

/** What a {@link DelayLine} holds at most. */
export interface DelayLineLimits {
  readonly datagramsMax: number;
  readonly bytesMax: number;
}

/** How much later than meant held datagrams were let go, in ms. */
export interface Lateness {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

interface Held {
  readonly dueMs: number;
  readonly order: number;
  readonly bytes: number;
  readonly letGo: () => void;
}

/** Below this a timer, which counts whole ms of the event loop's own clock, is no help: the loop is turned until the time has come. */
const TURN_MS = 1;

/**
 * Holds datagrams until their time: the earliest first, equal ones in the order in which they came. One timer for all; the last
 * millisecond is waited for by turns of the event loop, between which sockets are read.
 */
export class DelayLine {
  readonly #limits: DelayLineLimits;
  readonly #heap = new MinHeap<Held>(isBefore);
  readonly #lateUs = createHistogram();
  #held = 0;
  #heldBytes = 0;
  #order = 0;
  #armedMs = Number.POSITIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #turn: NodeJS.Immediate | undefined;
  #closed = false;

  constructor(limits: DelayLineLimits) {
    this.#limits = limits;
  }

  /** Datagrams that are held. */
  get held(): number {
    return this.#held;
  }

  /** Their bytes. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** See {@link Lateness}; all 0 while nothing was held. */
  get lateness(): Lateness {
    const { count } = this.#lateUs;
    if (count === 0) return { count, p50Ms: 0, p99Ms: 0, maxMs: 0 };
    const at = (percentile: number): number => this.#lateUs.percentile(percentile) / 1000;
    return { count, p50Ms: at(50), p99Ms: at(99), maxMs: this.#lateUs.max / 1000 };
  }

  /**
   * Calls `letGo` at `dueMs`.
   *
   * @param bytes of the datagram, which count towards the limit.
   * @returns false if there is no room for it.
   */
  hold(dueMs: number, bytes: number, letGo: () => void): boolean {
    const { datagramsMax, bytesMax } = this.#limits;
    if (this.#closed || this.#held >= datagramsMax || this.#heldBytes + bytes > bytesMax) return false;
    this.#heap.push({ dueMs, order: this.#order++, bytes, letGo });
    this.#held++;
    this.#heldBytes += bytes;
    this.#arm();
    return true;
  }

  /** Lets nothing go any more. */
  close(): void {
    this.#closed = true;
    this.#disarm();
  }

  #arm(): void {
    const next = this.#heap.peek();
    if (next === undefined || next.dueMs >= this.#armedMs || this.#closed) return;
    this.#disarm();
    this.#armedMs = next.dueMs;
    const waitMs = next.dueMs - monotonicMs();
    if (waitMs < TURN_MS) this.#turn = setImmediate(() => this.#wake());
    else this.#timer = setTimeout(() => this.#wake(), Math.floor(waitMs));
  }

  #disarm(): void {
    clearTimeout(this.#timer);
    clearImmediate(this.#turn);
    this.#armedMs = Number.POSITIVE_INFINITY;
  }

  #wake(): void {
    this.#armedMs = Number.POSITIVE_INFINITY;
    const nowMs = monotonicMs();
    for (let next = this.#heap.peek(); next !== undefined && next.dueMs <= nowMs; next = this.#heap.peek()) {
      this.#heap.pop();
      this.#held--;
      this.#heldBytes -= next.bytes;
      this.#lateUs.record(Math.max(1, Math.round(1000 * (nowMs - next.dueMs))));
      next.letGo();
    }
    this.#arm();
  }
}

function isBefore(a: Held, b: Held): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}
