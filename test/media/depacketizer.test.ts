import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { AccessUnit, ReceivedFrame } from '../../src/media/access-unit.ts';
import { H264Depacketizer } from '../../src/media/depacketizer-h264.ts';
import { NalType, toAnnexB } from '../../src/media/h264.ts';
import { packetizeH264 } from '../../src/media/packetizer.ts';
import { type ReceiveCounters, receiveCounters } from '../../src/media/receive-stats.ts';
import { writeRtpHeader } from '../../src/media/rtp.ts';
import { FRAME_TICKS, nal, unit, units } from './depacketizer-support.ts';

function setUp(bytesMax = 1 << 20): {
  depacketizer: H264Depacketizer;
  frames: ReceivedFrame[];
  counters: ReceiveCounters;
  summary: () => string;
} {
  const frames: ReceivedFrame[] = [];
  const counters = receiveCounters();
  const depacketizer = new H264Depacketizer(counters, (frame) => frames.push(frame), bytesMax);
  const letter = ({ keyframe, decodable }: ReceivedFrame) => (keyframe ? 'K' : decodable ? 'd' : 'u');
  const summary = () => frames.map((frame) => `${letter(frame)}${frame.timestamp / FRAME_TICKS}`).join(' ');
  return { depacketizer, frames, counters, summary };
}

/** Pushes all but the datagrams whose places in the list are in `lost`. */
function push(depacketizer: H264Depacketizer, datagrams: readonly Uint8Array[], lost: readonly number[] = []): void {
  datagrams.forEach((datagram, index) => {
    if (lost.includes(index)) depacketizer.lost(1);
    else depacketizer.push(datagram, index);
  });
}

function packets(stream: readonly AccessUnit[], bytesMax = 300): Uint8Array[] {
  return stream.flatMap((one) => packetizeH264(one, bytesMax));
}

function raw(payload: readonly number[], timestamp = 0, marker = false): Uint8Array {
  const datagram = new Uint8Array(12 + payload.length);
  writeRtpHeader(datagram, { marker, payloadType: 96, sequence: 0, timestamp, ssrc: 1 });
  datagram.set(payload, 12);
  return datagram;
}

describe('whole access units', () => {
  test('any NAL units in datagrams of any size come out as the Annex B bytes that went in', () => {
    const some = (types: readonly number[], minLength: number) =>
      fc.array(
        fc.tuple(fc.constantFrom(...types), fc.integer({ min: 1, max: 700 })).map(([type, size]) => nal(type, size)),
        { minLength, maxLength: 5 },
      );
    const nals = fc.tuple(some([6, 7, 8, 9, 14, 23], 0), some([1, 2, 5, 8, 12, 19], 1)).map((parts) => parts.flat());
    fc.assert(
      fc.property(
        fc.array(nals, { minLength: 1, maxLength: 6 }),
        fc.integer({ min: 64, max: 600 }),
        (stream, bytesMax) => {
          const { depacketizer, frames, counters } = setUp();
          const sent = stream.map((list, index) => ({ units: list, timestamp: index, keyframe: false }));
          push(depacketizer, packets(sent, bytesMax));
          expect(frames.map((frame) => frame.payload)).toEqual(stream.map((list) => toAnnexB(list)));
          expect(counters).toEqual(receiveCounters());
        },
      ),
    );
  });

  test('a frame is complete when the last of its datagrams arrived, in whatever order they did', () => {
    const { depacketizer, frames } = setUp();
    const [first, second, ...rest] = packets([unit(0, true, 500)]);
    const last = rest.pop();
    if (first === undefined || second === undefined || last === undefined) throw new Error('too few datagrams');
    depacketizer.push(first, 90);
    for (const datagram of [second, ...rest, last]) depacketizer.push(datagram, 20);
    expect(frames[0]?.completedAtMs).toBe(90);
  });

  test('another timestamp ends an access unit that had no marker', () => {
    const { depacketizer, summary } = setUp();
    for (const datagram of packets(units(3, 3, 500))) {
      datagram[1] = (datagram[1] ?? 0) & 0x7f;
      depacketizer.push(datagram, 0);
    }
    expect(summary()).toBe('K0 d1');
  });

  test('a datagram without payload belongs to no access unit, but its marker ends one', () => {
    const { depacketizer, summary } = setUp();
    const datagrams = packets([unit(0, true, 500)]);
    for (const datagram of datagrams) datagram[1] = (datagram[1] ?? 0) & 0x7f;
    push(depacketizer, [raw([], 77), ...datagrams, raw([], 0, true)]);
    expect(summary()).toBe('K0');
  });

  test('an access unit that is not over at the end counts as incomplete', () => {
    const { depacketizer, counters } = setUp();
    push(depacketizer, packets([unit(0, true, 500)]).slice(0, -1));
    depacketizer.end();
    expect(counters.framesIncomplete).toBe(1);
  });
});

describe('loss', () => {
  const frame = packets([unit(4, false, 1000)]).length;
  const before = packets(units(4, 4, 1000)).length;

  test.each(Array.from({ length: frame }, (_, index) => [index]))(
    'without fragment %i exactly that frame is incomplete, and the next ones wait for a keyframe',
    (fragment) => {
      const { depacketizer, counters, summary } = setUp();
      const stream = [...units(4, 4, 1000), ...[4, 5, 6].map((index) => unit(index, false, 1000)), unit(7, true, 1000)];
      push(depacketizer, packets(stream), [before + fragment]);
      expect(summary()).toBe('K0 d1 d2 d3 u5 u6 K7');
      expect(counters).toMatchObject({ framesIncomplete: 1, malformedPayloads: 0 });
    },
  );

  test('without its STAP-A of parameter sets a keyframe is incomplete', () => {
    const { depacketizer, summary } = setUp();
    const stream = [...units(2, 2, 1000), unit(2, true, 1000), unit(3, false, 1000), unit(4, true, 1000)];
    push(depacketizer, packets(stream), [packets(units(2, 2, 1000)).length]);
    expect(summary()).toBe('K0 d1 u3 K4');
  });

  test('a loss that took the end of one unit and perhaps the beginning of the next spoils both', () => {
    const { depacketizer, counters, summary } = setUp();
    const last = before - 1;
    push(depacketizer, packets([...units(4, 4, 1000), unit(4, false, 1000), unit(5, false, 100)]), [last, last + 1]);
    expect(summary()).toBe('K0 d1 d2 u5');
    expect(counters.framesIncomplete).toBe(2);
  });

  test('behind a loss a keyframe is known to be whole by its SPS', () => {
    const { depacketizer, summary } = setUp();
    const stream = [unit(0, true, 1000), unit(1, false, 100), unit(2, true, 1000)];
    push(depacketizer, packets(stream), [packets([unit(0, true, 1000)]).length]);
    expect(summary()).toBe('K0 K2');
  });

  test('a frame that was lost altogether breaks decodability, though the next one is known to be whole', () => {
    const { depacketizer, summary } = setUp();
    const stream = [0, 1, 2, 3].map((index) => unit(index, index === 0, 90, true));
    push(depacketizer, packets(stream), [1]);
    expect(summary()).toBe('K0 u2 u3');
  });

  test('behind a loss and an empty datagram with a marker the start of a frame is known', () => {
    const { depacketizer, summary } = setUp();
    const datagrams = packets([unit(0, true, 90), unit(1, false, 90), unit(2, false, 90)]);
    push(depacketizer, [...datagrams.slice(0, 2), raw([], FRAME_TICKS, true), ...datagrams.slice(2)], [1]);
    expect(summary()).toBe('K0 u2');
  });

  test('in a stream with delimiters an SPS does not show that nothing came before it', () => {
    const { depacketizer, counters, summary } = setUp();
    const keyframe = (index: number) => ({
      ...unit(index, true, 90),
      units: [nal(NalType.accessUnitDelimiter, 2), nal(NalType.sps, 90), nal(NalType.pps, 6), nal(NalType.idr, 90)],
    });
    push(depacketizer, packets([keyframe(0), keyframe(1), keyframe(2)], 64), [packets([keyframe(0)], 64).length]);
    expect(summary()).toBe('K0 K2');
    expect(counters.framesIncomplete).toBe(1);
  });

  test('in a stream with delimiters only these show that a frame is whole behind a loss', () => {
    const { depacketizer, counters, summary } = setUp();
    const stream = [0, 1, 2, 3].map((index) => unit(index, index % 2 === 0, 1000, true));
    const [first = 0, second = 0] = stream.map((one) => packetizeH264(one, 30 + 64).length);
    const datagrams = packets(stream, 30 + 64);
    push(depacketizer, datagrams, [first, first + second - 1]);
    expect(summary()).toBe('K0 K2 d3');
    expect(counters.framesIncomplete).toBe(1);
  });

  test('the first frame of a session that lacks its first datagram is incomplete', () => {
    const { depacketizer, counters } = setUp();
    push(depacketizer, packets([unit(0, true, 1000)]), [0]);
    expect(counters).toMatchObject({ framesIncomplete: 1 });
  });

  test('whatever is lost, each frame that counts as complete has the bytes that were sent', () => {
    const stream = [...units(6, 3, 700), ...units(12, 4, 200).slice(6)];
    const datagrams = packets(stream);
    fc.assert(
      fc.property(fc.subarray(datagrams.map((_, index) => index)), (lost) => {
        const { depacketizer, frames, counters } = setUp();
        push(depacketizer, datagrams, lost);
        for (const { payload, timestamp } of frames) {
          expect(payload).toEqual(toAnnexB(stream[timestamp / FRAME_TICKS]?.units ?? []));
        }
        const all = frames.map(({ timestamp }) => timestamp / FRAME_TICKS);
        for (const { decodable, keyframe, timestamp } of frames) {
          if (decodable && !keyframe) expect(all).toContain(timestamp / FRAME_TICKS - 1);
        }
        expect(counters.malformedPayloads).toBe(0);
      }),
      { numRuns: 500 },
    );
  });
});

describe('decodability', () => {
  test('nothing is decodable before the first keyframe', () => {
    const { depacketizer, summary } = setUp();
    push(depacketizer, packets([unit(0, false, 100), unit(1, true, 100), unit(2, false, 100)]));
    expect(summary()).toBe('u0 K1 d2');
  });

  test('an IDR picture needs parameter sets, its own, earlier ones, or such as came alone', () => {
    const bare = (index: number) => ({ ...unit(index, true, 100), units: [nal(NalType.idr, 100)] });
    const sets = { ...unit(1, true, 1), units: [nal(NalType.sps, 9), nal(NalType.pps, 5)] };
    const { depacketizer, summary } = setUp();
    push(depacketizer, packets([bare(0), sets, bare(2), unit(3, false, 9), bare(4)]));
    expect(summary()).toBe('u0 d1 K2 d3 K4');
  });

  test('parameter sets that came alone do not make the picture of the same timestamp a repetition', () => {
    const sets = { ...unit(1, true, 1), units: [nal(NalType.sps, 9), nal(NalType.pps, 5)] };
    const { depacketizer, summary } = setUp();
    push(depacketizer, packets([sets, { ...unit(1, true, 100), units: [nal(NalType.idr, 100)] }]));
    expect(summary()).toBe('d1 K1');
  });

  test('a group that is sent again is left out, and what follows it stays decodable', () => {
    const { depacketizer, counters, summary } = setUp();
    const group = units(4, 4, 500);
    push(depacketizer, packets([...group, ...group, unit(4, false, 500)]));
    expect(summary()).toBe('K0 d1 d2 d3 d4');
    expect(counters).toMatchObject({ framesRepeated: 4, framesIncomplete: 0 });
  });

  test('a loss among repeated frames does no harm, and one in a group is mended by its repetition', () => {
    const { depacketizer, counters, summary } = setUp();
    const group = units(4, 4, 500);
    const each = packetizeH264(unit(1, false, 500), 300).length;
    const sent = packets(group).length;
    push(depacketizer, packets([...group, ...group, unit(4, false, 500)], 300), [sent - each, sent + 2 * each]);
    expect(summary()).toBe('K0 d1 d2 d3 d4');
    expect(counters).toMatchObject({ framesIncomplete: 1, framesRepeated: 3 });
  });

  test('pictures that are shown before one that was sent earlier are no repetition', () => {
    const { depacketizer, counters, summary } = setUp();
    push(depacketizer, packets([unit(1, true, 90), ...[4, 2, 3, 7, 5, 6].map((index) => unit(index, false, 90))]));
    expect(summary()).toBe('K1 d4 d2 d3 d7 d5 d6');
    expect(counters.framesRepeated).toBe(0);
  });

  test('a source that sets its clock far back goes on', () => {
    const { depacketizer, summary } = setUp();
    push(depacketizer, packets([unit(100_000, true, 90), unit(0, true, 90), unit(1, false, 90)]));
    expect(summary()).toBe('K100000 K0 d1');
  });

  test('a keyframe that breaks off is incomplete, and whole when it is sent again with the same timestamp', () => {
    const { depacketizer, counters, summary } = setUp();
    const keyframe = packets([unit(0, true, 1000)]);
    push(depacketizer, [...keyframe.slice(0, -1), ...keyframe]);
    expect(summary()).toBe('K0');
    expect(counters.framesIncomplete).toBe(1);
  });
});

describe('S10 malformed payloads', () => {
  test.each([
    ['a STAP-A without units', [24]],
    ['a STAP-A with half a length', [24, 0, 2, 1, 1, 0]],
    ['a STAP-A with a unit that is longer than the datagram', [24, 0, 9, 1, 1]],
    ['a STAP-A with an empty unit', [24, 0, 0]],
    ['a STAP-A with an empty unit before another', [24, 0, 0, 1, 0, ...Array.from({ length: 256 }, () => 1)]],
    ['a STAP-A within a STAP-A', [24, 0, 2, 24, 1]],
    ['a fragment without data', [28, 0x85]],
    ['a fragment that is first and last', [28, 0xc5, 1]],
    ['a fragment of a fragment', [28, 0x80 | 28, 1]],
    ['a fragment without a first one', [28, 0x05, 1]],
    ['type 0', [0, 1]],
    ['STAP-B', [25, 0, 0, 0, 1, 1]],
    ['FU-B', [29, 0x85, 0, 0, 1]],
    ['type 31', [31, 1]],
  ])('%s makes its frame incomplete, is counted once, and the next keyframe is whole', (_name, payload) => {
    const { depacketizer, counters, summary } = setUp();
    push(depacketizer, [...packets([unit(0, true, 90)]), raw(payload, FRAME_TICKS, true)]);
    push(depacketizer, packets([unit(2, false, 90), unit(3, true, 90)]));
    expect(summary()).toBe('K0 u2 K3');
    expect(counters).toMatchObject({ framesIncomplete: 1, malformedPayloads: 1 });
  });

  test.each([
    ['another type', [28, 0x01, 1]],
    ['a new first one', [28, 0x85, 1]],
    ['a whole unit', [1, 1]],
  ])('a chain of fragments that %s breaks is incomplete', (_name, payload) => {
    const { depacketizer, counters } = setUp();
    push(depacketizer, [raw([28, 0x85, 1]), raw(payload), raw([28, 0x45, 1], 0, true)]);
    expect(counters).toMatchObject({ framesIncomplete: 1, malformedPayloads: 1 });
  });

  test('S5 a frame that is larger than the limit is given up', () => {
    const { depacketizer, counters, summary } = setUp(2000);
    push(depacketizer, packets([unit(0, true, 1900), unit(1, true, 2000), unit(2, true, 90)]));
    expect(summary()).toBe('K0 K2');
    expect(counters.framesIncomplete).toBe(1);
  });
});
