import { createHmac } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { halfSipHash } from '../../src/security/half-siphash.ts';
import { equalBytes, RESET_TOKEN_BYTES, resetToken } from '../../src/security/reset-token.ts';
import { sipHash128 } from '../../src/security/siphash.ts';

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

describe('sipHash128', () => {
  const hash = (key: Uint8Array, data: Uint8Array) => {
    const out = new Uint8Array(16);
    sipHash128(key, data, data.length, out);
    return Buffer.from(out).toString('hex');
  };

  // The bytes 0, 1, 2, ...; printed by: openssl mac -macopt size:16 -macopt hexkey:000102030405060708090a0b0c0d0e0f SIPHASH
  it.each([
    [0, 'a3817f04ba25a8e66df67214c7550293'],
    [1, 'da87c1d86b99af44347659119b22fc45'],
    [2, '8177228da4a45dc7fca38bdef60affe4'],
    [7, 'a1f1ebbed8dbc153c0b84aa61ff08239'],
    [8, '3b62a9ba6258f5610f83e264f31497b4'],
    [9, '264499060ad9baabc47f8b02bb6d71ed'],
    [15, '5493e99933b0a8117e08ec0f97cfc3d9'],
    [16, '6ee2a4ca67b054bbfd3315bf85230577'],
    [24, '2db479ae78bd50d8882a8a178a6132ad'],
    [40, 'df6a301e95c95dad97ae0cc8c6913bd8'],
    [63, '5150d1772f50834a503e069a973fbd7c'],
  ])('gives for %i bytes what OpenSSL does', (length, expected) => {
    expect(hash(counting(16), counting(length))).toBe(expected);
  });

  it('looks at as many bytes as it is told, and may write over them', () => {
    const data = counting(40);
    sipHash128(counting(16), data, 9, data.subarray(0, 16));
    expect(Buffer.from(data.subarray(0, 16)).toString('hex')).toBe('264499060ad9baabc47f8b02bb6d71ed');
    expect(data.subarray(16)).toEqual(counting(40).subarray(16));
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
