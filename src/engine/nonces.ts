import { NONCES_KEPT } from '../protocol/constants.ts';

/** The last eight PINGs' nonces and when each was sent: what a PONG may answer, and an RTT sample from it. */
export class Nonces {
  // One array of its final length: each further one, and one that grows, costs every live session a hundred bytes.
  readonly #kept = new Array<bigint | number>(2 * NONCES_KEPT);
  #next = 0;

  /** Remembers a nonce that goes out now, and forgets the ninth. */
  add(nonce: bigint, nowMs: number): void {
    this.#kept[this.#next] = nonce;
    this.#kept[this.#next + 1] = nowMs;
    this.#next = (this.#next + 2) % this.#kept.length;
  }

  /** When the PING with this nonce was sent; `undefined` when it is none of the last eight. */
  sentAtMs(nonce: bigint): number | undefined {
    for (let at = 0; at < this.#kept.length; at += 2) if (this.#kept[at] === nonce) return Number(this.#kept[at + 1]);
    return undefined;
  }
}
