import { describe, expect, it } from 'vitest';
import { AnswerKeeper } from '../../src/neighbours/core/answer-keeper.ts';
import { Heartbeat, type HeartbeatOptions } from '../../src/neighbours/core/heartbeat.ts';
import { Hello, type HelloOptions } from '../../src/neighbours/core/hello.ts';
import { earliestMs, type Part, wakeDue } from '../../src/neighbours/core/part.ts';
import { Reconnect, type ReconnectOptions } from '../../src/neighbours/core/reconnect.ts';
import { RequestTracker, type RequestTrackerOptions } from '../../src/neighbours/core/request-tracker.ts';
import { Prng } from '../../src/sim/prng.ts';

/** Lets time pass: wakes the part exactly when it wants to be woken. */
function pass(part: Part, untilMs: number): void {
  for (let atMs = part.deadlineMs(); atMs <= untilMs; atMs = part.deadlineMs()) part.timeout(atMs);
}

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

function heartbeatOf(options: Partial<HeartbeatOptions> = {}) {
  const log: string[] = [];
  let pings = 0;
  let excused = false;
  let nowMs = 0;
  const heartbeat = new Heartbeat<number, string>(
    { intervalMs: 5000, graceMs: 2000, ...options },
    {
      sendPing: () => {
        log.push(`${nowMs} ping`);
        return ++pings;
      },
      sendPong: (echo) => log.push(`${nowMs} pong ${echo}`),
      alive: (rttMs) => log.push(`${nowMs} alive ${rttMs}`),
      dead: () => log.push(`${nowMs} dead`),
      excused: () => excused,
    },
  );
  const run = (untilMs: number): void => {
    for (nowMs = heartbeat.deadlineMs(); nowMs <= untilMs; nowMs = heartbeat.deadlineMs()) heartbeat.timeout(nowMs);
    nowMs = untilMs;
  };
  return { heartbeat, log, run, excuse: (yes: boolean) => (excused = yes) };
}

describe('a heartbeat', () => {
  it('pings at 5 and 7 s and gives up at 9 s when nobody answers', () => {
    const { heartbeat, log, run } = heartbeatOf();
    heartbeat.start(0);
    run(60_000);
    expect(log).toEqual(['5000 ping', '7000 ping', '9000 dead']);
    expect([heartbeat.deadlineMs(), heartbeat.counters.missed]).toEqual([Infinity, 2]);
  });

  it('gives up at the first miss without a retry', () => {
    const { heartbeat, log, run } = heartbeatOf({ intervalMs: 2000, graceMs: 1000, retriesMax: 0 });
    heartbeat.start(0);
    run(60_000);
    expect(log).toEqual(['2000 ping', '3000 dead']);
  });

  it('keeps its pace from ping to ping while it is answered', () => {
    const { heartbeat, log, run } = heartbeatOf();
    heartbeat.start(0);
    for (const ping of [1, 2, 3]) {
      run(ping * 5000 + 300);
      heartbeat.pong(ping, ping * 5000 + 300);
    }
    expect(log).toEqual([
      '5000 ping',
      '5300 alive 300',
      '10000 ping',
      '10300 alive 300',
      '15000 ping',
      '15300 alive 300',
    ]);
  });

  it('takes the answer to the ping before the last, and counts and ignores any other', () => {
    const { heartbeat, log, run } = heartbeatOf();
    heartbeat.start(0);
    run(7100);
    heartbeat.pong(99, 7100);
    heartbeat.pong(1, 7100);
    heartbeat.pong(2, 7101);
    expect(log.slice(-1)).toEqual(['7100 alive 2100']);
    expect(heartbeat.counters).toMatchObject({ pings: 2, answered: 1, stray: 2, missed: 1 });
  });

  it('waits for a peer that is excused, and no longer than that', () => {
    const { heartbeat, log, run, excuse } = heartbeatOf();
    excuse(true);
    heartbeat.start(0);
    run(29_500);
    expect(log).toEqual(['5000 ping']);
    excuse(false);
    run(60_000);
    expect(log).toEqual(['5000 ping', '31000 ping', '33000 dead']);
  });

  it('answers at once in every state, also when it never asks itself', () => {
    const { heartbeat, log, run } = heartbeatOf({ intervalMs: 0 });
    heartbeat.start(0);
    heartbeat.ping('a', 1);
    run(100_000);
    expect([log, heartbeat.deadlineMs()]).toEqual([['0 pong a'], Infinity]);
    heartbeat.stop(2);
    heartbeat.ping('b', 3);
    expect(log).toHaveLength(1);
  });
});

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

function reconnectOf(options: ReconnectOptions = {}) {
  const log: string[] = [];
  let nowMs = 0;
  const reconnect = new Reconnect(options, new Prng(5), {
    connect: () => log.push(`${nowMs} connect`),
    abandon: () => log.push(`${nowMs} abandon`),
    gaveUp: () => log.push(`${nowMs} gaveUp`),
  });
  /** Wakes it when it wants; whatever was connected for has the given fate at once. */
  const run = (untilMs: number, fate: 'fails' | 'hangs' | 'lives'): void => {
    for (nowMs = reconnect.deadlineMs(); nowMs <= untilMs; nowMs = reconnect.deadlineMs()) {
      reconnect.timeout(nowMs);
      if (reconnect.state !== 'Connecting' || fate === 'hangs') continue;
      if (fate === 'lives') reconnect.connected(nowMs);
      else reconnect.disconnected(nowMs);
    }
    nowMs = untilMs;
  };
  return { reconnect, log, run, at: (ms: number) => (nowMs = ms) };
}

describe('a reconnection', () => {
  it('waits 2, 4, 8 … 64 s from failure to failure, each within its jitter', () => {
    const { reconnect, log, run } = reconnectOf({ jitter: 0.2 });
    reconnect.start(0);
    reconnect.disconnected(0);
    run(400_000, 'fails');
    const times = log.map((line) => Number.parseFloat(line));
    const waits = times.slice(1).map((ms, index) => ms - (times[index] ?? 0));
    for (const [index, waitMs] of waits.entries()) {
      const dueMs = Math.min(64_000, 2000 * 2 ** index);
      expect(waitMs).toBeGreaterThanOrEqual(0.8 * dueMs);
      expect(waitMs).toBeLessThanOrEqual(1.2 * dueMs);
    }
    expect(waits.length).toBeGreaterThan(6);
    expect(new Set(waits.map((ms, index) => ms / Math.min(64_000, 2000 * 2 ** index))).size).toBe(waits.length);
  });

  it('waits after an orderly end too, and longer each time, unless the connection lived a while', () => {
    const { reconnect, run } = reconnectOf({ jitter: 0, livedMs: 60_000 });
    reconnect.start(0);
    reconnect.connected(1);
    reconnect.disconnected(2);
    expect(reconnect.deadlineMs()).toBe(2002);
    run(2002, 'lives');
    reconnect.disconnected(2003);
    expect(reconnect.deadlineMs()).toBe(6003);
    run(6003 + 60_000, 'lives');
    expect(reconnect.failures).toBe(0);
    reconnect.disconnected(70_000);
    expect(reconnect.deadlineMs()).toBe(72_000);
  });

  it('gives up a try that hangs', () => {
    const { reconnect, log, run } = reconnectOf({ jitter: 0, limitMs: 10_000 });
    reconnect.start(0);
    run(12_000, 'hangs');
    expect(log).toEqual(['0 connect', '10000 abandon', '12000 connect']);
    expect(reconnect.counters.tooSlow).toBe(1);
  });

  it('restarts three times at most where four failures are the limit', () => {
    const { reconnect, log, run } = reconnectOf({ jitter: 0, failuresMax: 4, livedMs: Infinity });
    reconnect.start(0);
    reconnect.connected(0);
    reconnect.disconnected(0);
    run(1e6, 'fails');
    expect(log.map((line) => line.split(' ')[1])).toEqual(['connect', 'connect', 'connect', 'connect', 'gaveUp']);
    expect(reconnect.deadlineMs()).toBe(Infinity);
  });

  it('stops for good, whatever it was doing', () => {
    const { reconnect, log } = reconnectOf();
    reconnect.start(0);
    reconnect.stop(1);
    reconnect.disconnected(2);
    expect([log, reconnect.deadlineMs()]).toEqual([['0 connect', '0 abandon'], Infinity]);
  });
});

describe('several parts', () => {
  it('are woken each at its own time', () => {
    const { tracker, log } = trackerOf({ limitMs: 100 });
    const { hello, log: greetings } = helloOf({ deadlineMs: 50 });
    tracker.send('a', 'x', 0);
    hello.start(0);
    const parts = [tracker, hello];
    expect(earliestMs(parts)).toBe(50);
    wakeDue(parts, 50);
    expect([log.length, greetings.at(-1), earliestMs(parts)]).toEqual([1, 'ended timeout', 100]);
    wakeDue(parts, 100);
    expect([log.at(-1), earliestMs(parts)]).toEqual(['a timedOut', Infinity]);
  });
});
