import { describe, expect, test } from 'vitest';
import { readHeader } from '../../src/codec/header.ts';
import { parseHeader } from '../../src/codec/header-reference.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';
import { fromHex, toHex } from './bytes.ts';
import { invalid } from './vectors/invalid.ts';
import { exchange, handshake, session } from './vectors/valid.ts';

const INPUTS = 100_000;
const vectors = [...handshake, ...session, ...exchange, ...invalid].map(({ hex }) => fromHex(hex));
const corpus = vectors.filter(({ length }) => length >= 24);

describe('the header as it is read', () => {
  test('is that of the declared layout for every vector', () => {
    expect(corpus.length).toBeGreaterThan(50);
    for (const datagram of corpus) expect(readHeader(datagram), toHex(datagram)).toEqual(parseHeader(datagram));
  });

  test('is that of the declared layout for random and mutated datagrams, also within a larger buffer', () => {
    const { u32, below } = seeded(seedFromEnv('codec/header'));
    const around = new Uint8Array(64);
    for (let input = 0; input < INPUTS; input++) {
      const datagram = around.subarray(below(8), 40 + below(8));
      const origin = corpus[below(corpus.length)];
      if (origin === undefined || below(2) === 0) for (let at = 0; at < 40; at++) datagram[at] = u32();
      else datagram.set(origin.subarray(0, 32));
      datagram[below(24)] = u32();
      const read = readHeader(datagram);
      const declared = parseHeader(datagram);
      for (const field of Object.keys(declared) as (keyof typeof declared)[]) {
        if (read[field] !== declared[field]) throw new Error(`input ${input}, ${field}: ${toHex(datagram)}`);
      }
      expect(Object.keys(read)).toEqual(Object.keys(declared));
    }
  });
});
