import { describe, expect, it } from 'vitest';
import { type BookEntry, ExchangeBook } from '../../src/engine/exchange-book.ts';
import { IncomingMessage, OutgoingMessage, partOf } from '../../src/engine/exchange-message.ts';
import { patterned } from '../support/exchange-world.ts';

/** Where parts begin and end. */
const places = (parts: readonly { readonly fragment?: { readonly offset: number }; readonly body: Uint8Array }[]) =>
  parts.map(({ fragment, body }) => [fragment?.offset ?? 'whole', body.length]);

describe('a message on its way out', () => {
  it('goes whole where one part is enough, and says nothing of fragments then', () => {
    for (const length of [1, 1024]) {
      const message = new OutgoingMessage(patterned(length));
      expect(message.received).toBe(false);
      expect(message.more()).toEqual([{ body: patterned(length) }]);
      expect(message.more()).toEqual([]);
    }
  });

  it('of no bytes is there from the beginning, and can still be sent', () => {
    const message = new OutgoingMessage(new Uint8Array());
    expect(message.received).toBe(true);
    expect(message.more()).toEqual([{ body: new Uint8Array() }]);
    expect(message.first()).toEqual({ body: new Uint8Array() });
  });

  it('goes in four parts at a time, and on with what has arrived', () => {
    const message = new OutgoingMessage(patterned(6000));
    expect(places(message.more())).toEqual([
      [0, 1024],
      [1024, 1024],
      [2048, 1024],
      [3072, 1024],
    ]);
    expect(message.more()).toEqual([]);
    expect(message.advance(1024)).toBe(true);
    const [fifth, ...none] = message.more();
    expect([fifth, none]).toEqual([
      { fragment: { offset: 4096, total: 6000 }, body: patterned(6000).subarray(4096, 5120) },
      [],
    ]);
    expect(message.advance(4096)).toBe(true);
    expect(places(message.more())).toEqual([[5120, 880]]);
  });

  it('takes for news what is more than before, and all of it each time; what is beyond its end it does not believe', () => {
    const message = new OutgoingMessage(patterned(2000));
    expect([message.advance(0), message.advance(1024), message.advance(1024), message.advance(5)]).toEqual([
      false,
      true,
      false,
      false,
    ]);
    expect(places([message.first()])).toEqual([[1024, 976]]);
    expect(message.advance(2001)).toBe(false);
    expect(message.received).toBe(false);
    expect([message.advance(2000), message.advance(2000)]).toEqual([true, true]);
    expect(message.received).toBe(true);
    expect(places(message.more())).toEqual([[2000, 0]]);
  });

  it('is sent again from the first gap on, in smaller parts after each four sends without progress', () => {
    const message = new OutgoingMessage(patterned(3000));
    message.more();
    message.advance(1024);
    const sizes = Array.from({ length: 13 }, (_, sends) => places(message.again(sends + 1))[0]);
    expect(sizes.map((place) => place?.[0])).toEqual(Array(13).fill(1024));
    expect(sizes.map((place) => place?.[1])).toEqual([
      ...Array(4).fill(1024),
      ...Array(4).fill(448),
      ...Array(5).fill(144),
    ]);
    expect(places(message.again(1)).map((place) => place[1])).toEqual([144, 144, 144, 144]);
    expect(places([message.first()])).toEqual([[1024, 144]]);
  });

  it('does not change with the bytes that it was given (S13)', () => {
    const given = patterned(10);
    const message = new OutgoingMessage(given);
    given.fill(0);
    expect(message.first().body).toEqual(patterned(10));
  });
});

describe('a message on its way in', () => {
  const whole = patterned(1000);
  const add = (message: IncomingMessage, from: number, to: number) => message.add(from, whole.subarray(from, to));

  it('is whole when all is there, in whatever order and however it overlaps', () => {
    const message = new IncomingMessage(1000);
    expect(message.whole).toBe(false);
    expect([add(message, 600, 800), add(message, 200, 500), message.received]).toEqual([true, true, 0]);
    expect([add(message, 0, 300), message.received]).toEqual([true, 500]);
    expect([add(message, 400, 700), message.received]).toEqual([true, 800]);
    expect([add(message, 800, 1000), message.whole]).toEqual([true, true]);
    expect(message.bytes()).toEqual(whole);
  });

  it('knows what is new', () => {
    const message = new IncomingMessage(1000);
    expect([add(message, 0, 100), add(message, 0, 100), add(message, 50, 100), add(message, 50, 101)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
    expect([add(message, 300, 400), add(message, 300, 400), add(message, 300, 350), add(message, 300, 450)]).toEqual([
      true,
      false,
      false,
      true,
    ]);
  });

  it('keeps eight parts beyond a gap and no ninth (S5)', () => {
    const message = new IncomingMessage(1000);
    for (let part = 1; part <= 8; part++) expect(add(message, 100 * part, 100 * part + 50)).toBe(true);
    expect(add(message, 900, 950)).toBe(false);
    add(message, 0, 100);
    expect(message.received).toBe(150);
  });

  it('gives the one part that it came in, a copy of what was in the datagram', () => {
    const given = Uint8Array.from(whole);
    const message = new IncomingMessage(1000);
    message.add(0, given);
    given.fill(0);
    expect(message.bytes()).toEqual(whole);
    expect(new IncomingMessage(0).bytes()).toEqual(new Uint8Array());
    expect(new IncomingMessage(0).whole).toBe(true);
  });

  it('keeps copies of what lies beyond a gap too', () => {
    const given = Uint8Array.from(whole);
    const message = new IncomingMessage(1000);
    message.add(500, given.subarray(500));
    given.fill(0, 500);
    add(message, 0, 500);
    expect(message.bytes()).toEqual(whole);
  });
});

describe('the part in a frame', () => {
  it('is all of the message where it has no FRAGMENT, and nothing where it has no BODY', () => {
    expect(partOf({ body: patterned(3) })).toEqual({ offset: 0, total: 3, bytes: patterned(3) });
    expect(partOf({})).toEqual({ offset: 0, total: 0, bytes: new Uint8Array() });
    expect(partOf({ fragment: { offset: 4, total: 9 } })).toEqual({ offset: 4, total: 9, bytes: new Uint8Array() });
  });

  it('may end with the message, but not behind it', () => {
    expect(partOf({ fragment: { offset: 6, total: 9 }, body: patterned(3) })).toMatchObject({ offset: 6, total: 9 });
    expect(partOf({ fragment: { offset: 7, total: 9 }, body: patterned(3) })).toBeUndefined();
  });
});

describe('the book of exchanges', () => {
  interface Noting extends BookEntry {
    readonly done: readonly string[];
  }

  /** An entry that expires at a time and notes what is done to it. */
  function entry(atMs: number, into: ExchangeBook<Noting>, id: bigint): Noting {
    const done: string[] = [];
    return {
      done,
      deadlineMs: () => atMs,
      timeout() {
        done.push('timeout');
        into.remove(id);
      },
      forget() {
        done.push('forget');
        into.remove(id);
      },
    };
  }

  function book(endedMax: number) {
    let evicted = 0;
    const made = new ExchangeBook<Noting>(endedMax, () => evicted++);
    const put = (id: bigint, atMs: number) => {
      const one = entry(atMs, made, id);
      made.add(id, one);
      return one;
    };
    return { made, put, evicted: () => evicted };
  }

  it('finds those that are open and those that ended, and counts the open ones', () => {
    const { made, put } = book(4);
    const [one, two] = [put(1n, 10), put(2n, 20)];
    made.ended(1n, one);
    expect([made.get(1n), made.get(2n), made.get(3n)]).toEqual([one, two, undefined]);
    expect(made.open).toBe(1);
    expect(made.openOnes()).toEqual([two]);
    made.remove(1n);
    made.remove(2n);
    expect([made.get(1n), made.get(2n), made.open]).toEqual([undefined, undefined, 0]);
  });

  it('is due when the first of the open ones is, or the one that ended first', () => {
    const { made, put } = book(4);
    expect(made.earliestMs()).toBe(Number.POSITIVE_INFINITY);
    const one = put(1n, 30);
    put(2n, 20);
    expect(made.earliestMs()).toBe(20);
    made.ended(1n, one);
    expect(made.earliestMs()).toBe(20);
    made.remove(2n);
    expect(made.earliestMs()).toBe(30);
  });

  it('tells those whose time has come, in the order in which they ended, and no others', () => {
    const { made, put } = book(4);
    const [first, second, third, open] = [put(1n, 10), put(2n, 20), put(3n, 30), put(4n, 20)];
    made.ended(1n, first);
    made.ended(2n, second);
    made.ended(3n, third);
    made.timeout(20);
    expect([first.done, second.done, third.done, open.done]).toEqual([['timeout'], ['timeout'], [], ['timeout']]);
  });

  it('forgets the one that ended first where there are too many, and counts it (S5)', () => {
    const { made, put, evicted } = book(2);
    const all = [put(1n, 10), put(2n, 20), put(3n, 30)] as const;
    made.ended(1n, all[0]);
    made.ended(2n, all[1]);
    expect(evicted()).toBe(0);
    made.ended(3n, all[2]);
    expect(evicted()).toBe(1);
    expect(all.map(({ done }) => done)).toEqual([['forget'], [], []]);
    expect(made.get(1n)).toBeUndefined();
  });
});
