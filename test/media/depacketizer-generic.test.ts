import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ReceivedFrame } from '../../src/media/access-unit.ts';
import { GenericDepacketizer } from '../../src/media/depacketizer-generic.ts';
import { type ReceiveCounters, receiveCounters } from '../../src/media/receive-stats.ts';
import { FRAME_TICKS, genericDatagrams, nal } from './depacketizer-support.ts';

function setUp(bytesMax = 1 << 20): {
  depacketizer: GenericDepacketizer;
  frames: ReceivedFrame[];
  counters: ReceiveCounters;
  times: () => number[];
} {
  const frames: ReceivedFrame[] = [];
  const counters = receiveCounters();
  const depacketizer = new GenericDepacketizer(counters, (frame) => frames.push(frame), bytesMax);
  return { depacketizer, frames, counters, times: () => frames.map((frame) => frame.timestamp / FRAME_TICKS) };
}

function push(depacketizer: GenericDepacketizer, datagrams: readonly Uint8Array[], lost: readonly number[] = []): void {
  datagrams.forEach((datagram, index) => {
    if (lost.includes(index)) depacketizer.lost();
    else depacketizer.push(datagram, index);
  });
}

test('frames of any size in datagrams of any size come out as they went in', () => {
  const sizes = fc.array(fc.nat(2000), { minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(sizes, fc.integer({ min: 64, max: 1200 }), (list, bytesMax) => {
      const { depacketizer, frames, counters } = setUp();
      push(depacketizer, genericDatagrams(list, bytesMax, 1));
      expect(frames.map((frame) => frame.payload)).toEqual(list.map((size, index) => nal(0, size, index)));
      expect(frames.every((frame) => frame.keyframe && frame.decodable)).toBe(true);
      expect(counters).toEqual(receiveCounters());
    }),
  );
});

test('without any one fragment exactly its frame is incomplete', () => {
  const datagrams = genericDatagrams([200, 200, 200], 100, 1);
  const each = datagrams.length / 3;
  for (let index = 0; index < datagrams.length; index++) {
    const { depacketizer, counters, times } = setUp();
    push(depacketizer, datagrams, [index]);
    depacketizer.end();
    const spoiled = Math.floor(index / each);
    expect(times()).toEqual([0, 1, 2].filter((frame) => frame !== spoiled));
    expect(counters.framesIncomplete).toBe(1);
  }
});

test('frames that were lost altogether count as incomplete, also where the number wraps around', () => {
  const { depacketizer, counters, times } = setUp();
  push(depacketizer, genericDatagrams([9, 9, 9, 9], 100, 1, 0xffff_fffe), [1, 2]);
  expect(times()).toEqual([0, 3]);
  expect(counters.framesIncomplete).toBe(2);
});

test('a frame that is sent again is left out if it was whole, and taken if it was not', () => {
  const { depacketizer, counters, times } = setUp();
  const datagrams = genericDatagrams([200, 200], 100, 1);
  push(depacketizer, [...datagrams.slice(0, -1), ...genericDatagrams([200, 200], 64, 1)]);
  expect(times()).toEqual([0, 1]);
  expect(counters).toMatchObject({ framesRepeated: 1, framesIncomplete: 1 });
});

test('a frame that breaks off and is sent again at once is taken', () => {
  const { depacketizer, counters, times } = setUp();
  const datagrams = genericDatagrams([200], 100, 1);
  push(depacketizer, [...datagrams.slice(0, 1), ...datagrams]);
  expect(times()).toEqual([0]);
  expect(counters.framesIncomplete).toBe(1);
});

test.each([
  ['timestamp', 7],
  ['count', 19],
])('a frame whose fragments differ in their %s is incomplete', (_name, at) => {
  const { depacketizer, counters, times } = setUp();
  const datagrams = genericDatagrams([200, 200], 100, 1);
  const second = datagrams[1];
  if (second === undefined) throw new Error('too few datagrams');
  second[at] = (second[at] ?? 0) + 1;
  push(depacketizer, datagrams);
  expect(times()).toEqual([1]);
  expect(counters.framesIncomplete).toBe(1);
});

test('two frames with one timestamp are two frames', () => {
  const { depacketizer, frames } = setUp();
  const datagrams = genericDatagrams([9, 9], 100, 1);
  for (const datagram of datagrams) datagram.fill(0, 4, 8);
  push(depacketizer, datagrams);
  expect(frames).toHaveLength(2);
});

test('a source whose numbers begin anew goes on', () => {
  const { depacketizer, times } = setUp();
  push(depacketizer, [...genericDatagrams([9], 100, 1, 50_000), ...genericDatagrams([9, 9], 100, 1, 0)]);
  expect(times()).toEqual([0, 0, 1]);
});

test('S10 a header that is cut off, an index past the count or a marker at the wrong place makes the frame incomplete', () => {
  const spoil: ((datagram: Uint8Array) => Uint8Array)[] = [
    (datagram) => datagram.slice(0, 19),
    (datagram) => datagram.fill(0xff, 16, 18),
    (datagram) => datagram.fill(0x80 | 97, 1, 2),
  ];
  for (const change of spoil) {
    const { depacketizer, counters, times } = setUp();
    push(
      depacketizer,
      genericDatagrams([200, 200], 100, 1).map((datagram, index) => (index === 1 ? change(datagram) : datagram)),
    );
    expect(times()).toEqual([1]);
    expect(counters).toMatchObject({ framesIncomplete: 1, malformedPayloads: 1 });
  }
});

test('S5 a frame that is larger than the limit is given up, whatever count it announces', () => {
  const { depacketizer, counters, times } = setUp(1000);
  push(depacketizer, genericDatagrams([1000, 1001, 9], 300, 1));
  expect(times()).toEqual([0, 2]);
  expect(counters.framesIncomplete).toBe(1);
});
