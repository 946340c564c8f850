import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { AccessUnitAssembler, type AccessUnitNals } from '../../src/media/access-unit-assembler.ts';
import { AnnexBSplitter } from '../../src/media/annex-b-splitter.ts';
import { annexBStartCodeBytes, isVcl, NalType, nalRefIdc, nalType, toAnnexB } from '../../src/media/h264.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { firstSlice, hex, nal, nalUnits, x264Clip } from './h264-samples.ts';

function split(
  stream: Uint8Array,
  cuts: readonly number[],
  bytesMax?: number,
): { units: Uint8Array[]; dropped: number } {
  const splitter = new AnnexBSplitter(bytesMax);
  const units: Uint8Array[] = [];
  const edges = [0, ...cuts.map((cut) => cut % (stream.length + 1)).sort((a, b) => a - b), stream.length];
  edges.slice(1).forEach((end, index) => {
    const chunk = stream.slice(edges[index], end);
    units.push(...splitter.push(chunk));
    chunk.fill(0xee);
  });
  units.push(...splitter.end());
  return { units, dropped: splitter.droppedUnits };
}

function assemble(units: readonly Uint8Array[], assembler = new AccessUnitAssembler()): AccessUnitNals[] {
  const done = units.map((unit) => assembler.push(unit));
  return [...done, assembler.end()].filter((unit) => unit !== undefined);
}

const SPS = hex('67 42 c0 1e d9 00 a0 47 fe 88');
const PPS = hex('68 ce 3c 80');
const OTHER_PPS = hex('68 ce 38 80');

describe('annex B splitter', () => {
  it('finds units behind start codes of three and four bytes and strips zeros between them', () => {
    const stream = hex('ff 00 00 00 01 67 42 00 00 01 68 ce 00 00 00 00 00 01 65 88 00 03 00 00');
    expect(split(stream, []).units).toEqual([hex('67 42'), hex('68 ce'), hex('65 88 00 03')]);
  });

  it('gives the same units however the stream is chunked', () => {
    const zeros = fc.integer({ min: 0, max: 3 });
    fc.assert(
      fc.property(nalUnits, fc.array(zeros), fc.array(fc.nat()), (units, padding, cuts) => {
        const parts = units.map((unit, index) => [...new Uint8Array(2 + (padding[index] ?? 0)), 1, ...unit]);
        expect(split(Uint8Array.from(parts.flat()), cuts)).toEqual({ units, dropped: 0 });
      }),
      { seed: seedFromEnv('media/h264') },
    );
  });

  it('gives the same units and counts for arbitrary bytes in any chunking, with a small limit too (S5, S10)', () => {
    const startCodeHeavy = fc.array(fc.constantFrom(0, 0, 0, 1, 1, 3, 0x65), { maxLength: 200, size: 'max' });
    fc.assert(
      fc.property(startCodeHeavy, fc.array(fc.nat()), fc.constantFrom(3, 7, 1000), (bytes, cuts, limit) => {
        const stream = Uint8Array.from(bytes);
        const whole = split(stream, [], limit);
        expect(split(stream, cuts, limit)).toEqual(whole);
        for (const unit of whole.units) {
          expect(unit.length).toBeLessThanOrEqual(limit);
          expect(unit.at(-1)).not.toBe(0);
        }
      }),
      { seed: seedFromEnv('media/h264'), numRuns: 500 },
    );
  });

  it('drops and counts a unit over the limit, keeps the largest allowed, and goes on behind it (S5)', () => {
    const fits = nal(0x65, 1000);
    const tooLarge = nal(0x65, 1001);
    const stream = Uint8Array.from([0, 0, 1, ...fits, 0, 0, 1, ...tooLarge, 0, 0, 1, ...PPS]);
    for (const cuts of [[], [500], [1003, 1500, 2004, 2005], [2009], [2008, 2010]]) {
      expect(split(stream, cuts, 1000)).toEqual({ units: [fits, PPS], dropped: 1 });
    }
  });

  it('begins anew after the end of a stream', () => {
    const splitter = new AnnexBSplitter();
    splitter.push(hex('00 00 01 65 00 00'));
    expect(splitter.end()).toEqual([hex('65')]);
    expect(splitter.push(hex('01 41'))).toEqual([]);
    expect(splitter.end()).toEqual([]);
  });
});

describe('access unit assembler', () => {
  const idr = firstSlice(0x65, 40);
  const slice = firstSlice(0x41, 20);
  const secondSlice = hex('41 40 11');

  it('begins a unit with parameter sets, SEI, delimiter or types 14 to 18 after a slice, or with a picture’s first slice', () => {
    const sei = nal(0x06, 9);
    for (const opener of [nal(0x09, 2), SPS, PPS, sei, nal(0x0e, 4), nal(0x12, 4), slice]) {
      const units = assemble([SPS, PPS, sei, idr, secondSlice, opener, ...(opener === slice ? [] : [slice])]);
      expect(units.map((unit) => unit.units.length)).toEqual([5, opener === slice ? 1 : 2]);
      expect(units.map((unit) => unit.keyframe)).toEqual([true, false]);
    }
  });

  it('keeps slices, data partitions, filler, types 13 and 19 and end of sequence with their picture', () => {
    const partitionB = hex('03 80 11');
    const rest = [secondSlice, partitionB, nal(0x0c, 5), nal(0x13, 5), nal(0x0d, 5), nal(0x0a, 1)];
    expect(assemble([SPS, PPS, idr, ...rest])).toEqual([{ units: [SPS, PPS, idr, ...rest], keyframe: true }]);
  });

  it('puts the newest parameter sets before an IDR that lacks them, behind the delimiter', () => {
    const delimiter = nal(0x09, 2);
    const units = assemble([SPS, PPS, idr, slice, OTHER_PPS, slice, delimiter, idr]);
    expect(units.at(-1)).toEqual({ units: [delimiter, SPS, OTHER_PPS, idr], keyframe: true });
  });

  it('adds only the set that is missing, in order, and never repeats one that stands there', () => {
    expect(assemble([SPS, PPS, idr, PPS, idr]).at(-1)?.units).toEqual([SPS, PPS, idr]);
    expect(assemble([SPS, PPS, idr, SPS, idr]).at(-1)?.units).toEqual([SPS, PPS, idr]);
    expect(assemble([SPS, PPS, idr, slice]).at(-1)?.units).toEqual([slice]);
  });

  it('does not call an IDR a keyframe while a parameter set is unknown', () => {
    expect(assemble([SPS, idr])).toEqual([{ units: [SPS, idr], keyframe: false }]);
  });

  it('tells frame rate and parameter sets for the session description', () => {
    const assembler = new AccessUnitAssembler();
    expect(assembler.parameterSets).toEqual([]);
    const timed = hex('67 42 c0 1e d9 00 a0 3d b0 11 00 00 03 00 01 00 00 03 00 32 0f 16 2e 48');
    assemble([timed, PPS], assembler);
    expect(assembler.framesPerSecond).toBe(25);
    expect(assembler.parameterSets).toEqual([timed, PPS]);
  });

  it('drops units of types that RTP uses itself, and counts them', () => {
    const assembler = new AccessUnitAssembler();
    const forbidden = [nal(0x78, 4), nal(0x7c, 4), nal(0x00, 4), new Uint8Array(0)];
    expect(assemble([SPS, PPS, ...forbidden, idr], assembler)[0]?.units).toEqual([SPS, PPS, idr]);
    expect(assembler.droppedUnits).toBe(4);
  });

  it('drops an access unit of too many bytes or units and goes on with the next (S5)', () => {
    const assembler = new AccessUnitAssembler(100);
    expect(assemble([SPS, PPS, firstSlice(0x65, 200), slice], assembler)).toEqual([
      { units: [slice], keyframe: false },
    ]);
    expect(assembler.droppedAccessUnits).toBe(1);
    const many = Array.from({ length: 5000 }, () => secondSlice);
    expect(assemble([...many, slice])).toEqual([{ units: [slice], keyframe: false }]);
  });
});

describe('annex B writing', () => {
  it('writes four-byte start codes before the first unit, SPS and PPS, and three-byte ones before the others', () => {
    const units = [hex('09 f0'), hex('67 42'), hex('68 ce'), hex('06 05'), hex('65 88')];
    const bytes = hex('00000001 09f0 00000001 6742 00000001 68ce 000001 0605 000001 6588');
    expect(toAnnexB(units)).toEqual(bytes);
    expect([annexBStartCodeBytes(NalType.sps, false), annexBStartCodeBytes(NalType.idr, true)]).toEqual([4, 4]);
    expect([nalType(hex('65')), nalRefIdc(hex('65')), nalType(new Uint8Array(0))]).toEqual([5, 3, 0]);
    expect([1, 5, 6, 0].map(isVcl)).toEqual([true, true, false, false]);
  });

  it('gives back the bytes of a hand-made stream laid out as x264 does', () => {
    const stream = hex(`00000001 6742c01ed900a047fe88 00000001 68ce3c80 000001 0605ff 000001 65888084
      00000001 419a24 000001 41409a 00000001 01a812 00000001 6742c01ed900a047fe88 00000001 68ce3c80 000001 65888082`);
    for (const cuts of [[], [1, 2, 3, 4, 5, 6, 7, 20, 40]]) {
      const units = assemble(split(stream, cuts).units);
      expect(units.map((unit) => unit.keyframe)).toEqual([true, false, false, true]);
      expect(Uint8Array.from(units.flatMap((unit) => [...toAnnexB(unit.units)]))).toEqual(stream);
    }
  });

  const encoders = { plain: [], 'with slices, B frames and delimiters': ['-x264-params', 'slices=3:bframes=2:aud=1'] };
  for (const [name, options] of Object.entries(encoders)) {
    it(`gives back the bytes of a real x264 stream, ${name}`, ({ skip }) => {
      const clip = x264Clip(options);
      if ('skip' in clip) {
        process.stderr.write(`skipped: ${clip.skip}\n`);
        return skip(clip.skip);
      }
      const assembler = new AccessUnitAssembler();
      const units = assemble(split(clip.bytes, [100, 1001, 5000, 5001, 5002]).units, assembler);
      expect(units.map((unit) => unit.keyframe)).toEqual(Array.from({ length: 25 }, (_, index) => index % 10 === 0));
      expect(Uint8Array.from(units.flatMap((unit) => [...toAnnexB(unit.units)]))).toEqual(clip.bytes);
      expect(assembler.spsInfo).toMatchObject({ width: 320, height: 240, framesPerSecond: 25 });
    });
  }
});
