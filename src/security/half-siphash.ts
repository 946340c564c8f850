/**
 * HalfSipHash-2-4 with a 32-bit result (Aumasson and Bernstein, https://github.com/veorq/SipHash): a keyed hash cheap enough
 * for strangers' addresses, whose collisions cannot be chosen without the key. 32-bit words only, so no bigint.
 *
 * @param key 8 bytes.
 * @returns u32.
 */
export function halfSipHash(key: Uint8Array, data: Uint8Array): number {
  const k0 = word(key, 0);
  const k1 = word(key, 4);
  let v0 = k0;
  let v1 = k1;
  let v2 = 0x6c796765 ^ k0;
  let v3 = 0x74656462 ^ k1;
  const whole = data.length & ~3;
  let tail = data.length << 24;
  for (let i = whole; i < data.length; i++) tail |= (data[i] ?? 0) << (8 * (i - whole));
  // The step behind the last word is the end: twice as many rounds. A function for them would move all four words to the heap.
  for (let offset = 0; offset <= whole + 4; offset += 4) {
    const ends = offset > whole;
    const m = offset < whole ? word(data, offset) : ends ? 0 : tail;
    v3 ^= m;
    if (ends) v2 ^= 0xff;
    for (let rounds = ends ? 4 : 2; rounds > 0; rounds--) {
      v0 = (v0 + v1) | 0;
      v1 = rotl(v1, 5) ^ v0;
      v0 = rotl(v0, 16);
      v2 = (v2 + v3) | 0;
      v3 = rotl(v3, 8) ^ v2;
      v0 = (v0 + v3) | 0;
      v3 = rotl(v3, 7) ^ v0;
      v2 = (v2 + v1) | 0;
      v1 = rotl(v1, 13) ^ v2;
      v2 = rotl(v2, 16);
    }
    v0 ^= m;
  }
  return (v1 ^ v3) >>> 0;
}

/** The u32 at an offset as a signed number, little-endian; bytes that are not there count as 0. */
export function word(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] ?? 0) |
    ((bytes[offset + 1] ?? 0) << 8) |
    ((bytes[offset + 2] ?? 0) << 16) |
    ((bytes[offset + 3] ?? 0) << 24)
  );
}

function rotl(value: number, bits: number): number {
  return (value << bits) | (value >>> (32 - bits));
}
