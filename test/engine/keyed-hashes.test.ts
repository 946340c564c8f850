import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { halfSipHash } from '../../src/security/half-siphash.ts';
import { equalBytes, RESET_TOKEN_BYTES, resetToken } from '../../src/security/reset-token.ts';

const counting = (length: number) => Uint8Array.from({ length }, (_, i) => i);

describe('halfSipHash', () => {
  it.each([
    [0, 'a9359f5b'],
    [1, '27475ab8'],
    [2, 'fa62a603'],
    [3, '8afee704'],
    [4, '2a6e4689'],
  ])('gives the reference vector for %i bytes', (length, expected) => {
    const bytes = new Uint8Array(4);
    new DataView(bytes.buffer).setUint32(0, halfSipHash(counting(8), counting(length)), true);
    expect(Buffer.from(bytes).toString('hex')).toBe(expected);
  });

  it('depends on every bit of key and input and gives a u32', () => {
    const base = halfSipHash(counting(8), counting(8));
    expect(base).toBe(base >>> 0);
    const seen = new Set([base]);
    for (let bit = 0; bit < 64; bit++) {
      const flipped = counting(8);
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      seen.add(halfSipHash(flipped, counting(8)));
      seen.add(halfSipHash(counting(8), flipped));
    }
    expect(seen.size).toBe(129);
  });
});

describe('resetToken', () => {
  const key = counting(32);

  it('is the first 16 bytes of HMAC-SHA-256 over both ids, big-endian', () => {
    const ids = Buffer.from('0102030405060708f1f2f3f4f5f6f7f8', 'hex');
    const expected = createHmac('sha256', key).update(ids).digest().subarray(0, 16).toString('hex');
    const token = resetToken(key, 0x0102030405060708n, 0xf1f2f3f4f5f6f7f8n);
    expect(token).toHaveLength(RESET_TOKEN_BYTES);
    expect(Buffer.from(token).toString('hex')).toBe(expected);
  });

  it('is another one for another key, StreamId or SessionTag, and does not confuse the two ids', () => {
    const tokens = [
      resetToken(key, 1n, 2n),
      resetToken(key, 2n, 1n),
      resetToken(key, 1n, 3n),
      resetToken(new Uint8Array(32), 1n, 2n),
    ].map((token) => Buffer.from(token).toString('hex'));
    expect(new Set(tokens).size).toBe(4);
  });

  it('is compared byte by byte and by length', () => {
    expect(equalBytes(counting(16), counting(16))).toBe(true);
    expect(equalBytes(counting(16), counting(15))).toBe(false);
    for (let i = 0; i < 16; i++) {
      const other = counting(16);
      other[i] = (other[i] ?? 0) ^ 0x80;
      expect(equalBytes(counting(16), other)).toBe(false);
    }
  });
});
