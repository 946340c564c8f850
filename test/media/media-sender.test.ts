import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rtpSsrc, writeRtpHeader } from '../../src/media/rtp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { feedOf, frame, frameNumbers, SSRC, sequences, Viewer } from './sender-support.ts';

describe('media sender, first sends', () => {
  it('sends the newest group with its own SSRC and sequence numbers from the low 16 bits of it, across the wrap', () => {
    const feed = feedOf([3, 1]);
    const sent = new Viewer(feed, { repair: false }).start(100).runUntil(200);
    expect(sequences(sent)).toEqual([0xfffe, 0xffff, 0, 1]);
    expect(sent.map(({ bytes }) => rtpSsrc(bytes))).toEqual([SSRC, SSRC, SSRC, SSRC]);
    expect(frameNumbers(sent)).toEqual([0, 0, 0, 1]);
  });

  it('hands out copies: neither the feed nor another viewer sees what becomes of them', () => {
    const feed = feedOf([2]);
    const first = new Viewer(feed, { repair: false }).start(0).runUntil(50);
    for (const { bytes } of first) bytes.fill(0);
    const second = new Viewer(feed, { repair: false, ssrc: 0x50006 }).start(0).runUntil(50);
    expect(sequences(second)).toEqual([6, 7]);
    expect(frameNumbers(second)).toEqual([0, 0]);
  });

  it('sends nothing and has no deadline before its start', () => {
    const viewer = new Viewer(feedOf([2]));
    expect([viewer.sender.next(0), viewer.sender.deadlineMs()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  });

  it('sends 32 datagrams of the group at once and then two a millisecond', () => {
    const sent = new Viewer(feedOf([40]), { repair: false }).start(500).runUntil(600);
    expect(sent.map(({ atMs }) => atMs)).toEqual([
      ...Array.from({ length: 32 }, () => 500),
      ...[500.5, 501, 501.5, 502, 502.5, 503, 503.5, 504],
    ]);
  });

  it('sends live datagrams when they are due', () => {
    const feed = feedOf([1]);
    const viewer = new Viewer(feed, { repair: false }).start(0);
    viewer.runUntil(40);
    feed.push(frame(6 * 1180), 40, 40);
    expect(viewer.sender.deadlineMs()).toBe(40);
    expect(viewer.runUntil(100).map(({ atMs }) => atMs)).toEqual([40, 40, 40, 50, 50, 50]);
  });

  it('waits for the next keyframe when there is no decodable group, and then does not wait for due times', () => {
    const feed = new StreamFeed({ format: 'generic' });
    feed.push(frame(10), 0, 40);
    const viewer = new Viewer(feed, { repair: false }).start(0);
    expect(viewer.sender.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(viewer.sender.next(1)).toBeUndefined();
    feed.push(frame(20 * 1180, true), 40, 40);
    viewer.nowMs = 40;
    expect(viewer.runUntil(40)).toHaveLength(20);
    expect(viewer.sender.counters.jumps).toBe(0);
  });

  it('goes on when the group is given up, unlike a viewer who comes then', () => {
    const feed = feedOf([2], { groupDatagramsMax: 3 });
    const viewer = new Viewer(feed, { repair: false }).start(0);
    viewer.runUntil(10);
    feed.push(frame(2 * 1180), 40, 40);
    expect(viewer.runUntil(50)).toHaveLength(2);
    expect(new Viewer(feed).start(50).runUntil(80)).toEqual([]);
  });

  it('jumps to the newest keyframe when the log no longer has what is next, and counts it', () => {
    const feed = feedOf([100], { repairDatagramsMin: 10 });
    const viewer = new Viewer(feed, { repair: false }).start(0);
    viewer.runUntil(0);
    feed.push(frame(1180, true), 1, 40);
    const sent = viewer.runUntil(100);
    expect(frameNumbers(sent)).toEqual([1]);
    expect(sequences(viewer.sent)).toEqual(Array.from({ length: 33 }, (_, index) => (0xfffe + index) & 0xffff));
    expect(viewer.sender.counters.jumps).toBe(1);
  });

  it('waits without a deadline when the log is past it and there is no keyframe', () => {
    const feed = feedOf([60], { repairDatagramsMin: 10, groupDatagramsMax: 60 });
    const viewer = new Viewer(feed).start(0);
    viewer.runUntil(0);
    feed.push(frame(1180), 1, 40);
    feed.push(frame(1180), 2, 40);
    expect(viewer.runUntil(100)).toEqual([]);
    expect(viewer.sender.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    feed.push(frame(1180, true), 100, 40);
    expect(frameNumbers(viewer.runUntil(104))).toEqual([3]);
  });

  it('paces what a stall of the process left behind', () => {
    const feed = feedOf([1]);
    const viewer = new Viewer(feed, { repair: false }).start(0);
    viewer.runUntil(30);
    for (let index = 1; index <= 20; index++) feed.push(frame(10 * 1180), 40 * index, 40);
    viewer.nowMs = 1000;
    const sent = viewer.runUntil(2000);
    expect(sent).toHaveLength(200);
    expect(sent.filter(({ atMs }) => atMs === 1000)).toHaveLength(32);
    expect(sent.at(-1)?.atMs).toBe(1084);
  });

  it('stops for good (S9)', () => {
    const feed = feedOf([50]);
    const viewer = new Viewer(feed).start(0);
    viewer.runUntil(0);
    viewer.sender.nack([0xfffe], 0);
    viewer.sender.stop();
    feed.push(frame(10, true), 40, 40);
    viewer.sender.start(40);
    expect(viewer.sender.nack([0xfffe], 40)).toBe(0);
    viewer.sender.setDatagramBytesMax(600, 40);
    expect([viewer.sender.next(50), viewer.sender.deadlineMs()]).toEqual([undefined, Number.POSITIVE_INFINITY]);
  });
});

describe('media sender, datagram size', () => {
  it('sends the newest group again in the smaller size, at once, with sequence numbers that go on', () => {
    const feed = feedOf([10, 1]);
    const viewer = new Viewer(feed, { repair: false }).start(50);
    viewer.runUntil(60);
    viewer.sender.setDatagramBytesMax(600, 60);
    const again = viewer.runUntil(100);
    expect(viewer.sender.datagramBytesMax).toBe(600);
    expect(Math.max(...again.map(({ bytes }) => bytes.length))).toBe(600);
    expect([...new Set(frameNumbers(again))]).toEqual([0, 1]);
    expect(sequences(viewer.sent)).toEqual(viewer.sent.map((_, index) => (0xfffe + index) & 0xffff));
  });

  it('does not repair what was sent in the larger size', () => {
    const viewer = new Viewer(feedOf([10])).start(0);
    viewer.runUntil(0);
    viewer.sender.nack([0xfffe], 1);
    viewer.sender.setDatagramBytesMax(296, 1);
    expect(viewer.sender.nack([0xffff], 1)).toBe(0);
    expect(viewer.runUntil(1).every(({ bytes }) => bytes.length <= 296)).toBe(true);
  });

  it('goes to the larger size at the next frame, without a frame missing or sent twice, and still repairs the ones before', () => {
    const feed = feedOf([2]);
    const viewer = new Viewer(feed, { datagramBytesMax: 296 }).start(0);
    viewer.runUntil(30);
    feed.push(frame(5000), 40, 40);
    viewer.runUntil(45);
    viewer.sender.setDatagramBytesMax(1200, 45);
    viewer.runUntil(80);
    const small = viewer.sent.at(-1);
    feed.push(frame(5000), 80, 40);
    viewer.runUntil(120);
    const first = viewer.sent.filter((sent, index) => sequences(viewer.sent).indexOf(sent.sequence) === index);
    const perFrame = [0, 1, 2].map((number) => first.filter((_, index) => frameNumbers(first)[index] === number));
    expect(perFrame.map((sent) => sent[0]?.bytes.length)).toEqual([296, 296, 1200]);
    expect(perFrame.map((sent) => sent.length)).toEqual([9, 19, 5]);
    expect(viewer.sender.nack([small?.sequence ?? 0], 120)).toBe(1);
    expect(viewer.sender.next(120)).toEqual(small?.bytes);
    viewer.sender.nack([first.at(-1)?.sequence ?? 0], 121);
    expect(viewer.sender.next(121)).toEqual(first.at(-1)?.bytes);
  });

  it('stays with the smaller size until the log has the next frame in the larger one', () => {
    const feed = feedOf([2], { groupDatagramsMax: 3 });
    const viewer = new Viewer(feed, { repair: false, datagramBytesMax: 600 }).start(0);
    viewer.runUntil(10);
    feed.push(frame(3000), 40, 40);
    viewer.sender.setDatagramBytesMax(900, 40);
    viewer.runUntil(70);
    feed.push(frame(3000), 80, 40);
    const sent = viewer.runUntil(120);
    expect([sent.length, sent[0]?.bytes.length, new Set(frameNumbers(sent)).size]).toEqual([4, 900, 1]);
    expect([...new Set(frameNumbers(viewer.sent))]).toEqual([0, 1, 2]);
  });

  it('takes the newest of several sizes asked for and gives every log back at its stop', () => {
    const feed = feedOf([2]);
    const viewer = new Viewer(feed, { repair: false, datagramBytesMax: 296 }).start(0);
    for (let bytes = 301; bytes < 320; bytes++) viewer.sender.setDatagramBytesMax(bytes, 1);
    viewer.runUntil(10);
    feed.push(frame(5000), 40, 40);
    expect(viewer.runUntil(80)[0]?.bytes.length).toBe(319);
    viewer.sender.stop();
    for (let bytes = 400; bytes < 407; bytes++) feed.retain(bytes);
  });

  it('is taken from the start when it was set before', () => {
    const viewer = new Viewer(feedOf([2]), { repair: false });
    viewer.sender.setDatagramBytesMax(600, 0);
    expect(viewer.start(0).runUntil(0)[0]?.bytes.length).toBe(600);
  });

  it('leaves out pass-through packets that are too large or were lost, with their sequence numbers, and counts the former', () => {
    const feed = new StreamFeed({ format: 'passthrough' });
    const push = (sequence: number, bytes: number, keyframe = false): void => {
      const packet = new Uint8Array(bytes);
      writeRtpHeader(packet, { marker: true, payloadType: 33, sequence, timestamp: 7, ssrc: 1 });
      feed.push({ units: [packet], timestamp: 0, keyframe }, 0, 0);
    };
    push(500, 100, true);
    push(501, 1201);
    push(502, 1200);
    push(505, 50);
    const viewer = new Viewer(feed).start(0);
    const sent = viewer.runUntil(0);
    expect(sent.map(({ sequence, bytes }) => [sequence, bytes.length])).toEqual([
      [0xfffe, 100],
      [0, 1200],
      [2, 50],
    ]);
    expect([...(sent[1]?.bytes.subarray(0, 2) ?? [])]).toEqual([0x80, 0x80 | 33]);
    expect(viewer.sender.nack([0xffff, 1, 0], 0)).toBe(1);
    expect(viewer.sender.counters).toMatchObject({ droppedTooLarge: 1, repairUnknown: 2, sentDatagrams: 3 });
    viewer.sender.setDatagramBytesMax(600, 1);
    expect(viewer.runUntil(1).map(({ sequence, bytes }) => [sequence, bytes.length])).toEqual([
      [3, 100],
      [7, 50],
    ]);
  });
});

describe('media sender, whatever happens', () => {
  it('moves on whenever it is called at its deadline, keeps every datagram within its size and its numbers in order (S5)', () => {
    const action = fc.record({ afterMs: fc.integer({ min: 0, max: 150 }), kind: fc.nat(5), value: fc.nat(60_000) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60, size: 'max' }), (actions) => {
        const feed = new StreamFeed({ format: 'generic', groupDatagramsMax: 80, repairDatagramsMin: 20 });
        const viewer = new Viewer(feed).start(0);
        let [nowMs, highest] = [0, -1];
        for (const { afterMs, kind, value } of actions) {
          nowMs += afterMs;
          // A stall: time passes without a call.
          if (kind === 5) viewer.nowMs = nowMs;
          if (kind <= 1) feed.push(frame(value, kind === 0), nowMs, 40);
          if (kind === 2) viewer.sender.nack([value, ...sequences(viewer.sent).slice(-(value % 100))], nowMs);
          if (kind === 3) viewer.sender.setDatagramBytesMax([1200, 600, 296][value % 3] ?? 0, nowMs);
          if (kind === 4 && value < 3000) feed.end(nowMs);
          const largest = viewer.sender.datagramBytesMax;
          for (const sent of viewer.runUntil(nowMs)) {
            expect(sent.bytes.length).toBeLessThanOrEqual(largest);
            const position = (sent.sequence - 0xfffe) & 0xffff;
            expect(position).toBeLessThanOrEqual(highest + 1);
            highest = Math.max(highest, position);
          }
        }
        expect(viewer.sender.counters.sentDatagrams).toBe(highest + 1);
        feed.end(nowMs);
        viewer.runUntil(nowMs + 60_000);
        expect(viewer.sender.finished).toBe(true);
      }),
      { seed: seedFromEnv('media/media-sender'), numRuns: 300 },
    );
  });
});
