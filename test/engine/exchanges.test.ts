import { describe, expect, it } from 'vitest';
import { Exchanges } from '../../src/engine/exchanges.ts';
import type { ExchangeInput } from '../../src/engine/io-types.ts';
import {
  EXCHANGE_MESSAGE_BYTES_MAX,
  EXCHANGE_MS,
  EXCHANGES_OPEN_MAX,
  NOTIFIES_REMEMBERED_MAX,
  NOTIFY_BYTES_MAX,
} from '../../src/protocol/constants.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import {
  BEGIN_MS,
  expire,
  GO_ON,
  goOn,
  ID,
  notify,
  OK,
  receipt,
  request,
  response,
  STOP,
  stop,
  TableHost,
} from '../support/exchange-table.ts';
import { patterned, text } from '../support/exchange-world.ts';

/** The exchanges of one session; those that it asks for have the ids 1, 2 and so on. */
function table() {
  const host = new TableHost();
  let drawn = 0n;
  return { host, exchanges: new Exchanges(host, () => ++drawn) };
}

const ask = (call: number, fields: Partial<ExchangeInput & { readonly kind: 'ask' }> = {}): ExchangeInput => ({
  kind: 'ask',
  call,
  method: 'm',
  body: text('abc'),
  ...fields,
});
const failureOf = (call: number, fault: number) => ({ kind: 'askFailed', session: 7, call, fault });

describe('what the application asks for', () => {
  it('is counted, goes out with a drawn id, and ends with its answer', () => {
    const { host, exchanges } = table();
    expect(exchanges.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    exchanges.take(ask(5));
    expect(host.takeSent()).toEqual([
      { type: FrameType.REQUEST, requestId: 1n, round: 1, method: 'm', body: text('abc') },
    ]);
    expect(host.takeCounted()).toEqual({ exchangesAsked: 1 });
    expect(exchanges.deadlineMs()).toBe(BEGIN_MS + 50);
    expect(exchanges.frame(receipt({ requestId: 1n, fragment: { offset: 3, total: 3 } }))).toBeUndefined();
    expect(exchanges.deadlineMs()).toBe(BEGIN_MS + EXCHANGE_MS);
    expect(exchanges.frame(response({ requestId: 1n, body: text('answer') }))).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'answered', call: 5, body: text('answer') }]);
    expect(host.takeCounted()).toEqual({ exchangesAnswered: 1 });
  });

  it.each([
    [undefined, EXCHANGE_MS],
    [100, 100],
    [EXCHANGE_MS + 1, EXCHANGE_MS],
  ])('with %s ms has %i', (timeoutMs, limitMs) => {
    const { host, exchanges } = table();
    exchanges.take(ask(1, timeoutMs === undefined ? {} : { timeoutMs }));
    exchanges.frame(receipt({ requestId: 1n, fragment: { offset: 3, total: 3 } }));
    expect(expire(host, exchanges)).toBe(limitMs);
    expect(host.takeTold()).toEqual([failureOf(1, ExchangeFault.TIMED_OUT)]);
  });

  it('beyond 16 that are open fails at once, and no longer when they have ended (S5)', () => {
    const { host, exchanges } = table();
    for (let call = 1; call <= EXCHANGES_OPEN_MAX; call++) exchanges.take(ask(call));
    host.takeSent();
    host.takeCounted();
    exchanges.take(ask(17));
    expect([host.takeSent(), host.takeTold()]).toEqual([[], [failureOf(17, ExchangeFault.BUSY)]]);
    expect(host.takeCounted()).toEqual({ exchangesAsked: 1, exchangesFailed: 1 });
    exchanges.frame(response({ requestId: 1n }));
    host.takeTold();
    host.takeSent();
    exchanges.take(ask(18));
    expect(host.takeTold()).toEqual([]);
    expect(host.takeSent()).toMatchObject([{ type: FrameType.REQUEST, requestId: 17n }]);
  });

  it('goes on in a further round where rounds were wanted, and stops when it is told to', () => {
    const { host, exchanges } = table();
    exchanges.take(ask(5, { rounds: true }));
    exchanges.frame(response({ requestId: 1n }));
    host.takeSent();
    exchanges.take({ kind: 'continue', call: 5, body: text('second') });
    expect(host.takeSent()).toEqual([
      { type: FrameType.CONTINUE, requestId: 1n, round: 2, status: GO_ON, body: text('second') },
    ]);
    exchanges.take({ kind: 'stop', call: 5 });
    expect(host.takeSent()).toEqual([{ type: FrameType.CONTINUE, requestId: 1n, round: 2, status: STOP }]);
    expect(host.takeTold()).toMatchObject([{ kind: 'answered' }, failureOf(5, ExchangeFault.CANCELLED)]);
  });

  it('cannot go on where it does not stand at a decision, or is not known: that fails, counted', () => {
    const { host, exchanges } = table();
    exchanges.take(ask(5));
    host.takeSent();
    host.takeCounted();
    for (const call of [5, 6]) exchanges.take({ kind: 'continue', call, body: text('x') });
    expect(host.takeTold()).toEqual([5, 6].map((call) => failureOf(call, ExchangeFault.SESSION_ENDED)));
    expect([host.takeSent(), host.takeCounted()]).toEqual([[], { exchangesFailed: 2 }]);
  });

  it('of what is not known any more has no effect: to stop it, or to answer it', () => {
    const { host, exchanges } = table();
    exchanges.take({ kind: 'stop', call: 1 });
    exchanges.take({ kind: 'answer', requestId: ID, round: 1, status: OK, body: text('x') });
    expect([host.takeSent(), host.takeTold(), host.takeCounted()]).toEqual([[], [], {}]);
  });

  it('has a method of 1 to 64 bytes of UTF-8, whatever they are, or is refused before anything happens', () => {
    const { host, exchanges } = table();
    const methods = ['a', 'é'.repeat(32), '\uFEFFm'];
    for (const method of methods) exchanges.take(ask(1, { method }));
    expect(host.takeSent()).toMatchObject(methods.map((method) => ({ method })));
    host.takeCounted();
    const wrong: [string, number][] = [
      ['', 0],
      ['a'.repeat(65), 65],
      [`${'é'.repeat(32)}a`, 65],
      ['\uD800', 3],
    ];
    for (const [method, bytes] of wrong) {
      const refusal = `a method's name has 1 to 64 bytes of UTF-8, not ${bytes}`;
      expect(() => exchanges.take(ask(1, { method }))).toThrow(new RangeError(refusal));
      expect(() => exchanges.take({ kind: 'notify', method, body: text('') })).toThrow(new RangeError(refusal));
    }
    expect([host.takeSent(), host.takeCounted()]).toEqual([[], {}]);
  });

  it('has a body that a message can have, or is refused before anything happens', () => {
    const { host, exchanges } = table();
    const body = patterned(EXCHANGE_MESSAGE_BYTES_MAX + 1);
    const inputs: ExchangeInput[] = [
      ask(1, { body }),
      { kind: 'continue', call: 1, body },
      { kind: 'answer', requestId: ID, round: 1, status: OK, body },
    ];
    for (const input of inputs) {
      expect(() => exchanges.take(input)).toThrow(new RangeError('a message has at most 16384 bytes, not 16385'));
    }
    const tooLong: ExchangeInput = { kind: 'notify', method: 'm', body: patterned(NOTIFY_BYTES_MAX + 1) };
    expect(() => exchanges.take(tooLong)).toThrow(new RangeError('a message has at most 1024 bytes, not 1025'));
    expect([host.takeSent(), host.takeTold(), host.takeCounted()]).toEqual([[], [], {}]);
    exchanges.take(ask(1, { body: body.subarray(1) }));
    expect(host.takeSent()).toHaveLength(4);
  });
});

describe('what comes of exchanges', () => {
  it('is asked of the application, and its answer goes back', () => {
    const { host, exchanges } = table();
    expect(exchanges.frame(request({ body: text('abc') }))).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'asked', requestId: ID, round: 1, method: 'm', body: text('abc') }]);
    expect(exchanges.deadlineMs()).toBe(BEGIN_MS + EXCHANGE_MS);
    host.takeSent();
    exchanges.take({ kind: 'answer', requestId: ID, round: 1, status: OK, body: text('answer') });
    expect(host.takeSent()).toMatchObject([{ type: FrameType.RESPONSE, requestId: ID, body: text('answer') }]);
    expect(expire(host, exchanges)).toBe(50);
    expect(host.takeSent()).toHaveLength(1);
    expect(exchanges.frame(stop())).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'askEnded', outcome: 'delivered' }]);
  });

  it('is unknown where nothing of its direction has the id', () => {
    const { exchanges } = table();
    exchanges.take(ask(1));
    exchanges.frame(request());
    for (const frame of [receipt(), response(), stop(1)].map((frame) => ({ ...frame, requestId: 99n }))) {
      expect(exchanges.frame(frame)).toBe('exchangeUnknown');
    }
    expect(exchanges.frame(goOn({ requestId: 1n }))).toBe('exchangeUnknown');
    expect(exchanges.frame(response())).toBe('exchangeUnknown');
  });

  it('is unknown again 30 s after its end', () => {
    const { host, exchanges } = table();
    exchanges.take(ask(1));
    exchanges.frame(response({ requestId: 1n }));
    exchanges.frame(request());
    exchanges.frame(stop());
    expect(exchanges.frame(response({ requestId: 1n }))).toBeUndefined();
    expect(exchanges.frame(request())).toBe('exchangeCopy');
    expect(expire(host, exchanges)).toBe(EXCHANGE_MS);
    expect(exchanges.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(exchanges.frame(response({ requestId: 1n }))).toBe('exchangeUnknown');
    expect(exchanges.frame(stop())).toBe('exchangeUnknown');
    host.takeTold();
    expect(exchanges.frame(request())).toBeUndefined();
    expect(host.takeTold()).toMatchObject([{ kind: 'asked' }]);
  });

  it('and is malformed takes no place of one that is open (S5)', () => {
    const { host, exchanges } = table();
    for (let id = 100n; id < 120n; id++) {
      expect(exchanges.frame(request({ requestId: id, round: 2 }))).toBe('exchangeMalformed');
    }
    expect(exchanges.frame(goOn({ requestId: 100n, round: 2 }))).toBe('exchangeUnknown');
    expect(exchanges.frame(request())).toBeUndefined();
    expect(host.takeSent()).toMatchObject([{ type: FrameType.RECEIPT }]);
  });

  it('beyond 16 that are open is refused as BUSY, and no longer when one has ended (S5)', () => {
    const { host, exchanges } = table();
    for (let id = 1n; id <= EXCHANGES_OPEN_MAX; id++) exchanges.frame(request({ requestId: id }));
    host.takeSent();
    expect(exchanges.frame(request({ requestId: 17n }))).toBeUndefined();
    expect(host.takeSent()).toMatchObject([
      { type: FrameType.RESPONSE, requestId: 17n, status: { exchange: 1, method: ExchangeFault.BUSY } },
    ]);
    expect(exchanges.frame(request({ requestId: 16n }))).toBeUndefined();
    expect(host.takeSent()).toMatchObject([{ type: FrameType.RECEIPT, requestId: 16n }]);
    exchanges.frame({ ...stop(), requestId: 1n });
    exchanges.frame(request({ requestId: 18n }));
    expect(host.takeSent()).toMatchObject([{ type: FrameType.RECEIPT, requestId: 18n }]);
  });
});

describe('the end of the session', () => {
  it('fails all that is open, once, sends nothing, and leaves nothing behind', () => {
    const { host, exchanges } = table();
    exchanges.take(ask(1));
    exchanges.take(ask(2));
    exchanges.frame(response({ requestId: 2n }));
    exchanges.frame(request());
    host.takeSent();
    host.takeTold();
    host.takeCounted();
    exchanges.end();
    exchanges.end();
    expect(host.takeTold()).toEqual([
      failureOf(1, ExchangeFault.SESSION_ENDED),
      { kind: 'askEnded', session: 7, requestId: ID, outcome: 'disconnected' },
    ]);
    expect([host.takeSent(), host.takeCounted()]).toEqual([[], { exchangesFailed: 1 }]);
    expect(exchanges.frame(response({ requestId: 1n }))).toBe('exchangeUnknown');
    expect(exchanges.frame(stop())).toBe('exchangeUnknown');
  });
});

describe('a notification', () => {
  it('goes out once with an id of its own, and is counted', () => {
    const { host, exchanges } = table();
    const body = patterned(NOTIFY_BYTES_MAX);
    exchanges.take({ kind: 'notify', method: 'm', body });
    expect(host.takeSent()).toEqual([{ type: FrameType.NOTIFY, requestId: 1n, method: 'm', body }]);
    expect([host.takeCounted(), exchanges.deadlineMs()]).toEqual([{ notifiesSent: 1 }, Number.POSITIVE_INFINITY]);
  });

  it('that comes is told with a body that nobody changes later, and counted', () => {
    const { host, exchanges } = table();
    const body = text('abc');
    expect(exchanges.frame(notify({ body }))).toBeUndefined();
    body.fill(0);
    expect(exchanges.frame(notify({ requestId: 2n }))).toBeUndefined();
    expect(host.takeTold()).toEqual([
      { kind: 'notified', session: 7, method: 'm', body: text('abc') },
      { kind: 'notified', session: 7, method: 'm', body: text('') },
    ]);
    expect([host.takeCounted(), host.takeSent()]).toEqual([{ notifiesReceived: 2 }, []]);
  });

  it('in parts is malformed, and does not stand in the way of a right one', () => {
    const { host, exchanges } = table();
    const part = notify({ fragment: { offset: 0, total: 3 }, body: text('abc') });
    expect(exchanges.frame(part)).toBe('exchangeMalformed');
    expect([host.takeTold(), host.takeCounted()]).toEqual([[], {}]);
    expect(exchanges.frame(notify())).toBeUndefined();
  });

  it('that comes twice is told once, for as long as its id is among the newest 256 (S5)', () => {
    const { host, exchanges } = table();
    const come = (id: number) => exchanges.frame(notify({ requestId: BigInt(id) }));
    for (let id = 1; id <= NOTIFIES_REMEMBERED_MAX; id++) expect(come(id)).toBeUndefined();
    expect([come(1), come(NOTIFIES_REMEMBERED_MAX)]).toEqual(['exchangeCopy', 'exchangeCopy']);
    expect(host.takeTold()).toHaveLength(NOTIFIES_REMEMBERED_MAX);
    expect(come(NOTIFIES_REMEMBERED_MAX + 1)).toBeUndefined();
    expect(come(2)).toBe('exchangeCopy');
    expect(come(1)).toBeUndefined();
    expect(host.takeCounted()).toEqual({ notifiesReceived: NOTIFIES_REMEMBERED_MAX + 2 });
  });
});
