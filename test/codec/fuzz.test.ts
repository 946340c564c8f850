import { describe, expect, test } from 'vitest';
import { crc32 } from '../../src/codec/crc.ts';
import { decodeFrame } from '../../src/codec/decode.ts';
import { type DecodeReason, decodeReasons } from '../../src/codec/decode-reason.ts';
import { decodeOpened, decodeSecured } from '../../src/codec/decode-secured.ts';
import { encodeFrame } from '../../src/codec/encode.ts';
import type { SecuredHandshakeFrame } from '../../src/protocol/frame.ts';
import type { FrameTrailer } from '../../src/protocol/frame-trailer.ts';
import { invariants } from '../../src/protocol/invariants.ts';
import { type Seeded, seeded, seedFromEnv } from '../support/seeded.ts';
import { fromHex, toHex } from './bytes.ts';
import { invalid } from './vectors/invalid.ts';
import { opened, openedButRefused, refused as refusedSecured, unsealed } from './vectors/secured.ts';
import { exchange, handshake, session } from './vectors/valid.ts';

const INPUTS = 1_000_000;
const corpus = [...handshake, ...session, ...exchange, ...invalid].map(({ hex }) => fromHex(hex));
const securedInputs = INPUTS / 4;
const securedCorpus = [...unsealed, ...opened, ...refusedSecured, ...openedButRefused].map(({ hex }) => fromHex(hex));
for (const clear of corpus.filter(({ length }) => length > 28)) securedCorpus.push(asSealed(clear));
const buffer = new Uint8Array(1400).subarray(50, 1350);
const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);

/** A clear frame with the room of a sealed one. */
function asSealed(clear: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(clear.length + 20);
  bytes.set(clear.subarray(0, 24));
  bytes.set(clear.subarray(24, -4), 32);
  bytes[3] = (bytes[3] ?? 0) | 4;
  return bytes;
}

/** Any bytes of any length; half of them look like a control frame at first sight. */
function garbage(random: Seeded): number {
  const length = random.below(random.below(4) === 0 ? 1300 : 100);
  for (let at = 0; at < length; at += 4) view.setUint32(at, random.u32());
  if (random.below(2) === 0) buffer[0] = 0x0c;
  return length;
}

/** A vector with a few bytes changed, put in or cut off. */
function mutant(random: Seeded, from = corpus): number {
  const origin = from[random.below(from.length)] ?? buffer;
  let length = Math.min(origin.length, 1250);
  buffer.set(origin.subarray(0, length));
  for (let changes = random.below(4); changes > 0 && length > 0; changes--) {
    const at = random.below(2) === 0 ? Math.min(random.below(64), length - 1) : random.below(length);
    const kind = random.below(8);
    if (kind === 0) length = at;
    else if (kind === 1) {
      buffer.copyWithin(at + 4, at, length);
      length += 4;
    } else if (kind === 2) buffer[at] = (buffer[at] ?? 0) ^ (1 << random.below(8));
    else if (kind === 3) buffer[at] = random.below(40);
    else buffer[at] = random.u32();
  }
  return length;
}

/** Makes the announced length and the CRC right, so that the mutant gets past them. */
function repair(length: number): void {
  if (length < 28) return;
  view.setUint16(22, length - 28);
  view.setUint32(length - 4, crc32(buffer, length - 4));
}

describe('a million random and mutated datagrams', () => {
  test(`S10: ${invariants.S10}; what is accepted re-encodes to the same bytes`, () => {
    const random = seeded(seedFromEnv('codec/fuzz'));
    const refused = new Map<DecodeReason, number>();
    let accepted = 0;
    for (let input = 0; input < INPUTS; input++) {
      const length = random.below(4) === 0 ? garbage(random) : mutant(random);
      if (random.below(8) !== 0) repair(length);
      const datagram = buffer.subarray(0, length);
      const result = decodeFrame(datagram);
      if (result.ok) {
        accepted++;
        if (Buffer.compare(encodeFrame(result.frame), datagram) !== 0) {
          throw new Error(`input ${input} re-encodes differently: ${toHex(datagram)}`);
        }
      } else {
        refused.set(result.reason, (refused.get(result.reason) ?? 0) + 1);
        if (result.offset < 0 || result.offset > length) throw new Error(`input ${input}: offset ${result.offset}`);
      }
    }
    const ofSecured: ReadonlySet<DecodeReason> = new Set(['clear', 'mac1']);
    expect(decodeReasons.filter((reason) => !refused.has(reason) && !ofSecured.has(reason))).toEqual([]);
    expect(accepted).toBeGreaterThan(INPUTS / 20);
  });
});

/** A trailer without a key: right if its last byte is 0. What is sealed with it is in the open. */
const looseTrailer = (counterBytes: number, vector: Uint8Array): FrameTrailer => ({
  flags: 4,
  counterBytes,
  bytes: 16,
  complete(datagram) {
    datagram.set(vector.subarray(vector.length - 16), datagram.length - 16);
    datagram.set(vector.subarray(24, 24 + counterBytes), 24);
  },
});

describe(`${securedInputs} mutated datagrams at an end that is configured as secured`, () => {
  test(`S10: ${invariants.S10}; what is accepted re-encodes to the same bytes`, () => {
    const random = seeded(seedFromEnv('codec/fuzz'));
    const refused = new Map<DecodeReason, number>();
    let accepted = 0;
    for (let input = 0; input < securedInputs; input++) {
      const length = mutant(random, securedCorpus);
      if (random.below(8) !== 0 && length >= 40) view.setUint16(22, length - 40);
      if (random.below(8) !== 0 && length > 0) buffer[length - 1] = 0;
      const datagram = buffer.subarray(0, length);
      const first = decodeSecured(datagram, (bytes) => bytes[bytes.length - 1] === 0);
      const result = first.ok && first.sealed ? decodeOpened(datagram, datagram.subarray(32, length - 16)) : first;
      if (!result.ok) {
        refused.set(result.reason, (refused.get(result.reason) ?? 0) + 1);
        if (result.offset < 0 || result.offset > length) throw new Error(`input ${input}: offset ${result.offset}`);
        continue;
      }
      accepted++;
      const { frame } = result;
      const trailer = looseTrailer(first.ok && first.sealed ? 8 : 0, datagram);
      const again = frame.type === 11 ? encodeFrame(frame) : encodeFrame(frame as SecuredHandshakeFrame, trailer);
      if (Buffer.compare(again, datagram) !== 0)
        throw new Error(`input ${input} re-encodes differently: ${toHex(datagram)}`);
    }
    const never: ReadonlySet<DecodeReason> = new Set(['secured', 'tooLong']);
    expect(decodeReasons.filter((reason) => !refused.has(reason) && !never.has(reason))).toEqual([]);
    expect(accepted).toBeGreaterThan(securedInputs / 20);
  });
});
