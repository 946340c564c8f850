import type { Entropy } from '../engine/io-types.ts';

/**
 * Seeded random numbers: sfc32 (Chris Doty-Humphrey, PractRand), 32-bit integer operations only, so that one seed gives one
 * sequence on every machine and every Node.
 */
export class Prng implements Entropy {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param stream tells apart sequences that share a seed. */
  constructor(seed: number, stream = 0) {
    this.#a = seed | 0;
    this.#b = stream | 0;
    this.#c = 0x9e3779b9 | 0;
    for (let i = 0; i < 12; i++) this.u32();
  }

  /** 0..2^32-1. */
  u32(): number {
    const result = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + result;
    this.#c |= 0;
    return result >>> 0;
  }

  /** 0 <= unit < 1. */
  unit(): number {
    return this.u32() / 2 ** 32;
  }

  /** True in the given fraction of draws. */
  chance(fraction: number): boolean {
    return this.unit() < fraction;
  }

  /** A whole number, 0 <= n < limit. */
  below(limit: number): number {
    return Math.floor(this.unit() * limit);
  }

  fill(target: Uint8Array): void {
    for (let i = 0; i < target.length; i++) target[i] = this.u32() >>> 24;
  }
}
