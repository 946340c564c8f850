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

/** One that was not answered, and those before it: an array of the one that most sessions wait for would take three times as much. */
interface Ping {
  readonly nonce: bigint;
  readonly fullSizeBefore: number;
  readonly older: Ping | undefined;
}

/** Shared by all sessions that begin with the usual size. */
const usualSteps: readonly number[] = DATAGRAM_BYTES_STEPS;

function stepsFrom(largestBytes: number): readonly number[] {
  if (largestBytes === usualSteps[0]) return usualSteps;
  return [largestBytes, ...usualSteps.filter((bytes) => bytes < largestBytes)];
}

/** The first so many. */
function newest(ping: Ping | undefined, count: number): Ping | undefined {
  if (ping === undefined || count === 0) return undefined;
  const older = newest(ping.older, count - 1);
  return older === ping.older ? ping : { ...ping, older };
}

function without(ping: Ping | undefined, gone: Ping): Ping | undefined {
  if (ping === undefined || ping === gone) return ping?.older;
  return { ...ping, older: without(ping.older, gone) };
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
  #newest: Ping | undefined;
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
    this.#newest = { nonce, fullSizeBefore: this.#fullSize, older: newest(this.#newest, NONCES_KEPT - 1) };
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
    let ping = this.#newest;
    while (ping !== undefined && ping.nonce !== nonce) ping = ping.older;
    if (ping === undefined) return 'keep';
    this.#newest = without(this.#newest, ping);
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
    this.#newest = undefined;
  }
}
