import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type FramingFault, LengthPrefixReader, withPrefix } from '../../src/neighbours/core/framing.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { seedFromEnv } from '../support/seeded.ts';

function readAll(reader: LengthPrefixReader, chunks: readonly Uint8Array[]) {
  const messages: string[] = [];
  let fault: FramingFault | undefined;
  for (const chunk of chunks) {
    fault = reader.read(chunk, (message) => {
      messages.push(toHex(message));
      return true;
    });
  }
  return { messages, fault };
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
}

/** Cuts bytes at these places, whatever order they are in. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [
    0,
    ...[...new Set(places.map((place) => place % (bytes.length + 1)))].sort((a, b) => a - b),
    bytes.length,
  ];
  return edges.slice(1).map((edge, index) => bytes.slice(edges[index], edge));
}

describe('a reader of length-prefixed messages', () => {
  it('gives every message of a stream, whole and in order, wherever the stream is cut', () => {
    const seed = seedFromEnv('neighbours/framing');
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ minLength: 1, maxLength: 9000 }), { maxLength: 8 }),
        fc.array(fc.nat(80_000), { maxLength: 40 }),
        (messages, places) => {
          const reader = new LengthPrefixReader(9000);
          const result = readAll(reader, cut(joined(messages.map(withPrefix)), places));
          expect(result).toEqual({ messages: messages.map(toHex), fault: undefined });
          expect([reader.pendingBytes, reader.reservedBytes]).toEqual([0, 0]);
        },
      ),
      { seed, numRuns: 150 },
    );
  });

  it('gives the same for single bytes as for one read', () => {
    const seed = seedFromEnv('neighbours/framing');
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ minLength: 1, maxLength: 300 }), { maxLength: 6 }), (messages) => {
        const stream = joined(messages.map(withPrefix));
        const single = readAll(
          new LengthPrefixReader(),
          [...stream].map((byte) => Uint8Array.of(byte)),
        );
        expect(single).toEqual(readAll(new LengthPrefixReader(), [stream]));
        expect(single.messages).toEqual(messages.map(toHex));
      }),
      { seed, numRuns: 60 },
    );
  });

  it('gives all messages of one read in that read, and keeps the beginning of the next', () => {
    const reader = new LengthPrefixReader();
    expect(readAll(reader, [fromHex('000000016100000002626300000003')]).messages).toEqual(['61', '6263']);
    expect(reader.pendingBytes).toBe(4);
    expect(readAll(reader, [fromHex('646566')]).messages).toEqual(['646566']);
  });

  it('takes a message of the limit and refuses one byte more at its header', () => {
    const limit = new Uint8Array(1_048_576).fill(7);
    expect(readAll(new LengthPrefixReader(), [withPrefix(limit)]).messages).toHaveLength(1);
    const reader = new LengthPrefixReader();
    expect(readAll(reader, [fromHex('00100001')])).toEqual({ messages: [], fault: 'tooLong' });
    expect(reader.reservedBytes).toBe(0);
  });

  it('refuses a length of 0, after the messages before it, and reads nothing more', () => {
    const reader = new LengthPrefixReader();
    expect(readAll(reader, [fromHex('00000001610000000000000001')])).toEqual({ messages: ['61'], fault: 'empty' });
    expect(readAll(reader, [fromHex('0000000162')])).toEqual({ messages: [], fault: 'empty' });
  });

  it('refuses 0xffffffff at the fourth byte', () => {
    const reader = new LengthPrefixReader();
    expect(readAll(reader, [fromHex('ffffff')]).fault).toBeUndefined();
    expect(readAll(reader, [fromHex('ff')]).fault).toBe('tooLong');
  });

  it('reserves no more than 4 KiB, or twice what came, for a message that was only announced', () => {
    const reader = new LengthPrefixReader();
    readAll(reader, [fromHex('00100000')]);
    expect(reader.reservedBytes).toBe(4096);
    for (let came = 1000; came < 1_048_576; came += 1000) {
      readAll(reader, [new Uint8Array(1000)]);
      expect(reader.reservedBytes).toBeLessThanOrEqual(Math.max(4096, 2 * came));
    }
  });

  it('stops in the middle of a read when it is told to', () => {
    const seen: string[] = [];
    new LengthPrefixReader().read(fromHex('00000001610000000162'), (message) => {
      seen.push(toHex(message));
      return false;
    });
    expect(seen).toEqual(['61']);
  });

  it('gives bytes that do not change when the chunk is used again', () => {
    const chunk = fromHex('0000000161');
    let kept: Uint8Array = new Uint8Array();
    new LengthPrefixReader().read(chunk, (message) => {
      kept = new Uint8Array(message.buffer, message.byteOffset, message.length);
      return true;
    });
    chunk.fill(0);
    expect(toHex(kept)).toBe('61');
  });
});
