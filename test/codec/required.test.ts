import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { type Frame, type FrameTypeName, TlvType } from '../../src/protocol/frame.ts';
import { frameOf, sessionFrame } from '../support/frames.ts';
import { withCrc } from './bytes.ts';

type TlvName = keyof typeof TlvType;

// What has no question mark in docs/PROTOCOL.md, section 2.3.
const required: Partial<Record<FrameTypeName, Partial<Record<TlvName, string>>>> = {
  START: { VERSIONS: 'versions' },
  START_ACK: { RESET_TOKEN: 'resetToken', SSRC: 'ssrc' },
  ERROR: { ERROR_CODE: 'errorCode' },
  RETRY: { COOKIE: 'cookie' },
  PING: { NONCE: 'nonce' },
  PONG: { DATAGRAM_BYTES_MAX: 'datagramBytesMax', NONCE: 'nonce' },
  BYE: { ERROR_CODE: 'errorCode' },
  RESET: { RESET_TOKEN: 'resetToken', ERROR_CODE: 'errorCode' },
  PATH_CHALLENGE: { NONCE: 'nonce' },
  PATH_RESPONSE: { NONCE: 'nonce' },
  TOKEN: { TOKEN: 'token' },
  NOTIFY: { REQUEST_ID: 'requestId', METHOD: 'method' },
  REQUEST: { REQUEST_ID: 'requestId', ROUND: 'round', METHOD: 'method' },
  RECEIPT: { REQUEST_ID: 'requestId', ROUND: 'round' },
  RESPONSE: { REQUEST_ID: 'requestId', ROUND: 'round', STATUS: 'status' },
  CONTINUE: { REQUEST_ID: 'requestId', ROUND: 'round', STATUS: 'status' },
};

const cases = Object.entries(required).flatMap(([frame, tlvs]) =>
  Object.entries(tlvs).map(([tlv, field]) => ({ frame: frame as FrameTypeName, tlv: tlv as TlvName, field })),
);

const sample = (name: FrameTypeName): Uint8Array => sessionFrame(name, { streamId: 1n, sessionTag: 2n });

/** The datagram without one of its TLVs, its length and CRC right. */
function without(datagram: Uint8Array, type: number): Uint8Array {
  const view = new DataView(datagram.buffer, datagram.byteOffset);
  const kept: number[] = [...datagram.subarray(0, 24)];
  for (let at = 24; at < datagram.length - 4; ) {
    const end = at + 4 + view.getUint16(at + 2);
    if (view.getUint16(at) !== type) kept.push(...datagram.subarray(at, end));
    at = end;
  }
  const bytes = Uint8Array.from(kept);
  new DataView(bytes.buffer).setUint16(22, bytes.length - 24);
  return withCrc(bytes);
}

describe('what a frame must have', () => {
  test.each(cases)('$frame without $tlv is refused', ({ frame, tlv }) => {
    const datagram = without(sample(frame), TlvType[tlv]);
    expect(decodeFrame(datagram)).toMatchObject({ ok: false, reason: 'tlvMissing', offset: datagram.length - 4 });
  });

  test.each(cases)('$frame without $field cannot be encoded', ({ frame, field }) => {
    const incomplete = Object.fromEntries(Object.entries(frameOf(sample(frame))).filter(([name]) => name !== field));
    expect(() => encodeFrame(incomplete as unknown as Frame)).toThrow(`${frame} must have ${field}`);
  });

  test('START without PADDING is refused, though the encoder adds it', () => {
    const datagram = without(sample('START'), TlvType.PADDING);
    expect(decodeFrame(datagram)).toMatchObject({ ok: false, reason: 'tlvMissing', offset: datagram.length - 4 });
  });
});
