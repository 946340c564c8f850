import { ExtData } from '@msgpack/msgpack';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import {
  decodeMessage,
  encodeMessage,
  isCompatible,
  type Message,
} from '../../src/neighbours/redpepper/core/message.ts';
import { checkPack } from '../../src/neighbours/redpepper/core/message-pack-check.ts';
import { packValue, type RedPepperValue, unpackValue } from '../../src/neighbours/redpepper/core/value.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { redPepperVectors } from '../support/redpepper-vectors.ts';
import { seedFromEnv } from '../support/seeded.ts';

const { vectors } = redPepperVectors;
const encodings = vectors.filter(({ kind }) => kind === 'encode');
const decodings = vectors.filter(({ kind }) => kind === 'decode');

/** Through the length before it and the decoder: the message, or why there is none. */
function read(hex: string): Message | string {
  const messages: Uint8Array[] = [];
  const fault = new LengthPrefixReader().read(fromHex(hex), (message) => messages.push(message) > 0);
  if (fault !== undefined) return fault;
  const decoded = decodeMessage(messages[0] ?? new Uint8Array());
  return decoded.ok ? decoded.message : decoded.reason;
}

/** What this end does otherwise than the recorded program, each as recommended. */
const otherwise: Readonly<Record<string, string>> = {
  'decode-data-digit-string': 'badField',
  'decode-data-true': 'badField',
  'decode-data-false': 'badField',
  'decode-success-string-true': 'badField',
  'decode-success-int1': 'badField',
  'decode-duplicate-key': 'repeatedKey',
  'decode-nest-500': 'tooDeep',
};

describe('the bytes of RedPepper', () => {
  it.each(encodings)('$name: encoded byte for byte, with the length before it', ({ hex, fields }) => {
    expect(toHex(withPrefix(encodeMessage(fields as unknown as Message)))).toBe(hex);
  });

  it.each(encodings)('$name: decoded to the same fields', ({ hex, fields }) => {
    expect(read(hex)).toEqual(fields);
  });

  it.each(decodings)('$name: accepted or refused as recorded, or as recommended', ({ name, hex, recorded }) => {
    const expected = otherwise[name];
    if (expected !== undefined) expect(read(hex)).toBe(expected);
    else if (recorded.outcome === 'accept') expect(read(hex)).toEqual(recorded.fields);
    else expect(read(hex)).toBeTypeOf('string');
  });

  it('names the reason of each refusal', () => {
    const reason = (name: string) => read(vectors.find((vector) => vector.name === name)?.hex ?? '');
    expect({
      trailing: reason('decode-trailing'),
      truncated: reason('decode-truncated'),
      invalidText: reason('decode-invalid-utf8-str'),
      key: reason('decode-nonstring-key'),
      huge: reason('decode-huge-array-len'),
      reserved: reason('decode-reserved-c1'),
      unknown: reason('decode-t-unknown'),
      text: reason('decode-t-string'),
      list: reason('decode-list'),
      empty: reason('decode-empty-body'),
      long: reason('decode-length-over-limit'),
    }).toEqual({
      trailing: 'trailing',
      truncated: 'truncated',
      invalidText: 'badText',
      key: 'badKey',
      huge: 'truncated',
      reserved: 'reserved',
      unknown: 'unknownType',
      text: 'badType',
      list: 'notAMap',
      empty: 'empty',
      long: 'tooLong',
    });
  });

  it('two messages in one segment both come out of the read that completed them', () => {
    const { hex = '' } = vectors.find(({ kind }) => kind === 'framing') ?? {};
    const types: unknown[] = [];
    new LengthPrefixReader().read(fromHex(hex), (message) => {
      const decoded = decodeMessage(message);
      return types.push(decoded.ok ? decoded.message.t : decoded.reason) > 0;
    });
    expect(types).toEqual([10, 12]);
  });

  it.each([
    [2n ** 53n - 1n, 'cf001fffffffffffff'],
    [2n ** 53n + 1n, 'cf0020000000000001'],
    [2n ** 64n - 1n, 'cfffffffffffffffff'],
    [-(2n ** 63n), 'd38000000000000000'],
    [-(2n ** 53n) - 1n, 'd3ffdfffffffffffff'],
    [-(2n ** 31n) - 1n, 'd3ffffffff7fffffff'],
    [4294967296n, 'cf0000000100000000'],
    [4294967295n, 'ceffffffff'],
    [5n, '05'],
  ])('the integer %s is never rounded, and as short as it can be', (value, hex) => {
    expect(toHex(packValue(value))).toBe(hex);
    const unpacked = unpackValue(fromHex(hex));
    expect(unpacked.ok && BigInt(unpacked.value as bigint)).toBe(value);
  });

  it('floats have 64 bits, bytes stay bytes, and times are exact', () => {
    expect(toHex(packValue(0.5))).toBe('cb3fe0000000000000');
    expect(toHex(packValue(fromHex('fffe')))).toBe('c402fffe');
    expect(unpackValue(fromHex('c402fffe'))).toEqual({ ok: true, value: fromHex('fffe') });
    // With a nanosecond, which is more than a Date can hold.
    const time = 'd7ff000000046553f100';
    const unpacked = unpackValue(fromHex(time));
    expect(unpacked.ok && unpacked.value).toBeInstanceOf(ExtData);
    expect(unpacked.ok && toHex(packValue(unpacked.value))).toBe(time);
    const other = unpackValue(fromHex('d40100'));
    expect(other.ok && toHex(packValue(other.value))).toBe('d40100');
  });

  it('what MessagePack cannot carry is refused before anything is sent', () => {
    expect(() => packValue(2n ** 64n)).toThrow(RangeError);
    expect(() => packValue(-(2n ** 63n) - 1n)).toThrow(RangeError);
    expect(() => packValue((() => 1) as unknown as RedPepperValue)).toThrow(RangeError);
    let deep: RedPepperValue = [];
    for (let depth = 0; depth < 100; depth++) deep = [deep];
    expect(() => packValue(deep)).toThrow(RangeError);
    expect(toHex(packValue('\ud800'))).toBe('a3efbfbd');
  });

  it('any value comes back as it was, in any order of keys', () => {
    const seed = seedFromEnv('neighbours/redpepper-codec');
    const value = fc.letrec<{ value: unknown }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, false),
        fc.maxSafeInteger(),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
        fc.double({ noNaN: true }).map((number) => (Object.is(number, -0) ? 0 : number)),
        fc.string({ unit: 'grapheme' }),
        fc.uint8Array(),
        fc.array(tie('value'), { maxLength: 5 }),
        fc.dictionary(
          fc.string().filter((key) => key !== '__proto__'),
          tie('value'),
          { maxKeys: 5, noNullPrototype: true },
        ),
      ),
    })).value as fc.Arbitrary<RedPepperValue>;
    fc.assert(
      fc.property(value, (sent) => {
        const unpacked = unpackValue(packValue(sent));
        expect(unpacked).toEqual({ ok: true, value: sent });
      }),
      { seed, numRuns: 1000 },
    );
  });

  it('bytes that are random, or damaged, are decoded or refused, never more', () => {
    const seed = seedFromEnv('neighbours/redpepper-codec');
    const damaged = fc
      .tuple(fc.constantFrom(...encodings), fc.nat(150), fc.nat(255))
      .map(([{ hex }, place, value]) => fromHex(hex.slice(8)).map((byte, index) => (index === place ? value : byte)));
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 80 }), damaged), (bytes) => {
        const decoded = decodeMessage(bytes);
        if (decoded.ok) expect(decodeMessage(encodeMessage(decoded.message))).toEqual(decoded);
        else expect(decoded.reason).toBeTypeOf('string');
        if (checkPack(bytes) !== undefined) expect(decoded.ok).toBe(false);
      }),
      { seed, numRuns: 2000 },
    );
  });

  it.each([
    ['0.3.4', true],
    ['0.9.9', true],
    ['0', true],
    ['9.9.9', false],
    ['00.3.4', false],
    ['', false],
  ])('version %j can be spoken with: %s', (version, compatible) => {
    expect(isCompatible('0.3.4', version)).toBe(compatible);
  });
});
