import { describe, expect, test } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { decodeReasons } from '../../src/codec/decode-reason.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { fromHex, toHex, toJson } from './bytes.ts';
import { invalid } from './vectors/invalid.ts';
import type { InvalidVector, ValidVector } from './vectors/layout.ts';
import { refused } from './vectors/secured.ts';
import { exchange, handshake, session } from './vectors/valid.ts';

const valid = [...handshake, ...session, ...exchange];

async function same(file: string, vectors: readonly (ValidVector | InvalidVector)[]): Promise<void> {
  await expect(`${JSON.stringify(vectors, null, 2)}\n`).toMatchFileSnapshot(`./vectors/${file}.json`);
}

describe('test vectors', () => {
  test('the JSON files are what valid.ts and invalid.ts lay out', async () => {
    await same('handshake', handshake);
    await same('session', session);
    await same('exchange', exchange);
    await same('invalid', invalid);
  });

  test.each(valid)('$name decodes to its frame and re-encodes to its bytes', ({ hex, frame }) => {
    const result = decodeFrame(fromHex(hex));
    if (!result.ok) throw new Error(`refused: ${result.reason} at ${result.offset}`);
    expect(toJson(result.frame)).toEqual(frame);
    expect(toHex(encodeFrame(result.frame))).toBe(hex);
  });

  test.each(invalid)('$name is refused as $reason at byte $offset', ({ hex, reason, offset }) => {
    expect(decodeFrame(fromHex(hex))).toMatchObject({ ok: false, reason, offset });
  });

  test('every frame type has a valid vector', () => {
    const types = valid.map(({ hex }) => fromHex(hex)[2]);
    expect(new Set(types)).toEqual(new Set(Object.values(FrameType)));
  });

  test('every decode reason has an invalid vector', () => {
    expect(new Set([...invalid, ...refused].map(({ reason }) => reason))).toEqual(new Set(decodeReasons));
  });
});
