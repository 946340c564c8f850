import { describe, expect, test } from 'vitest';
import type { ReceivedFrame } from '../../src/media/access-unit.ts';
import { NalType, toAnnexB } from '../../src/media/h264.ts';
import { MediaReceiver, type MediaReceiverOptions } from '../../src/media/media-receiver.ts';
import { decodeNack } from '../../src/media/rtcp.ts';
import {
  FRAME_TICKS,
  genericDatagrams,
  h264Datagrams,
  nal,
  number,
  random,
  unit,
  units,
} from './depacketizer-support.ts';

const SSRC = 0x5a5a_fff0;

function setUp(options: Partial<MediaReceiverOptions> = {}): MediaReceiver {
  const receiver = new MediaReceiver({ ssrc: SSRC, senderSsrc: 1, ...options });
  receiver.start(0);
  return receiver;
}

function receive(receiver: MediaReceiver, datagrams: readonly Uint8Array[], nowMs = 0): void {
  for (const datagram of datagrams) receiver.receive(datagram, nowMs);
}

function frames(receiver: MediaReceiver): ReceivedFrame[] {
  const list: ReceivedFrame[] = [];
  for (let frame = receiver.pollFrame(); frame !== undefined; frame = receiver.pollFrame()) list.push(frame);
  return list;
}

function summary(list: readonly ReceivedFrame[]): string {
  const letter = ({ keyframe, decodable }: ReceivedFrame) => (decodable ? (keyframe ? 'K' : 'd') : 'u');
  return list.map((frame) => `${letter(frame)}${frame.timestamp / FRAME_TICKS}`).join(' ');
}

function withPayloadType(datagrams: readonly Uint8Array[], payloadType: number): Uint8Array[] {
  return datagrams.map((datagram) => {
    const copy = datagram.slice();
    copy[1] = ((copy[1] ?? 0) & 0x80) | payloadType;
    return copy;
  });
}

describe('without loss', () => {
  test('each frame comes out at once with the bytes that were sent', () => {
    const receiver = setUp();
    const stream = units(50, 10, 3000);
    stream.forEach((one, index) => {
      const sent = stream.slice(0, index).flatMap((earlier) => h264Datagrams([earlier], 1200, SSRC)).length;
      receive(receiver, h264Datagrams([one], 1200, SSRC, sent), 40 * index);
      const [frame] = frames(receiver);
      expect(frame?.payload).toEqual(toAnnexB(one.units));
      expect(frame).toMatchObject({ decodable: true, keyframe: index % 10 === 0, completedAtMs: 40 * index });
    });
    expect(receiver.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(receiver.stats()).toMatchObject({ framesComplete: 50, framesDecodable: 50, lost: 0, firstFrameAtMs: 0 });
  });

  test('generic frames come out by their payload type, and both kinds by that of the SDP', () => {
    const generic = setUp();
    receive(generic, genericDatagrams([5000, 0, 17], 1200, SSRC));
    expect(frames(generic).map((frame) => frame.payload.length)).toEqual([5000, 0, 17]);

    const named = setUp();
    named.setFormat('generic', 96);
    receive(named, withPayloadType(genericDatagrams([5000, 9], 1200, SSRC), 96));
    expect(frames(named)).toHaveLength(2);

    const other = setUp();
    other.setFormat('h264', 111);
    receive(other, withPayloadType(h264Datagrams(units(3, 3, 2000), 1200, SSRC), 111));
    expect(summary(frames(other))).toBe('K0 d1 d2');
  });

  test('a payload type without a format gives datagrams and no frames', () => {
    const receiver = setUp({ datagrams: true });
    const sent = withPayloadType(h264Datagrams(units(3, 3, 2000), 1200, SSRC), 33);
    receive(receiver, sent);
    expect(frames(receiver)).toEqual([]);
    expect(sent.map(() => receiver.pollDatagram())).toEqual(sent);
    expect(receiver.pollDatagram()).toBeUndefined();
  });

  test('a format that is told amid a frame does not make half a frame whole', () => {
    const receiver = setUp();
    const slices = [nal(NalType.slice, 900, 1), nal(NalType.slice, 900, 2), nal(NalType.slice, 900, 3)];
    const sent = [{ ...unit(0, false, 1), units: slices }, unit(1, true, 2000), unit(2, false, 2000)];
    const stream = withPayloadType(h264Datagrams(sent, 1200, SSRC), 100);
    receive(receiver, stream.slice(0, 1));
    receiver.setFormat('h264', 100);
    receive(receiver, stream.slice(1));
    expect(summary(frames(receiver))).toBe('K1 d2');
    expect(receiver.stats().framesIncomplete).toBe(1);
  });
});

describe('loss', () => {
  test('datagrams wait for their turn in the queue for an RTP sink too', () => {
    const receiver = setUp({ datagrams: true });
    const [first, second, third] = h264Datagrams(units(1, 1, 3000), 1200, SSRC);
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few datagrams');
    receive(receiver, [third, first]);
    expect(receiver.pollDatagram()).toBe(first);
    expect(receiver.pollDatagram()).toBeUndefined();
    receive(receiver, [second]);
    expect(receiver.pollDatagram()).toBe(second);
    expect(receiver.pollDatagram()).toBe(third);
  });

  test('a frame that is not repaired in time is incomplete, and the next keyframe mends the picture', () => {
    const receiver = setUp({ firstGroupMs: 0 });
    const datagrams = h264Datagrams(units(6, 3, 2000), 1200, SSRC);
    const each = h264Datagrams([unit(1, false, 2000)], 1200, SSRC).length;
    const lost = datagrams.length - 5 * each - 1 + each - 1;
    receive(receiver, datagrams.slice(0, lost), 0);
    receive(receiver, datagrams.slice(lost + 1), 10);
    expect(receiver.deadlineMs()).toBe(10);
    while (receiver.pollNack(receiver.deadlineMs()) !== undefined);
    for (let nowMs = 10; nowMs < 210; nowMs = receiver.deadlineMs()) {
      expect(summary(frames(receiver))).toBe(nowMs === 10 ? 'K0' : '');
      receiver.pollNack(nowMs);
      receiver.expire(nowMs);
    }
    receiver.expire(210);
    expect(summary(frames(receiver))).toBe('u2 K3 d4 d5');
    expect(receiver.stats()).toMatchObject({ lost: 1, framesIncomplete: 1, framesComplete: 5, framesDecodable: 4 });
  });

  test('a whole keyframe behind a gap is jumped to as long as nothing could be decoded, and not after', () => {
    const receiver = setUp();
    const datagrams = h264Datagrams(units(5, 2, 2000), 1200, SSRC);
    const group = h264Datagrams(units(2, 2, 2000), 1200, SSRC).length;
    const keyframe = h264Datagrams(units(1, 1, 2000), 1200, SSRC).length;
    receive(receiver, datagrams.slice(1, group + keyframe - 1), 5);
    expect(frames(receiver)).toEqual([]);
    receive(receiver, datagrams.slice(group + keyframe - 1, group + keyframe), 7);
    expect(summary(frames(receiver))).toBe('u1 K2');
    expect(receiver.stats()).toMatchObject({ lost: 1, firstFrameAtMs: 7 });
    receive(receiver, datagrams.slice(group + keyframe + 1), 9);
    expect(frames(receiver)).toEqual([]);
    expect(receiver.stats().lost).toBe(1);
  });

  test('a keyframe that lacks its delimiter is not jumped to in a stream that has them', () => {
    const receiver = setUp();
    const keyframe = (index: number) => ({
      ...unit(index, true, 90),
      units: [nal(NalType.accessUnitDelimiter, 2), nal(NalType.sps, 90), nal(NalType.pps, 6), nal(NalType.idr, 90)],
    });
    const each = h264Datagrams([keyframe(0)], 64, SSRC).length;
    const datagrams = h264Datagrams([keyframe(0), keyframe(1)], 64, SSRC);
    receive(receiver, datagrams.slice(0, 1));
    receive(receiver, datagrams.slice(2, each));
    receive(receiver, datagrams.slice(each + 1));
    expect(receiver.stats().lost).toBe(0);
    receive(receiver, datagrams.slice(each, each + 1));
    expect(summary(frames(receiver))).toBe('K1');
  });

  test('a repaired datagram says nothing about jitter', () => {
    const receiver = setUp();
    const [first, second, third] = h264Datagrams(units(1, 1, 3000), 1200, SSRC);
    if (first === undefined || second === undefined || third === undefined) throw new Error('too few datagrams');
    receive(receiver, [first, third]);
    receiver.pollNack(0);
    receive(receiver, [second], 90);
    expect(receiver.stats()).toMatchObject({ repaired: 1, jitterMs: 0 });
  });

  test('an older keyframe that was only delayed still comes first', () => {
    const receiver = setUp();
    const datagrams = h264Datagrams(units(2, 2, 2000), 1200, SSRC);
    receive(receiver, datagrams.slice(1));
    receive(receiver, datagrams.slice(0, 1));
    expect(summary(frames(receiver))).toBe('K0 d1');
  });

  test('at the end all that waits is given out', () => {
    const receiver = setUp();
    const datagrams = h264Datagrams([...units(3, 3, 2000), unit(3, true, 2000)], 1200, SSRC);
    receive(receiver, datagrams.slice(0, 4));
    receive(receiver, datagrams.slice(5, -1));
    receiver.end(9);
    expect(summary(frames(receiver))).toBe('K0 u2');
    expect(receiver.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(receiver.stats()).toMatchObject({ lost: 1, framesIncomplete: 2 });
  });
});

const FIRST_GROUP = units(25, 25, 5000);
const FIRST_GROUP_PACKETS = h264Datagrams(FIRST_GROUP, 1200, 0);

interface Flight {
  readonly atMs: number;
  readonly bytes: Uint8Array;
}

/** A first group over a link that loses so much both ways; the sender answers NACKs from its log. */
function firstGroup(
  seed: number,
  loss: number,
  rttMs: number,
  repair = true,
): { receiver: MediaReceiver; list: ReceivedFrame[] } {
  const chance = random(seed);
  const ssrc = Math.floor(chance() * 0x1_0000_0000);
  const receiver = new MediaReceiver({ ssrc, senderSsrc: 1, repair });
  receiver.setRtt(rttMs);
  const log = number(FIRST_GROUP_PACKETS, ssrc);
  const bySequence = new Map(log.map((datagram) => [((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0), datagram]));
  const toReceiver: Flight[] = log
    .map((bytes, index) => ({ atMs: index / 4 + rttMs / 2, bytes }))
    .filter((_, index) => index === log.length - 1 || chance() >= loss);
  const list: ReceivedFrame[] = [];
  receiver.start(0);
  while (toReceiver.length > 0 || receiver.deadlineMs() < Number.POSITIVE_INFINITY) {
    toReceiver.sort((a, b) => a.atMs - b.atMs);
    const next = toReceiver[0];
    const nowMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, receiver.deadlineMs());
    if (next?.atMs === nowMs) {
      toReceiver.shift();
      receiver.receive(next.bytes, nowMs);
    }
    receiver.expire(nowMs);
    for (let nack = receiver.pollNack(nowMs); nack !== undefined; nack = receiver.pollNack(nowMs)) {
      if (chance() < loss) continue;
      for (const sequence of decodeNack(nack, ssrc) ?? []) {
        const bytes = bySequence.get(sequence);
        if (bytes !== undefined && chance() >= loss) toReceiver.push({ atMs: nowMs + rttMs, bytes });
      }
    }
    list.push(...frames(receiver));
  }
  return { receiver, list };
}

describe('the first group over a lossy link', () => {
  test('arrives whole at 30 % loss each way and an RTT of 50 ms, with each of 300 seeds', () => {
    const sent = Buffer.concat(FIRST_GROUP.map((one) => toAnnexB(one.units)));
    for (let seed = 0; seed < 300; seed++) {
      const { receiver, list } = firstGroup(seed, 0.3, 50);
      expect(sent.equals(Buffer.concat(list.map((frame) => frame.payload)))).toBe(true);
      expect(list.filter((frame) => frame.decodable)).toHaveLength(25);
      expect(receiver.stats()).toMatchObject({ lost: 0, framesIncomplete: 0, late: 0 });
    }
  });

  test('does not arrive whole without repair, so that the test above proves something', () => {
    const { receiver } = firstGroup(1, 0.3, 50, false);
    expect(receiver.stats()).toMatchObject({ nacksSent: 0, framesDecodable: 0 });
    expect(receiver.stats().lost).toBeGreaterThan(20);
  });
});

describe('S5 limits', () => {
  test('frames nobody polls push out the oldest, and the rest waits for a keyframe', () => {
    const receiver = setUp({ framesMax: 4 });
    receive(receiver, h264Datagrams(units(8, 6, 90), 1200, SSRC));
    expect(summary(frames(receiver))).toBe('u4 u5 K6 d7');
    expect(receiver.stats()).toMatchObject({ framesDropped: 4, framesDecodable: 8 });
    expect(receiver.pollFrame()).toBeUndefined();
  });

  test('bytes of frames nobody polls are bounded too', () => {
    const receiver = setUp({ queueBytesMax: 10_000 });
    receive(receiver, h264Datagrams(units(9, 1, 3000), 1200, SSRC));
    expect(frames(receiver)).toHaveLength(3);
    expect(receiver.stats().framesDropped).toBe(6);
  });

  test('datagrams nobody polls push out the oldest', () => {
    const receiver = setUp({ datagrams: true, datagramsMax: 2 });
    const sent = h264Datagrams(units(5, 5, 90), 1200, SSRC);
    receive(receiver, sent);
    expect([receiver.pollDatagram(), receiver.pollDatagram(), receiver.pollDatagram()]).toEqual([
      ...sent.slice(3),
      undefined,
    ]);
    expect(receiver.stats().datagramsDropped).toBe(3);
  });
});

describe('S10 malformed input', () => {
  test('what is no RTP packet is refused and counted', () => {
    const receiver = setUp();
    const [good] = h264Datagrams(units(1, 1, 90), 1200, SSRC);
    const change = (at: number, value: number) =>
      good?.map((byte, index) => (index === at ? value : byte)) ?? new Uint8Array();
    const bad = [
      new Uint8Array(0),
      new Uint8Array(11).fill(0x80),
      change(0, 0x40),
      change(1, 200),
      change(0, 0xa0).fill(0xff, -1),
    ];
    for (const datagram of [...bad, change(0, 0x8f).slice(0, 20), change(0, 0x90).slice(0, 14)]) {
      expect(receiver.receive(datagram, 0)).toBe(false);
    }
    expect(receiver.stats()).toMatchObject({ malformed: 7, received: 0 });
  });

  test('S5 100,000 random datagrams never throw, and all that is kept stays within its limits', () => {
    const chance = random(42);
    const limits = {
      framesMax: 8,
      datagramsMax: 16,
      windowBytesMax: 50_000,
      queueBytesMax: 100_000,
      frameBytesMax: 20_000,
    };
    const receiver = setUp({ ...limits, datagrams: true, windowDatagramsMax: 64 });
    let nowMs = 0;
    let sequence = SSRC & 0xffff;
    for (let index = 0; index < 100_000; index++) {
      const datagram = Uint8Array.from({ length: Math.floor(chance() * 60) }, () => Math.floor(chance() * 256));
      const kind = [24, 28, 0x7c, 0x67, 0x65, 9, 1][Math.floor(chance() * 14)];
      if (chance() < 0.9 && datagram.length > 14) {
        if (chance() < 0.1) sequence += Math.floor(chance() * 200) - 60;
        datagram.set([0x80, (chance() < 0.3 ? 0x80 : 0) | (96 + Math.floor(chance() * 2)), ++sequence >> 8, sequence]);
        datagram.set([0, 0, 0, index >> 3], 4);
        if (kind !== undefined) datagram[12] = kind;
      }
      nowMs += chance();
      receiver.receive(datagram, nowMs);
      if (chance() < 0.1) {
        receiver.expire(nowMs);
        while (receiver.pollNack(nowMs) !== undefined);
        expect(receiver.deadlineMs()).toBeGreaterThan(nowMs);
      }
    }
    receiver.end(nowMs);
    const stats = receiver.stats();
    expect(frames(receiver).length).toBeLessThanOrEqual(8);
    expect(stats.received + stats.malformed).toBe(100_000);
    for (const key of ['lost', 'malformedPayloads', 'framesComplete', 'framesIncomplete', 'late'] as const) {
      expect(stats[key]).toBeGreaterThan(100);
    }
  });
});
