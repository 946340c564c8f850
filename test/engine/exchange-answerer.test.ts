import { describe, expect, it } from 'vitest';
import { Answerer } from '../../src/engine/exchange-answerer.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX, EXCHANGE_MS } from '../../src/protocol/constants.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { BEGIN_MS, expire, goOn, ID, OK, request, stop, TableEvents, TableHost } from '../support/exchange-table.ts';
import { patterned, text } from '../support/exchange-world.ts';

const TOO_LARGE = { offset: 0, total: EXCHANGE_MESSAGE_BYTES_MAX + 1 };
const NEVER = Number.POSITIVE_INFINITY;
const FAILED = { exchange: 1, method: ExchangeFault.FAILED };

function fresh() {
  const host = new TableHost();
  const events = new TableEvents();
  return { host, events, answerer: new Answerer(host, ID, 'm', events) };
}

/** One that received 'abc' and whose application works. */
function working() {
  const all = fresh();
  all.answerer.request(request({ body: text('abc') }), false);
  all.host.takeSent();
  all.host.takeTold();
  all.host.takeCounted();
  return all;
}

/** One that sent its answer once. */
function responding(body: Uint8Array = text('answer'), status = OK) {
  const all = working();
  all.answerer.answer(1, status, body);
  all.host.takeSent();
  return all;
}

/** One that got the first three of six bytes of its first message. */
function receiving() {
  const all = fresh();
  all.answerer.request(request({ fragment: { offset: 0, total: 6 }, body: text('abc') }), false);
  all.host.takeSent();
  return all;
}

/** One whose second round is being worked on. */
function workingAgain() {
  const all = responding();
  all.answerer.continue(goOn({ round: 2, body: text('second') }));
  all.host.takeSent();
  all.host.takeTold();
  return all;
}

const receiptOf = (round: number, offset: number, total: number) => ({
  type: FrameType.RECEIPT,
  requestId: ID,
  round,
  fragment: { offset, total },
});
const responseOf = (round: number, part: object, status = OK) => ({
  type: FrameType.RESPONSE,
  requestId: ID,
  round,
  status,
  ...part,
});

describe('a REQUEST that comes', () => {
  it('whole is acknowledged and executed, and has 30 s', () => {
    const { host, answerer } = fresh();
    expect(answerer.deadlineMs()).toBe(NEVER);
    expect(answerer.request(request({ body: text('abc') }), false)).toBeUndefined();
    expect(answerer.state).toBe('Working');
    expect(host.takeSent()).toEqual([receiptOf(1, 3, 3)]);
    expect(host.takeTold()).toEqual([
      { kind: 'asked', session: 7, requestId: ID, round: 1, method: 'm', body: text('abc') },
    ]);
    expect(host.takeCounted()).toEqual({ exchangesExecuted: 1 });
    expect(answerer.deadlineMs()).toBe(BEGIN_MS + EXCHANGE_MS);
  });

  it('in parts is acknowledged with each, executed with the last, and only then has 30 s anew', () => {
    const { host, answerer } = receiving();
    expect([answerer.state, host.takeTold(), answerer.deadlineMs()]).toEqual(['Receiving', [], BEGIN_MS + EXCHANGE_MS]);
    host.nowMs += 500;
    const part = (offset: number, body: string) => request({ fragment: { offset, total: 6 }, body: text(body) });
    expect(answerer.request(part(3, 'd'), false)).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(1, 4, 6)]);
    expect([answerer.state, answerer.deadlineMs()]).toEqual(['Receiving', BEGIN_MS + EXCHANGE_MS]);
    expect(answerer.request(part(4, 'ef'), false)).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(1, 6, 6)]);
    expect(host.takeTold()).toMatchObject([{ kind: 'asked', body: text('abcdef') }]);
    expect(answerer.deadlineMs()).toBe(BEGIN_MS + 500 + EXCHANGE_MS);
  });

  it('takes no part that announces another length, or reaches beyond it', () => {
    const { host, answerer } = receiving();
    const wrong = [
      { fragment: { offset: 3, total: 7 }, body: text('defg') },
      { fragment: { offset: 3, total: 6 }, body: text('defg') },
      { fragment: TOO_LARGE, body: text('x') },
    ];
    for (const fields of wrong) expect(answerer.request(request(fields), false)).toBe('exchangeMalformed');
    expect([answerer.state, host.takeSent()]).toEqual(['Receiving', []]);
  });

  it('in another round than the first is malformed, and CONTINUE begins nothing', () => {
    const { host, answerer } = fresh();
    expect(answerer.request(request({ round: 2 }), false)).toBe('exchangeMalformed');
    expect(answerer.request(request({ round: 0 }), false)).toBe('exchangeMalformed');
    expect(answerer.continue(goOn({ round: 1, body: text('x') }))).toBe('exchangeMalformed');
    expect(answerer.continue(goOn({ round: 2, body: text('x') }))).toBe('exchangeCopy');
    expect([answerer.state, host.takeSent()]).toEqual(['New', []]);
  });

  it.each([
    ['for which there is no room', {}, true, ExchangeFault.BUSY],
    ['that is too large', { fragment: TOO_LARGE, body: text('x') }, false, ExchangeFault.TOO_LARGE],
    ['that is both', { fragment: TOO_LARGE, body: text('x') }, true, ExchangeFault.TOO_LARGE],
  ])('%s is refused, each copy again, for 30 s, and tells the application nothing', (_, fields, full, method) => {
    const { host, events, answerer } = fresh();
    const refusal = responseOf(1, {}, { exchange: 1, method });
    expect(answerer.request(request(fields), full)).toBeUndefined();
    expect([answerer.state, events.endedTimes]).toEqual(['Ended', 1]);
    expect(answerer.request(request(fields), false)).toBeUndefined();
    expect(host.takeSent()).toEqual([refusal, refusal]);
    expect([host.takeTold(), host.takeCounted()]).toEqual([[], { exchangesRefused: 2 }]);
    expect(events.endedTimes).toBe(1);
    expect(expire(host, answerer)).toBe(EXCHANGE_MS);
    expect([answerer.state, events.releasedTimes, answerer.deadlineMs()]).toEqual(['Closed', 1, NEVER]);
  });

  it('of the most that a message may have is taken', () => {
    const { host, answerer } = fresh();
    const fragment = { offset: 0, total: EXCHANGE_MESSAGE_BYTES_MAX };
    expect(answerer.request(request({ fragment, body: text('x') }), false)).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(1, 1, EXCHANGE_MESSAGE_BYTES_MAX)]);
  });
});

describe('a round that is being worked on', () => {
  it('acknowledges a copy of its message, and executes it no more', () => {
    const { host, answerer } = working();
    expect(answerer.request(request({ body: text('abc') }), false)).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(1, 3, 3)]);
    expect([host.takeTold(), host.takeCounted()]).toEqual([[], {}]);
  });

  it('takes nothing of the next one, and keeps what it has', () => {
    const { host, answerer } = working();
    expect(answerer.continue(goOn({ round: 2, body: text('early') }))).toBe('exchangeCopy');
    expect([answerer.state, host.takeSent(), host.takeTold()]).toEqual(['Working', [], []]);
    answerer.request(request({ body: text('abc') }), false);
    expect(host.takeSent()).toEqual([receiptOf(1, 3, 3)]);
  });

  it('has no answer of which anything can have arrived', () => {
    const { host, answerer } = working();
    expect(answerer.continue(goOn({ fragment: { offset: 0, total: 0 } }))).toBe('exchangeCopy');
    expect([answerer.state, host.takeSent()]).toEqual(['Working', []]);
  });

  it('takes the answer of its round, once', () => {
    const { host, answerer } = working();
    const status = { exchange: 0, method: 404 };
    for (const round of [0, 2]) expect(answerer.answer(round, OK, text('wrong'))).toBe(false);
    expect(host.takeSent()).toEqual([]);
    host.nowMs += 100;
    expect(answerer.answer(1, status, text('answer'))).toBe(true);
    expect(answerer.state).toBe('Responding');
    expect(host.takeSent()).toEqual([responseOf(1, { body: text('answer') }, status)]);
    expect(answerer.answer(1, OK, text('other'))).toBe(false);
    expect(host.takeSent()).toEqual([]);
    expect(expire(host, answerer)).toBe(50);
    expect(host.takeSent()).toEqual([responseOf(1, { body: text('answer') }, status)]);
  });

  it('takes no answer before there is a question, or after the end', () => {
    const { answerer } = fresh();
    expect(answerer.answer(0, OK, text('x'))).toBe(false);
    const stopped = working();
    stopped.answerer.continue(stop());
    expect(stopped.answerer.answer(1, OK, text('x'))).toBe(false);
    expect(stopped.host.takeSent()).toEqual([]);
  });

  it('ends after 30 s', () => {
    const { host, events, answerer } = working();
    expect(expire(host, answerer)).toBe(EXCHANGE_MS);
    expect([answerer.state, events.endedTimes]).toEqual(['Ended', 1]);
    expect(host.takeTold()).toEqual([{ kind: 'askEnded', session: 7, requestId: ID, outcome: 'timedOut' }]);
    expect(answerer.deadlineMs()).toBe(host.nowMs + EXCHANGE_MS);
  });
});

describe('an answer', () => {
  it('is repeated on the schedule until 30 s after it was given, and counted', () => {
    const { host, answerer } = working();
    host.nowMs += 4000;
    answerer.answer(1, OK, text('answer'));
    const again = responseOf(1, { body: text('answer') });
    expect(host.takeSent()).toEqual([again]);
    const waits = Array.from({ length: 8 }, () => expire(host, answerer));
    expect(waits).toEqual([50, 100, 200, 400, 800, 1600, 2000, 2000]);
    expect(host.takeSent()).toEqual(Array.from({ length: 8 }, () => again));
    expect(host.takeCounted()).toEqual({ exchangeRepeats: 8 });
    while (answerer.state === 'Responding') expire(host, answerer);
    expect(host.nowMs).toBe(BEGIN_MS + 4000 + EXCHANGE_MS);
    expect(host.takeTold()).toMatchObject([{ kind: 'askEnded', outcome: 'timedOut' }]);
  });

  it('goes on with what has arrived of it, and its schedule begins anew', () => {
    const body = patterned(6000);
    const { host, answerer } = working();
    answerer.answer(1, OK, body);
    const part = (from: number, to: number) =>
      responseOf(1, { fragment: { offset: from, total: 6000 }, body: body.subarray(from, to) });
    expect(host.takeSent()).toEqual([part(0, 1024), part(1024, 2048), part(2048, 3072), part(3072, 4096)]);
    for (const waitMs of [50, 100]) expect(expire(host, answerer)).toBe(waitMs);
    host.takeSent();
    const progress = (offset: number) => answerer.continue(goOn({ fragment: { offset, total: 6000 } }));
    expect(progress(2048)).toBeUndefined();
    expect(host.takeSent()).toEqual([part(4096, 5120), part(5120, 6000)]);
    expect(expire(host, answerer)).toBe(50);
    expect(host.takeSent()).toEqual([part(2048, 3072), part(3072, 4096), part(4096, 5120), part(5120, 6000)]);
    for (const offset of [0, 2048, 6001]) expect(progress(offset)).toBe('exchangeCopy');
    expect(host.takeSent()).toEqual([]);
  });

  it('that is all there asks only for what follows, and keeps its schedule', () => {
    const { host, answerer } = responding();
    host.nowMs += 10;
    for (let copy = 0; copy < 2; copy++) {
      expect(answerer.continue(goOn({ fragment: { offset: 6, total: 6 } }))).toBeUndefined();
    }
    expect([answerer.state, host.takeSent(), answerer.deadlineMs()]).toEqual(['Responding', [], BEGIN_MS + 50]);
    expire(host, answerer);
    expect(host.takeSent()).toEqual([responseOf(1, { fragment: { offset: 6, total: 6 }, body: text('') })]);
  });

  it('goes once more for each copy of the question, without a change to its schedule', () => {
    const body = patterned(2000);
    const { host, answerer } = responding(body);
    host.nowMs += 10;
    expect(answerer.request(request({ body: text('abc') }), false)).toBeUndefined();
    const first = { fragment: { offset: 0, total: 2000 }, body: body.subarray(0, 1024) };
    expect(host.takeSent()).toEqual([responseOf(1, first)]);
    expect([answerer.deadlineMs(), host.takeCounted()]).toEqual([BEGIN_MS + 50, {}]);
  });

  it.each([
    ['neither a part nor a place', {}],
    ['a part of its own round', { body: text('x') }],
    ['a part of its own round, and a place', { fragment: { offset: 1, total: 6 }, body: text('x') }],
  ])('is told nothing by a CONTINUE that has %s', (_, fields) => {
    const { host, answerer } = responding();
    expect(answerer.continue(goOn(fields))).toBe('exchangeMalformed');
    expect([answerer.state, host.takeSent()]).toEqual(['Responding', []]);
  });

  it('is told nothing by a CONTINUE whose status is neither of the two', () => {
    const { host, answerer } = responding(patterned(6000));
    const fragment = { offset: 1024, total: 6000 };
    expect(answerer.continue(goOn({ fragment, status: { exchange: 2, method: 0 } }))).toBe('exchangeMalformed');
    expect(answerer.continue(goOn({ round: 2, body: text('x'), status: { exchange: 2, method: 0 } }))).toBe(
      'exchangeMalformed',
    );
    expect([answerer.state, host.takeSent()]).toEqual(['Responding', []]);
  });
});

describe('the next round', () => {
  it.each([
    ['a place', { fragment: { offset: 0, total: 4 } }],
    ['a place at the end of nothing', { fragment: { offset: 0, total: 0 } }],
    ['nothing', {}],
  ])('is not opened by a CONTINUE that has %s and no BODY', (_name, part) => {
    const { host, answerer } = responding();
    expect(answerer.continue(goOn({ round: 2, ...part }))).toBe('exchangeMalformed');
    expect(answerer.state).toBe('Responding');
    expect([host.takeSent(), host.takeTold()]).toEqual([[], []]);
  });

  it('begins with its message, has 30 s of its own, and nothing of the round before is repeated', () => {
    const { host, answerer } = responding();
    host.nowMs += 20;
    expect(answerer.continue(goOn({ round: 2, body: text('second') }))).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(2, 6, 6)]);
    expect(host.takeTold()).toMatchObject([{ kind: 'asked', requestId: ID, round: 2, body: text('second') }]);
    expect([answerer.state, answerer.deadlineMs()]).toEqual(['Working', host.nowMs + EXCHANGE_MS]);
    expect(answerer.answer(2, OK, text('two'))).toBe(true);
    expect(host.takeSent()).toEqual([responseOf(2, { body: text('two') })]);
    expect(expire(host, answerer)).toBe(50);
  });

  it('takes what comes late and tells progress of the round before for a copy', () => {
    const { host, answerer } = responding();
    host.nowMs += 20;
    expect(answerer.continue(goOn({ round: 2, body: text('second') }))).toBeUndefined();
    expect(answerer.continue(goOn({ round: 1, fragment: { offset: 1, total: 1 } }))).toBe('exchangeCopy');
  });

  it('may come in parts, the first of which may bring no byte', () => {
    const { host, answerer } = responding();
    host.nowMs += 20;
    const empty = goOn({ round: 2, fragment: { offset: 0, total: 4 }, body: text('') });
    expect(answerer.continue(empty)).toBeUndefined();
    expect(host.takeSent()).toEqual([receiptOf(2, 0, 4)]);
    expect([answerer.state, answerer.deadlineMs()]).toEqual(['Receiving', host.nowMs + EXCHANGE_MS]);
    const rest = goOn({ round: 2, fragment: { offset: 0, total: 4 }, body: text('next') });
    expect(answerer.continue(rest)).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'asked', round: 2, body: text('next') }]);
  });

  it('must be the one that is due', () => {
    const { host, answerer } = responding();
    expect(answerer.continue(goOn({ round: 3, body: text('x') }))).toBe('exchangeCopy');
    expect([answerer.state, host.takeSent(), host.takeTold()]).toEqual(['Responding', [], []]);
    const early = receiving();
    const part = goOn({ round: 2, fragment: { offset: 3, total: 6 }, body: text('def') });
    expect(early.answerer.continue(part)).toBe('exchangeCopy');
    expect([early.answerer.state, early.host.takeSent(), early.host.takeTold()]).toEqual(['Receiving', [], []]);
  });

  it('leaves the rounds before it behind: what comes of them late has no effect', () => {
    const { host, events, answerer } = workingAgain();
    expect(answerer.request(request({ body: text('abc') }), false)).toBe('exchangeCopy');
    expect(answerer.continue(stop(1))).toBe('exchangeCopy');
    expect(answerer.answer(1, OK, text('late'))).toBe(false);
    expect([answerer.state, events.endedTimes, host.takeSent(), host.takeTold()]).toEqual(['Working', 0, [], []]);
  });

  it('does not take what arrived of the answer before for its own', () => {
    const { host, answerer } = workingAgain();
    answerer.answer(2, OK, patterned(6000));
    host.takeSent();
    const dueMs = answerer.deadlineMs();
    expect(answerer.continue(goOn({ fragment: { offset: 1024, total: 6000 } }))).toBeDefined();
    expect([answerer.state, host.takeSent(), answerer.deadlineMs()]).toEqual(['Responding', [], dueMs]);
  });

  it('that is too large has no effect', () => {
    const { host, answerer } = responding();
    expect(answerer.continue(goOn({ round: 2, fragment: TOO_LARGE, body: text('x') }))).toBe('exchangeMalformed');
    expect([answerer.state, host.takeSent(), host.takeCounted()]).toEqual(['Responding', [], {}]);
  });

  it('does not follow an exchange that failed', () => {
    const { host, answerer } = responding(text(''), FAILED);
    expect(answerer.continue(goOn({ round: 2, body: text('x') }))).toBe('exchangeCopy');
    expect([answerer.state, host.takeSent(), host.takeTold()]).toEqual(['Responding', [], []]);
  });
});

describe('the end of an exchange that came', () => {
  it.each([
    ['cancelled', working],
    ['delivered', responding],
    ['cancelled', workingAgain],
  ] as const)('is told as %s when it is stopped', (outcome, made) => {
    const { host, events, answerer } = made();
    host.nowMs += 10;
    expect(answerer.continue(stop(2))).toBeUndefined();
    expect(host.takeTold()).toEqual([{ kind: 'askEnded', session: 7, requestId: ID, outcome }]);
    expect([answerer.state, events.endedTimes, events.releasedTimes, host.takeSent()]).toEqual(['Ended', 1, 0, []]);
    expect(expire(host, answerer)).toBe(EXCHANGE_MS);
    expect([answerer.state, events.endedTimes, events.releasedTimes]).toEqual(['Closed', 1, 1]);
  });

  it.each([
    ['stopped', (answerer: Answerer) => answerer.continue(stop())],
    ['disconnected', (answerer: Answerer) => answerer.disconnected()],
  ] as const)('is not told of one that never was asked, when it is %s', (_, end) => {
    const { host, answerer } = receiving();
    end(answerer);
    expect(['Ended', 'Closed']).toContain(answerer.state);
    expect([host.takeSent(), host.takeTold()]).toEqual([[], []]);
  });

  it('leaves only its id: whatever comes of it has no effect', () => {
    const { host, events, answerer } = responding();
    answerer.continue(stop());
    host.takeTold();
    const frames = [
      goOn(),
      goOn({ fragment: { offset: 6, total: 6 } }),
      goOn({ round: 2, body: text('x') }),
      goOn({ round: 2, fragment: { offset: 1, total: 1 }, body: text('x') }),
      stop(),
    ];
    for (const frame of frames) expect(answerer.continue(frame)).toBe('exchangeCopy');
    expect(answerer.request(request({ body: text('abc') }), false)).toBe('exchangeCopy');
    expect([answerer.state, events.endedTimes, host.takeSent(), host.takeTold()]).toEqual(['Ended', 1, [], []]);
  });

  it('may be forgotten before its time, but not while it is open', () => {
    const { events, answerer } = responding();
    answerer.forget();
    expect([answerer.state, events.releasedTimes]).toEqual(['Responding', 0]);
    answerer.continue(stop());
    answerer.forget();
    expect([answerer.state, events.releasedTimes, answerer.deadlineMs()]).toEqual(['Closed', 1, NEVER]);
  });

  it.each([
    ['worked on', working],
    ['answered', responding],
  ] as const)('comes with the end of the session to one that is %s', (_, made) => {
    const { host, events, answerer } = made();
    answerer.disconnected();
    expect(host.takeTold()).toMatchObject([{ kind: 'askEnded', outcome: 'disconnected' }]);
    expect([answerer.state, events.endedTimes, events.releasedTimes]).toEqual(['Closed', 0, 1]);
    expect([answerer.deadlineMs(), host.takeSent()]).toEqual([NEVER, []]);
  });
});
