import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { type Frame, FrameType } from '../../src/protocol/frame.ts';
import { fromHex, toHex, withCrc } from './bytes.ts';
import { invalid } from './vectors/invalid.ts';

const live = { flags: 0, streamId: 1n, sessionTag: 2n, attempt: 0 } as const;
const retry: Frame = {
  ...live,
  type: FrameType.RETRY,
  sessionTag: 0n,
  attempt: 1,
  cookie: Uint8Array.from({ length: 20 }, (_, i) => i),
};

/** BYE_ACK with the given header and body, its length and CRC right. */
function datagram(header: string, body = ''): Uint8Array {
  const bytes = fromHex(header + body);
  new DataView(bytes.buffer).setUint16(22, bytes.length - 24);
  return withCrc(bytes);
}

describe('decodeFrame', () => {
  test('gives byte values as views of the datagram and copies none', () => {
    const around = new Uint8Array(100);
    around.set(encodeFrame(retry), 7);
    const result = decodeFrame(around.subarray(7, 59));
    if (!result.ok || result.frame.type !== FrameType.RETRY) throw new Error('refused');
    expect(result.frame.cookie.buffer).toBe(around.buffer);
    expect(result.frame.cookie.byteOffset).toBe(7 + 28);
    expect(result.frame.cookie).toEqual(retry.cookie);
  });

  test('takes a Buffer out of the pool of Node', () => {
    expect(decodeFrame(Buffer.from(encodeFrame(retry)))).toMatchObject({ ok: true, frame: retry });
  });

  test('reads nothing outside the datagram: what lies around it changes nothing (S10)', () => {
    const samples = [...invalid.map(({ hex }) => fromHex(hex)), encodeFrame(retry)];
    for (const sample of samples) {
      const results = [0x00, 0xff].map((filling) => {
        const around = new Uint8Array(sample.length + 2500).fill(filling);
        around.set(sample, 1250);
        return decodeFrame(around.subarray(1250, 1250 + sample.length));
      });
      expect(results[0]).toEqual(results[1]);
      expect(results[0]).toEqual(decodeFrame(sample));
    }
  });

  test('gives the header with a refusal exactly if size, first byte, lengths and CRC were right', () => {
    const before = new Set(['tooShort', 'tooLong', 'firstByte', 'bodyLength', 'secured', 'crc']);
    for (const { hex, reason } of invalid) {
      const result = decodeFrame(fromHex(hex));
      if (result.ok) throw new Error('accepted');
      expect(result.header !== undefined, reason).toBe(!before.has(reason));
    }
  });

  test('gives what is needed to answer a START of another version', () => {
    const result = decodeFrame(datagram('0c020101 0102030405060708 0000000000000000 07 00 0000', 'ff'.repeat(228)));
    expect(result).toEqual({
      ok: false,
      reason: 'version',
      offset: 1,
      header: {
        version: 2,
        type: FrameType.START,
        flags: 1,
        streamId: 0x0102030405060708n,
        sessionTag: 0n,
        attempt: 7,
        reserved: 0,
        bodyLength: 228,
      },
    });
  });

  test('names the first fault in the order of checks when everything is wrong', () => {
    const order: [string, string][] = [
      ['ff00 00ff 0000000000000000 0000000000000000 ff ff 0000', 'firstByte'],
      ['0c00 00ff 0000000000000000 0000000000000000 ff ff 0000', 'bodyLength'],
      ['0c00 00f0 0000000000000000 0000000000000000 ff ff 0000', 'version'],
      ['0c01 00f0 0000000000000000 0000000000000000 ff ff 0000', 'type'],
      ['0c01 07f0 0000000000000000 0000000000000000 ff ff 0000', 'flags'],
      ['0c01 0700 0000000000000000 0000000000000000 ff ff 0000', 'streamIdZero'],
      ['0c01 0700 0000000000000001 0000000000000000 ff ff 0000', 'sessionTag'],
      ['0c01 0700 0000000000000001 0000000000000001 ff ff 0000', 'attempt'],
      ['0c01 0700 0000000000000001 0000000000000001 00 ff 0000', 'reserved'],
      ['0c01 0700 0000000000000001 0000000000000001 00 00 0000', 'tlvTruncated'],
    ];
    for (const [header, reason] of order) expect(decodeFrame(datagram(header, '00')), reason).toMatchObject({ reason });
  });

  test('accepts 1,200 bytes and not one more', () => {
    const header = '0c010a00 0000000000000001 0000000000000001 00 00 0000';
    const body = (bytes: number) => `0040${bytes.toString(16).padStart(4, '0')}${'00'.repeat(bytes)}`;
    expect(decodeFrame(datagram(header, body(1168)))).toMatchObject({ ok: true });
    expect(decodeFrame(datagram(header, body(1169)))).toEqual({ ok: false, reason: 'tooLong', offset: 1200 });
  });

  test('refuses a PADDING that is not zero in any one of its bytes, whatever its length', () => {
    const header = '0c010300 0000000000000001 0000000000000001 00 00 0000';
    for (let zeros = 40; zeros < 44; zeros++) {
      const body = `7fff00${zeros.toString(16)}${'00'.repeat(zeros)}`;
      expect(decodeFrame(datagram(header, body))).toMatchObject({ ok: true, frame: { paddingBytes: zeros } });
      for (let at = 0; at < zeros; at++) {
        const bytes = fromHex(body);
        bytes[4 + at] = 1;
        expect(decodeFrame(datagram(header, toHex(bytes))), `byte ${at} of ${zeros}`).toMatchObject({
          reason: 'paddingNotZero',
          offset: 28,
        });
      }
    }
  });

  test('tells a TLV whose own header is cut by where it begins', () => {
    const header = '0c010a00 0000000000000001 0000000000000001 00 00 0000';
    for (const cut of ['00', '0040', '004000']) {
      expect(decodeFrame(datagram(header, `00400001ff${cut}`)), cut).toMatchObject({
        reason: 'tlvTruncated',
        offset: 29,
      });
    }
  });

  test('accepts 32 TLVs', () => {
    const tlvs = Array.from({ length: 32 }, (_, i) => `00${(0x40 + i).toString(16)}0000`).join('');
    const result = decodeFrame(datagram('0c010a00 0000000000000001 0000000000000001 00 00 0000', tlvs));
    expect(result.ok && result.frame.unknownTlvs).toHaveLength(32);
  });

  test('keeps no unknown TLV where the known ones are enough', () => {
    const bytes = datagram('0c010600 0000000000000001 0000000000000001 00 00 0000', '000a000176 00400001ff');
    const { unknownTlvs, ...known } = (decodeFrame(bytes) as { frame: Frame }).frame;
    expect(unknownTlvs).toHaveLength(1);
    expect(decodeFrame(bytes, 'known')).toStrictEqual({ ok: true, frame: known });
  });

  test('keeps a BOM as a character', () => {
    const result = decodeFrame(datagram('0c010600 0000000000000001 0000000000000001 00 00 0000', '000a0004efbbbf76'));
    expect(result).toMatchObject({ ok: true, frame: { sdp: '\ufeffv' } });
  });

  test('decodes text right after a datagram with broken UTF-8', () => {
    const broken = datagram('0c010600 0000000000000001 0000000000000001 00 00 0000', '000a0002c3ff');
    const sound = datagram('0c010600 0000000000000001 0000000000000001 00 00 0000', '000a0002c3a9');
    for (let i = 0; i < 3; i++) {
      expect(decodeFrame(broken)).toMatchObject({ reason: 'utf8' });
      expect(decodeFrame(sound)).toMatchObject({ ok: true, frame: { sdp: 'é' } });
    }
  });
});
