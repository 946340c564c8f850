import { NONCES_KEPT } from '../protocol/constants.ts';

/** Of each: its low and high half, and when it was sent. */
const NUMBERS = 3;
/** No half of a nonce. Not whole, so that the array is one of doubles from the beginning. */
const NONE = -0.5;

const nonces = new BigUint64Array(1);
const halves = new Uint32Array(nonces.buffer);

/** The last eight PINGs' nonces and when each was sent: what a PONG may answer, and an RTT sample from it. */
export class Nonces {
  // Doubles in one array of its final length: a bigint, a time, or an array that grows would cost every live session more.
  readonly #kept = new Array<number>(NUMBERS * NONCES_KEPT).fill(NONE);
  #next = 0;

  /** Remembers a nonce that goes out now, and forgets the ninth. */
  add(nonce: bigint, nowMs: number): void {
    nonces[0] = nonce;
    this.#kept[this.#next] = halves[0] ?? 0;
    this.#kept[this.#next + 1] = halves[1] ?? 0;
    this.#kept[this.#next + 2] = nowMs;
    this.#next = (this.#next + NUMBERS) % this.#kept.length;
  }

  /** When the PING with this nonce was sent; `undefined` when it is none of the last eight. */
  sentAtMs(nonce: bigint): number | undefined {
    nonces[0] = nonce;
    const [low, high] = halves;
    for (let at = 0; at < this.#kept.length; at += NUMBERS) {
      if (this.#kept[at] === low && this.#kept[at + 1] === high) return this.#kept[at + 2];
    }
    return undefined;
  }
}
