import type { Entropy } from './io-types.ts';

/** Draws numbers from random bytes. */
export class Random {
  readonly #entropy: Entropy;
  readonly #bytes = new Uint8Array(8);
  readonly #view = new DataView(this.#bytes.buffer);

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  /** 1..2^64-1: a StreamId, SessionTag or nonce. */
  id(): bigint {
    for (;;) {
      this.#entropy.fill(this.#bytes);
      const id = this.#view.getBigUint64(0);
      if (id !== 0n) return id;
    }
  }

  /** u32. */
  u32(): number {
    this.#entropy.fill(this.#bytes);
    return this.#view.getUint32(0);
  }

  /** 0 <= unit < 1. */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** A fresh array. */
  bytes(length: number): Uint8Array {
    const bytes = new Uint8Array(length);
    this.#entropy.fill(bytes);
    return bytes;
  }
}
