import { describe, expect, it } from 'vitest';
import { Asker, type Question } from '../../src/engine/exchange-asker.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX, EXCHANGE_MS } from '../../src/protocol/constants.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import {
  BEGIN_MS,
  expire,
  GO_ON,
  ID,
  receipt,
  response,
  STOP,
  TableEvents,
  TableHost,
} from '../support/exchange-table.ts';
import { patterned, text } from '../support/exchange-world.ts';

const LIMIT_MS = 5000;
const FAILED = { exchange: 1, method: ExchangeFault.FAILED };

/** One that asked, with 'abc' and for one round unless the test wants something else. */
function asking(question: Partial<Question> = {}) {
  const host = new TableHost();
  const events = new TableEvents();
  const asked = { call: 3, requestId: ID, method: 'm', body: text('abc'), timeoutMs: LIMIT_MS, rounds: false };
  const asker = new Asker(host, { ...asked, ...question }, events);
  asker.ask();
  return { host, events, asker };
}

/** One whose message is there. */
function waiting(question: Partial<Question> = {}) {
  const all = asking(question);
  all.asker.receipt(receipt({ fragment: { offset: 3, total: 3 } }));
  all.host.takeSent();
  return all;
}

/** One whose first round was answered, with time for a decision since {@link BEGIN_MS}. */
function deciding() {
  const all = asking({ rounds: true });
  all.asker.response(response({ body: text('answer') }));
  all.host.takeSent();
  all.host.takeTold();
  all.host.takeCounted();
  return all;
}

/** One that has its answer, and has ended. */
function ended() {
  const all = asking();
  all.asker.response(response({ body: text('answer') }));
  all.host.takeSent();
  all.host.takeTold();
  return all;
}

const requestOf = (part: object) => ({ type: FrameType.REQUEST, requestId: ID, round: 1, method: 'm', ...part });
const continueOf = (round: number, status: typeof GO_ON, part: object = {}) => ({
  type: FrameType.CONTINUE,
  requestId: ID,
  round,
  status,
  ...part,
});
const progressOf = (round: number, offset: number, total: number) =>
  continueOf(round, GO_ON, { fragment: { offset, total } });
const failureOf = (fault: number) => ({ kind: 'askFailed', session: 7, call: 3, fault });

describe('a question', () => {
  it('goes out at once, and again on the schedule until its time is over, counted', () => {
    const { host, events, asker } = asking();
    expect([asker.call, asker.state]).toEqual([3, 'Asking']);
    const question = requestOf({ body: text('abc') });
    expect(host.takeSent()).toEqual([question]);
    const waits = Array.from({ length: 6 }, () => expire(host, asker));
    expect(waits).toEqual([50, 100, 200, 400, 800, 1600]);
    expect(host.takeSent()).toEqual(Array.from({ length: 6 }, () => question));
    expect(host.takeCounted()).toEqual({ exchangeRepeats: 6 });
    expect(expire(host, asker)).toBe(LIMIT_MS - 3150);
    expect([asker.state, events.endedTimes]).toEqual(['Ended', 1]);
    expect(host.takeSent()).toEqual([continueOf(1, STOP)]);
    expect(host.takeTold()).toEqual([failureOf(ExchangeFault.TIMED_OUT)]);
    expect(host.takeCounted()).toEqual({ exchangesFailed: 1 });
  });

  it('goes on with what has arrived of it, and its schedule begins anew', () => {
    const body = patterned(6000);
    const { host, asker } = asking({ body });
    const part = (from: number, to: number) =>
      requestOf({ fragment: { offset: from, total: 6000 }, body: body.subarray(from, to) });
    expect(host.takeSent()).toEqual([part(0, 1024), part(1024, 2048), part(2048, 3072), part(3072, 4096)]);
    for (const waitMs of [50, 100]) expect(expire(host, asker)).toBe(waitMs);
    host.takeSent();
    const arrived = (offset: number) => asker.receipt(receipt({ fragment: { offset, total: 6000 } }));
    expect(arrived(2048)).toBeUndefined();
    expect(host.takeSent()).toEqual([part(4096, 5120), part(5120, 6000)]);
    expect([asker.state, asker.deadlineMs()]).toEqual(['Asking', host.nowMs + 50]);
    for (const offset of [0, 2048, 6001]) expect(arrived(offset)).toBe('exchangeCopy');
    expect([asker.state, host.takeSent()]).toEqual(['Asking', []]);
    expect(expire(host, asker)).toBe(50);
    expect(host.takeSent()).toEqual([part(2048, 3072), part(3072, 4096), part(4096, 5120), part(5120, 6000)]);
  });

  it('is not repeated once all of it is there, and its time runs on', () => {
    const { host, asker } = asking();
    host.takeSent();
    host.nowMs += 20;
    expect(asker.receipt(receipt({ fragment: { offset: 3, total: 3 } }))).toBeUndefined();
    expect([asker.state, asker.deadlineMs(), host.takeSent()]).toEqual(['Waiting', BEGIN_MS + LIMIT_MS, []]);
    expect(asker.receipt(receipt({ fragment: { offset: 3, total: 3 } }))).toBe('exchangeCopy');
    expire(host, asker);
    expect(host.takeTold()).toEqual([failureOf(ExchangeFault.TIMED_OUT)]);
  });

  it('hears nothing from a RECEIPT without a place, or of another round', () => {
    const { host, asker } = asking();
    host.takeSent();
    expect(asker.receipt(receipt())).toBe('exchangeMalformed');
    for (const round of [0, 2]) {
      expect(asker.receipt(receipt({ round, fragment: { offset: 3, total: 3 } }))).toBe('exchangeCopy');
    }
    expect([asker.state, host.takeSent()]).toEqual(['Asking', []]);
  });

  it.each([
    ['has not arrived', asking],
    ['has arrived', waiting],
  ] as const)('that %s ends when the caller stops it, and says so', (_, made) => {
    const { host, events, asker } = made();
    host.takeSent();
    host.nowMs += 20;
    asker.stop();
    expect(host.takeSent()).toEqual([continueOf(1, STOP)]);
    expect(host.takeTold()).toEqual([failureOf(ExchangeFault.CANCELLED)]);
    expect(host.takeCounted()).toEqual({ exchangesFailed: 1 });
    expect([asker.state, events.endedTimes, asker.deadlineMs()]).toEqual(['Ended', 1, host.nowMs + EXCHANGE_MS]);
  });

  it.each([
    ['has not arrived', asking],
    ['has arrived', waiting],
  ] as const)('that %s fails with the session, and nothing is sent', (_, made) => {
    const { host, events, asker } = made();
    host.takeSent();
    asker.disconnected();
    expect(host.takeTold()).toEqual([failureOf(ExchangeFault.SESSION_ENDED)]);
    expect([host.takeSent(), asker.state, asker.deadlineMs()]).toEqual([[], 'Closed', Number.POSITIVE_INFINITY]);
    expect([events.endedTimes, events.releasedTimes]).toEqual([0, 1]);
  });
});

describe('the answer to a question', () => {
  it.each([
    ['before the RECEIPT', asking],
    ['after it', waiting],
  ] as const)('ends the exchange where one round was wanted, %s', (_, made) => {
    const { host, events, asker } = made();
    host.takeSent();
    host.nowMs += 20;
    const status = { exchange: 0, method: 404 };
    expect(asker.response(response({ status, body: text('answer') }))).toBeUndefined();
    expect(host.takeSent()).toEqual([continueOf(1, STOP)]);
    expect(host.takeTold()).toEqual([
      { kind: 'answered', session: 7, call: 3, round: 1, status: 404, body: text('answer') },
    ]);
    expect(host.takeCounted()).toEqual({ exchangesAnswered: 1 });
    expect([asker.state, events.endedTimes, asker.deadlineMs()]).toEqual(['Ended', 1, host.nowMs + EXCHANGE_MS]);
  });

  it('that says ERROR is a failure, and the end also where rounds could follow', () => {
    const { host, events, asker } = asking({ rounds: true });
    host.takeSent();
    expect(asker.response(response({ status: FAILED }))).toBeUndefined();
    expect([asker.state, events.endedTimes]).toEqual(['Ended', 1]);
    expect(host.takeSent()).toEqual([continueOf(1, STOP)]);
    expect(host.takeTold()).toEqual([failureOf(ExchangeFault.FAILED)]);
    expect(host.takeCounted()).toEqual({ exchangesFailed: 1 });
  });

  it('in parts is told with the last of them; each other is acknowledged, and the question no longer repeated', () => {
    const { host, asker } = asking();
    host.takeSent();
    const part = (offset: number, body: string) => response({ fragment: { offset, total: 6 }, body: text(body) });
    expect(asker.response(part(0, 'ab'))).toBeUndefined();
    expect([asker.state, asker.deadlineMs()]).toEqual(['Waiting', BEGIN_MS + LIMIT_MS]);
    expect(asker.response(part(4, 'ef'))).toBeUndefined();
    expect(host.takeSent()).toEqual([progressOf(1, 2, 6), progressOf(1, 2, 6)]);
    expect(asker.response(part(2, 'cd'))).toBeUndefined();
    expect(host.takeSent()).toEqual([continueOf(1, STOP)]);
    expect(host.takeTold()).toMatchObject([{ kind: 'answered', body: text('abcdef') }]);
  });

  it('takes no part that announces another length, reaches beyond it, or is of a message that is too large', () => {
    const { host, asker } = waiting();
    const part = (offset: number, total: number, body: string) =>
      asker.response(response({ fragment: { offset, total }, body: text(body) }));
    expect(part(0, EXCHANGE_MESSAGE_BYTES_MAX + 1, 'x')).toBe('exchangeMalformed');
    expect(part(1, 1, 'x')).toBe('exchangeMalformed');
    expect(part(0, 6, 'abc')).toBeUndefined();
    host.takeSent();
    expect(part(3, 7, 'defg')).toBe('exchangeMalformed');
    expect(part(3, 6, 'defg')).toBe('exchangeMalformed');
    expect([asker.state, host.takeSent(), host.takeTold()]).toEqual(['Waiting', [], []]);
  });

  it('may have the most that a message may have', () => {
    const { host, asker } = waiting();
    const fragment = { offset: 0, total: EXCHANGE_MESSAGE_BYTES_MAX };
    expect(asker.response(response({ fragment, body: text('x') }))).toBeUndefined();
    expect(host.takeSent()).toEqual([progressOf(1, 1, EXCHANGE_MESSAGE_BYTES_MAX)]);
  });

  it('of another round is no answer', () => {
    const { host, asker } = waiting();
    for (const round of [0, 2]) expect(asker.response(response({ round, body: text('x') }))).toBe('exchangeCopy');
    expect([asker.state, host.takeSent(), host.takeTold()]).toEqual(['Waiting', [], []]);
  });
});

describe('the decision after an answer', () => {
  it('has 30 s, however little the question had, and nothing is repeated meanwhile', () => {
    const { host, events, asker } = deciding();
    expect([asker.state, asker.deadlineMs()]).toEqual(['Deciding', BEGIN_MS + EXCHANGE_MS]);
    expire(host, asker);
    expect([asker.state, events.endedTimes]).toEqual(['Ended', 1]);
    expect([host.takeSent(), host.takeTold(), host.takeCounted()]).toEqual([[continueOf(1, STOP)], [], {}]);
  });

  it('is not needed to tell that all of the answer is here', () => {
    const { host, asker } = deciding();
    host.nowMs += 20;
    expect(asker.response(response({ body: text('answer') }))).toBeUndefined();
    const end = { fragment: { offset: 6, total: 6 }, body: text('') };
    expect(asker.response(response(end))).toBeUndefined();
    expect(host.takeSent()).toEqual([progressOf(1, 6, 6), progressOf(1, 6, 6)]);
    expect([host.takeTold(), host.takeCounted(), asker.deadlineMs()]).toEqual([[], {}, BEGIN_MS + EXCHANGE_MS]);
  });

  it('may be a further round, which has the time that a round has', () => {
    const { host, asker } = deciding();
    host.nowMs += 2000;
    expect(asker.goOn(text('second'))).toBe(true);
    expect(asker.state).toBe('Asking');
    const second = continueOf(2, GO_ON, { body: text('second') });
    expect(host.takeSent()).toEqual([second]);
    expect(asker.response(response({ body: text('answer') }))).toBe('exchangeCopy');
    expect(asker.receipt(receipt({ fragment: { offset: 3, total: 3 } }))).toBe('exchangeCopy');
    expect(expire(host, asker)).toBe(50);
    expect(host.takeSent()).toEqual([second]);
    expect(asker.receipt(receipt({ round: 2, fragment: { offset: 6, total: 6 } }))).toBeUndefined();
    expect(asker.deadlineMs()).toBe(BEGIN_MS + 2000 + LIMIT_MS);
    expect(asker.response(response({ round: 2, body: text('two') }))).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'answered', round: 2, body: text('two') }]);
    expect(asker.state).toBe('Deciding');
  });

  it('may be the end, which is no failure', () => {
    const { host, events, asker } = deciding();
    host.nowMs += 20;
    asker.stop();
    expect([host.takeSent(), host.takeTold(), host.takeCounted()]).toEqual([[continueOf(1, STOP)], [], {}]);
    expect([asker.state, events.endedTimes, asker.deadlineMs()]).toEqual(['Ended', 1, host.nowMs + EXCHANGE_MS]);
  });

  it('is nobody’s any more when the session ends', () => {
    const { host, events, asker } = deciding();
    asker.disconnected();
    expect([host.takeSent(), host.takeTold(), asker.state]).toEqual([[], [], 'Closed']);
    expect([events.releasedTimes, asker.deadlineMs()]).toEqual([1, Number.POSITIVE_INFINITY]);
  });

  it.each([
    ['asks', asking],
    ['waits', waiting],
    ['has ended', ended],
  ] as const)('cannot be a further round of one that %s', (_, made) => {
    const { host, asker } = made();
    host.takeSent();
    const { state } = asker;
    expect(asker.goOn(text('x'))).toBe(false);
    expect([asker.state, host.takeSent()]).toEqual([state, []]);
  });

  it('cannot be a round beyond 65,535, as ROUND is a u16', () => {
    const { host, asker } = deciding();
    const [empty, answer] = [text(''), response()];
    for (let round = 2; round <= 0xffff; round++) {
      host.takeSent();
      host.takeTold();
      if (!asker.goOn(empty)) expect.fail(`round ${round} was refused`);
      asker.response({ ...answer, round });
    }
    expect(host.takeTold()).toMatchObject([{ kind: 'answered', round: 0xffff }]);
    host.takeSent();
    expect(asker.goOn(text(''))).toBe(false);
    expect([asker.state, host.takeSent()]).toEqual(['Deciding', []]);
  });
});

describe('a question that has ended', () => {
  it('answers every copy of a RESPONSE, of whatever round and kind, with the stop, and tells nothing', () => {
    const { host, events, asker } = ended();
    const copies = [
      response(),
      response({ round: 9 }),
      response({ fragment: { offset: 9, total: 1 }, status: FAILED }),
    ];
    for (const copy of copies) expect(asker.response(copy)).toBeUndefined();
    expect(host.takeSent()).toEqual(copies.map(() => continueOf(1, STOP)));
    expect([asker.state, events.endedTimes, host.takeTold()]).toEqual(['Ended', 1, []]);
    expect(asker.deadlineMs()).toBe(BEGIN_MS + EXCHANGE_MS);
  });

  it('has nothing of which anything can have arrived', () => {
    const { host, asker } = ended();
    expect(asker.receipt(receipt({ fragment: { offset: 3, total: 3 } }))).toBe('exchangeCopy');
    expect(asker.receipt(receipt())).toBe('exchangeCopy');
    asker.stop();
    expect([asker.state, host.takeSent(), host.takeTold()]).toEqual(['Ended', [], []]);
  });

  it('is remembered for 30 s, and then says nothing more', () => {
    const { host, events, asker } = ended();
    expect(expire(host, asker)).toBe(EXCHANGE_MS);
    expect([asker.state, events.releasedTimes, asker.deadlineMs()]).toEqual(['Closed', 1, Number.POSITIVE_INFINITY]);
    expect(asker.response(response({ body: text('answer') }))).toBe('exchangeCopy');
    expect([host.takeSent(), host.takeTold(), events.endedTimes]).toEqual([[], [], 1]);
  });

  it('may be forgotten before its time, but not while it is open', () => {
    const { events, asker } = ended();
    asker.forget();
    expect([asker.state, events.releasedTimes, asker.deadlineMs()]).toEqual(['Closed', 1, Number.POSITIVE_INFINITY]);
    const open = asking();
    open.asker.forget();
    expect([open.asker.state, open.events.releasedTimes]).toEqual(['Asking', 0]);
  });
});
