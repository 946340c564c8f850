import { describe, expect, it } from 'vitest';
import { Hello, type HelloOptions } from '../../src/neighbours/core/hello.ts';
import { pass } from '../support/pass-time.ts';

function helloOf(options: Partial<HelloOptions> = {}) {
  const log: string[] = [];
  const hello = new Hello<string>(
    { opens: true, deadlineMs: 2000, ...options },
    {
      sendHello: () => log.push('hello'),
      sendRefusal: (failure) => log.push(`refusal ${failure}`),
      judge: () => log.push('judge'),
      established: () => log.push('established'),
      deliver: (message) => log.push(`deliver ${message}`),
      ended: (failure) => log.push(`ended ${failure}`),
    },
  );
  return { hello, log };
}

describe('a hello', () => {
  it('that opens sends first and is established by a fitting answer', () => {
    const { hello, log } = helloOf();
    hello.start(0);
    expect([log, hello.deadlineMs()]).toEqual([['hello'], 2000]);
    hello.hello(true, 10);
    expect([log, hello.deadlineMs(), hello.state]).toEqual([['hello', 'established'], Infinity, 'Established']);
    expect(hello.other('x', 11)).toBe(true);
  });

  it('that answers has the peer judged first, and holds what comes meanwhile in its order', () => {
    const { hello, log } = helloOf({ opens: false });
    hello.start(0);
    hello.hello(true, 5);
    expect([hello.other('a', 6), hello.other('b', 6), log]).toEqual([false, false, ['judge']]);
    hello.admitted(50);
    expect(log).toEqual(['judge', 'hello', 'established', 'deliver a', 'deliver b']);
    expect(hello.deadlineMs()).toBe(Infinity);
  });

  it('may be judged at once', () => {
    const log: string[] = [];
    const hello: Hello<string> = new Hello<string>(
      { opens: false, deadlineMs: 2000 },
      {
        sendHello: () => log.push('hello'),
        sendRefusal: () => {},
        judge: () => hello.admitted(5),
        established: () => log.push('established'),
        deliver: () => {},
        ended: () => {},
      },
    );
    hello.start(0);
    hello.hello(true, 5);
    expect([log, hello.state, hello.deadlineMs()]).toEqual([['hello', 'established'], 'Established', Infinity]);
  });

  it('holds no more than its limit', () => {
    const { hello, log } = helloOf({ opens: false, heldMax: 2 });
    hello.start(0);
    hello.hello(true, 5);
    for (const message of ['a', 'b', 'c']) hello.other(message, 6);
    expect(log).toEqual(['judge', 'refusal outOfOrder', 'ended outOfOrder']);
  });

  it.each([true, false])('that never comes ends the connection at its deadline (opens: %s)', (opens) => {
    const { hello, log } = helloOf({ opens });
    hello.start(100);
    pass(hello, 2099);
    expect(log).not.toContain('ended timeout');
    pass(hello, 2100);
    expect(log.slice(-2)).toEqual(['refusal timeout', 'ended timeout']);
    expect(hello.deadlineMs()).toBe(Infinity);
  });

  it('refuses a version that does not fit, another first message, and whom the application refuses', () => {
    const ends = [
      (hello: Hello<string>) => hello.hello(false, 1),
      (hello: Hello<string>) => hello.other('x', 1),
      (hello: Hello<string>) => {
        hello.hello(true, 1);
        hello.refused(2);
      },
    ].map((happens) => {
      const { hello, log } = helloOf({ opens: false });
      hello.start(0);
      happens(hello);
      return log.slice(-2);
    });
    expect(ends).toEqual([
      ['refusal incompatible', 'ended incompatible'],
      ['refusal outOfOrder', 'ended outOfOrder'],
      ['refusal refused', 'ended refused'],
    ]);
  });

  it('that is lenient bears a silent, late or foreign peer, and counts', () => {
    const { hello, log } = helloOf({ lenient: true });
    hello.start(0);
    pass(hello, 60_000);
    expect(hello.other('call', 60_001)).toBe(true);
    hello.hello(false, 60_002);
    expect([log, hello.state]).toEqual([['hello', 'established'], 'Established']);
    expect(hello.counters).toEqual({ incompatible: 1, outOfOrder: 1, late: 1, repeated: 1 });
  });

  it('says once that the connection is over', () => {
    const { hello, log } = helloOf();
    hello.start(0);
    hello.disconnected(5);
    hello.disconnected(6);
    hello.close(7);
    expect(log).toEqual(['hello', 'ended disconnected']);
  });
});
