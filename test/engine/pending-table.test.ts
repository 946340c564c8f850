import { describe, expect, it } from 'vitest';
import { type PendingRecord, PendingTable } from '../../src/engine/pending-table.ts';
import { SlotIndex } from '../../src/engine/slot-index.ts';
import { TupleHash, tupleHashKey } from '../../src/engine/tuple-hash.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { Prng } from '../../src/sim/prng.ts';

const START_ACK_BYTES = 56;
const feeds = [0, 1].map(() => new StreamFeed({ format: 'generic', payloadType: 97 }));

function whole(prng: Prng, below: number): number {
  return Math.floor(prng.unit() * below);
}

/** @param asked the application has not said yes: no tag, no START_ACK, no feed. */
function someRecord(prng: Prng, handle: number, asked: boolean): PendingRecord {
  const startAck = new Uint8Array(START_ACK_BYTES);
  prng.fill(startAck);
  return {
    handle,
    peer: { address: `10.0.${whole(prng, 256)}.1`, port: whole(prng, 65_536) },
    proven: prng.unit() < 0.5,
    streamId: 2n ** 64n - BigInt(handle),
    sessionTag: asked ? 0n : 2n ** 63n + BigInt(handle),
    ssrc: asked ? 0 : 2 ** 32 - handle,
    attempt: 1 + whole(prng, 255),
    largestReceivedBytes: whole(prng, 65_536),
    expiresAtMs: whole(prng, 50) + 0.25,
    startAck: asked ? undefined : startAck,
    feed: asked ? undefined : feeds[whole(prng, 2)],
    sdp: asked || prng.unit() < 0.5 ? undefined : 'v=0\r\n',
    security: undefined,
  };
}

describe('PendingTable', () => {
  it('has what was put into it and tells what expires first, whatever comes, changes and goes', () => {
    for (let seed = 1; seed <= 20; seed++) {
      const prng = new Prng(seed);
      const table = new PendingTable(START_ACK_BYTES);
      const model = new Map<number, PendingRecord>();
      for (let handle = 1; handle <= 300; handle++) {
        const numbers = [...model.keys()];
        const chosen = numbers[whole(prng, numbers.length)];
        const act = prng.unit();
        if (chosen === undefined || act < 0.5) {
          const record = someRecord(prng, handle, prng.unit() < 0.5);
          model.set(table.add(record), record);
        } else if (act < 0.7) {
          const { handle: same, peer, proven, streamId } = model.get(chosen) ?? someRecord(prng, handle, true);
          const changed = { ...someRecord(prng, same, prng.unit() < 0.3), peer, proven, streamId };
          table.update(chosen, changed);
          model.set(chosen, changed);
        } else if (act < 0.95) {
          table.remove(chosen);
          model.delete(chosen);
        } else {
          const untilMs = whole(prng, 50);
          table.hurry(untilMs);
          for (const [number, record] of model) {
            const expiresAtMs =
              record.startAck === undefined ? record.expiresAtMs : Math.min(record.expiresAtMs, untilMs);
            model.set(number, { ...record, expiresAtMs });
          }
        }
        const earliestMs = Math.min(...[...model.values()].map(({ expiresAtMs }) => expiresAtMs));
        expect(table.earliestMs(), `seed ${seed}, step ${handle}`).toBe(earliestMs);
        expect(table.due(earliestMs - 0.1)).toBe(-1);
        const due = table.due(earliestMs);
        if (model.size > 0) expect(model.get(due)?.expiresAtMs, `seed ${seed}, step ${handle}`).toBe(earliestMs);
      }
      for (const [number, record] of model) {
        expect(table.read(number), `seed ${seed}`).toEqual(record);
        expect(table.handle(number)).toBe(record.handle);
        expect(table.streamId(number)).toBe(record.streamId);
        expect(table.sessionTag(number)).toBe(record.sessionTag);
        const { address, port } = record.peer;
        expect(table.isOf(number, `${address} ${port}`)).toBe(true);
        expect(table.isOf(number, `${address} ${port}0`)).toBe(false);
        expect(table.isOf(number, `${address}0 ${port}`)).toBe(false);
      }
    }
  });

  it('lets those that wait for the same go in the order in which they came', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const prng = new Prng(1);
    const numbers = [1, 2, 3].map((handle) => table.add({ ...someRecord(prng, handle, false), expiresAtMs: 5 }));
    const left = numbers.map(() => {
      const due = table.due(5);
      table.remove(due);
      return due;
    });
    expect(left).toEqual(numbers);
    expect(table.due(Number.MAX_VALUE)).toBe(-1);
  });

  it('leaves who has the same timer as before in its place', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const prng = new Prng(1);
    const records = [1, 2].map((handle) => ({ ...someRecord(prng, handle, false), expiresAtMs: 5 }));
    const [first] = records.map((record) => table.add(record));
    table.update(first ?? -1, { ...someRecord(prng, 1, false), expiresAtMs: 5 });
    expect(table.due(5)).toBe(first);
  });

  it('keeps a description without a feed, and a feed without a description', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const record = someRecord(new Prng(1), 1, false);
    for (const sdp of [undefined, 'v=0\r\n']) {
      for (const feed of [undefined, feeds[0]]) {
        expect(table.read(table.add({ ...record, sdp, feed }))).toEqual({ ...record, sdp, feed });
      }
    }
  });

  it('gives a START_ACK that stays as it is when the record is another’s: it may still wait in a queue', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const [record, other] = [new Prng(1), new Prng(2)].map((prng) => someRecord(prng, 1, false));
    if (record === undefined || other === undefined) throw new Error('two');
    const number = table.add(record);
    const { startAck } = table.read(number);
    table.remove(number);
    expect(table.add(other)).toBe(number);
    expect(startAck).toEqual(record.startAck);
  });

  it('gives back what a rush needed once nobody of it is left, and keeps room for 64', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const prng = new Prng(1);
    const filled = (count: number): number[] =>
      Array.from({ length: count }, (_, handle) => table.add(someRecord(prng, handle, false)));
    for (const number of filled(64)) table.remove(number);
    expect(table.room).toBe(64);
    const numbers = filled(1000);
    for (const number of numbers.slice(1)) table.remove(number);
    expect(table.room).toBe(1000);
    table.remove(numbers[0] ?? 0);
    expect(table.room).toBe(0);
    expect(table.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    const [again = -1] = filled(1);
    expect([again, table.handle(again), table.room]).toEqual([0, 0, 8]);
  });

  it('takes no START_ACK that would reach into the next record', () => {
    const table = new PendingTable(START_ACK_BYTES);
    const record = someRecord(new Prng(1), 1, false);
    expect(() => table.add({ ...record, startAck: new Uint8Array(START_ACK_BYTES + 1) })).toThrow(RangeError);
  });
});

describe('SlotIndex', () => {
  it('finds all slots of a hash and no others, as a Map would', () => {
    for (let seed = 1; seed <= 10; seed++) {
      const prng = new Prng(seed);
      const index = new SlotIndex();
      const model = new Map<number, number>();
      for (let step = 0; step < 1000; step++) {
        const slot = whole(prng, 200);
        if (model.has(slot)) {
          index.remove(slot);
          // Harmless when it is not in it.
          index.remove(slot);
          model.delete(slot);
        } else {
          // Some are equal, some only share a bucket.
          const hash = whole(prng, 8) + 2 ** 28 * whole(prng, 16);
          index.add(slot, hash);
          model.set(slot, hash);
        }
      }
      for (const hash of new Set([...model.values(), 9])) {
        const found: number[] = [];
        for (let slot = index.first(hash); slot >= 0; slot = index.after(slot)) found.push(slot);
        const expected = [...model].flatMap(([slot, other]) => (other === hash ? [slot] : []));
        expect(
          found.sort((a, b) => a - b),
          `seed ${seed}`,
        ).toEqual(expected.sort((a, b) => a - b));
      }
    }
  });
});

describe('TupleHash', () => {
  it('is of every character, of IPv4 and of IPv6, and of the key', () => {
    const hash = new TupleHash(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
    const keys = [
      '10.0.0.1 1',
      '10.0.0.1 2',
      '10.0.0.2 1',
      'fe80::1:2:3:4%eth0 65535',
      'fe80::1:2:3:4%eth0 65534',
      'fe80::1111:2222:3333:4444%eth0 1',
      'fe80::1111:2222:3333:4444%eth0 2',
    ];
    expect(new Set(keys.map((key) => hash.of(key))).size).toBe(keys.length);
    expect(hash.of('10.0.0.1 1')).toBe(hash.of('10.0.0.1 1'));
    const other = new TupleHash(Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 9));
    expect(other.of('10.0.0.1 1')).not.toBe(hash.of('10.0.0.1 1'));
  });

  it('has a key of 8 bytes, whose halves are not the same, and another one with another reset key', () => {
    const keys = [new Uint8Array(32).fill(1), new Uint8Array(32).fill(2)].map(tupleHashKey);
    const halves = keys.flatMap((key) => [key.subarray(0, 4), key.subarray(4, 8)]).map((half) => half.join());
    expect([keys.map(({ length }) => length), new Set(halves).size]).toEqual([[8, 8], 4]);
  });
});
