import { randomFillSync } from 'node:crypto';
import type { Entropy } from '../engine/io-types.ts';

/** Random bytes that are fetched at once: a call of the generator takes 3 us, whether for 8 bytes or for these. */
const POOL_BYTES = 4096;

const pool = new Uint8Array(POOL_BYTES);
let used = POOL_BYTES;

/** Cryptographic random bytes. Those that were given out are gone from the pool, so that nobody finds them in memory later. */
export const cryptoEntropy: Entropy = {
  fill(target) {
    if (target.length > POOL_BYTES) {
      randomFillSync(target);
      return;
    }
    if (used + target.length > POOL_BYTES) {
      randomFillSync(pool);
      used = 0;
    }
    // Byte by byte: for a number a view would take longer than the copy.
    for (let i = 0; i < target.length; i++) {
      target[i] = pool[used] ?? 0;
      pool[used++] = 0;
    }
  },
};
