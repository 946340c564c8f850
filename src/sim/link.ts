import type { LinkModel, LossReason } from './link-model.ts';
import type { Prng } from './prng.ts';

/** Datagrams that a clogged link holds at most; what comes then is lost. */
export const HELD_MAX = 4096;

/** IPv4 and UDP headers, which take their time at a bottleneck. */
const HEADERS_BYTES = 28;
const QUEUE_BYTES_MAX = 65_536;
const REORDER_MS = 20;

/** Takes one copy of a datagram that will arrive at `atMs`. The bytes are its own. */
export type Deliver = (bytes: Uint8Array, atMs: number) => void;

/** What became of the datagrams of one direction. */
export interface LinkCounters {
  readonly carried: number;
  readonly duplicated: number;
  readonly corrupted: number;
  readonly reordered: number;
  readonly lost: Readonly<Partial<Record<LossReason, number>>>;
}

/**
 * One direction of a link. The same seed decides the same of the n-th datagram, whatever became of those before it: each takes
 * the same number of random draws, so that a fault that is taken away does not shift the others.
 */
export class Link {
  /** May be replaced at any time. */
  model: LinkModel;
  /** Nothing passes while it is set. */
  partitioned = false;
  readonly #prng: Prng;
  readonly #counters = { carried: 0, duplicated: 0, corrupted: 0, reordered: 0 };
  readonly #lost: Partial<Record<LossReason, number>> = {};
  #bad = false;
  #clogged = false;
  #held: { readonly bytes: Uint8Array; readonly delayMs: number; readonly deliver: Deliver }[] = [];
  #busyUntilMs = 0;

  constructor(model: LinkModel, prng: Prng) {
    this.model = model;
    this.#prng = prng;
  }

  /** See {@link LinkCounters}. */
  get counters(): LinkCounters {
    return { ...this.#counters, lost: { ...this.#lost } };
  }

  /** Whether everything is held back. */
  get clogged(): boolean {
    return this.#clogged;
  }

  /**
   * Decides what becomes of a datagram that is sent now, and calls `deliver` for each copy that will arrive: never, once or twice.
   *
   * @param bytes may be used again by the caller afterwards.
   * @returns why none will; `undefined` when one will.
   */
  carry(bytes: Uint8Array, nowMs: number, deliver: Deliver): LossReason | undefined {
    const { model } = this;
    const prng = this.#prng;
    const turn = prng.unit();
    const fate = prng.unit();
    const twice = prng.unit() < (model.duplication ?? 0);
    const damaged = prng.unit() < (model.corruption ?? 0);
    const place = prng.unit();
    const heldBack = prng.unit() < (model.reorder ?? 0);
    const wait = prng.unit();
    const [delay, copyDelay] = [prng.unit(), prng.unit()];
    this.#counters.carried++;
    const lost = this.#lostBefore(bytes.length, nowMs) ?? this.#lostInAir(turn, fate);
    if (lost !== undefined) return this.lose(lost);
    const { oneWayMs = 0, jitterMs = 0, reorderMs = REORDER_MS } = model;
    const leavesAfterMs = model.bitsPerSecond === undefined ? 0 : this.#busyUntilMs - nowMs;
    const restMs = leavesAfterMs + oneWayMs + (heldBack ? reorderMs * (0.5 + 0.5 * wait) : 0);
    const arriving = bytes.slice();
    if (damaged && arriving.length > 0) {
      const bit = Math.floor(place * 8 * arriving.length);
      arriving[bit >> 3] = (arriving[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      this.#counters.corrupted++;
    }
    if (heldBack) this.#counters.reordered++;
    if (twice) this.#counters.duplicated++;
    this.#pass(arriving, nowMs, restMs + jitterMs * delay, deliver);
    if (twice) this.#pass(arriving.slice(), nowMs, restMs + jitterMs * copyDelay, deliver);
    return undefined;
  }

  /** Counts a datagram that was lost for a reason outside this link, too. */
  lose(reason: LossReason): LossReason {
    this.#lost[reason] = (this.#lost[reason] ?? 0) + 1;
    return reason;
  }

  /** Holds everything that is sent from now on, {@link HELD_MAX} datagrams at most. */
  clog(): void {
    this.#clogged = true;
  }

  /** Lets go what a clogged link held: all of it sets off now. */
  release(nowMs: number): void {
    this.#clogged = false;
    for (const { bytes, delayMs, deliver } of this.#held.splice(0)) deliver(bytes, nowMs + delayMs);
  }

  #pass(bytes: Uint8Array, nowMs: number, delayMs: number, deliver: Deliver): void {
    if (!this.#clogged) return deliver(bytes, nowMs + delayMs);
    if (this.#held.length < HELD_MAX) this.#held.push({ bytes, delayMs, deliver });
    else this.lose('heldFull');
  }

  /** What is decided before a datagram is on the way; it has its place at the bottleneck afterwards. */
  #lostBefore(bytes: number, nowMs: number): LossReason | undefined {
    const { datagramBytesMax, bitsPerSecond, queueBytesMax = QUEUE_BYTES_MAX } = this.model;
    if (this.partitioned) return 'partition';
    if (datagramBytesMax !== undefined && bytes > datagramBytesMax) return 'tooLarge';
    if (bitsPerSecond === undefined) return undefined;
    const waitsMs = Math.max(0, this.#busyUntilMs - nowMs);
    const onWireBytes = bytes + HEADERS_BYTES;
    if ((waitsMs * bitsPerSecond) / 8000 + onWireBytes > queueBytesMax) return 'queueFull';
    this.#busyUntilMs = nowMs + waitsMs + (8000 * onWireBytes) / bitsPerSecond;
    return undefined;
  }

  #lostInAir(turn: number, fate: number): LossReason | undefined {
    const { loss = 0, burst } = this.model;
    if (burst !== undefined) {
      this.#bad = this.#bad ? turn >= burst.leave : turn < burst.enter;
      if (this.#bad && fate < (burst.loss ?? 1)) return 'burst';
    }
    return fate < loss ? 'random' : undefined;
  }
}
