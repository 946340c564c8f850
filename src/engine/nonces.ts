import { NONCES_KEPT } from '../protocol/constants.ts';

/** The last eight PINGs' nonces and when each was sent: what a PONG may answer, and an RTT sample from it. */
export class Nonces {
  // Of their final length: an array that grows takes twice as much at once.
  readonly #nonces = new Array<bigint>(NONCES_KEPT);
  readonly #sentAtMs = new Array<number>(NONCES_KEPT);
  #next = 0;

  /** Remembers a nonce that goes out now, and forgets the ninth. */
  add(nonce: bigint, nowMs: number): void {
    this.#nonces[this.#next] = nonce;
    this.#sentAtMs[this.#next] = nowMs;
    this.#next = (this.#next + 1) % NONCES_KEPT;
  }

  /** When the PING with this nonce was sent; `undefined` when it is none of the last eight. */
  sentAtMs(nonce: bigint): number | undefined {
    return this.#sentAtMs[this.#nonces.indexOf(nonce)];
  }
}
