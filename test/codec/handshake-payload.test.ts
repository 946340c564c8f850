import { describe, expect, test } from 'vitest';
import {
  decodeStartAckPayload,
  decodeStartPayload,
  encodeStartAckPayload,
  encodeStartPayload,
} from '../../src/codec/handshake-payload.ts';
import { fromHex, toHex } from './bytes.ts';

const start = '0004 0003 0a0b0c  0008 0004 646f6f72';
const startAck = `a1a2a3a4a5a6a7a8  0003 0010 ${'ee'.repeat(16)}  0009 0004 deadbeef`;
const ack = { sessionTag: 0xa1a2_a3a4_a5a6_a7a8n, resetToken: fromHex('ee'.repeat(16)), ssrc: 0xdead_beef };

describe('the payload of START', () => {
  test('is laid out as TOKEN and STREAM_NAME, and read back', () => {
    const payload = { token: fromHex('0a0b0c'), streamName: 'door' };
    expect(toHex(encodeStartPayload(payload))).toBe(toHex(fromHex(start)));
    expect(decodeStartPayload(fromHex(start))).toEqual(payload);
  });

  test('may be empty', () => {
    expect(encodeStartPayload({})).toHaveLength(0);
    expect(decodeStartPayload(new Uint8Array())).toEqual({});
  });

  test('is refused where it breaks a rule of TLVs', () => {
    expect(decodeStartPayload(fromHex('0008 0004 646f6f')), 'cut').toBeUndefined();
    expect(decodeStartPayload(fromHex('0008 0001 64  0004 0001 0a')), 'order').toBeUndefined();
    expect(decodeStartPayload(fromHex('0009 0004 deadbeef')), 'a TLV of another payload').toBeUndefined();
    expect(decodeStartPayload(fromHex('c040 0000')), 'critical and unknown').toBeUndefined();
  });

  test('skips what it does not know', () => {
    expect(decodeStartPayload(fromHex(`${start} 0040 0001 07`))).toEqual(decodeStartPayload(fromHex(start)));
  });
});

describe('the payload of START_ACK', () => {
  test('is laid out as the tag, RESET_TOKEN and SSRC, and read back', () => {
    expect(toHex(encodeStartAckPayload(ack))).toBe(toHex(fromHex(startAck)));
    expect(decodeStartAckPayload(fromHex(startAck))).toEqual(ack);
  });

  test('is refused without all of its parts', () => {
    const whole = fromHex(startAck);
    for (let bytes = 0; bytes < whole.length; bytes++) {
      expect(decodeStartAckPayload(whole.subarray(0, bytes)), `${bytes} bytes`).toBeUndefined();
    }
    expect(decodeStartAckPayload(fromHex('a1a2a3a4a5a6a7a8 0009 0004 deadbeef')), 'no RESET_TOKEN').toBeUndefined();
  });

  test('says what is missing or out of range when it cannot be encoded', () => {
    const { resetToken: _, ...without } = ack;
    expect(() => encodeStartAckPayload(without as typeof ack)).toThrow(
      new RangeError('the payload of START_ACK must have resetToken'),
    );
    expect(() => encodeStartAckPayload({ ...ack, sessionTag: -1n })).toThrow(/sessionTag/);
  });
});
