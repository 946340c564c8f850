import type { Entropy } from '../engine/io-types.ts';
import { AllocationFailure } from './host.ts';

/** Random bytes of a program that fails at its n-th request, as an allocation can: half-way through a step. */
export class FaultyEntropy implements Entropy {
  readonly #entropy: Entropy;
  #left: number;

  /** @param failsAt 1 fails the first request. */
  constructor(entropy: Entropy, failsAt: number) {
    this.#entropy = entropy;
    this.#left = failsAt;
  }

  fill(target: Uint8Array): void {
    if (--this.#left === 0) throw new AllocationFailure();
    this.#entropy.fill(target);
  }
}
