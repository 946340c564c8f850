import { randomFillSync } from 'node:crypto';
import type { Entropy } from '../engine/io-types.ts';

/** The operating system's random bytes. */
export const cryptoEntropy: Entropy = {
  fill: (target) => {
    randomFillSync(target);
  },
};
