import { describe, expect, it } from 'vitest';
import { Nonces } from '../../src/engine/nonces.ts';

describe('the nonces of PINGs', () => {
  it('are known with their times, the last eight of them', () => {
    const nonces = new Nonces();
    for (let i = 1n; i <= 9n; i++) nonces.add(i << 30n, Number(i) + 0.25);
    expect(nonces.sentAtMs(1n << 30n)).toBeUndefined();
    for (let i = 2n; i <= 9n; i++) expect(nonces.sentAtMs(i << 30n)).toBe(Number(i) + 0.25);
  });

  it('are known only whole: half of one, or halves of two, are none (S14)', () => {
    const nonces = new Nonces();
    const [one, other] = [0xffff_ffff_0000_0001n, 0x0000_0002_ffff_ffffn];
    nonces.add(one, 1);
    nonces.add(other, 2);
    expect([one, other].map((nonce) => nonces.sentAtMs(nonce))).toEqual([1, 2]);
    const forged = [0xffff_ffff_ffff_ffffn, 0x0000_0002_0000_0001n, 1n, 0xffff_ffff_0000_0000n, 0n];
    expect(forged.map((nonce) => nonces.sentAtMs(nonce))).toEqual(forged.map(() => undefined));
  });

  it('are none before the first', () => {
    expect(new Nonces().sentAtMs(0n)).toBeUndefined();
  });
});
