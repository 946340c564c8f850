import { describe, expect, it } from 'vitest';
import { addressPrefix } from '../../src/engine/prefix.ts';
import { PrefixBucket } from '../../src/engine/prefix-bucket.ts';

const hex = (address: string) => Buffer.from(addressPrefix(address)).toString('hex');
const rate = { perSecond: 200, burst: 200 };
const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);

describe('addressPrefix', () => {
  it.each([
    ['192.0.2.1', 'c0000201'],
    ['255.255.255.255', 'ffffffff'],
    ['0.0.0.0', '00000000'],
    ['::ffff:192.0.2.1', 'c0000201'],
    ['::FFFF:192.0.2.1', 'c0000201'],
    ['2001:db8:1:2:3:4:5:6', '20010db800010002'],
    ['2001:db8:1:2::6', '20010db800010002'],
    ['2001:db8::1', '20010db800000000'],
    ['2001:db8:1::', '20010db800010000'],
    ['::', '0000000000000000'],
    ['::1', '0000000000000000'],
    ['::1:2:3:4:5:6:7', '0000000100020003'],
    ['1:2:3:4:5:6:7::', '0001000200030004'],
    ['fe80::1%eth0', 'fe80000000000000'],
    ['fe80::abcd:1:2:3%3', 'fe80000000000000'],
    ['64:ff9b::192.0.2.1', '0064ff9b00000000'],
    ['64:ff9b::198.51.100.200', '0064ff9b00000000'],
    ['::ffff:c000:201', '0000000000000000'],
    ['1:2:3:4:5:6:192.0.2.1', '0001000200030004'],
  ])('counts %s under %s', (address, prefix) => {
    expect(hex(address)).toBe(prefix);
  });

  it('puts addresses of one /64 under one prefix and those of two under two', () => {
    expect(hex('2001:db8:0:1::1')).toBe(hex('2001:db8:0:1:ffff::9'));
    expect(hex('2001:db8:0:1::1')).not.toBe(hex('2001:db8:0:2::1'));
  });

  it.each(['', 'camera', '1.2.3', '1.2.3.4.5', '1:2:3', '1:2:3:4:5:6:7:8:9', '::ffff:1.2.3', '%eth0'])(
    'gives the empty prefix for %o, which is no address',
    (address) => {
      expect(addressPrefix(address)).toHaveLength(0);
    },
  );

  it('gives the empty prefix for texts whose parts are no numbers of an address', () => {
    const garbage = [
      '1.2.3.x',
      '1a2.3.4',
      '1a2.3.4.5',
      '1.2.3.',
      '1.2.3.999',
      '1..2.3',
      'zz::',
      'a:b:c:d:e:f:g:h',
      '1::2::3',
      '1.2.3.0004',
      '12345::',
      'g::',
      '@::',
      '`::',
      '!::',
    ];
    expect(garbage.filter((address) => addressPrefix(address).length > 0)).toEqual([]);
  });
});

describe('a text that looks like an IPv6 address', () => {
  it.each([
    ['two gaps', '1:2:3:4::5:6:7:8::9'],
    ['a gap and no group missing', '1:2:3:4:5:6:7::8'],
    ['two gaps, one of them first', '::1::2'],
    ['dotted digits before its end', '1:2:3:4:5:1.2.3.4:6'],
    ['something behind its dotted digits', '1:2:3:4:5:6:1.2.3.4x'],
    ['a dotted end of two digits', '1:2:3:4:5:6:7.8'],
  ])('is none with %s', (_, address) => {
    expect(addressPrefix(address)).toHaveLength(0);
  });
});

describe('PrefixBucket', () => {
  it('lets 200 pass at once and then 200 a second (S5)', () => {
    const bucket = new PrefixBucket(key, rate);
    const prefix = addressPrefix('192.0.2.1');
    const passed = (atMs: number, tries: number) =>
      Array.from({ length: tries }, () => bucket.take(prefix, atMs)).filter(Boolean).length;
    expect(passed(1000, 500)).toBe(200);
    expect(passed(1000, 10)).toBe(0);
    expect(passed(1005, 10)).toBe(1);
    expect(passed(1500, 500)).toBe(99);
    expect(passed(60_000, 500)).toBe(200);
  });

  it('lets a steady 200 a second pass for ever and no more (S5)', () => {
    const bucket = new PrefixBucket(key, rate);
    const prefix = addressPrefix('192.0.2.1');
    let passed = 0;
    for (let ms = 0; ms < 10_000; ms++) if (bucket.take(prefix, ms)) passed++;
    expect(passed).toBeGreaterThanOrEqual(2190);
    expect(passed).toBeLessThanOrEqual(2200);
  });

  it('counts other prefixes apart', () => {
    const bucket = new PrefixBucket(key, { perSecond: 1, burst: 1 });
    const firsts = Array.from({ length: 1000 }, (_, i) => bucket.take(addressPrefix(`10.0.${i >> 8}.${i & 255}`), 0));
    expect(firsts.filter(Boolean).length).toBeGreaterThan(970);
    expect(bucket.take(addressPrefix('10.0.0.0'), 0)).toBe(false);
  });

  it('mixes prefixes otherwise under another key, so that a collision cannot be chosen', () => {
    const colliding = (seedKey: Uint8Array) => {
      const bucket = new PrefixBucket(seedKey, { perSecond: 1, burst: 1 });
      return Array.from({ length: 3000 }, (_, i) => i).filter(
        (i) => !bucket.take(Uint8Array.of(10, i >> 16, i >> 8, i), 0),
      );
    };
    expect(colliding(key)).not.toEqual(colliding(Uint8Array.of(8, 7, 6, 5, 4, 3, 2, 1)));
  });
});
