import type { Entropy } from './io-types.ts';

/** Between being filled and being read, which nothing comes between: one for all, as a view of its own costs 400 ns. */
const drawn = new Uint8Array(8);
const drawnView = new DataView(drawn.buffer);

/** Draws numbers from random bytes. */
export class Random {
  readonly #entropy: Entropy;

  constructor(entropy: Entropy) {
    this.#entropy = entropy;
  }

  /** 1..2^64-1: a StreamId, SessionTag or nonce. */
  id(): bigint {
    for (;;) {
      this.#entropy.fill(drawn);
      const id = drawnView.getBigUint64(0);
      if (id !== 0n) return id;
    }
  }

  /** u32. */
  u32(): number {
    this.#entropy.fill(drawn);
    return drawnView.getUint32(0);
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
