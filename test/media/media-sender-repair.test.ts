import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rtoMs } from '../../machines/index.ts';
import { TAIL_PROBES_MS } from '../../src/media/media-sender.ts';
import { REPAIR_BYTES_MIN, REPAIRS_WAITING_MAX } from '../../src/media/repair-queue.ts';
import { rtpSequence } from '../../src/media/rtp.ts';
import { SentLog } from '../../src/media/sent-log.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { feedOf, frame, frameNumbers, sequences, Viewer } from './sender-support.ts';

describe('media sender, repair', () => {
  it('sends a lost datagram again before anything else and byte for byte as it was (RFC 4585)', () => {
    const feed = feedOf([40]);
    const viewer = new Viewer(feed).start(0);
    const first = viewer.runUntil(0);
    expect(viewer.sender.nack([0xffff, 3, 0xffff], 0)).toBe(2);
    expect(viewer.sender.nack([3], 0)).toBe(0);
    const [again, other, next] = [viewer.sender.next(1), viewer.sender.next(1), viewer.sender.next(1)];
    expect(again).toEqual(first[1]?.bytes);
    expect(other).toEqual(first[5]?.bytes);
    expect(rtpSequence(next ?? new Uint8Array(4))).toBe(30);
    expect(viewer.sender.counters).toMatchObject({ sentDatagrams: 33, repairedDatagrams: 2, repairUnknown: 0 });
  });

  it('counts what was never sent or is no longer kept as unknown', () => {
    const feed = feedOf([20], { repairDatagramsMin: 10 });
    const viewer = new Viewer(feed).start(0);
    viewer.runUntil(0);
    expect(viewer.sender.nack([0xfffd, 18, 40_000], 0)).toBe(0);
    viewer.sender.nack([0xfffe], 0);
    feed.push(frame(1180, true), 1, 40);
    viewer.runUntil(2);
    expect(viewer.sender.nack([0xffff, 7, 8], 2)).toBe(1);
    expect(viewer.sender.counters).toMatchObject({ repairUnknown: 6, repairedDatagrams: 0 });
  });

  it('finds datagrams from before and after a jump', () => {
    const feed = feedOf([100], { repairDatagramsMin: 90 });
    const viewer = new Viewer(feed).start(0);
    const before = viewer.runUntil(0).at(-1);
    feed.push(frame(50 * 1180, true), 0, 40);
    feed.push(frame(50 * 1180, true), 0, 40);
    const after = viewer.runUntil(0.5);
    expect(viewer.sender.counters.jumps).toBe(1);
    expect(frameNumbers(after)).toContain(2);
    viewer.sender.nack([before?.sequence ?? 0, after.at(-1)?.sequence ?? 0], 1);
    expect(viewer.sender.next(1)).toEqual(after.at(-1)?.bytes);
    expect(viewer.sender.counters.repairUnknown).toBe(1);
  });

  it('never sends more again within any second than it sent for the first time in the second before, or 64 full datagrams (S5)', () => {
    const action = fc.record({
      afterMs: fc.integer({ min: 0, max: 300 }),
      kind: fc.nat(2),
      size: fc.integer({ min: 1, max: 8000 }),
    });
    fc.assert(
      fc.property(fc.array(action, { minLength: 5, maxLength: 40, size: 'max' }), (actions) => {
        const feed = feedOf([2]);
        const viewer = new Viewer(feed).start(0);
        let nowMs = 0;
        viewer.runUntil(0);
        for (const { afterMs, kind, size } of actions) {
          nowMs += afterMs;
          viewer.runUntil(nowMs);
          if (kind === 0) feed.push(frame(size, size > 7000), nowMs, 40);
          else viewer.sender.nack(sequences(viewer.sent).slice(-size), nowMs);
          viewer.runUntil(nowMs);
        }
        const seen = new Set<number>();
        const log = viewer.sent.map((sent) => {
          const repeated = seen.has(sent.sequence);
          seen.add(sent.sequence);
          return { ...sent, repeated };
        });
        for (const { atMs, repeated: isRepeated } of log) {
          if (!isRepeated) continue;
          const bytes = (repeated: boolean): number =>
            log.reduce((sum, entry) => {
              const counts = entry.repeated === repeated && entry.atMs <= atMs && entry.atMs > atMs - 1000;
              return sum + (counts ? entry.bytes.length : 0);
            }, 0);
          expect(bytes(true)).toBeLessThanOrEqual(Math.max(bytes(false), REPAIR_BYTES_MIN));
        }
        const first = log.filter((entry) => !entry.repeated);
        expect(sequences(first)).toEqual(first.map((_, index) => (0xfffe + index) & 0xffff));
      }),
      { seed: seedFromEnv('media/media-sender'), numRuns: 200 },
    );
  });

  it('refuses and counts repairs over the budget, and has it again when media follows', () => {
    const feed = feedOf([70]);
    const viewer = new Viewer(feed).start(0);
    const all = sequences(viewer.runUntil(20));
    viewer.sender.nack(all, 20);
    expect(viewer.runUntil(20)).toHaveLength(70);
    viewer.sender.nack(all.slice(0, 3), 21);
    expect(viewer.runUntil(21)).toHaveLength(0);
    expect(viewer.sender.counters).toMatchObject({ repairedDatagrams: 70, repairRefusedBudget: 3 });
    feed.push(frame(1180), 22, 40);
    viewer.runUntil(22);
    viewer.sender.nack(all.slice(0, 3), 23);
    expect(viewer.runUntil(23)).toHaveLength(1);
  });

  it('repairs a stream at rest, which sent nothing for the first time lately', () => {
    const viewer = new Viewer(feedOf([20])).start(0);
    const all = sequences(viewer.runUntil(5000)).slice(0, 20);
    viewer.sender.nack(all, 5000);
    expect(viewer.runUntil(5000)).toHaveLength(20);
  });

  it('keeps at most 2048 requests waiting (S5)', () => {
    const viewer = new Viewer(feedOf([3000])).start(0);
    const all = sequences(viewer.runUntil(1500));
    expect(new Set(all).size).toBe(3000);
    expect(viewer.sender.nack(all, 1500)).toBe(REPAIRS_WAITING_MAX);
  });

  it('answers nothing when repair is off', () => {
    const viewer = new Viewer(feedOf([3]), { repair: false }).start(0);
    viewer.runUntil(10);
    expect(viewer.sender.nack([0xfffe], 10)).toBe(0);
    expect(viewer.runUntil(1000)).toEqual([]);
  });
});

describe('sent log', () => {
  it('remembers the newest 64 runs (S5), and 512 numbers of another log behind a change of it', () => {
    const log = new SentLog(0xffff);
    const lane = feedOf([10]).retain(1200);
    for (let run = 0; run < 65; run++) {
      log.begin(lane, run % 10);
      log.advance();
    }
    expect([log.extend(0xffff), log.extend(0), log.extend(63)]).toEqual([0xffff, 0x10000, 0x1003f]);
    expect(log.find(0xffff)).toBeUndefined();
    expect(log.find(0x10000)).toBe(lane.at(1));
    expect(log.find(0x1003f)).toBe(lane.at(4));

    const other = new SentLog(0);
    other.begin(lane, 0);
    other.advance();
    other.begin(feedOf([10]).retain(600), 0);
    for (let count = 0; count < 513; count++) other.advance();
    expect(other.find(0)).toBe(lane.at(0));
    other.advance();
    expect(other.find(0)).toBeUndefined();
  });
});

describe('media sender, tail', () => {
  it('repeats the last datagram of the group as START is repeated, for two seconds, while nothing follows', () => {
    const viewer = new Viewer(feedOf([10])).start(100);
    const sent = viewer.runUntil(10_000);
    expect(sent.slice(10).map(({ atMs }) => atMs - 100)).toEqual([...TAIL_PROBES_MS]);
    expect(sent.slice(10).map(({ bytes }) => bytes)).toEqual(TAIL_PROBES_MS.map(() => sent[9]?.bytes));
    expect(viewer.sender.counters).toMatchObject({ sentDatagrams: 10, tailProbes: 16, repairedDatagrams: 0 });
    let startMs = 0;
    for (const [index, probeMs] of TAIL_PROBES_MS.entries()) {
      startMs += rtoMs(profiles.default, index + 1);
      expect(Math.abs(probeMs - startMs)).toBeLessThan(1.5);
    }
    expect(viewer.sender.finished).toBe(false);
  });

  it('ends the repetition when something follows, and does not repeat live datagrams', () => {
    const feed = feedOf([10]);
    const viewer = new Viewer(feed).start(0);
    viewer.runUntil(35);
    feed.push(frame(100), 40, 40);
    viewer.runUntil(3000);
    expect(viewer.sender.counters).toMatchObject({ sentDatagrams: 11, tailProbes: 3 });
  });

  it('repeats the last datagram after the stream’s end and is finished then', () => {
    const feed = feedOf([10]);
    const viewer = new Viewer(feed).start(0);
    viewer.runUntil(10);
    feed.push(frame(100), 40, 40);
    feed.push(frame(200), 80, 40);
    viewer.runUntil(100);
    feed.end(200);
    viewer.runUntil(573);
    expect(viewer.sender.finished).toBe(false);
    expect(viewer.runUntil(1000).map(({ atMs }) => atMs)).toEqual([574]);
    expect(viewer.sender.counters.tailProbes).toBe(10);
    expect([viewer.sender.finished, viewer.sender.deadlineMs()]).toEqual([true, Number.POSITIVE_INFINITY]);
  });

  it('is finished at once after the end when the last datagram was repeated before, or repair is off, or nothing came', () => {
    const repeated = feedOf([10]);
    const viewer = new Viewer(repeated).start(0);
    viewer.runUntil(1000);
    repeated.end(1000);
    expect(viewer.sender.finished).toBe(true);
    const feed = feedOf([10]);
    feed.end(5);
    const off = new Viewer(feed, { repair: false }).start(10);
    expect(off.sender.finished).toBe(false);
    off.runUntil(10);
    expect(off.sender.finished).toBe(true);
    const empty = new StreamFeed({ format: 'generic' });
    empty.end(0);
    expect(new Viewer(empty).start(0).sender.finished).toBe(true);
  });

  it('takes the repetition from the repair budget (S5)', () => {
    const viewer = new Viewer(feedOf([40])).start(0);
    const all = sequences(viewer.runUntil(4));
    viewer.sender.nack(all, 4);
    viewer.runUntil(4);
    viewer.sender.nack(all.slice(0, 23), 4);
    viewer.runUntil(900);
    expect(viewer.sender.counters).toMatchObject({ repairedDatagrams: 63, tailProbes: 1, repairRefusedBudget: 10 });
  });

  it('makes one repetition of those that a stall made overdue', () => {
    const viewer = new Viewer(feedOf([10])).start(0);
    viewer.runUntil(0);
    viewer.nowMs = 100;
    expect(viewer.runUntil(100)).toHaveLength(1);
    expect(viewer.runUntil(1000).map(({ atMs }) => atMs)).toEqual([104, 161, 246, 374, 566, 816]);
  });
});
