import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader, removeEmulationPrevention } from '../../src/media/bit-reader.ts';
import { parseSps } from '../../src/media/sps.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { hex } from './h264-samples.ts';

/** Writes the bits of an SPS as the syntax table of ITU-T H.264, 7.3.2.1.1 lists them. */
class BitWriter {
  readonly #bits: number[] = [];

  u(count: number, value: number): this {
    for (let bit = count - 1; bit >= 0; bit--) this.#bits.push(Math.floor(value / 2 ** bit) % 2);
    return this;
  }

  ue(value: number): this {
    const digits = (value + 1).toString(2);
    for (let zero = 1; zero < digits.length; zero++) this.#bits.push(0);
    for (const digit of digits) this.#bits.push(Number(digit));
    return this;
  }

  /** With stop bit, header byte and emulation prevention. */
  nal(header: number): Uint8Array {
    const bits = [...this.#bits, 1];
    while (bits.length % 8 !== 0) bits.push(0);
    const bytes = [header];
    let zeros = 0;
    for (let offset = 0; offset < bits.length; offset += 8) {
      const byte = Number.parseInt(bits.slice(offset, offset + 8).join(''), 2);
      if (zeros >= 2 && byte <= 3) {
        bytes.push(3);
        zeros = 0;
      }
      zeros = byte === 0 ? zeros + 1 : 0;
      bytes.push(byte);
    }
    return Uint8Array.from(bytes);
  }
}

function highProfile(): BitWriter {
  const scaling = new BitWriter().u(8, 100).u(8, 0).u(8, 40).ue(0).ue(1).ue(0).ue(0).u(1, 0).u(1, 1);
  // Lists of deltas 0 (se 0 is ue 0): the last of 4x4, the first of 8x8, and the last, which ends at once.
  scaling.u(5, 0).u(1, 1);
  for (let index = 0; index < 16; index++) scaling.ue(0);
  scaling.u(1, 1);
  for (let index = 0; index < 64; index++) scaling.ue(0);
  // se -8 is ue 16.
  return scaling.u(1, 1).ue(16);
}

describe('exp-golomb reader', () => {
  it('reads the codes of ITU-T H.264, table 9-2 and 9-3', () => {
    // 1 | 010 | 011 | 00100 | 00101 | 00110 | 00111 | 0001000
    const bits = (): BitReader => new BitReader(hex('a6 42 98 e2 04 8a 17 00'));
    const unsigned = bits();
    expect([1, 2, 3, 4, 5].map(() => unsigned.unsigned())).toEqual([0, 1, 2, 3, 4]);
    const signed = bits();
    expect([1, 2, 3, 4, 5].map(() => signed.signed() + 0)).toEqual([0, 1, -1, 2, -2]);
  });

  it('reads zeros beyond the end and says so', () => {
    const bits = new BitReader(hex('80'));
    expect(bits.bits(8)).toBe(128);
    expect(bits.overrun).toBe(false);
    expect(bits.bits(32)).toBe(0);
    expect(bits.overrun).toBe(true);
  });

  it('refuses a code longer than 32 zeros', () => {
    const bits = new BitReader(hex('00 00 00 00 00 ff ff ff ff ff ff'));
    bits.unsigned();
    expect(bits.overrun).toBe(true);
  });

  it('removes emulation prevention bytes, also two close together', () => {
    expect(removeEmulationPrevention(hex('000003 01 000003 000003 03'))).toEqual(hex('0000 01 0000 0000 03'));
    expect(removeEmulationPrevention(hex('00 03 00 00'))).toEqual(hex('00 03 00 00'));
  });
});

describe('sequence parameter set', () => {
  it('reads a baseline set of 640 x 480 with 25 frames a second', () => {
    expect(parseSps(hex('67 42 c0 1e d9 00 a0 3d b0 11 00 00 03 00 01 00 00 03 00 32 0f 16 2e 48'))).toMatchObject({
      profileIdc: 66,
      constraints: 0xc0,
      levelIdc: 30,
      width: 640,
      height: 480,
      framesPerSecond: 25,
    });
  });

  it('reads a high profile set with scaling lists, cropping to 1920 x 1080 and 30000/1001 frames a second', () => {
    const sps = highProfile().ue(4).ue(0).ue(2).ue(4).u(1, 0).ue(119).ue(67).u(1, 1).u(1, 1);
    sps.u(1, 1).ue(0).ue(0).ue(0).ue(4);
    sps.u(1, 1).u(1, 1).u(8, 255).u(16, 1).u(16, 1).u(1, 0).u(1, 1).u(4, 5).u(1, 1).u(24, 0x010101).u(1, 1).ue(0).ue(0);
    sps.u(1, 1).u(32, 1001).u(32, 60_000).u(1, 1).u(4, 0);
    const info = parseSps(sps.nal(0x67));
    expect(info).toMatchObject({ profileIdc: 100, levelIdc: 40, width: 1920, height: 1080 });
    expect(info?.framesPerSecond).toBeCloseTo(29.97, 3);
  });

  it('counts interlaced height and its cropping in field pairs, and has no rate without VUI', () => {
    const sps = new BitWriter()
      .u(8, 77)
      .u(8, 0)
      .u(8, 30)
      .ue(0)
      .ue(0)
      .ue(1)
      .u(1, 0)
      .ue(0)
      .ue(0)
      .ue(1)
      .ue(0)
      .ue(2)
      .u(1, 0);
    sps.ue(44).ue(17).u(1, 0).u(1, 0).u(1, 1).u(1, 1).ue(1).ue(2).ue(3).ue(4).u(1, 0);
    expect(parseSps(sps.nal(0x67))).toEqual({ profileIdc: 77, constraints: 0, levelIdc: 30, width: 714, height: 548 });
  });

  it('is undefined for other types, truncated sets and impossible values', () => {
    expect(parseSps(hex('68 ce 3c 80'))).toBeUndefined();
    expect(parseSps(hex('67 42 c0 1e'))).toBeUndefined();
    expect(parseSps(hex('67 42 c0 1e d9'))).toBeUndefined();
    const head = (): BitWriter => new BitWriter().u(8, 66).u(8, 0).u(8, 30);
    expect(parseSps(head().ue(32).ue(0).ue(0).ue(0).ue(1).u(1, 0).ue(9).ue(9).u(4, 0b1000).nal(0x67))).toBeUndefined();
    expect(parseSps(head().ue(0).ue(0).ue(3).ue(0).ue(1).u(1, 0).ue(9).ue(9).u(4, 0b1000).nal(0x67))).toBeUndefined();
    expect(
      parseSps(head().ue(0).ue(0).ue(0).ue(0).ue(1).u(1, 0).ue(5000).ue(9).u(4, 0b1000).nal(0x67)),
    ).toBeUndefined();
    expect(parseSps(head().ue(0).ue(0).ue(0).ue(0).ue(1).u(1, 0).ue(9).ue(9).u(4, 0b1000).nal(0x67))).toMatchObject({
      width: 160,
      height: 160,
    });
  });

  it('never throws on arbitrary bytes (S10)', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200, size: 'max' }), fc.constantFrom(66, 100, 244), (body, profile) => {
        const info = parseSps(Uint8Array.from([0x67, profile, ...body]));
        if (info !== undefined) expect(info.width * info.height).toBeGreaterThan(0);
      }),
      { seed: seedFromEnv('media/sps'), numRuns: 2000 },
    );
  });
});
