import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { DropReason, MetricsSnapshot } from '../../src/engine/counters.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { ReceivedStream } from '../../src/io/received-stream.ts';
import { type Responder, respond } from '../../src/io/respond.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { encodeNack } from '../../src/media/rtcp.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { type Frame, FrameType, type FrameTypeName } from '../../src/protocol/frame.ts';
import { frameOf, type Ids, kindOf, rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { looseLimits } from '../support/limits.ts';
import { type RawFrame, rawFrame, versionOne } from '../support/raw-frames.ts';
import { freshStreamId, otherVersionStart, RawPeer } from '../support/raw-peer.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';
import { soon } from '../support/witness.ts';

/** What the answer to a fence adds to the counters (see RawPeer.answersTo). */
const fenceDrops: Partial<Record<DropReason, number>> = { version: 1 };

let camera: Responder;
/** A viewer of the library that watches all the while. */
let bystander: ReceivedStream;
/** A viewer by hand with a live session, and on the same tuple a candidate; a forger of its address sends from its socket. */
let viewer: RawPeer;
let live: Ids & { readonly ssrc: number; readonly resetToken: Uint8Array };
/** Somebody with another address. */
let stranger: RawPeer;

beforeAll(async () => {
  camera = await respond({
    port: 0,
    limits: looseLimits,
    streams: { door: testSource({ framesPerSecond: 50, bytesPerFrame: 500 }) },
  });
  bystander = await initiate(`127.0.0.1:${camera.local.port}/door`);
  viewer = await RawPeer.open(camera.local);
  stranger = await RawPeer.open(camera.local);
  live = await viewer.streaming();
  // The three probes are answered: from now on nothing comes but media and, after seconds, a PING.
  let pings = 0;
  await viewer.received.when((bytes) => kindOf(bytes) === 'PING' && ++pings === 3, 5000, 'three probes');
});

afterAll(async () => {
  await Promise.all([viewer.close(), stranger.close(), bystander.destroy(), camera.destroy()]);
});

/** What a hostile datagram may be made of. */
interface Target {
  /** Ids of the live session. */
  readonly live: Ids & { readonly ssrc: number; readonly resetToken: Uint8Array };
  /** Ids of the candidate. */
  readonly candidate: Ids & { readonly ssrc: number; readonly resetToken: Uint8Array };
}

interface Attack {
  readonly name: string;
  readonly datagram: (target: Target) => Uint8Array;
  /** Reasons counted, when it comes from the live session's own tuple and when it comes from a stranger's. */
  readonly counted: DropReason | readonly DropReason[];
  readonly countedFromStranger?: DropReason | readonly DropReason[];
  /** The one answer; silence if absent. */
  readonly answer?: (answer: Frame, target: Target) => void;
}

const malformed: readonly (readonly [DropReason, string, RawFrame | ((bytes: Uint8Array) => Uint8Array)])[] = [
  ['tooShort', 'of 27 bytes', (start) => start.slice(0, 27)],
  ['tooLong', 'of 1,201 bytes', { bytes: 1201 }],
  ['tooLong', 'of 64 KiB', { bytes: 65_507 }],
  ['notOurs', 'with another first byte', (start) => start.with(0, 0x0d)],
  ['bodyLength', 'whose length says one more', (start) => start.with(23, (start[23] ?? 0) + 1)],
  ['secured', 'that says it is secured', { flags: 0x05, trailerBytes: 16 }],
  ['crc', 'with one bit turned over', (start) => start.with(100, 1)],
  ['type', 'of type 99', { type: 99 }],
  ['flags', 'without ACK_REQUIRED', { flags: 0 }],
  ['flags', 'with an unknown flag', { flags: 0x11 }],
  ['streamIdZero', 'with StreamId 0', { streamId: 0n }],
  ['sessionTag', 'with a SessionTag', { sessionTag: 1n }],
  ['attempt', 'with attempt 0', { attempt: 0 }],
  ['reserved', 'with a reserved byte of 1', { reserved: 1 }],
  ['tlvTruncated', 'with a TLV that goes on past the end', { tlvs: [versionOne, [0x40, [], 0xffff]] }],
  [
    'tlvCount',
    'with 33 TLVs',
    { tlvs: [versionOne, ...Array.from({ length: 32 }, (_, i) => [0x40 + i, []] as const)] },
  ],
  ['tlvOrder', 'with VERSIONS twice', { tlvs: [versionOne, versionOne] }],
  ['tlvNotAllowed', 'with an SSRC', { tlvs: [versionOne, [9, [1, 2, 3, 4]]] }],
  ['tlvLength', 'with five versions', { tlvs: [[1, [1, 2, 3, 4, 5]]] }],
  ['utf8', 'with a name that is no UTF-8', { tlvs: [versionOne, [8, [0xff]]] }],
  ['paddingNotZero', 'with PADDING of ones', { padding: 1 }],
  ['tlvMissing', 'without VERSIONS', { tlvs: [] }],
  ['size', 'of 255 bytes', { bytes: 255 }],
  ['size', 'of 257 bytes', { bytes: 257 }],
];

const wrongTag = (ids: Ids): Ids => ({ ...ids, sessionTag: ids.sessionTag ^ 1n });
const wrongStreamId = (ids: Ids): Ids => ({ ...ids, streamId: ids.streamId ^ 1n });

/** RESET for the ids that were named, which are nobody's. */
const resetFor =
  (ids: (target: Target) => Ids) =>
  (answer: Frame, target: Target): void => {
    expect(answer).toMatchObject({ type: FrameType.RESET, errorCode: ErrorCode.NO_SESSION, ...plain(ids(target)) });
  };

function plain({ streamId, sessionTag }: Ids): Ids {
  return { streamId, sessionTag };
}

function bytesOf(type: FrameTypeName, ids: Ids): Uint8Array {
  return sessionFrame(type, plain(ids));
}

const attacks: readonly Attack[] = [
  ...malformed.map(
    ([reason, what, made]): Attack => ({
      name: `a START ${what}`,
      datagram: () => (typeof made === 'function' ? made(startBytes(freshStreamId())) : rawFrame(made)),
      counted: reason,
    }),
  ),
  {
    name: 'a START of version 2 for the live StreamId',
    datagram: ({ live: { streamId } }) => otherVersionStart(streamId),
    counted: 'version',
    answer: (answer, target) =>
      expect(answer).toMatchObject({
        type: FrameType.ERROR,
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        versions: [1],
        streamId: target.live.streamId,
        sessionTag: 0n,
        attempt: 1,
      }),
  },
  {
    name: 'a START whose VERSIONS names only others',
    datagram: () => startBytes(freshStreamId(), 3, { versions: [2, 9] }),
    counted: 'versionUnsupported',
    answer: (answer) =>
      expect(answer).toMatchObject({ errorCode: ErrorCode.UNSUPPORTED_VERSION, versions: [1], attempt: 3 }),
  },
  {
    name: 'a START of version 2 that is not 256 bytes long, whose answer could be larger than it',
    datagram: () => rawFrame({ version: 2, bytes: 40 }),
    counted: 'version',
  },
  {
    name: 'a START with an unknown critical TLV',
    datagram: () => rawFrame({ tlvs: [versionOne, [0x8040, [1]]], attempt: 7 }),
    counted: 'criticalTlv',
    answer: (answer) =>
      expect(answer).toMatchObject({
        type: FrameType.ERROR,
        errorCode: ErrorCode.UNSUPPORTED_CRITICAL_TLV,
        sessionTag: 0n,
        attempt: 7,
      }),
  },
  {
    name: 'a BYE with an unknown critical TLV',
    datagram: ({ live: ids }) =>
      rawFrame({
        type: 9,
        flags: 0,
        attempt: 0,
        ...plain(ids),
        tlvs: [
          [5, [0, 0]],
          [0x8040, []],
        ],
      }),
    counted: 'criticalTlv',
  },
  {
    name: 'a NOTIFY with a fragment that begins after its end',
    datagram: ({ live: ids }) =>
      rawFrame({
        type: 32,
        flags: 0,
        attempt: 0,
        ...plain(ids),
        tlvs: [
          [15, [0, 0, 0, 0, 0, 0, 0, 1]],
          [16, [0, 1]],
          [17, [0x61]],
          [19, [0, 0, 0, 2, 0, 0, 0, 1]],
        ],
        bytes: 24 + 12 + 6 + 5 + 12 + 4,
      }),
    counted: 'tlvValue',
  },
  ...(['START_CONFIRM', 'PING', 'BYE'] as const).flatMap((type): Attack[] => [
    {
      name: `a ${type} with the live StreamId and a wrong SessionTag`,
      datagram: (target) => bytesOf(type, wrongTag(target.live)),
      counted: 'wrongTag',
      countedFromStranger: 'noSession',
      answer: resetFor((target) => wrongTag(target.live)),
    },
    {
      name: `a ${type} with the candidate's StreamId and a wrong SessionTag`,
      datagram: (target) => bytesOf(type, wrongTag(target.candidate)),
      counted: 'wrongTag',
      countedFromStranger: 'noSession',
      answer: resetFor((target) => wrongTag(target.candidate)),
    },
    {
      name: `a ${type} with the live SessionTag and a wrong StreamId`,
      datagram: (target) => bytesOf(type, wrongStreamId(target.live)),
      counted: 'noSession',
      answer: resetFor((target) => wrongStreamId(target.live)),
    },
    {
      name: `a ${type} with the candidate's SessionTag and the live StreamId`,
      datagram: (target) => bytesOf(type, { ...target.candidate, streamId: target.live.streamId }),
      counted: 'wrongTag',
      countedFromStranger: 'noSession',
      answer: resetFor((target) => ({ ...target.candidate, streamId: target.live.streamId })),
    },
  ]),
  ...(['PONG', 'BYE_ACK', 'RESET', 'PATH_CHALLENGE', 'PATH_RESPONSE', 'NOTIFY', 'REQUEST', 'RESPONSE'] as const).map(
    (type): Attack => ({
      name: `a ${type} with a wrong SessionTag`,
      datagram: (target) => bytesOf(type, wrongTag(target.live)),
      counted: 'wrongTag',
      countedFromStranger: 'noSession',
    }),
  ),
  ...(['RECEIPT', 'RESPONSE', 'CONTINUE'] as const).map(
    (type): Attack => ({
      name: `a ${type} of an exchange that nobody asked for, with the live ids`,
      datagram: (target) => bytesOf(type, target.live),
      counted: 'exchangeUnknown',
      countedFromStranger: 'otherTuple',
    }),
  ),
  ...(['START_ACK', 'ERROR', 'RETRY', 'READY', 'TOKEN'] as const).map(
    (type): Attack => ({
      name: `a ${type}, which no viewer sends, with the live ids`,
      datagram: (target) => bytesOf(type, target.live),
      counted: 'unexpectedType',
    }),
  ),
  {
    name: 'an ERROR with a wrong SessionTag',
    datagram: (target) => bytesOf('ERROR', wrongTag(target.live)),
    counted: 'unexpectedType',
  },
  {
    name: 'a RESET with the live ids and a wrong token',
    datagram: (target) => bytesOf('RESET', target.live),
    counted: 'noRow',
    countedFromStranger: 'otherTuple',
  },
  {
    name: 'RTP with the SSRC of the session',
    datagram: (target) => rtpBytes(target.live.ssrc),
    counted: 'rtcpUnknown',
    countedFromStranger: 'noSession',
  },
  {
    name: 'a NACK with a wrong SSRC',
    datagram: (target) => encodeNack(1, target.live.ssrc ^ 1, [1]).datagram,
    counted: 'rtcpUnknown',
    countedFromStranger: 'noSession',
  },
  {
    name: 'a NACK that is cut off',
    datagram: (target) => encodeNack(1, target.live.ssrc, [1]).datagram.slice(0, 14),
    counted: 'rtcpUnknown',
    countedFromStranger: 'noSession',
  },
  {
    name: 'an RTCP sender report',
    datagram: () => Uint8Array.of(0x80, 200, 0, 6),
    counted: 'rtcpUnknown',
    countedFromStranger: 'noSession',
  },
  {
    name: '64 KiB of RTP',
    datagram: () => new Uint8Array(65_507).fill(0x80),
    counted: 'rtcpUnknown',
    countedFromStranger: 'noSession',
  },
  { name: 'an empty datagram', datagram: () => new Uint8Array(0), counted: 'notOurs' },
  { name: 'STUN', datagram: () => Uint8Array.of(0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42), counted: 'notOurs' },
  { name: 'a DTLS record', datagram: () => Uint8Array.of(22, 254, 253, 0, 0), counted: 'notOurs' },
];

function counted(reasons: DropReason | readonly DropReason[]): Partial<Record<DropReason, number>> {
  const drops = { ...fenceDrops };
  for (const reason of [reasons].flat() as DropReason[]) drops[reason] = (drops[reason] ?? 0) + 1;
  return drops;
}

function dropsSince(before: MetricsSnapshot): Partial<Record<DropReason, number>> {
  const after = camera.metrics().drops;
  const changed = (Object.keys(after) as DropReason[]).filter((reason) => after[reason] !== before.drops[reason]);
  return Object.fromEntries(changed.map((reason) => [reason, after[reason] - before.drops[reason]]));
}

/** The candidate still can be confirmed, which supersedes the live session of its tuple: the confirmed one is live from now on. */
async function confirmCandidate(target: Target): Promise<void> {
  const from = viewer.received.seen.length;
  await viewer.send(bytesOf('START_CONFIRM', target.candidate));
  expect(await viewer.answer('READY', from)).toMatchObject(plain(target.candidate));
  await viewer.nextMedia(target.candidate.ssrc);
  live = target.candidate;
}

async function nextFrame(stream: ReceivedStream): Promise<void> {
  await soon(new Promise((resolve) => stream.once('frame', resolve)), 5000, 'the next frame of the bystander');
}

describe.each([
  { origin: 'with the address of the viewer', forged: true },
  { origin: 'from a stranger', forged: false },
])('S7, S12: to a camera, $origin', ({ forged }) => {
  it.each(attacks)('$name is counted, answered as it should be, and does no harm', async (attack) => {
    const target = { live, candidate: await viewer.candidate() };
    try {
      const from = forged ? viewer : stranger;
      const { sessionCount } = camera;
      const before = camera.metrics();

      const datagram = attack.datagram(target);
      const answers = await from.answersTo(datagram);

      expect(answers.map(kindOf)).toHaveLength(attack.answer === undefined ? 0 : 1);
      for (const answer of answers) {
        expect(answer.length).toBeLessThanOrEqual(datagram.length);
        attack.answer?.(frameOf(answer), target);
      }
      const reasons = forged ? attack.counted : (attack.countedFromStranger ?? attack.counted);
      expect(dropsSince(before)).toEqual(counted(reasons));
      expect(camera.sessionCount).toBe(sessionCount);
      expect(camera.pendingCount).toBe(1);
      await viewer.nextMedia(target.live.ssrc);
      await nextFrame(bystander);
      await confirmCandidate(target);
    } finally {
      // A case that failed must not make those behind it fail.
      if (live !== target.candidate) await viewer.send(bytesOf('BYE', target.candidate));
    }
  });
});

describe('S7, S8: the right ids', () => {
  it.each(['START_CONFIRM', 'PING', 'PONG', 'BYE', 'BYE_ACK', 'RESET', 'PATH_CHALLENGE', 'PATH_RESPONSE'] as const)(
    'of the live session in a %s from another port change nothing and are not answered',
    async (type) => {
      const before = camera.metrics();
      expect(await stranger.answersTo(bytesOf(type, live))).toEqual([]);
      expect(dropsSince(before)).toEqual(counted('otherTuple'));
      await viewer.nextMedia(live.ssrc);
    },
  );

  it('of a candidate in a START_CONFIRM from another port do not open the media gate', async () => {
    const candidate = await viewer.candidate();
    const before = camera.metrics();
    expect(await stranger.answersTo(bytesOf('START_CONFIRM', candidate))).toEqual([]);
    expect(dropsSince(before)).toEqual(counted('otherTuple'));
    expect(camera.pendingCount).toBe(1);
    await confirmCandidate({ live, candidate });
  });

  it('with the true reset token in a RESET from another port, or from the viewer itself, change nothing', async () => {
    const { resetToken } = live;
    const reset = encodeFrame({
      type: FrameType.RESET,
      flags: 0,
      ...plain(live),
      attempt: 0,
      resetToken,
      errorCode: ErrorCode.NO_SESSION,
    });
    expect(await stranger.answersTo(reset)).toEqual([]);
    expect(await viewer.answersTo(reset)).toEqual([]);
    await viewer.nextMedia(live.ssrc);
  });

  it('are what a PING needs to be answered: the same with the right address gets one PONG', async () => {
    const answers = await viewer.answersTo(bytesOf('PING', live));
    expect(answers.map((bytes) => frameOf(bytes))).toMatchObject([
      { type: FrameType.PONG, nonce: 99n, ...plain(live) },
    ]);
  });
});

describe('S5, S10: a camera', () => {
  it('counts 10,000 datagrams of random bytes, answers none, and goes on', async () => {
    const random = seeded(seedFromEnv('socket/hostile'));
    const before = camera.metrics();
    const { sessionCount, pendingCount } = camera;
    const batches = 100;
    for (let batch = 0; batch < batches; batch++) {
      const datagrams = Array.from({ length: 100 }, (_, index) => {
        const bytes = Uint8Array.from({ length: random.below(1400) }, () => random.below(256));
        // Half of them look like control frames at first sight, a quarter up to the type.
        if (index % 2 === 0) bytes.set([0x0c].slice(0, bytes.length));
        if (index % 4 === 0) bytes.set([0x0c, 1, 1 + random.below(14), 1].slice(0, bytes.length));
        return bytes;
      });
      expect(await stranger.answersTo(...datagrams)).toEqual([]);
    }
    const drops = Object.values(dropsSince(before)).reduce((sum, count) => sum + count, 0);
    expect(drops).toBe(10_000 + batches);
    expect(camera.sessionCount).toBe(sessionCount);
    expect(camera.pendingCount).toBe(pendingCount);
    await viewer.nextMedia(live.ssrc);
    await nextFrame(bystander);
  });

  it('S2: has sent the stranger no more than the stranger sent it', () => {
    expect(stranger.bytesReceived).toBeGreaterThan(0);
    expect(stranger.bytesReceived).toBeLessThanOrEqual(stranger.bytesSent);
  });

  it('has lost no session to all this, and reset none', () => {
    const { closed } = camera.metrics();
    const { SUPERSEDED, ...others } = closed;
    expect(SUPERSEDED).toBeGreaterThan(0);
    expect(Object.values(others).every((count) => count === 0)).toBe(true);
    expect(bystander.metrics().closed).toMatchObject({ PEER_DEAD: 0, PEER_RESET: 0, NO_ERROR: 0 });
  });

  it('S5: gives one tuple four candidates, and a fifth in the place of one of them only for a cookie that it gave', async () => {
    const other = await RawPeer.open(camera.local);
    for (let candidate = 0; candidate < 4; candidate++) await other.candidate();
    const before = camera.metrics();
    const fifth = freshStreamId();
    const answer = async (start: Uint8Array) => (await other.answersTo(start)).map(frameOf)[0];
    const retry = await answer(startBytes(fifth));
    if (retry?.type !== FrameType.RETRY) throw new Error('no RETRY');
    const forged = Uint8Array.from(retry.cookie, (byte) => byte ^ 1);
    expect(await answer(startBytes(fifth, 2, { cookie: forged }))).toMatchObject({ type: FrameType.RETRY });
    expect(await answer(startBytes(fifth, 3, { cookie: retry.cookie }))).toMatchObject({ type: FrameType.START_ACK });
    expect(camera.metrics().closed.SUPERSEDED - before.closed.SUPERSEDED).toBe(1);
    expect(dropsSince(before)).toEqual({ version: 3 * (fenceDrops.version ?? 0) });
    await other.close();
  });
});

describe('a camera whose application refuses', () => {
  const asked: string[] = [];
  let choosy: Responder;
  let asking: RawPeer;

  beforeAll(async () => {
    choosy = await respond({
      port: 0,
      limits: looseLimits,
      streams: Object.fromEntries(
        ['door', 'yard', 'busy', 'private', 'own', 'broken', 'slow'].map((name) => [name, testSource()]),
      ),
      authorize: ({ streamName }) => {
        asked.push(streamName);
        switch (streamName) {
          case 'busy':
            return { code: ErrorCode.BUSY, retryAfterMs: 2500, reason: 'two viewers at most' };
          case 'private':
            return false;
          case 'own':
            return Promise.resolve({ code: 0x80, reason: 'not on Sundays' });
          case 'broken':
            throw new Error('the database is gone');
          case 'slow':
            return new Promise(() => {});
          default:
            return true;
        }
      },
    });
    asking = await RawPeer.open(choosy.local);
  });

  afterAll(async () => {
    await Promise.all([asking.close(), choosy.destroy()]);
  });

  async function refusalOf(streamName: string | undefined): Promise<Frame> {
    const from = asking.received.seen.length;
    await asking.send(startBytes(freshStreamId(), 1, streamName === undefined ? {} : { streamName }));
    return asking.answer('ERROR', from);
  }

  it.each([
    ['busy', { errorCode: ErrorCode.BUSY, retryAfterMs: 2500, reason: 'two viewers at most' }],
    ['private', { errorCode: ErrorCode.POLICY }],
    ['own', { errorCode: 0x80, reason: 'not on Sundays' }],
    ['broken', { errorCode: ErrorCode.RESOURCE, retryAfterMs: 1000, reason: 'Error: the database is gone' }],
    ['slow', { errorCode: ErrorCode.BUSY, retryAfterMs: 1000 }],
    ['attic', { errorCode: ErrorCode.NO_SUCH_STREAM }],
  ])('tells the viewer of %s why', async (streamName, expected) => {
    expect(await refusalOf(streamName)).toMatchObject({ ...expected, sessionTag: 0n, attempt: 1 });
    expect(choosy.pendingCount).toBe(0);
  });

  it('names its streams to who asks for one that it has not, or for none where there are several', async () => {
    for (const name of ['attic', undefined]) {
      const refusal = await refusalOf(name);
      expect(refusal).toMatchObject({ errorCode: ErrorCode.NO_SUCH_STREAM });
      expect('reason' in refusal ? refusal.reason : '').toContain('door, yard, busy');
    }
  });

  it('S6: asks its application once for all copies of a START, and answers each copy with the same refusal', async () => {
    asked.length = 0;
    const streamId = freshStreamId();
    const from = asking.received.seen.length;
    await asking.send(startBytes(streamId, 1, { streamName: 'busy' }));
    const first = await asking.answer('ERROR', from);
    const copies = [2, 3, 4].map((attempt) => startBytes(streamId, attempt, { streamName: 'busy' }));
    const answers = (await asking.answersTo(...copies)).map(frameOf);
    expect(answers).toEqual([2, 3, 4].map((attempt) => ({ ...first, attempt })));
    expect(asked).toEqual(['busy']);
  });

  it('makes initiate() reject with its code and words', async () => {
    const target = `127.0.0.1:${choosy.local.port}`;
    await expect(initiate(`${target}/private`)).rejects.toMatchObject({ name: 'HandshakeError', code: 'POLICY' });
    await expect(initiate(`${target}/own`)).rejects.toMatchObject({
      code: 'APPLICATION',
      codeNumber: 0x80,
      reason: 'not on Sundays',
      attempts: expect.any(Number),
    });
    await expect(initiate(`${target}/attic`)).rejects.toThrow(/door, yard/);
    await expect(initiate(`${target}/busy`, { timeoutMs: 1000 })).rejects.toMatchObject({
      code: 'BUSY',
      reason: 'two viewers at most',
    });
  });
});
