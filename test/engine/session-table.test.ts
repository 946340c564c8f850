import { describe, expect, it } from 'vitest';
import type { Peer } from '../../src/engine/io-types.ts';
import type { ResponderSession } from '../../src/engine/responder-session.ts';
import { tupleKeyOf } from '../../src/engine/tuple.ts';
import { TupleHash, tupleHashKey } from '../../src/engine/tuple-hash.ts';
import { CANDIDATES_PER_TUPLE_MAX, PENDING_MS, RESERVE_MS } from '../../src/protocol/constants.ts';
import { Prng } from '../../src/sim/prng.ts';
import { testStream } from '../support/camera-application.ts';
import { TABLE_RESET_KEY, TableBench } from '../support/table-bench.ts';

const here: Peer = { address: '192.0.2.2', port: 30_945 };
/** Its tuple has the same hash as that of {@link here}. */
const alike: Peer = { address: '192.0.2.2', port: 31_823 };
const elsewhere: Peer = { address: '192.0.2.3', port: 5000 };
const [hereKey, alikeKey, elsewhereKey] = [tupleKeyOf(here), tupleKeyOf(alike), tupleKeyOf(elsewhere)];
const NOBODY = 99;

const handlesOf = (sessions: Iterable<ResponderSession>) => Array.from(sessions, ({ handle }) => handle);

/** Whether sessions sleep when they are looked for. */
const sleep = [
  { asleep: 'awake', settle: () => {} },
  { asleep: 'asleep', settle: ({ table }: TableBench) => table.settle() },
];

describe.each(sleep)('a session that is $asleep', ({ settle }) => {
  it('is found on its tuple and on no other with the same hash', () => {
    const hash = new TupleHash(tupleHashKey(TABLE_RESET_KEY));
    expect(hash.of(alikeKey)).toBe(hash.of(hereKey));
    const bench = new TableBench();
    const { table } = bench;
    for (const [handle, peer] of [here, alike, here].entries()) bench.candidate(handle + 1, peer);
    settle(bench);
    expect(handlesOf(table.ofTuple(hereKey))).toEqual([1, 3]);
    settle(bench);
    expect(handlesOf(table.ofTuple(alikeKey))).toEqual([2]);
    settle(bench);
    expect(table.byStreamId(alikeKey, 1n)).toBeUndefined();
    expect(table.byStreamId(hereKey, 2n)).toBeUndefined();
    expect(table.byStreamId(hereKey, 1n)?.handle).toBe(1);
    expect(table.byStreamId(hereKey, 3n)?.handle).toBe(3);
    expect(table.byStreamId(alikeKey, 2n)?.handle).toBe(2);
    expect(table.ofTuple(elsewhereKey)).toEqual([]);
    expect(table.byStreamId(elsewhereKey, 1n)).toBeUndefined();
  });

  it('is found by its tag, of which another session may have half, and nobody else can claim it', () => {
    const bench = new TableBench();
    const tags = [5n, 5n + 2n ** 32n, 5n + 2n ** 33n];
    for (const [at, tag] of tags.entries()) bench.candidate(at + 1, here, tag);
    settle(bench);
    expect(tags.map((tag) => bench.table.byTag(tag)?.handle)).toEqual([1, 2, 3]);
    settle(bench);
    expect(bench.table.byTag(5n + 2n ** 34n)).toBeUndefined();
    expect(bench.table.byTag(6n)).toBeUndefined();
    const session = bench.asked(4);
    expect(tags.map((tag) => bench.table.claimTag(tag, session))).toEqual([false, false, false]);
    expect(bench.table.claimTag(6n, session)).toBe(true);
  });

  it('is found by its handle, of which another session may have half', () => {
    const bench = new TableBench();
    const handles = [1, 2 ** 32 + 1, 2 ** 33 + 1];
    for (const handle of handles) bench.candidate(handle);
    settle(bench);
    expect(handles.map((handle) => bench.table.byHandle(handle)?.handle)).toEqual(handles);
    expect(bench.table.byHandle(2 ** 34 + 1)).toBeUndefined();
  });

  it('is one of its tuple’s candidates until it streams', () => {
    const bench = new TableBench();
    bench.streaming(1, here);
    for (let handle = 2; handle <= CANDIDATES_PER_TUPLE_MAX; handle++) bench.candidate(handle, here);
    bench.candidate(10, alike);
    settle(bench);
    expect(bench.table.candidatesFull(hereKey)).toBe(false);
    bench.asked(11, here);
    settle(bench);
    expect(bench.table.candidatesFull(hereKey)).toBe(true);
    expect(bench.table.candidatesFull(alikeKey)).toBe(false);
  });

  it('comes in the order of handles, which is not that of their slots', () => {
    const bench = new TableBench();
    const { table } = bench;
    const [first, , third] = [1, 2, 3, 4].map((handle) => bench.candidate(handle, here));
    if (first === undefined || third === undefined) throw new Error('four');
    bench.end(first);
    bench.candidate(5, here);
    bench.end(third);
    settle(bench);
    expect(handlesOf(table.ofTuple(hereKey))).toEqual([2, 4, 5]);
    settle(bench);
    expect(handlesOf(table.all())).toEqual([2, 4, 5]);
    const two = table.byHandle(2);
    if (two !== undefined) bench.end(two);
    settle(bench);
    expect(handlesOf(table.ofTuple(hereKey))).toEqual([4, 5]);
    settle(bench);
    expect(handlesOf(table.all())).toEqual([4, 5]);
  });

  it('may be named alone, and may have ended when its turn comes', () => {
    const bench = new TableBench();
    const { table } = bench;
    for (const handle of [1, 2, 3]) bench.candidate(handle, here);
    settle(bench);
    expect(handlesOf(table.all(2))).toEqual([2]);
    expect([...table.all(NOBODY)]).toEqual([]);
    const told: number[] = [];
    for (const session of table.all()) {
      told.push(session.handle);
      const next = table.byHandle(session.handle + 1);
      if (next !== undefined) bench.end(next);
    }
    expect(told).toEqual([1, 3]);
  });

  it('is not found any more once it has ended', () => {
    const bench = new TableBench();
    const { table } = bench;
    for (const handle of [1, 2, 3]) bench.candidate(handle, here);
    settle(bench);
    const ended = table.byHandle(2);
    if (ended === undefined) throw new Error('not found');
    bench.end(ended);
    settle(bench);
    expect(table.size).toBe(2);
    expect(table.byHandle(2)).toBeUndefined();
    expect(table.byTag(2n)).toBeUndefined();
    expect(table.byStreamId(hereKey, 2n)).toBeUndefined();
    expect(handlesOf(table.ofTuple(hereKey))).toEqual([1, 3]);
    expect([table.byTag(1n)?.handle, table.byTag(3n)?.handle]).toEqual([1, 3]);
  });
});

describe('SessionTable', () => {
  it('forgets a session that ended before it had a tag, and keeps the tags of the others', () => {
    const bench = new TableBench();
    const { table } = bench;
    bench.candidate(1);
    const asked = bench.asked(2);
    bench.candidate(3);
    bench.end(asked);
    table.settle();
    expect([1n, 2n, 3n].map((tag) => table.byTag(tag)?.handle)).toEqual([1, undefined, 3]);
    expect([table.size, handlesOf(table.all())]).toEqual([2, [1, 3]]);
  });

  it('finds a session that has moved at its new tuple only', () => {
    const bench = new TableBench();
    const { table } = bench;
    const [session, other] = [bench.streaming(1, here), bench.streaming(2, alike)];
    session.tupleKey = elsewhereKey;
    table.moved(session);
    expect(table.streaming(elsewhereKey)).toBe(session);
    expect(table.byStreamId(elsewhereKey, 1n)).toBe(session);
    expect(table.ofTuple(elsewhereKey)).toEqual([session]);
    expect(table.streaming(hereKey)).toBeUndefined();
    expect(table.ofTuple(hereKey)).toEqual([]);
    expect(table.streaming(alikeKey)).toBe(other);
    bench.end(session);
    expect(table.streaming(elsewhereKey)).toBeUndefined();
  });

  it('knows the one session of a tuple that streams, beside candidates awake and asleep', () => {
    const bench = new TableBench();
    const { table } = bench;
    bench.candidate(1, here);
    expect(table.streaming(hereKey)).toBeUndefined();
    table.settle();
    expect(table.streaming(hereKey)).toBeUndefined();
    const session = bench.streaming(2, here);
    bench.candidate(3, here);
    expect(table.streaming(hereKey)).toBe(session);
    table.settle();
    expect(table.streaming(hereKey)).toBe(session);
  });

  it('stops at a tuple on which two sessions live (S6)', () => {
    const bench = new TableBench();
    for (const handle of [1, 2]) bench.streaming(handle, here);
    bench.streaming(3, alike);
    expect(() => bench.table.streaming(hereKey)).toThrow(/^S6 .*\(two live sessions on one tuple\)$/);
    expect(bench.table.streaming(alikeKey)?.handle).toBe(3);
  });

  it('gives those that sleep back when their time is over and not before, and who is left does not end again', () => {
    const bench = new TableBench();
    const { table } = bench;
    expect(table.takeDue(0)).toBeUndefined();
    bench.candidate(1);
    bench.asked(2);
    expect(table.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    table.settle();
    expect(table.earliestMs()).toBe(RESERVE_MS);
    expect(table.takeDue(RESERVE_MS - 1)).toBeUndefined();
    const due = table.takeDue(RESERVE_MS);
    expect(due?.handle).toBe(2);
    if (due !== undefined) bench.end(due);
    table.settle();
    expect(table.takeDue(RESERVE_MS)).toBeUndefined();
    expect(table.earliestMs()).toBe(PENDING_MS);
    expect(table.takeDue(PENDING_MS)?.handle).toBe(1);
  });

  it('keeps the newest half-open sessions awake, and writes down the one before that is still half-open', () => {
    const bench = new TableBench(2);
    const { table } = bench;
    const settled = (make: () => unknown): number[] => {
      make();
      table.settle();
      return bench.slept.splice(0);
    };
    expect(settled(() => bench.candidate(1))).toEqual([]);
    expect(settled(() => bench.asked(2))).toEqual([]);
    expect(table.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    expect(settled(() => bench.asked(3))).toEqual([1]);
    expect(table.earliestMs()).toBe(PENDING_MS);
    expect(settled(() => bench.streaming(4))).toEqual([]);
    expect(settled(() => bench.end(table.byHandle(2) as ResponderSession))).toEqual([]);
    expect(settled(() => bench.asked(5))).toEqual([]);
    expect(settled(() => bench.asked(6))).toEqual([3]);
    expect(handlesOf(table.all())).toEqual([1, 3, 4, 5, 6]);
  });

  it('leaves a session that was woken no longer awake than for its input', () => {
    const bench = new TableBench(1);
    const { table } = bench;
    for (const handle of [1, 2]) bench.asked(handle);
    table.settle();
    expect(bench.slept).toEqual([1]);
    const woken = table.byHandle(1);
    expect(woken?.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    table.settle();
    expect(table.byHandle(1)).not.toBe(woken);
    expect(bench.slept).toEqual([1]);
    expect(table.byHandle(2)?.deadlineMs()).toBe(RESERVE_MS);
  });

  it('hurries all candidates, and tells of those that are awake', () => {
    const bench = new TableBench();
    const { table } = bench;
    bench.end(bench.candidate(1, elsewhere));
    bench.streaming(2, here);
    bench.candidate(3, here);
    table.settle();
    bench.end(bench.candidate(4, here));
    bench.candidate(5, here);
    bench.streaming(6, alike);
    bench.candidate(7, here);
    const told: ResponderSession[] = [];
    table.hurry(500, (session) => told.push(session));
    expect(handlesOf(told)).toEqual([5, 7]);
    table.settle();
    for (const handle of [3, 5, 7]) {
      const due = table.takeDue(500);
      expect(due?.handle).toBe(handle);
      if (due !== undefined) bench.end(due);
    }
    expect(table.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('has the sessions of each feed once, in the order of their handles, whoever joins and leaves', () => {
    for (let seed = 1; seed <= 5; seed++) {
      const prng = new Prng(seed);
      const bench = new TableBench();
      const { table } = bench;
      const feeds = [testStream().feed, testStream().feed];
      const models = feeds.map(() => new Set<number>());
      const sessions = Array.from({ length: 12 }, (_, at) => bench.asked(at + 1));
      for (let step = 0; step < 150; step++) {
        const session = sessions[Math.floor(prng.unit() * sessions.length)];
        const which = Math.floor(prng.unit() * feeds.length);
        const [feed, model] = [feeds[which], models[which]];
        if (session === undefined || feed === undefined || model === undefined) throw new Error('chosen');
        if (prng.unit() < 0.6) {
          table.joinFeed(feed, session);
          model.add(session.handle);
        } else {
          table.leaveFeed(feed, session);
          model.delete(session.handle);
        }
        const expected = [...model].sort((a, b) => a - b);
        expect(handlesOf(table.ofFeed(feed)), `seed ${seed}, step ${step}`).toEqual(expected);
      }
    }
  });

  it('lets sessions leave a feed while those of the feed are gone through', () => {
    const bench = new TableBench();
    const { table } = bench;
    const { feed } = testStream();
    for (const handle of [1, 2, 3]) table.joinFeed(feed, bench.asked(handle));
    const told: number[] = [];
    for (const session of table.ofFeed(feed)) {
      told.push(session.handle);
      table.leaveFeed(feed, session);
    }
    expect(told).toEqual([1, 2, 3]);
    expect(table.ofFeed(feed)).toEqual([]);
  });
});
