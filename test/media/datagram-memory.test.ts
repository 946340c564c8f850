import { describe, expect, it } from 'vitest';
import { freshMemory, REUSED_DATAGRAMS_MAX, ReusedMemory } from '../../src/media/datagram-memory.ts';
import { PiecePool, POOL_BYTES_MAX } from '../../src/media/piece-pool.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { Prng } from '../../src/sim/prng.ts';
import { seedFromEnv } from '../support/seeded.ts';

const numbered = (i: number, bytes = 100): Uint8Array => new Uint8Array(bytes).fill(i);

describe('memory that is used again, for datagrams that leave soon', () => {
  it('gives memory of its own to as many as it has place for, and fresh memory to others, until they are released', () => {
    const memory = new ReusedMemory();
    const first = Array.from({ length: REUSED_DATAGRAMS_MAX }, (_, i) => memory.copy(numbered(i), 100));
    const more = memory.copy(numbered(7), 100);
    expect(new Set(first.map(({ byteOffset }) => byteOffset)).size).toBe(REUSED_DATAGRAMS_MAX);
    expect(more.buffer).not.toBe(first[0]?.buffer);
    expect([...first, more]).toEqual([...first.map((_, i) => numbered(i)), numbered(7)]);
    memory.release();
    const again = memory.copy(numbered(9), 100);
    expect([again.buffer === first[0]?.buffer, again.byteOffset]).toEqual([true, first[0]?.byteOffset]);
  });

  it('goes on where it was, so that what was released last is overwritten last', () => {
    const memory = new ReusedMemory();
    const before = memory.copy(numbered(1), 100);
    memory.release();
    expect(memory.copy(numbered(2), 100).byteOffset).not.toBe(before.byteOffset);
    expect(before).toEqual(numbered(1));
  });

  it('makes nothing for a place whose copy was as long the time before', () => {
    const memory = new ReusedMemory();
    const lengths = Array.from({ length: REUSED_DATAGRAMS_MAX }, (_, i) => (i === 1 ? 90 : 100));
    const copies = lengths.map((length, i) => memory.copy(numbered(i), length));
    memory.release();
    const again = lengths.map(() => memory.copy(numbered(5), 100));
    expect(again.map((copy, i) => copy === copies[i])).toEqual(lengths.map((length) => length === 100));
    expect(again.every((copy) => copy.length === 100 && copy.every((byte) => byte === 5))).toBe(true);
  });

  it('copies the beginning that it is asked for, and gives what is too large for it fresh memory', () => {
    const memory = new ReusedMemory();
    expect(memory.copy(numbered(3), 40)).toEqual(numbered(3, 40));
    const [largest, larger] = [memory.copy(numbered(4, 1536), 1536), memory.copy(numbered(5, 1537), 1537)];
    expect([largest, larger]).toEqual([numbered(4, 1536), numbered(5, 1537)]);
    expect(larger.buffer).not.toBe(largest.buffer);
    expect(freshMemory.copy(numbered(6), 10)).toEqual(numbered(6, 10));
  });
});

describe('the pool of frames’ memory', () => {
  it('gives again what came back to whoever asks for as much, give or take a third', () => {
    const pool = new PiecePool();
    const piece = pool.take(1000);
    expect(piece.byteLength).toBeGreaterThanOrEqual(1000);
    expect(pool.take(1000)).not.toBe(piece);
    pool.give(piece);
    expect(pool.take(2 * piece.byteLength)).not.toBe(piece);
    expect(pool.take(piece.byteLength)).toBe(piece);
    expect(pool.take(piece.byteLength)).not.toBe(piece);
  });

  it.each([1, 2, 3, 96, 97, 128, 129, 192, 193, 256, 100_000])(
    'has memory for %i bytes, and a third more at most',
    (bytes) => {
      const { byteLength } = new PiecePool().take(bytes);
      expect(byteLength).toBeGreaterThanOrEqual(bytes);
      expect(byteLength).toBeLessThan(Math.max(3, 1.5 * bytes));
    },
  );

  it('keeps 2 MiB at most', () => {
    const pool = new PiecePool();
    const size = 2 ** 18;
    const pieces = Array.from({ length: POOL_BYTES_MAX / size + 1 }, () => pool.take(size));
    for (const piece of pieces) pool.give(piece);
    const again = pieces.map(() => pool.take(size));
    expect(again.filter((piece) => pieces.includes(piece))).toHaveLength(POOL_BYTES_MAX / size);
  });
});

describe('a piece of frames’ memory', () => {
  it('makes a packet anew only where it is not what it was for the frame before', () => {
    const piece = new PiecePool().take(300);
    const cut = (lengths: readonly number[]): Uint8Array[] => {
      let used = 0;
      return lengths.map((length, number) => {
        used += length;
        return piece.packet(number, used - length, length);
      });
    };
    const first = cut([100, 100, 60]);
    expect(first.map(({ buffer, byteOffset, length }) => [buffer === piece, byteOffset, length])).toEqual([
      [true, 0, 100],
      [true, 100, 100],
      [true, 200, 60],
    ]);
    const same = (packets: readonly Uint8Array[]): boolean[] => packets.map((packet, i) => packet === first[i]);
    expect(same(cut([100, 100, 60]))).toEqual([true, true, true]);
    expect(same(cut([100, 90, 60]))).toEqual([true, false, false]);
    expect(cut([100, 90, 60]).map(({ byteOffset, length }) => [byteOffset, length])).toEqual([
      [0, 100],
      [100, 90],
      [190, 60],
    ]);
  });
});

describe('a stream’s log', () => {
  it('has every datagram as it was cut for as long as it keeps it, whatever memory is used again', () => {
    const seed = seedFromEnv('media/datagram-memory');
    for (const format of ['generic', 'h264'] as const) {
      const prng = new Prng(seed);
      const whole = (below: number): number => Math.floor(prng.unit() * below);
      const feed = new StreamFeed({ format, repairDatagramsMin: 8 });
      const lanes = [feed.retain(1200), feed.retain(600)];
      const known = lanes.map(() => new Map<number, Uint8Array>());
      const pieces = new Set<ArrayBufferLike>();
      let cut = 0;
      for (let frame = 0; frame < 400; frame++) {
        const unit = new Uint8Array(1 + whole(frame % 20 === 0 ? 20_000 : 3000));
        prng.fill(unit);
        unit[0] = 0x65;
        feed.push({ units: [unit], timestamp: frame, keyframe: frame % 10 === 0 }, frame, 33);
        lanes.forEach((lane, which) => {
          const seen = known[which] ?? new Map();
          for (let at = lane.base; at < lane.next; at++) {
            const datagram = lane.at(at);
            if (datagram === undefined) throw new Error(`no ${at}`);
            if (!seen.has(at)) {
              cut++;
              pieces.add(datagram.buffer);
            }
            if (!seen.has(at)) seen.set(at, datagram.slice());
            else if (Buffer.compare(datagram, seen.get(at)) !== 0) throw new Error(`datagram ${at} has changed`);
          }
        });
      }
      expect(cut).toBeGreaterThan(1000);
      expect(pieces.size).toBeLessThan(200);
    }
  });

  it('never takes the memory of what passes through', () => {
    const feed = new StreamFeed({ format: 'passthrough', repairDatagramsMin: 1 });
    const packets = Array.from({ length: 50 }, (_, i) => Uint8Array.of(0x80, 96, 0, i, 0, 0, 0, 0, 0, 0, 0, 0, i));
    for (const [i, packet] of packets.entries()) feed.push({ units: [packet], timestamp: i, keyframe: true }, i, 1);
    expect(packets.map((packet) => packet[12])).toEqual(packets.map((_, i) => i));
  });
});
