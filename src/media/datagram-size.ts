import { DATAGRAM_BYTES_STEPS, NONCES_KEPT } from '../protocol/constants.ts';

/** Full-size datagrams before a PING without which its PONG says nothing about the size. */
export const FULL_SIZE_DATAGRAMS_MIN = 4;
/** PONGs in a row that must show nothing of the size. */
export const BAD_PONGS = 3;
/** After a step down the next step up is due this much later, in ms. */
export const STEP_UP_MS = 60_000;
/** A suspicious session pings again this soon, in ms. */
export const SUSPICIOUS_PING_MS = 100;

/** What a PONG or a local error means for the size: nothing, it is smaller now, or the path is of no use. */
export type SizeVerdict = 'keep' | 'stepDown' | 'tooSmall';

interface Ping {
  readonly nonce: bigint;
  readonly fullSizeBefore: number;
}

const NO_PINGS: readonly Ping[] = [];

/** Shared by all sessions that begin with the usual size. */
const usualSteps: readonly number[] = DATAGRAM_BYTES_STEPS;

function stepsFrom(largestBytes: number): readonly number[] {
  if (largestBytes === usualSteps[0]) return usualSteps;
  return [largestBytes, ...usualSteps.filter((bytes) => bytes < largestBytes)];
}

/**
 * Finds the datagram size that one session's path carries (docs/PROTOCOL.md, section 8, after RFC 8899): media itself is
 * the probe, PONG is the receipt. A datagram counts as full-size from 15/16 of the current size on, so that a pause in the
 * middle of a frame or a slightly smaller packet is no riddle.
 *
 * Three PONGs in a row must show nothing of that size, each to a PING before which, since the PING before it, at least four
 * full-size datagrams went out. A PONG to a PING with fewer says nothing and neither counts nor ends the row, unless it
 * shows the size; that always ends it.
 */
export class DatagramSizeSearch {
  readonly #steps: readonly number[];
  #step = 0;
  #fullSize = 0;
  #pings: readonly Ping[] = NO_PINGS;
  #badPongs = 0;
  #nowMs = Number.NEGATIVE_INFINITY;
  #steppedAtMs = Number.NEGATIVE_INFINITY;

  /** @param largestBytes the first and largest size, default 1200; those of 600 and 296 that are smaller follow. */
  constructor(largestBytes: number = DATAGRAM_BYTES_STEPS[0]) {
    this.#steps = stepsFrom(largestBytes);
  }

  /** The largest datagram to send now, in bytes. */
  get current(): number {
    return this.#steps[this.#step] ?? 0;
  }

  /** The last PONG that could say something showed nothing of the current size: PING again after 100 ms. */
  get suspicious(): boolean {
    return this.#badPongs > 0;
  }

  /** A media datagram of this many bytes went out. */
  sent(bytes: number): void {
    if (this.#isFullSize(bytes)) this.#fullSize++;
  }

  /** A PING went out. The last 8 are remembered, as many as a PONG may still answer. */
  pingSent(nonce: bigint, nowMs: number): void {
    this.#nowMs = nowMs;
    // A new array of the right length: one that grows makes room for seventeen.
    this.#pings = [...this.#pings.slice(1 - NONCES_KEPT), { nonce, fullSizeBefore: this.#fullSize }];
    this.#fullSize = 0;
  }

  /**
   * A PONG came.
   *
   * @param largestSeen its DATAGRAM_BYTES_MAX: the largest datagram since the PONG before, 0 for none.
   * @returns `stepDown`: {@link current} is smaller now, the newest group is to be sent again; `tooSmall`: close with MTU_TOO_SMALL.
   */
  pong(nonce: bigint, largestSeen: number, nowMs: number): SizeVerdict {
    this.#nowMs = nowMs;
    const index = this.#pings.findIndex((ping) => ping.nonce === nonce);
    const ping = this.#pings[index];
    if (ping === undefined) return 'keep';
    this.#pings = this.#pings.length === 1 ? NO_PINGS : this.#pings.filter((other) => other !== ping);
    if (this.#isFullSize(largestSeen)) {
      this.#badPongs = 0;
      return 'keep';
    }
    if (ping.fullSizeBefore < FULL_SIZE_DATAGRAMS_MIN) return 'keep';
    this.#badPongs++;
    if (this.#badPongs < BAD_PONGS) return 'keep';
    if (this.#step === this.#steps.length - 1) return 'tooSmall';
    this.#move(this.#step + 1);
    return 'stepDown';
  }

  /**
   * The own system refused a datagram of this many bytes as too large (EMSGSIZE). Only ever steps down: a forged ICMP message
   * can cause this error, and ICMP must not end a session (S7). Counts as of the time that was told last.
   */
  emsgsize(bytes: number): 'keep' | 'stepDown' {
    let step = this.#step;
    while (step < this.#steps.length - 1 && (this.#steps[step] ?? 0) >= bytes) step++;
    if (step === this.#step) return 'keep';
    this.#move(step);
    return 'stepDown';
  }

  /** The next larger size in bytes, if there is one and 60 s have passed since the size last changed. Changes nothing. */
  stepUpDue(nowMs: number): number | undefined {
    return nowMs - this.#steppedAtMs >= STEP_UP_MS ? this.#steps[this.#step - 1] : undefined;
  }

  /** Goes one step up and returns the new {@link current}; nothing changes at the largest. */
  stepUp(nowMs: number): number {
    this.#nowMs = nowMs;
    if (this.#step > 0) this.#move(this.#step - 1);
    return this.current;
  }

  #isFullSize(bytes: number): boolean {
    return 16 * bytes >= 15 * this.current;
  }

  /** What was learnt about another size is of no use for this one. */
  #move(step: number): void {
    this.#step = step;
    this.#steppedAtMs = this.#nowMs;
    this.#badPongs = 0;
    this.#fullSize = 0;
    this.#pings = NO_PINGS;
  }
}
