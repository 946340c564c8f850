import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame, encodeOnce, patchAttempt } from '../../src/codec/encode.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { type ByeFrame, type Frame, FrameFlag, FrameType, type StartFrame } from '../../src/protocol/frame.ts';
import { fromHex, toHex } from './bytes.ts';

const live = { flags: 0, streamId: 0x0102030405060708n, sessionTag: 0xa1a2a3a4a5a6a7a8n, attempt: 0 } as const;
const start: StartFrame = {
  ...live,
  type: FrameType.START,
  flags: FrameFlag.ACK_REQUIRED,
  sessionTag: 0n,
  attempt: 1,
  versions: [1],
};
const bye: ByeFrame = { ...live, type: FrameType.BYE, errorCode: ErrorCode.NO_ERROR };

describe('encodeFrame', () => {
  // Laid out by hand from docs/PROTOCOL.md; the CRCs are those of Python's zlib.
  test('lays out a START byte for byte', () => {
    expect(toHex(encodeFrame({ ...start, streamName: 'door' }))).toBe(
      toHex(
        fromHex(`0c 01 01 01  0102030405060708  0000000000000000  01 00 00e4
                 0001 0001 01   0008 0004 646f6f72   7fff 00d3 ${'00'.repeat(211)}  0772361c`),
      ),
    );
  });

  test('lays out a START_ACK byte for byte', () => {
    const frame: Frame = {
      ...live,
      type: FrameType.START_ACK,
      flags: FrameFlag.ACK_REQUIRED,
      attempt: 7,
      resetToken: fromHex('e0e1e2e3e4e5e6e7e8e9eaebecedeeef'),
      ssrc: 0xdead_beef,
    };
    expect(toHex(encodeFrame(frame))).toBe(
      toHex(
        fromHex(`0c 01 02 01  0102030405060708  a1a2a3a4a5a6a7a8  07 00 001c
                 0003 0010 e0e1e2e3e4e5e6e7e8e9eaebecedeeef   0009 0004 deadbeef   9bd43506`),
      ),
    );
  });

  test('lays out a PONG, a CONTINUE and a BYE_ACK byte for byte', () => {
    const nonce = 0x1122334455667788n;
    expect(toHex(encodeFrame({ ...live, type: FrameType.PONG, nonce, datagramBytesMax: 1200 }))).toBe(
      '0c0108000102030405060708a1a2a3a4a5a6a7a800000012000c000204b0000d00081122334455667788d36741e2',
    );
    const status = { exchange: 1, method: 0 };
    expect(toHex(encodeFrame({ ...live, type: FrameType.CONTINUE, requestId: nonce, round: 3, status }))).toBe(
      '0c0124000102030405060708a1a2a3a4a5a6a7a80000001a000f00081122334455667788001000020003001200040001000002f5ec28',
    );
    expect(toHex(encodeFrame({ ...live, type: FrameType.BYE_ACK }))).toBe(
      '0c010a000102030405060708a1a2a3a4a5a6a7a800000000c867b9b7',
    );
  });

  test('returns an array of its own, which the next call leaves alone', () => {
    const first = encodeFrame(bye);
    const copy = first.slice();
    encodeFrame({ ...bye, reason: 'z'.repeat(64) });
    expect(first).toEqual(copy);
    expect(first.buffer.byteLength).toBe(first.length);
  });

  test('pads with zeros, whatever was encoded before', () => {
    encodeFrame({ ...live, type: FrameType.READY, sdp: 'x'.repeat(700) });
    expect(toHex(encodeFrame(start).subarray(33, 252))).toBe('00'.repeat(219));
  });

  test('pads a BYE with any REASON to 72 bytes or, where a PADDING TLV is too large for the gap, to 75 at most', () => {
    for (let length = 0; length <= 64; length++) {
      const { length: size } = encodeFrame({ ...bye, reason: 'z'.repeat(length) });
      expect(size).toBe(length <= 30 ? 72 : 38 + length + (length < 34 ? 4 : 0));
    }
  });

  test('uses given padding as it is', () => {
    const frame: Frame = { ...live, type: FrameType.PATH_RESPONSE, nonce: 1n, paddingBytes: 0 };
    expect(encodeFrame(frame)).toHaveLength(44);
    expect(encodeFrame({ ...live, type: FrameType.START_CONFIRM, paddingBytes: 1168 })).toHaveLength(1200);
  });

  test.each<[string, () => Frame]>([
    ['a flag that the frame may not have', () => ({ ...bye, flags: FrameFlag.ACK_REQUIRED })],
    ['StreamId 0', () => ({ ...bye, streamId: 0n })],
    ['a StreamId of 65 bits', () => ({ ...bye, streamId: 2n ** 64n })],
    ['a negative SessionTag', () => ({ ...bye, sessionTag: -1n })],
    ['SessionTag 0 in a BYE', () => ({ ...bye, sessionTag: 0n })],
    ['a SessionTag in a START', () => ({ ...start, sessionTag: 1n })],
    ['attempt 256', () => ({ ...start, attempt: 256 })],
    ['attempt 1.5', () => ({ ...start, attempt: 1.5 })],
    ['attempt 0 in a START', () => ({ ...start, attempt: 0 })],
    ['no version', () => ({ ...start, versions: [] })],
    ['five versions', () => ({ ...start, versions: [1, 2, 3, 4, 5] })],
    ['version 256', () => ({ ...start, versions: [256] })],
    ['a COOKIE of 21 bytes', () => ({ ...start, cookie: new Uint8Array(21) })],
    ['a TOKEN of 53 bytes', () => ({ ...start, token: new Uint8Array(53) })],
    ['an empty TOKEN', () => ({ ...start, token: new Uint8Array(0) })],
    ['an empty STREAM_NAME', () => ({ ...start, streamName: '' })],
    ['a STREAM_NAME of 65 bytes', () => ({ ...start, streamName: 'z'.repeat(65) })],
    ['a REASON of 64 characters and 65 bytes', () => ({ ...bye, reason: `${'z'.repeat(63)}é` })],
    ['a lone surrogate', () => ({ ...bye, reason: 'a\ud800b' })],
    ['an ERROR_CODE of 17 bits', () => ({ ...bye, errorCode: 0x1_0000 })],
    ['an SDP of 701 bytes', () => ({ ...live, type: FrameType.READY, sdp: 'z'.repeat(701) })],
    ['a negative nonce', () => ({ ...live, type: FrameType.PATH_RESPONSE, nonce: -1n })],
    [
      'a fragment that begins after the end of its message',
      () => ({ ...live, type: FrameType.RECEIPT, requestId: 1n, round: 1, fragment: { offset: 2, total: 1 } }),
    ],
    [
      'a BODY of 1,169 bytes',
      () => ({ ...live, type: FrameType.RECEIPT, requestId: 1n, round: 1, body: new Uint8Array(1169) }),
    ],
    [
      'a BODY that is one byte too long for its frame',
      () => ({ ...live, type: FrameType.RECEIPT, requestId: 1n, round: 1, body: new Uint8Array(1151) }),
    ],
    ['padding that misses the size of START', () => ({ ...start, paddingBytes: 218 })],
    [
      'padding that leaves a START_CONFIRM too small',
      () => ({ ...live, type: FrameType.START_CONFIRM, paddingBytes: 39 }),
    ],
    ['padding of -1', () => ({ ...live, type: FrameType.START_CONFIRM, paddingBytes: -1 })],
    ['an unknown TLV of a known type', () => ({ ...bye, unknownTlvs: [{ type: 1, value: new Uint8Array(0) }] })],
    [
      'an unknown TLV with the critical bit',
      () => ({ ...bye, unknownTlvs: [{ type: 0x8040, value: new Uint8Array(0) }] }),
    ],
    [
      'unknown TLVs out of order',
      () => ({ ...bye, unknownTlvs: [65, 64].map((type) => ({ type, value: new Uint8Array(0) })) }),
    ],
    [
      'thirty-three TLVs',
      () => ({
        ...live,
        type: FrameType.BYE_ACK,
        unknownTlvs: Array.from({ length: 33 }, (_, i) => ({ type: 64 + i, value: new Uint8Array(0) })),
      }),
    ],
    [
      'a START that unknown TLVs leave no room for PADDING',
      () => ({ ...start, unknownTlvs: [{ type: 64, value: new Uint8Array(217) }] }),
    ],
    [
      'a START that unknown TLVs fill to 256 bytes',
      () => ({ ...start, unknownTlvs: [{ type: 64, value: new Uint8Array(219) }] }),
    ],
    [
      'three unknown TLVs of 1,168 bytes',
      () => ({ ...bye, unknownTlvs: [64, 65, 66].map((type) => ({ type, value: new Uint8Array(1168) })) }),
    ],
    ['criticalTlvs for a TLV that is absent', () => ({ ...bye, criticalTlvs: 1 << 7 })],
    ['criticalTlvs of 33 bits', () => ({ ...bye, criticalTlvs: 2 ** 32 })],
    ['an unknown frame type', () => ({ ...bye, type: 15 }) as unknown as Frame],
    ['a missing field', () => ({ ...live, type: FrameType.BYE }) as unknown as Frame],
  ])('throws a RangeError for %s', (_, frame) => {
    expect(() => encodeFrame(frame())).toThrow(RangeError);
  });

  test.each<[string, Frame]>([
    ['there is no frame type 15', { ...bye, type: 15 } as unknown as Frame],
    ['BYE breaks the rule for flags', { ...bye, flags: FrameFlag.ACK_REQUIRED }],
    ['START must have 256 to 256 bytes, not 255', { ...start, paddingBytes: 218 }],
    ['BYE must have errorCode', { ...live, type: FrameType.BYE } as unknown as Frame],
    ['streamId must fit into 64 bits, unlike 18446744073709551616', { ...bye, streamId: 2n ** 64n }],
    ['sessionTag must fit into 64 bits, unlike -1', { ...bye, sessionTag: -1n }],
    ['attempt must be an integer from 0 to 255, not 256', { ...start, attempt: 256 }],
    ['errorCode must be an integer from 0 to 65535, not 65536', { ...bye, errorCode: 0x1_0000 }],
    ['criticalTlvs must be an integer from 0 to 4294967295, not 4294967296', { ...bye, criticalTlvs: 2 ** 32 }],
    ['criticalTlvs names a TLV that the frame does not have', { ...bye, criticalTlvs: 1 << 7 }],
    ['TLV 1 is not an unknown one', { ...bye, unknownTlvs: [{ type: 1, value: new Uint8Array(0) }] }],
    [
      'TLV type must be an integer from 0 to 32767, not 32832',
      { ...bye, unknownTlvs: [{ type: 0x8040, value: new Uint8Array(0) }] },
    ],
    [
      'TLV 64 is out of order: TLV types must ascend',
      { ...bye, unknownTlvs: [64, 64].map((type) => ({ type, value: new Uint8Array(0) })) },
    ],
    [
      'TLV 64 must have 0 to 1168 bytes, not 1169',
      { ...bye, unknownTlvs: [{ type: 64, value: new Uint8Array(1169) }] },
    ],
    [
      'more than 32 TLVs',
      {
        ...bye,
        unknownTlvs: Array.from({ length: 32 }, (_, i) => ({ type: 64 + i, value: new Uint8Array(0) })),
      },
    ],
    ['cookie must have 20 to 20 bytes, not 21', { ...start, cookie: new Uint8Array(21) }],
    ['reason has a lone surrogate', { ...bye, reason: 'a\ud800b' }],
    ['reason must have 0 to 64 bytes of UTF-8', { ...bye, reason: `${'z'.repeat(63)}é` }],
    ['versions must be 1 to 4, not 5', { ...start, versions: [1, 2, 3, 4, 5] }],
    ['versions must be an integer from 0 to 255, not 256', { ...start, versions: [256] }],
    [
      'fragment must be an integer from 0 to 1, not 2',
      { ...live, type: FrameType.RECEIPT, requestId: 1n, round: 1, fragment: { offset: 2, total: 1 } },
    ],
  ])('says what is wrong: %s', (message, frame) => {
    expect(() => encodeFrame(frame)).toThrow(new RangeError(message));
  });

  test('fits 32 TLVs into a frame', () => {
    const unknownTlvs = Array.from({ length: 32 }, (_, i) => ({ type: 64 + i, value: new Uint8Array(0) }));
    const frame: Frame = { ...live, type: FrameType.BYE_ACK, unknownTlvs };
    expect(decodeFrame(encodeFrame(frame))).toEqual({ ok: true, frame });
  });

  test.each<[string, number, number, Frame]>([
    [
      'START',
      184,
      256,
      {
        ...start,
        versions: [1, 2, 3, 4],
        cookie: new Uint8Array(20),
        token: new Uint8Array(52),
        streamName: 'z'.repeat(64),
      },
    ],
    [
      'START_ACK',
      56,
      56,
      {
        ...live,
        type: FrameType.START_ACK,
        flags: FrameFlag.FAST,
        attempt: 1,
        resetToken: new Uint8Array(16),
        ssrc: 1,
      },
    ],
    ['START_CONFIRM', 28, 72, { ...live, type: FrameType.START_CONFIRM }],
    [
      'ERROR',
      118,
      118,
      { ...live, type: FrameType.ERROR, versions: [1, 2, 3, 4], errorCode: 1, retryAfterMs: 1, reason: 'z'.repeat(64) },
    ],
    ['RETRY', 52, 52, { ...live, type: FrameType.RETRY, sessionTag: 0n, attempt: 1, cookie: new Uint8Array(20) }],
    [
      'RESET',
      54,
      54,
      { ...live, type: FrameType.RESET, resetToken: new Uint8Array(16), errorCode: ErrorCode.NO_SESSION },
    ],
    ['READY', 732, 732, { ...live, type: FrameType.READY, sdp: 'z'.repeat(700) }],
    ['TOKEN', 84, 84, { ...live, type: FrameType.TOKEN, token: new Uint8Array(52) }],
    ['PING', 40, 72, { ...live, type: FrameType.PING, nonce: 1n }],
    ['PATH_CHALLENGE', 40, 72, { ...live, type: FrameType.PATH_CHALLENGE, nonce: 1n }],
    ['PATH_RESPONSE', 40, 40, { ...live, type: FrameType.PATH_RESPONSE, nonce: 1n }],
    ['PONG', 46, 46, { ...live, type: FrameType.PONG, nonce: 1n, datagramBytesMax: 1200 }],
    ['BYE', 102, 102, { ...bye, reason: 'z'.repeat(64) }],
    ['BYE_ACK', 28, 28, { ...live, type: FrameType.BYE_ACK }],
  ])('gives the largest %s %i bytes unpadded and %i in all', (_, unpadded, size, frame) => {
    const datagram = encodeFrame(frame);
    expect(datagram).toHaveLength(size);
    const result = decodeFrame(datagram);
    if (!result.ok) throw new Error(`refused: ${result.reason}`);
    const padding = 'paddingBytes' in result.frame ? 4 + (result.frame.paddingBytes ?? 0) : 0;
    expect(size - padding).toBe(unpadded);
  });
});

describe('encodeOnce', () => {
  test('gives the bytes of encodeFrame, and those given before stay as they are', () => {
    const frames: Frame[] = Array.from({ length: 100 }, (_, index) => ({ ...bye, streamId: BigInt(index + 1) }));
    const once = frames.map((frame) => encodeOnce(frame, frame));
    expect(once.map(toHex)).toEqual(frames.map((frame) => toHex(encodeFrame(frame))));
  });
});

describe('patchAttempt', () => {
  test('makes the same bytes as encoding with the other attempt (S13)', () => {
    const datagram = encodeFrame(start);
    for (const attempt of [2, 255, 1]) {
      patchAttempt(datagram, attempt);
      expect(toHex(datagram)).toBe(toHex(encodeFrame({ ...start, attempt })));
    }
  });

  test('works on a view within a larger buffer and touches nothing else of it', () => {
    const datagram = encodeFrame(start);
    const around = new Uint8Array(300).fill(0x55);
    around.set(datagram, 10);
    patchAttempt(around.subarray(10, 266), 9);
    expect(decodeFrame(around.subarray(10, 266))).toMatchObject({ ok: true, frame: { attempt: 9 } });
    expect([...around.subarray(0, 10), ...around.subarray(266)].every((byte) => byte === 0x55)).toBe(true);
  });

  test.each([
    [0, 'attempts count from 1'],
    [256, 'attempt must be an integer from 0 to 255, not 256'],
    [-1, 'attempt must be an integer from 0 to 255, not -1'],
    [1.5, 'attempt must be an integer from 0 to 255, not 1.5'],
  ])('throws a RangeError for attempt %d and changes nothing', (attempt, message) => {
    const datagram = encodeFrame(start);
    const before = datagram.slice();
    expect(() => patchAttempt(datagram, attempt)).toThrow(new RangeError(message));
    expect(datagram).toEqual(before);
  });
});
