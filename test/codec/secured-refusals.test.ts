import { describe, expect, test } from 'vitest';
import { decodeOpened, decodeSecured } from '../../src/codec/decode-secured.ts';
import { encodeFrame, encodeParts } from '../../src/codec/encode.ts';
import { FrameFlag, FrameType, type PongFrame, type SecuredFrameBody } from '../../src/protocol/frame.ts';
import type { FrameTrailer } from '../../src/protocol/frame-trailer.ts';
import { fromHex, toHex } from './bytes.ts';

/** 16 bytes that nobody checks: these tests are about what stands before them. */
const mac1Shaped: FrameTrailer = { flags: FrameFlag.SECURED, counterBytes: 0, bytes: 16, complete() {} };
const sealShaped: FrameTrailer = {
  flags: FrameFlag.SECURED,
  counterBytes: 8,
  bytes: 16,
  // Counter and tag: the encoder leaves both to the sealer.
  complete(datagram) {
    datagram.fill(0, 24, 32);
    datagram.fill(0, datagram.length - 16);
  },
};
const decode = (bytes: Uint8Array) => decodeSecured(bytes, () => true);

/** A MAC1 frame with the given first 20 bytes and body; attempt 1. */
function mac1Frame(header: string, body: string): Uint8Array {
  const start = fromHex(`${header} 01 00 0000 ${body}`);
  new DataView(start.buffer).setUint16(22, start.length - 24);
  const whole = new Uint8Array(start.length + 16);
  whole.set(start);
  return whole;
}

const id = '0000000000000001';
const tag = '0000000000000002';
const handshake = (bytes: number) => `000e ${bytes.toString(16).padStart(4, '0')} ${'aa'.repeat(bytes)}`;
const padding = (bytes: number) => `7fff ${bytes.toString(16).padStart(4, '0')} ${'00'.repeat(bytes)}`;

describe('a secured end', () => {
  test('refuses what has no legal size, first byte or announced length before it asks for MAC1', () => {
    const asked: Uint8Array[] = [];
    const ask = (bytes: Uint8Array) => decodeSecured(bytes, (datagram) => asked.push(datagram) > 0);
    const whole = mac1Frame(`0c01 01 05 ${id} 0000000000000000`, `0001 0001 01 ${handshake(48)} ${padding(155)}`);
    expect(ask(whole)).toMatchObject({ ok: true });
    asked.length = 0;
    const other = Uint8Array.from(whole);
    other[0] = 0x0d;
    expect(ask(new Uint8Array(27))).toEqual({ ok: false, reason: 'tooShort', offset: 27 });
    expect(ask(new Uint8Array(1201))).toEqual({ ok: false, reason: 'tooLong', offset: 1200 });
    expect(ask(other)).toEqual({ ok: false, reason: 'firstByte', offset: 0 });
    expect(ask(whole.subarray(1))).toMatchObject({ ok: false, reason: 'firstByte' });
    expect(ask(whole.subarray(0, 255))).toEqual({ ok: false, reason: 'bodyLength', offset: 22 });
    expect(asked).toEqual([]);
  });

  test('keeps what it does not know of a START unless it is told not to', () => {
    const body = `0001 0001 01 ${handshake(48)} 0040 0001 ff ${padding(150)}`;
    const start = mac1Frame(`0c01 01 05 ${id} 0000000000000000`, body);
    const unknownTlvs = [{ type: 0x40, value: Uint8Array.of(0xff) }];
    expect(decode(start)).toMatchObject({ ok: true, frame: { unknownTlvs } });
    expect(decodeSecured(start, () => true, 'known')).not.toMatchObject({ frame: { unknownTlvs } });
  });

  test('refuses START, START_ACK and START_CONFIRM without a TLV that they must have', () => {
    const missing = { ok: false, reason: 'tlvMissing' };
    const start = `0c01 01 05 ${id} 0000000000000000`;
    expect(decode(mac1Frame(start, `${handshake(48)} ${padding(160)}`)), 'VERSIONS').toMatchObject(missing);
    expect(decode(mac1Frame(start, `0001 0001 01 ${padding(207)}`)), 'HANDSHAKE').toMatchObject(missing);
    expect(decode(mac1Frame(start, `0001 0001 01 ${handshake(155)}`)), 'PADDING').toMatchObject(missing);
    expect(decode(mac1Frame(`0c01 02 05 ${id} ${tag}`, '')), 'START_ACK').toMatchObject(missing);
    const confirm = mac1Frame(`0c01 03 04 ${id} ${tag}`, padding(28));
    confirm[20] = 0;
    expect(decode(confirm), 'START_CONFIRM').toMatchObject(missing);
  });

  test('cannot encode them without either', () => {
    const header = { flags: FrameFlag.ACK_REQUIRED, streamId: 1n, sessionTag: 0n, attempt: 1 };
    const bodyless = (body: object) => () => encodeParts(header, body as SecuredFrameBody, mac1Shaped);
    const noise = new Uint8Array(48);
    expect(bodyless({ type: FrameType.START, handshake: noise })).toThrow(/START must have versions/);
    expect(bodyless({ type: FrameType.START, versions: [1] })).toThrow(/START must have handshake/);
    const answer = { ...header, sessionTag: 2n };
    expect(() => encodeParts(answer, { type: FrameType.START_ACK } as SecuredFrameBody, mac1Shaped)).toThrow(
      /START_ACK must have handshake/,
    );
    const confirm = { ...answer, flags: 0, attempt: 0 };
    expect(() => encodeParts(confirm, { type: FrameType.START_CONFIRM } as SecuredFrameBody, mac1Shaped)).toThrow(
      /START_CONFIRM must have handshake/,
    );
  });

  test('refuses a START one byte above its size', () => {
    const start = `0c01 01 05 ${id} 0000000000000000`;
    const of = (zeros: number) => decode(mac1Frame(start, `0001 0001 01 ${handshake(48)} ${padding(zeros)}`));
    expect(of(155)).toMatchObject({ ok: true });
    expect(of(156)).toMatchObject({ ok: false, reason: 'size', offset: 257 });
    expect(of(154)).toMatchObject({ ok: false, reason: 'size', offset: 255 });
  });
});

describe('a sealed frame', () => {
  const pong: PongFrame = {
    type: FrameType.PONG,
    flags: 0,
    streamId: 1n,
    sessionTag: 2n,
    attempt: 0,
    datagramBytesMax: 1200,
    nonce: 3n,
  };

  test('is refused by the header rules of its row also once it was opened', () => {
    const bytes = encodeFrame(pong, sealShaped);
    const text = bytes.subarray(32, bytes.length - 16);
    expect(decodeOpened(bytes, text)).toMatchObject({ ok: true, frame: { ...pong, flags: FrameFlag.SECURED } });
    const untagged = Uint8Array.from(bytes);
    untagged.fill(0, 12, 20);
    expect(decodeOpened(untagged, text)).toMatchObject({ ok: false, reason: 'sessionTag', offset: 12 });
  });

  test('may carry the key phase of the frame that came, which a clear one and one with MAC1 may not', () => {
    const phased = { ...pong, flags: FrameFlag.KEY_PHASE };
    expect(toHex(encodeFrame(phased, sealShaped))).toMatch(/^0c01080c/);
    expect(() => encodeFrame(phased)).toThrow(/flags/);
    const confirm = { ...phased, type: FrameType.START_CONFIRM, handshake: new Uint8Array(16) } as const;
    expect(() => encodeFrame(confirm, mac1Shaped)).toThrow(/flags/);
  });
});
