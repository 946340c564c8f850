import { describe, expect, it } from 'vitest';
import { DatagramSlab } from '../../src/protocol/datagram-slab.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';

describe('DatagramSlab', () => {
  it('gives copies of the right length that no later copy touches', () => {
    const { below, u32 } = seeded(seedFromEnv('protocol/datagram-slab'));
    const slab = new DatagramSlab(1000);
    const copies = Array.from({ length: 500 }, () => {
      const bytes = Uint8Array.from({ length: 1 + below(1100) }, u32);
      const length = below(bytes.length + 1);
      return { bytes, length, copy: slab.copy(bytes, length) };
    });
    for (const { bytes, length, copy } of copies) expect(copy).toEqual(bytes.subarray(0, length));
    for (const { copy } of copies) copy.fill(0xee);
    for (const { copy } of copies) expect(copy.every((byte) => byte === 0xee)).toBe(true);
    const written = copies.map(({ copy }, index) => copy.fill(index));
    for (const [index, copy] of written.entries()) expect(copy.every((byte) => byte === (index & 0xff))).toBe(true);
  });

  it('shares pieces of its size, and gives larger datagrams memory of their own', () => {
    const slab = new DatagramSlab(256);
    const bytes = new Uint8Array(300);
    const [first, second, third] = [slab.copy(bytes, 120), slab.copy(bytes, 120), slab.copy(bytes, 120)];
    expect(second.buffer).toBe(first.buffer);
    expect(third.buffer).not.toBe(first.buffer);
    expect(slab.copy(bytes, 300).buffer.byteLength).toBe(300);
  });
});
