import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { decodeOpened, decodeSecured } from '../../src/codec/decode-secured.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { Frame, SecuredHandshakeFrame } from '../../src/protocol/frame.ts';
import type { FrameTrailer } from '../../src/protocol/frame-trailer.ts';
import { hasMac1, mac1Key, mac1Trailer } from '../../src/security/mac1.ts';
import { ControlOpener } from '../../src/security/sealed-control.ts';
import { Secret } from '../../src/security/secret.ts';
import { fromHex, toHex, toJson } from './bytes.ts';
import { opened, openedButRefused, refused, unsealed } from './vectors/secured.ts';
import { controlSecret, psk, sealed as sealReference } from './vectors/secured-layout.ts';

const key = mac1Key(fromHex(psk));
const decode = (bytes: Uint8Array) => decodeSecured(bytes, (datagram) => hasMac1(key, datagram));

/** The TLVs of a sealed vector. */
function open(bytes: Uint8Array): Uint8Array {
  const text = new ControlOpener(new Secret(fromHex(controlSecret)), 0, 0).open(bytes, 0);
  if (typeof text === 'string') throw new Error(text);
  return text;
}

/** Seals with the counter and the epoch that a vector has. */
function trailerOf(vector: Uint8Array): FrameTrailer {
  return {
    flags: 4,
    counterBytes: 8,
    bytes: 16,
    complete(datagram) {
      const header = toHex(datagram.subarray(0, 24));
      datagram.set(fromHex(sealReference(header, toHex(vector.subarray(24, 32)), toHex(datagram.subarray(32, -16)))));
    },
  };
}

test('the JSON file is what secured.ts lays out', async () => {
  const keys = { psk, controlSecret };
  const text = `${JSON.stringify({ keys, unsealed, opened, refused, openedButRefused }, null, 2)}\n`;
  await expect(text).toMatchFileSnapshot('./vectors/secured.json');
});

describe('secured vectors', () => {
  test.each(unsealed)('$name decodes to its frame and re-encodes to its bytes', ({ hex, frame }) => {
    const result = decode(fromHex(hex));
    if (!result.ok || result.sealed) throw new Error('refused, or sealed');
    expect(toJson(result.frame as Frame)).toEqual(frame);
    if (result.frame.type === 11) expect(toHex(encodeFrame(result.frame))).toBe(hex);
    else expect(toHex(encodeFrame(result.frame as SecuredHandshakeFrame, mac1Trailer(key)))).toBe(hex);
  });

  test.each(opened)('$name opens to its frame', ({ hex, frame }) => {
    const bytes = fromHex(hex);
    expect(decode(bytes)).toMatchObject({ ok: true, sealed: true, header: { type: bytes[2] } });
    const result = decodeOpened(bytes, open(bytes));
    if (!result.ok) throw new Error(result.reason);
    expect(toJson(result.frame)).toEqual(frame);
  });

  test.each([...unsealed, ...opened])(
    '$name is read without unknown TLVs where the known ones are enough',
    (vector) => {
      const bytes = fromHex(vector.hex);
      const first = decodeSecured(bytes, () => true, 'known');
      const result = first.ok && first.sealed ? decodeOpened(bytes, open(bytes), 'known') : first;
      if (!result.ok) throw new Error(result.reason);
      const { unknownTlvs: _, ...known } = vector.frame as Record<string, unknown>;
      expect(toJson(result.frame as Frame)).toEqual(known);
    },
  );

  test.each(opened.filter(({ hex }) => hex.slice(6, 8) === '04'))('$name is sealed to its bytes', ({ hex }) => {
    const bytes = fromHex(hex);
    const result = decodeOpened(bytes, open(bytes));
    if (!result.ok) throw new Error(result.reason);
    expect(toHex(encodeFrame(result.frame, trailerOf(bytes)))).toBe(hex);
  });

  test.each(refused)('$name is refused as $reason at byte $offset', ({ hex, reason, offset }) => {
    expect(decode(fromHex(hex))).toMatchObject({ ok: false, reason, offset });
  });

  test.each(openedButRefused)('$name is refused as $reason at byte $offset', ({ hex, reason, offset }) => {
    const bytes = fromHex(hex);
    expect(decodeOpened(bytes, open(bytes))).toMatchObject({ ok: false, reason, offset });
  });

  test.each([...unsealed, ...opened].filter(({ hex }) => (fromHex(hex)[3] ?? 0) & 4))(
    '$name is refused by an end that is not configured as secured',
    ({ hex }) => {
      expect(decodeFrame(fromHex(hex))).toMatchObject({ ok: false, reason: 'secured', offset: 3 });
    },
  );

  test('what is refused before its trailer was right is not answered', () => {
    for (const { hex, reason } of refused.filter((vector) =>
      ['clear', 'mac1', 'crc', 'bodyLength'].includes(vector.reason),
    )) {
      expect(decode(fromHex(hex)), reason).not.toHaveProperty('header');
    }
  });
});
