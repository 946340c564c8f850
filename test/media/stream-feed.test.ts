import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { AccessUnit } from '../../src/media/access-unit.ts';
import { ByteWindow } from '../../src/media/byte-window.ts';
import { CatchUpPace } from '../../src/media/catch-up.ts';
import { readGenericHeader } from '../../src/media/generic-payload.ts';
import { writeRtpHeader } from '../../src/media/rtp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { FRAME_BURST_DATAGRAMS, MEDIA_SLOT_MS, StreamLane } from '../../src/media/stream-lane.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

function frame(bytes: number, keyframe = false, timestamp = 0): AccessUnit {
  return { units: [new Uint8Array(bytes).fill(0x41)], timestamp, keyframe };
}

function packet(sequence: number, bytes = 100, keyframe = false): AccessUnit {
  const bytesOfPacket = new Uint8Array(bytes);
  writeRtpHeader(bytesOfPacket, { marker: false, payloadType: 33, sequence, timestamp: 9, ssrc: 1 });
  return { units: [bytesOfPacket], timestamp: 0, keyframe };
}

function sizes(lane: StreamLane): number[] {
  return Array.from({ length: lane.next - lane.base }, (_, offset) => lane.at(lane.base + offset)?.length ?? -1);
}

/** Payload bytes of a generic frame that fills this many datagrams of 1200 bytes. */
function full(datagrams: number): number {
  return datagrams * 1180;
}

describe('stream feed', () => {
  it('logs nothing before the first keyframe and counts what it skipped', () => {
    const feed = new StreamFeed({ format: 'generic' });
    feed.push(frame(10), 0, 40);
    feed.push(frame(20, true), 40, 40);
    feed.push(frame(30), 80, 40);
    const lane = feed.retain(1200);
    expect(sizes(lane)).toEqual([40, 50]);
    expect([lane.base, lane.group, lane.next]).toEqual([0, 0, 2]);
    expect(feed.counters).toEqual({ frames: 2, droppedFrames: 0, skippedFrames: 1, droppedGroups: 0 });
  });

  it('sends a frame in bursts of four datagrams, spread evenly over half of the interval', () => {
    const feed = new StreamFeed({ format: 'generic' });
    feed.push(frame(full(9), true), 1000, 39);
    feed.push(frame(full(3)), 1040, 40);
    const lane = feed.retain(1200);
    const due = Array.from({ length: 12 }, (_, index) => lane.dueMs(index));
    expect(due).toEqual([1000, 1000, 1000, 1006, 1006, 1006, 1013, 1013, 1013, 1040, 1040, 1040]);
    expect(lane.dueMs(12)).toBe(Number.POSITIVE_INFINITY);
  });

  it('takes spread and interval from its options, and sends at once when the interval is of no use', () => {
    const feed = new StreamFeed({ format: 'generic', spreadFraction: 1 });
    for (const intervalMs of [10, 0, -5, Number.NaN]) feed.push(frame(full(5), true), 0, intervalMs);
    const lane = feed.retain(1200);
    expect([4, 9, 14, 19].map((index) => lane.dueMs(index))).toEqual([5, 0, 0, 0]);
  });

  it('lets bursts come in order, in slots of their own, evenly, none too large, and all within the spread', () => {
    const cases = fc.record({
      datagrams: fc.integer({ min: 1, max: 300 }),
      atMs: fc.double({ min: 0, max: 1e6, noNaN: true }),
      intervalMs: fc.double({ min: 0, max: 100, noNaN: true }),
    });
    const property = fc.property(cases, ({ datagrams, atMs, intervalMs }) => {
      const lane = new StreamLane(1200, 512, 0);
      const spreadMs = intervalMs / 2;
      const packets = Array.from({ length: datagrams }, () => new Uint8Array(1));
      lane.append(0, packets, true, { nowMs: atMs, spreadMs });
      const dueMs = packets.map((_, index) => lane.dueMs(index));
      expect(dueMs[0]).toBe(atMs);
      const inSlot = new Map<number, number>();
      for (const [index, due] of dueMs.entries()) {
        expect(due).toBeGreaterThanOrEqual(dueMs[index - 1] ?? atMs);
        expect(due).toBeLessThanOrEqual(atMs + spreadMs);
        const slot = Math.floor(due / MEDIA_SLOT_MS);
        if (due !== atMs) expect(due).toBe(slot * MEDIA_SLOT_MS);
        inSlot.set(slot, (inSlot.get(slot) ?? 0) + 1);
        // As many as its part of the spread is worth have left before it, but for one burst.
        const sizeMax = Math.max(FRAME_BURST_DATAGRAMS, Math.ceil(datagrams / Math.max(1, Math.floor(spreadMs))));
        const worth = spreadMs === 0 ? 0 : ((due + MEDIA_SLOT_MS - atMs) / spreadMs) * datagrams;
        expect(index).toBeLessThan(worth + sizeMax + 1e-6);
        expect(inSlot.get(slot)).toBeLessThanOrEqual(sizeMax);
      }
    });
    fc.assert(property, { seed: seedFromEnv('media/stream-feed'), numRuns: runsFromEnv(100) });
  });

  it('gives up what is no longer kept, and finds the rest, however long it runs', () => {
    const lane = new StreamLane(1200, 5, 0);
    for (let number = 0; number < 200; number++) {
      const packets = [0, 1, 2].map((part) => Uint8Array.of(number, part));
      lane.append(number, packets, number % 7 === 0, { nowMs: number, spreadMs: 0 });
      const group = 3 * (number - (number % 7));
      expect([lane.group, lane.next, lane.base]).toEqual([
        group,
        3 * (number + 1),
        Math.max(0, Math.min(group, 3 * number - 5)),
      ]);
      expect([lane.at(lane.base - 1), lane.dueMs(lane.base - 1), lane.frameOf(lane.base - 1)]).toEqual([
        ...[undefined, Number.POSITIVE_INFINITY, number + 1],
      ]);
      for (let index = lane.base; index < lane.next; index++) {
        const frameNumber = Math.floor(index / 3);
        expect(lane.at(index)).toEqual(Uint8Array.of(frameNumber, index % 3));
        expect([lane.dueMs(index), lane.frameOf(index)]).toEqual([frameNumber, frameNumber]);
        expect(lane.startOfFrame(frameNumber)).toBe(Math.max(lane.base, 3 * frameNumber));
      }
      expect(lane.firstFrame).toBe(Math.floor(lane.base / 3));
    }
  });

  it('cuts the same group for each datagram size, with the same frame numbers, each frame begun at the same time', () => {
    const feed = new StreamFeed({ format: 'generic' });
    feed.push(frame(5000, true), 0, 40);
    feed.push(frame(700), 40, 40);
    const lanes = [1200, 600, 296].map((bytes) => feed.retain(bytes));
    feed.push(frame(700), 80, 40);
    for (const lane of lanes) {
      const packets = Array.from({ length: lane.next }, (_, index) => lane.at(index) ?? new Uint8Array(0));
      const headers = packets.map((bytes) => readGenericHeader(bytes, 12, bytes.length));
      expect(packets.every((bytes) => bytes.length <= lane.datagramBytesMax)).toBe(true);
      expect([...new Set(headers.map((header) => header?.frameNumber))]).toEqual([0, 1, 2]);
      expect(packets.reduce((sum, bytes) => sum + bytes.length - 20, 0)).toBe(6400);
      const begins = [0, 1, 2].map((number) => lane.startOfFrame(number));
      expect(begins.map((index) => lane.dueMs(index))).toEqual([0, 40, 80]);
    }
  });

  it('keeps a size while somebody uses it, and makes it anew from the group after that', () => {
    const feed = new StreamFeed({ format: 'generic' });
    feed.push(frame(100, true), 0, 40);
    const first = feed.retain(600);
    expect(feed.retain(600)).toBe(first);
    feed.release(first);
    feed.push(frame(100), 40, 40);
    expect(first.next).toBe(2);
    feed.release(first);
    feed.push(frame(100), 80, 40);
    expect(first.next).toBe(2);
    expect(feed.retain(600)).not.toBe(first);
    expect(feed.retain(600).next).toBe(3);
    expect(feed.retain(1200)).toBe(feed.retain(1200));
  });

  it('is cut for at most eight sizes at a time and none below 64 bytes (S5)', () => {
    const feed = new StreamFeed({ format: 'generic' });
    for (let bytes = 300; bytes < 307; bytes++) feed.retain(bytes);
    expect(() => feed.retain(400)).toThrow(RangeError);
    expect(() => new StreamFeed({ format: 'h264', datagramBytesMax: 63 })).toThrow(RangeError);
  });

  it('keeps the newest group whole, and of older datagrams so many that 512 remain', () => {
    const feed = new StreamFeed({ format: 'generic' });
    const lane = feed.retain(1200);
    feed.push(frame(full(600), true), 0, 40);
    feed.push(frame(full(100)), 40, 40);
    expect([lane.base, lane.group, lane.next]).toEqual([0, 0, 700]);
    feed.push(frame(full(10), true), 80, 40);
    expect([lane.base, lane.group, lane.next]).toEqual([188, 700, 710]);
    for (let count = 0; count < 600; count++) feed.push(frame(10), 120, 40);
    expect([lane.base, lane.group, lane.next]).toEqual([700, 700, 1310]);
    expect(lane.at(699)).toBeUndefined();
    expect(lane.at(700)).toBeDefined();
    expect(lane.at(1310)).toBeUndefined();
  });

  it('keeps exactly as many older datagrams as it must when there is no group', () => {
    const feed = new StreamFeed({ format: 'generic', groupDatagramsMax: 3, repairDatagramsMin: 10 });
    const lane = feed.retain(1200);
    for (let count = 0; count < 30; count++) feed.push(frame(100, count === 0), 40 * count, 40);
    expect([lane.group, lane.base, lane.next]).toEqual([-1, 19, 30]);
  });

  it('gives up a group over its bytes or datagrams, and goes on for those who are up to date (S5)', () => {
    for (const bound of [{ groupBytesMax: 20_000 }, { groupDatagramsMax: 17 }]) {
      const feed = new StreamFeed({ format: 'generic', ...bound });
      const lane = feed.retain(1200);
      const other = feed.retain(600);
      feed.push(frame(full(10), true), 0, 40);
      feed.push(frame(full(6)), 40, 40);
      expect([lane.group, other.group]).toEqual([0, 0]);
      feed.push(frame(full(6)), 80, 40);
      expect([lane.group, other.group, lane.next]).toEqual([-1, -1, 22]);
      feed.push(frame(full(1)), 120, 40);
      expect([lane.group, lane.next, feed.counters.droppedGroups]).toEqual([-1, 23, 1]);
      expect(feed.retain(296).next).toBe(0);
      feed.push(frame(full(1), true), 160, 40);
      expect([lane.group, feed.retain(296).group]).toEqual([23, 0]);
    }
  });

  it('drops a frame over a bound and everything after it that needs it (S5)', () => {
    for (const bound of [{ groupBytesMax: 20_000 }, { groupDatagramsMax: 17 }]) {
      const feed = new StreamFeed({ format: 'generic', ...bound });
      feed.push(frame(100, true), 0, 40);
      feed.push(frame(full(18)), 40, 40);
      feed.push(frame(100), 80, 40);
      expect(feed.retain(1200).group).toBe(-1);
      feed.push(frame(100, true), 120, 40);
      expect(feed.counters).toEqual({ frames: 2, droppedFrames: 1, skippedFrames: 1, droppedGroups: 0 });
    }
  });

  it('holds no more than the larger of a group and 512 datagrams, and one frame, whatever is pushed (S5)', () => {
    const pushes = fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 60_000 }), key: fc.boolean() }), {
      maxLength: 60,
      size: 'max',
    });
    fc.assert(
      fc.property(pushes, fc.integer({ min: 1, max: 40 }), (list, repairDatagramsMin) => {
        const feed = new StreamFeed({ format: 'generic', groupDatagramsMax: 100, repairDatagramsMin });
        const lane = feed.retain(1200);
        list.forEach(({ bytes, key }, index) => {
          const before = lane.next;
          feed.push(frame(bytes, key), index * 40, 40);
          const newest = lane.next - before;
          expect(before - lane.base).toBeLessThanOrEqual(Math.max(100, repairDatagramsMin));
          expect(newest).toBeLessThanOrEqual(100);
          expect(before - lane.base).toBeGreaterThanOrEqual(Math.min(repairDatagramsMin, before));
          if (lane.group >= 0) expect(lane.next - lane.group).toBeLessThanOrEqual(100);
          if (lane.group >= 0) expect(lane.at(lane.group)).toBeDefined();
        });
      }),
      { seed: seedFromEnv('media/stream-feed'), numRuns: 50 },
    );
  });

  it('passes RTP packets on as they are in one log for all sizes, and drops what is not RTP', () => {
    const feed = new StreamFeed({ format: 'passthrough' });
    const lane = feed.retain(1200);
    expect(feed.retain(296)).toBe(lane);
    feed.push(packet(7, 1400, true), 0, 0);
    feed.push({ units: [new Uint8Array(100)], timestamp: 0, keyframe: false }, 1, 0);
    const rtcp = packet(8);
    rtcp.units[0]?.set([0x80, 200]);
    feed.push(rtcp, 1, 0);
    feed.push(packet(8), 2, 0);
    expect(sizes(lane)).toEqual([1400, 100]);
    expect(feed.counters).toMatchObject({ frames: 2, droppedFrames: 2, skippedFrames: 0 });
    expect(lane.dueMs(1)).toBe(2);
  });

  it('marks with one empty datagram that the source lost packets, before the group that begins behind the loss', () => {
    const feed = new StreamFeed({ format: 'passthrough' });
    const lane = feed.retain(1200);
    for (const [sequence, key] of [
      [65_534, true],
      [0, false],
      [3, false],
      [2, false],
      [3, false],
      [9, true],
    ] as const) {
      feed.push(packet(sequence, 100, key), 0, 0);
    }
    expect(sizes(lane)).toEqual([100, 0, 100, 0, 100, 100, 100, 0, 100]);
    expect(lane.group).toBe(8);
  });

  it('takes nothing after its end', () => {
    const feed = new StreamFeed({ format: 'generic' });
    expect([feed.ended, feed.endedAtMs]).toEqual([false, Number.POSITIVE_INFINITY]);
    feed.push(frame(10, true), 0, 40);
    feed.end(50);
    feed.end(60);
    feed.push(frame(10, true), 70, 40);
    expect([feed.ended, feed.endedAtMs, feed.counters.frames]).toEqual([true, 50, 1]);
  });

  it('tells the mean rate of its group over a second at least', () => {
    const feed = new StreamFeed({ format: 'generic' });
    expect(feed.bytesPerMs).toBe(0);
    feed.push(frame(10_000, true), 0, 40);
    expect(feed.bytesPerMs).toBe(10);
    feed.push(frame(10_000), 4000, 40);
    expect(feed.bytesPerMs).toBe(5);
  });
});

describe('byte window', () => {
  it('counts the bytes of the last second from below and from above', () => {
    const additions = fc.array(fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), bytes: fc.nat(1000) }), {
      maxLength: 60,
      size: 'max',
    });
    fc.assert(
      fc.property(additions, fc.integer({ min: 0, max: 1500 }), (list, waitMs) => {
        const window = new ByteWindow();
        let nowMs = 0;
        const log = list.map(({ afterMs, bytes }) => {
          nowMs += afterMs;
          window.add(bytes, nowMs);
          return { nowMs, bytes };
        });
        nowMs += waitMs;
        const sum = (fromMs: number): number =>
          log.reduce((total, entry) => total + (entry.nowMs > fromMs ? entry.bytes : 0), 0);
        expect(window.atLeast(nowMs)).toBeLessThanOrEqual(sum(nowMs - 1000));
        expect(window.atLeast(nowMs)).toBeGreaterThanOrEqual(sum(nowMs - 980));
        expect(window.atMost(nowMs)).toBeGreaterThanOrEqual(sum(nowMs - 1001));
        expect(window.atMost(nowMs)).toBeLessThanOrEqual(sum(nowMs - 1021));
      }),
      { seed: seedFromEnv('media/stream-feed') },
    );
  });
});

describe('catch-up pace', () => {
  it('lets 32 datagrams go at once and then two a millisecond', () => {
    const pace = new CatchUpPace();
    pace.begin(0, 100);
    const times = Array.from({ length: 36 }, () => {
      const dueMs = Math.max(100, pace.dueMs());
      pace.sent(dueMs);
      return dueMs;
    });
    expect(times.slice(0, 32).every((time) => time === 100)).toBe(true);
    expect(times.slice(32)).toEqual([100.5, 101, 101.5, 102]);
  });

  it('goes at twice the stream’s rate where that is more', () => {
    const pace = new CatchUpPace();
    pace.begin(5, 0);
    for (let count = 0; count < 132; count++) pace.sent(Math.max(0, pace.dueMs()));
    expect(pace.dueMs()).toBeCloseTo(10.1, 6);
  });

  it('earns one burst and no more by a pause', () => {
    const pace = new CatchUpPace();
    pace.begin(0, 0);
    for (let count = 0; count < 32; count++) pace.sent(0);
    let atOnce = 0;
    while (pace.dueMs() <= 10_000) {
      pace.sent(10_000);
      atOnce++;
    }
    expect(atOnce).toBe(32);
  });
});
