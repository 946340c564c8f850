import { describe, expect, it } from 'vitest';
import { AnswerKeeper } from '../../src/neighbours/core/answer-keeper.ts';
import { earliestMs, wakeDue } from '../../src/neighbours/core/part.ts';
import { RequestTracker, type RequestTrackerOptions } from '../../src/neighbours/core/request-tracker.ts';
import { pass } from '../support/pass-time.ts';

function trackerOf(options: RequestTrackerOptions = {}) {
  const log: string[] = [];
  const tracker = new RequestTracker<string, number>(options, {
    sendRequest: (id, request, attempt) => log.push(`send ${id} ${request} ${attempt}`),
    settled: (id, settlement) =>
      log.push(`${id} ${settlement.outcome === 'answered' ? settlement.answer : settlement.outcome}`),
  });
  return { tracker, log };
}

describe('a request tracker', () => {
  it('gives each request its own answer once, in any order', () => {
    const { tracker, log } = trackerOf();
    tracker.send('a', 'x', 0);
    tracker.send('b', 'y', 0);
    expect([tracker.answered('b', 2, 1), tracker.answered('a', 1, 2), tracker.answered('a', 1, 3)]).toEqual([
      true,
      true,
      false,
    ]);
    expect(log).toEqual(['send a x 1', 'send b y 1', 'b 2', 'a 1']);
    expect([tracker.inFlight, tracker.deadlineMs(), tracker.counters.stray]).toEqual([0, Infinity, 1]);
  });

  it('fails a request at its own time limit, not at that of another', () => {
    const { tracker, log } = trackerOf({ limitMs: 30_000 });
    tracker.send('slow', 'x', 0);
    tracker.send('fast', 'y', 0, 10_000);
    expect(tracker.deadlineMs()).toBe(10_000);
    pass(tracker, 10_000);
    expect(log.slice(-1)).toEqual(['fast timedOut']);
    pass(tracker, 29_999);
    expect(tracker.inFlight).toBe(1);
    pass(tracker, 30_000);
    expect([log.slice(-1), tracker.deadlineMs()]).toEqual([['slow timedOut'], Infinity]);
    expect(tracker.answered('slow', 1, 30_001)).toBe(false);
  });

  it('sends again under the same id as often as it may', () => {
    const { tracker, log } = trackerOf({ limitMs: 100, attemptsMax: 3 });
    tracker.send('a', 'x', 0);
    pass(tracker, 1000);
    expect(log).toEqual(['send a x 1', 'send a x 2', 'send a x 3', 'a timedOut']);
    expect(tracker.counters).toMatchObject({ sent: 1, sentAgain: 2, timedOut: 1 });
  });

  it('takes no more than its limit, and none with an id that waits', () => {
    const { tracker, log } = trackerOf({ inFlightMax: 2 });
    expect([
      tracker.send('a', 'x', 0),
      tracker.send('a', 'y', 0),
      tracker.send('b', 'x', 0),
      tracker.send('c', 'x', 0),
    ]).toEqual([true, false, true, false]);
    expect([log, tracker.counters.full]).toEqual([['send a x 1', 'send b x 1'], 2]);
    tracker.cancel('a', 1);
    expect([tracker.send('c', 'x', 2), log.slice(-2)]).toEqual([true, ['a cancelled', 'send c x 1']]);
  });

  it('fails everything that waits when the connection is gone', () => {
    const { tracker, log } = trackerOf();
    for (const id of ['a', 'b', 'c']) tracker.send(id, 'x', 0);
    tracker.disconnected(5);
    expect(log.slice(3)).toEqual(['a disconnected', 'b disconnected', 'c disconnected']);
    expect([tracker.inFlight, tracker.deadlineMs()]).toEqual([0, Infinity]);
  });
});

describe('an answer keeper', () => {
  const keeperOf = (options: ConstructorParameters<typeof AnswerKeeper<string, string>>[0] = {}) => {
    const log: string[] = [];
    const keeper = new AnswerKeeper<string, string>(options, {
      execute: (id, request) => log.push(`execute ${id} ${request}`),
      sendAnswer: (id, answer) => log.push(`answer ${id} ${answer}`),
    });
    return { keeper, log };
  };

  it('executes a request once and gives every copy the stored answer', () => {
    const { keeper, log } = keeperOf();
    for (let copy = 0; copy < 3; copy++) keeper.request('d', 'work', copy);
    keeper.answer('d', 'done', 4, 10);
    for (let copy = 0; copy < 2; copy++) keeper.request('d', 'work', 20 + copy);
    expect(log).toEqual(['execute d work', 'answer d done', 'answer d done', 'answer d done']);
    expect(keeper.counters).toMatchObject({ executed: 1, duplicate: 4, sent: 3 });
  });

  it('forgets an answer after its time, and then nothing waits', () => {
    const { keeper, log } = keeperOf({ keepMs: 100 });
    keeper.request('a', 'x', 0);
    expect(keeper.deadlineMs()).toBe(Infinity);
    keeper.answer('a', 'y', 1, 50);
    pass(keeper, 149);
    expect(keeper.kept).toBe(1);
    pass(keeper, 150);
    expect([keeper.kept, keeper.deadlineMs()]).toEqual([0, Infinity]);
    keeper.request('a', 'x', 151);
    expect(log.filter((line) => line.startsWith('execute'))).toHaveLength(2);
  });

  it('takes no more work than its limit, and keeps no more answers and bytes than theirs', () => {
    const { keeper } = keeperOf({ workingMax: 2, keptMax: 2, keptBytesMax: 10 });
    expect(['a', 'b', 'c'].map((id) => keeper.request(id, 'x', 0))).toEqual([true, true, false]);
    keeper.answer('a', 'y', 4, 1);
    keeper.answer('b', 'y', 4, 2);
    keeper.request('c', 'x', 3);
    keeper.answer('c', 'y', 4, 4);
    expect([keeper.kept, keeper.counters.evicted, keeper.counters.full]).toEqual([2, 1, 1]);
    keeper.request('d', 'x', 5);
    keeper.answer('d', 'y', 9, 6);
    expect([keeper.kept, keeper.counters.evicted]).toEqual([1, 3]);
    expect(keeper.answer('nobody', 'y', 1, 7)).toBe(false);
  });
});

describe('several parts', () => {
  it('are woken each at its own time', () => {
    const { tracker: slow, log: slowly } = trackerOf({ limitMs: 100 });
    const { tracker: fast, log: quickly } = trackerOf({ limitMs: 50 });
    slow.send('a', 'x', 0);
    fast.send('b', 'x', 0);
    const parts = [slow, fast];
    expect(earliestMs(parts)).toBe(50);
    wakeDue(parts, 50);
    expect([slowly.length, quickly.at(-1), earliestMs(parts)]).toEqual([1, 'b timedOut', 100]);
    wakeDue(parts, 100);
    expect([slowly.at(-1), earliestMs(parts)]).toEqual(['a timedOut', Infinity]);
  });
});
