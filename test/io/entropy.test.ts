import { describe, expect, test } from 'vitest';
import { cryptoEntropy } from '../../src/io/entropy.ts';

const drawn = (bytes: number): Uint8Array => {
  const target = new Uint8Array(bytes);
  cryptoEntropy.fill(target);
  return target;
};

describe('random bytes of the shell', () => {
  test('are never given out twice, across the ends of the pool too', () => {
    const seen = new Set<string>();
    for (let draw = 0; draw < 5000; draw++) seen.add(Buffer.from(drawn(16)).toString('hex'));
    expect(seen.size).toBe(5000);
  });

  test.each([0, 1, 7, 4095, 4096, 4097, 100_000])('fill %i bytes whole, and nothing beside them', (bytes) => {
    const around = new Uint8Array(bytes + 2);
    cryptoEntropy.fill(around.subarray(1, bytes + 1));
    expect([around[0], around.at(-1)]).toEqual([0, 0]);
    // 1 of 256 bytes is 0; that 3 in 100 are, of so many, is as good as never.
    if (bytes > 4000) expect(around.filter((byte) => byte === 0).length).toBeLessThan(0.03 * bytes);
  });

  test('every value of a byte comes about as often as any other', () => {
    const counts = new Array<number>(256).fill(0);
    for (let draw = 0; draw < 2000; draw++) for (const byte of drawn(256)) counts[byte] = (counts[byte] ?? 0) + 1;
    // 2,000 each, with a standard deviation of 45: seven of them.
    for (const count of counts) expect(Math.abs(count - 2000)).toBeLessThan(315);
  });
});
