import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ReceiveCounters, receiveCounters } from '../../src/media/receive-stats.ts';
import { type ReorderOptions, ReorderWindow } from '../../src/media/reorder.ts';
import { decodeNack } from '../../src/media/rtcp.ts';
import { firstSequence, rtpSequence, writeRtpHeader } from '../../src/media/rtp.ts';

const SSRC = 0x1234_0064;
const FIRST = firstSequence(SSRC);

function packet(offset: number, ssrc = SSRC, size = 100): Uint8Array {
  const datagram = new Uint8Array(size);
  const sequence = (firstSequence(ssrc) + offset) & 0xffff;
  writeRtpHeader(datagram, { marker: false, payloadType: 96, sequence, timestamp: 0, ssrc });
  return datagram;
}

interface Released {
  readonly offset: number;
  readonly arrivedAtMs: number;
  readonly lostBefore: number;
}

function setUp(changes: Partial<ReorderOptions> = {}): {
  window: ReorderWindow;
  counters: ReceiveCounters;
  released: Released[];
  offsets: () => number[];
  asked: (nowMs: number) => number[];
} {
  const options: ReorderOptions = {
    ssrc: SSRC,
    senderSsrc: 1,
    latencyMs: 200,
    firstGroupMs: 0,
    repair: true,
    windowDatagramsMax: 64,
    windowBytesMax: 1 << 20,
    ...changes,
  };
  const counters = receiveCounters();
  const released: Released[] = [];
  const first = firstSequence(options.ssrc);
  const window = new ReorderWindow(options, counters, (datagram, arrivedAtMs, lostBefore) => {
    released.push({ offset: (rtpSequence(datagram) - first) & 0xffff, arrivedAtMs, lostBefore });
  });
  window.start(0);
  const asked = (nowMs: number) => {
    const sequences: number[] = [];
    for (let nack = window.pollNack(nowMs); nack !== undefined; nack = window.pollNack(nowMs)) {
      sequences.push(...(decodeNack(nack, options.ssrc) ?? []).map((sequence) => (sequence - first) & 0xffff));
    }
    return sequences;
  };
  return { window, counters, released, offsets: () => released.map(({ offset }) => offset), asked };
}

describe('a host that stood still', () => {
  test('gives what is missing its play-out time once more, and asks for it again', () => {
    const { window, counters, offsets, asked } = setUp();
    window.insert(packet(0), 0);
    window.insert(packet(2), 10);
    expect(asked(10)).toEqual([1]);
    window.expire(500);
    expect(offsets()).toEqual([0]);
    expect(asked(500)).toEqual([1]);
    window.insert(packet(1), 690);
    expect(offsets()).toEqual([0, 1, 2]);
    expect(counters.lost).toBe(0);
  });

  test('does so once: what still does not come is given up', () => {
    const { window, counters, offsets } = setUp();
    window.insert(packet(0), 0);
    window.insert(packet(2), 10);
    window.expire(500);
    expect(window.playOutMs()).toBe(700);
    window.expire(800);
    expect(offsets()).toEqual([0, 2]);
    expect(counters.lost).toBe(1);
  });

  test('is not one whose timer is a little late', () => {
    const { window, offsets } = setUp();
    window.insert(packet(0), 0);
    window.insert(packet(2), 10);
    window.expire(259);
    expect(offsets()).toEqual([0, 2]);
  });
});

describe('release', () => {
  test('datagrams in sequence pass at once and leave nothing to wait for', () => {
    const { window, offsets } = setUp();
    for (let offset = 0; offset < 5; offset++) {
      expect(window.insert(packet(offset), offset)).toBe('new');
      expect(offsets()).toHaveLength(offset + 1);
    }
    expect(window.waiting).toBe(false);
    expect(window.playOutMs()).toBe(Number.POSITIVE_INFINITY);
    expect(window.nackMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('a datagram that comes too early waits, and keeps the time of its arrival', () => {
    const { window, released, counters } = setUp();
    window.insert(packet(1), 3);
    expect(released).toEqual([]);
    window.insert(packet(0), 7);
    expect(released).toEqual([
      { offset: 0, arrivedAtMs: 7, lostBefore: 0 },
      { offset: 1, arrivedAtMs: 3, lostBefore: 0 },
    ]);
    expect(counters.reordered).toBe(1);
  });

  test('the same datagram again is a duplicate, whether it waits or has passed', () => {
    const { window, counters, offsets } = setUp();
    window.insert(packet(0), 0);
    window.insert(packet(2), 0);
    expect(window.insert(packet(0), 1)).toBe('duplicated');
    expect(window.insert(packet(2), 1)).toBe('duplicated');
    window.insert(packet(1), 2);
    expect(offsets()).toEqual([0, 1, 2]);
    expect(counters.duplicated).toBe(2);
  });

  test('sequence numbers go on past 65,535', () => {
    const { window, offsets, counters } = setUp({ ssrc: 0xfffe });
    for (const offset of [0, 3, 1, 2, 5, 4]) window.insert(packet(offset, 0xfffe), 0);
    expect(offsets()).toEqual([0, 1, 2, 3, 4, 5]);
    expect(counters.outOfWindow).toBe(0);
  });

  test('200,000 datagrams go three times around the 16-bit circle', () => {
    const { window, released, counters } = setUp();
    for (let offset = 0; offset < 200_000; offset++) window.insert(packet(offset, SSRC, 12), offset);
    expect(released).toHaveLength(200_000);
    expect(counters).toEqual(receiveCounters());
  });

  test('a gap is given up at its play-out time, and what comes then is late once and a duplicate after', () => {
    const { window, released, counters } = setUp();
    window.insert(packet(0), 10);
    window.insert(packet(3), 20);
    expect(window.playOutMs()).toBe(220);
    window.expire(219.9);
    expect(released).toHaveLength(1);
    window.expire(220);
    expect(released[1]).toEqual({ offset: 3, arrivedAtMs: 20, lostBefore: 2 });
    expect(counters.lost).toBe(2);
    expect(window.insert(packet(1), 221)).toBe('late');
    expect(window.insert(packet(1), 222)).toBe('duplicated');
    expect(counters).toMatchObject({ late: 1, duplicated: 1, lost: 2 });
  });

  test('a gap in the first group waits for the end of its time', () => {
    const { window } = setUp({ firstGroupMs: 2000 });
    window.insert(packet(1), 5);
    expect(window.playOutMs()).toBe(2000);
    window.insert(packet(0), 6);
    window.insert(packet(3), 1900);
    expect(window.playOutMs()).toBe(2100);
  });

  test('the oldest gap is given up when the window is full, the younger ones stay', () => {
    const { window, offsets, counters } = setUp();
    for (const offset of [0, 2, 3, 40, 65]) window.insert(packet(offset), 0);
    expect(counters.windowOverflows).toBe(1);
    expect(counters.lost).toBe(1);
    expect(offsets()).toEqual([0, 2, 3]);
    expect(window.heldAt(window.absoluteOf(FIRST + 40))).toBeDefined();
  });

  test('the oldest gap is given up when too many bytes wait', () => {
    const { window, offsets, counters } = setUp({ windowBytesMax: 250 });
    for (const offset of [1, 2, 4]) window.insert(packet(offset), 0);
    expect(offsets()).toEqual([1, 2]);
    expect(counters).toMatchObject({ windowOverflows: 1, lost: 1 });
  });

  test('flush gives out all that waits', () => {
    const { window, offsets, counters } = setUp();
    for (const offset of [2, 5, 6]) window.insert(packet(offset), 0);
    window.flush();
    expect(offsets()).toEqual([2, 5, 6]);
    expect(counters.lost).toBe(4);
    expect(window.waiting).toBe(false);
    expect(window.nackMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('repair', () => {
  test('the first datagram is asked for when it is lost', () => {
    const { window, asked } = setUp();
    window.insert(packet(2), 4);
    expect(window.nackMs()).toBe(4);
    expect(asked(4)).toEqual([0, 1]);
  });

  test('a missing datagram is asked for at once and then each 20 ms until it comes', () => {
    const { window, asked, counters, offsets } = setUp();
    window.insert(packet(0), 0);
    window.insert(packet(2), 10);
    expect(asked(10)).toEqual([1]);
    expect(asked(29)).toEqual([]);
    expect(window.nackMs()).toBe(30);
    expect(asked(30)).toEqual([1]);
    expect(window.insert(packet(1), 40)).toBe('repaired');
    expect(asked(60)).toEqual([]);
    expect(offsets()).toEqual([0, 1, 2]);
    expect(counters).toMatchObject({ repaired: 1, reordered: 0, nacksSent: 2, sequencesAsked: 2 });
  });

  test('half the round-trip time spaces the NACKs when it is longer', () => {
    const { window, asked } = setUp();
    window.setRtt(90);
    window.insert(packet(1), 0);
    expect(asked(0)).toEqual([0]);
    expect(window.nackMs()).toBe(45);
  });

  test('nothing is asked for at or past its play-out time', () => {
    const { window, asked, counters } = setUp({ latencyMs: 50 });
    window.insert(packet(1), 0);
    for (let nowMs = 0; nowMs < 50; nowMs++) asked(nowMs);
    expect(counters.nacksSent).toBe(3);
    expect(window.nackMs()).toBe(Number.POSITIVE_INFINITY);
    expect(asked(60)).toEqual([]);
  });

  test('a gap past its play-out time is not asked for along with a younger one', () => {
    const { window, asked } = setUp({ latencyMs: 50 });
    window.insert(packet(1), 0);
    window.insert(packet(3), 60);
    expect(asked(60)).toEqual([2]);
  });

  test('a datagram counts as repaired only if it was asked for itself', () => {
    const { window, asked, counters } = setUp();
    window.insert(packet(1), 0);
    asked(0);
    window.insert(packet(0), 1);
    for (let offset = 2; offset < 64; offset++) window.insert(packet(offset), 2);
    window.insert(packet(65), 3);
    window.insert(packet(64), 3);
    expect(counters).toMatchObject({ repaired: 1, reordered: 1 });
  });

  test('missing datagrams that are due together go into one NACK, and 1,088 are the most', () => {
    const { window, counters } = setUp({ windowDatagramsMax: 2048 });
    window.insert(packet(1500), 0);
    const first = window.pollNack(0);
    const second = window.pollNack(0);
    expect(window.pollNack(0)).toBeUndefined();
    expect(decodeNack(first ?? new Uint8Array(), SSRC)).toHaveLength(1088);
    expect(decodeNack(second ?? new Uint8Array(), SSRC)).toHaveLength(1500 - 1088);
    expect(counters).toMatchObject({ nacksSent: 2, sequencesAsked: 1500 });
  });

  test('what is given up early is not asked for again', () => {
    const { window, asked } = setUp();
    for (const offset of [1, 3]) window.insert(packet(offset), 0);
    expect(asked(0)).toEqual([0, 2]);
    window.giveUpBefore(window.absoluteOf(FIRST + 1));
    expect(asked(20)).toEqual([2]);
  });

  test('without repair there are no NACKs, and gaps end all the same', () => {
    const { window, asked, offsets } = setUp({ repair: false });
    window.insert(packet(1), 0);
    expect(window.nackMs()).toBe(Number.POSITIVE_INFINITY);
    expect(asked(0)).toEqual([]);
    window.expire(window.playOutMs());
    expect(offsets()).toEqual([1]);
  });
});

describe('jumps', () => {
  test.each([
    ['far ahead', 64],
    ['half the circle ahead', 0x8000],
    ['before the first', -1],
  ])('one datagram %s of the window is counted and changes nothing', (_name, offset) => {
    const { window, counters, offsets } = setUp();
    expect(window.insert(packet(offset), 0)).toBe('outOfWindow');
    window.insert(packet(0), 0);
    expect(offsets()).toEqual([0]);
    expect(counters).toMatchObject({ outOfWindow: 1, resyncs: 0, lost: 0 });
  });

  test('a datagram more than 4,096 behind is out of the window', () => {
    const { window } = setUp();
    for (let offset = 0; offset <= 4096; offset++) window.insert(packet(offset, SSRC, 12), 0);
    expect(window.insert(packet(1), 0)).toBe('duplicated');
    expect(window.insert(packet(0), 0)).toBe('outOfWindow');
  });

  test.each([
    ['ahead', 5000, 4999],
    ['behind', -10_000, 0],
    ['half the circle ahead', 0x8000, 0x7fff],
    ['more than half the circle ahead', 0x8002, 0],
  ])(
    'three datagrams in a row %s move the window, and those dropped on the way are asked for',
    (_name, jump, skipped) => {
      const { window, counters, released, offsets, asked } = setUp();
      window.insert(packet(0), 0);
      for (const step of [0, 2, 3]) window.insert(packet(jump + step), 1);
      expect(counters).toMatchObject({ outOfWindow: 2, resyncs: 1, lost: skipped });
      expect(asked(1)).toEqual([0, 1, 2].map((step) => (jump + step) & 0xffff));
      for (const step of [0, 1, 2]) window.insert(packet(jump + step), 2);
      expect(offsets()).toEqual([0, ...[0, 1, 2, 3].map((step) => (jump + step) & 0xffff)]);
      expect(released[1]?.lostBefore).toBeGreaterThan(0);
    },
  );

  test('what comes from before a jump is late, not a duplicate', () => {
    const { window } = setUp();
    for (let offset = 0; offset < 4096; offset++) window.insert(packet(offset, SSRC, 12), 0);
    for (const offset of [8000, 8001, 8002]) window.insert(packet(offset), 1);
    expect(window.insert(packet(7999), 2)).toBe('late');
    expect(window.insert(packet(4095), 2)).toBe('late');
  });

  test('datagrams all over the circle do not move the window', () => {
    const { window, counters, offsets } = setUp();
    for (const offset of [9000, 20_000, 9001, 30_000, 9002]) window.insert(packet(offset), 0);
    window.insert(packet(0), 0);
    expect(offsets()).toEqual([0]);
    expect(counters.resyncs).toBe(0);
  });

  test('a datagram of the stream between them breaks the row', () => {
    const { window, counters } = setUp();
    for (const offset of [9000, 9001, 0, 9002, 9003]) window.insert(packet(offset), 0);
    expect(counters.resyncs).toBe(0);
  });
});

describe('properties', () => {
  test('any order within the window comes out in sequence, each datagram once', () => {
    const order = fc.array(fc.nat(40), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(order, fc.nat(0xffff), (jitter, ssrc) => {
        const { window, offsets, counters } = setUp({ ssrc, repair: false });
        const sent = jitter.map((delay, offset) => ({ offset, at: offset + delay })).sort((a, b) => a.at - b.at);
        for (const { offset, at } of sent) window.insert(packet(offset, ssrc), at);
        expect(offsets()).toEqual(jitter.map((_, offset) => offset));
        expect(counters.lost).toBe(0);
      }),
    );
  });

  test('S5 whatever comes, sequence rises, losses add up, and no deadline stands still', () => {
    const step = fc.record({
      offset: fc.oneof(
        { weight: 9, arbitrary: fc.integer({ min: -5, max: 90 }) },
        fc.integer({ min: -40_000, max: 40_000 }),
      ),
      waitMs: fc.nat(60),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300 }), (steps) => {
        const { window, released, counters, asked } = setUp({ latencyMs: 100, windowBytesMax: 3000 });
        let base = 0;
        let nowMs = 0;
        for (const { offset, waitMs } of steps) {
          nowMs += waitMs;
          window.insert(packet(base + offset), nowMs);
          if (offset > 0 && offset < 64) base += offset >> 2;
          window.expire(nowMs);
          asked(nowMs);
          expect(Math.min(window.nackMs(), window.playOutMs())).toBeGreaterThan(nowMs);
        }
        window.flush();
        if (counters.resyncs > 0) return;
        let expected = 0;
        for (const { offset, lostBefore } of released) {
          expect(offset).toBe(expected + lostBefore);
          expected = offset + 1;
        }
        expect(counters.lost).toBe(expected - released.length);
        expect(steps.length).toBe(released.length + counters.duplicated + counters.late + counters.outOfWindow);
      }),
      { numRuns: 500 },
    );
  });
});
