import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { crc32 } from '../../src/codec/crc.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { bitwiseCrc32 } from './bytes.ts';

describe('crc32', () => {
  test('gives the published check value for the digits 1 to 9', () => {
    expect(crc32(new TextEncoder().encode('123456789'), 9)).toBe(0xcbf4_3926);
  });

  test('is 0 for no bytes and a u32 where the top bit is set', () => {
    expect(crc32(new Uint8Array(4), 0)).toBe(0);
    expect(crc32(new Uint8Array(1), 1)).toBe(0xd202_ef8d);
  });

  test('equals the bitwise reference for every length up to that of a START', () => {
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => (index * index) ^ 0xa5);
    for (let end = 0; end <= bytes.length; end++) {
      expect(crc32(bytes, end), `${end} bytes`).toBe(bitwiseCrc32(bytes.subarray(0, end)));
      expect(crc32(bytes.subarray(0, end), end + 1), `${end} bytes`).toBe(bitwiseCrc32(bytes.subarray(0, end)));
    }
  });

  test('equals the bitwise reference for any bytes and any end, also within a larger buffer', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1200 }), fc.nat(1200), fc.nat(8), (bytes, cut, before) => {
        const end = Math.min(cut, bytes.length);
        const around = new Uint8Array(before + bytes.length + 3).fill(0x55);
        around.set(bytes, before);
        expect(crc32(around.subarray(before), end)).toBe(bitwiseCrc32(bytes.subarray(0, end)));
      }),
      { seed: seedFromEnv('codec/crc'), numRuns: 500 },
    );
  });
});
