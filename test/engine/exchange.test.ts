import { describe, expect, it } from 'vitest';
import type { ExchangeInput } from '../../src/engine/io-types.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX } from '../../src/protocol/constants.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { percentiles } from '../../src/report/percentiles.ts';
import type { HostName } from '../../src/sim/world-event.ts';
import { ExchangeWorld, faultsOf, otherSide, patterned, sides, text } from '../support/exchange-world.ts';
import { kindOf } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { ResponderBench } from '../support/responder-bench.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

const hard = { loss: 0.3, oneWayMs: 25, jitterMs: 5 };

describe('an exchange over a perfect link', () => {
  it.each(sides)('asked for by %s costs four datagrams and ends on both sides', (side) => {
    const sent: unknown[] = [];
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 }, tap: ({ bytes }) => sent.push(kindOf(bytes)) });
    world.join();
    world.run(1000);
    sent.length = 0;
    const call = world.ask(side, text('hello'));
    world.run(300);
    const [end, ...others] = world.endsOf(side, call);
    expect(others).toEqual([]);
    expect(end?.output).toMatchObject({ kind: 'answered', round: 1, status: 0, body: text('hello') });
    expect(sent).toEqual(['REQUEST', 'RECEIPT', 'RESPONSE', 'CONTINUE']);
    expect(world.toldTo(otherSide(side), 'askEnded')).toMatchObject([{ outcome: 'delivered' }]);
    expect(world.watch.violations).toEqual([]);
  });

  it.each(sides)('has two layers of status, asked for by %s', (side) => {
    const answers = [{ status: 404 }, { fault: ExchangeFault.FAILED }];
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 }, method: () => answers.shift() });
    world.join();
    const refused = world.ask(side, text(''));
    world.run(300);
    const failed = world.ask(side, text(''));
    world.run(300);
    expect(world.endsOf(side, refused)[0]?.output).toMatchObject({ kind: 'answered', status: 404 });
    expect(faultsOf(world.endsOf(side, failed))).toEqual([ExchangeFault.FAILED]);
  });

  it.each([0, 1, 1024, 1025, EXCHANGE_MESSAGE_BYTES_MAX])('carries %i bytes each way', (length) => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 } });
    world.join();
    const call = world.ask(0, patterned(length));
    world.run(2000);
    expect(world.endsOf(0, call)[0]?.output).toMatchObject({ kind: 'answered', body: patterned(length) });
  });

  it('never has more than four parts of a message on their way at once (S5)', () => {
    let [most, now] = [0, 0];
    let atMs = -1;
    const world = new ExchangeWorld({
      seed: 1,
      link: { oneWayMs: 10 },
      tap: (datagram) => {
        if (kindOf(datagram.bytes) !== 'REQUEST') return;
        now = datagram.atMs === atMs ? now + 1 : 1;
        atMs = datagram.atMs;
        most = Math.max(most, now);
      },
    });
    world.join();
    world.ask(0, patterned(EXCHANGE_MESSAGE_BYTES_MAX));
    world.run(2000);
    expect(most).toBe(4);
  });

  it('goes on for as many rounds as the asking side wants', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 } });
    world.join();
    const call = world.ask(0, text('1'), { rounds: true });
    world.run(300);
    for (const round of ['2', '3']) {
      world.give(0, { kind: 'continue', call, body: text(round) });
      world.run(300);
    }
    world.give(0, { kind: 'stop', call });
    world.run(300);
    expect(world.endsOf(0, call).map(({ output }) => output)).toMatchObject([
      { round: 1, body: text('1') },
      { round: 2, body: text('2') },
      { round: 3, body: text('3') },
    ]);
    expect(world.toldTo('camera', 'asked')).toHaveLength(3);
    expect(world.toldTo('camera', 'askEnded')).toMatchObject([{ outcome: 'delivered' }]);
    expect(world.executedTwice).toEqual([]);
  });

  it('that nobody decides about ends after 30 s, and cannot go on after its end', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 } });
    world.join();
    const call = world.ask(0, text('1'), { rounds: true });
    world.run(31_000);
    world.give(0, { kind: 'continue', call, body: text('2') });
    world.run(300);
    expect(faultsOf(world.endsOf(0, call))).toEqual([ExchangeFault.SESSION_ENDED]);
    expect(world.toldTo('camera', 'asked')).toHaveLength(1);
  });

  it('ends by its time limit when no method answers, on both sides', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 }, method: () => undefined });
    world.join();
    const call = world.ask(0, text(''), { timeoutMs: 500 });
    world.run(600);
    expect(faultsOf(world.endsOf(0, call))).toEqual([ExchangeFault.TIMED_OUT]);
    expect(world.toldTo('camera', 'askEnded')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('is cancelled while it is worked on, and a late answer changes nothing', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 }, method: () => ({ afterMs: 1000 }) });
    world.join();
    const call = world.ask(0, text(''));
    world.run(100);
    world.give(0, { kind: 'stop', call });
    world.run(2000);
    expect(faultsOf(world.endsOf(0, call))).toEqual([ExchangeFault.CANCELLED]);
    expect(world.toldTo('camera', 'askEnded')).toMatchObject([{ outcome: 'cancelled' }]);
  });

  it('refuses what no frame can carry, and nothing has changed', () => {
    const world = new ExchangeWorld({ seed: 1 });
    world.join();
    const ask = { kind: 'ask', call: 1, method: 'm', body: text('') } as const;
    for (const wrong of [
      { method: '' },
      { method: 'x'.repeat(65) },
      { method: '\ud800' },
      { body: patterned(16_385) },
    ]) {
      expect(() => world.give(0, { ...ask, ...wrong })).toThrow(RangeError);
    }
    expect(() => world.give(0, { kind: 'notify', method: 'm', body: patterned(1025) })).toThrow(RangeError);
    expect(world.viewers[0]?.endpoint.counters.snapshot().counters).toMatchObject({
      exchangesAsked: 0,
      notifiesSent: 0,
    });
  });

  it.each(sides)('a NOTIFY from %s is told once, however often it is doubled, and is not answered (S12)', (side) => {
    const sent: unknown[] = [];
    const link = { oneWayMs: 10, duplication: 1 };
    const world = new ExchangeWorld({ seed: 1, link, tap: ({ bytes }) => sent.push(kindOf(bytes)) });
    world.join();
    world.run(1000);
    sent.length = 0;
    world.give(side, { kind: 'notify', method: 'rrcc', body: text('x') });
    world.run(300);
    expect(sent).toEqual(['NOTIFY']);
    expect(world.toldTo(otherSide(side), 'notified')).toMatchObject([{ method: 'rrcc', body: text('x') }]);
  });
});

describe('an exchange over a bad link', () => {
  const everything = { ...hard, duplication: 0.3, reorder: 0.2, corruption: 0.1 };

  it.each(sides)('asked for by %s is executed once and answered, also 16 KiB both ways in rounds', (side) => {
    const seed = seedFromEnv('engine/exchange');
    const world = new ExchangeWorld({ seed, link: everything });
    world.join();
    const call = world.ask(side, patterned(EXCHANGE_MESSAGE_BYTES_MAX), { rounds: true });
    world.onEnd = (host, { output }) => {
      if (output.kind !== 'answered') return;
      const { round } = output;
      if (round === 3) world.clock.at(world.clock.nowMs, () => world.give(host, { kind: 'stop', call }));
      else world.clock.at(world.clock.nowMs, () => world.give(host, { kind: 'continue', call, body: patterned(5000) }));
    };
    world.run(30_000);
    expect(world.endsOf(side, call).map(({ output }) => output)).toMatchObject([
      { kind: 'answered', body: patterned(EXCHANGE_MESSAGE_BYTES_MAX) },
      { kind: 'answered', body: patterned(5000) },
      { kind: 'answered', body: patterned(5000) },
    ]);
    expect(world.toldTo(otherSide(side), 'asked')).toHaveLength(3);
    expect(world.executedTwice).toEqual([]);
    expect(world.watch.violations).toEqual([]);
  });

  it('repeats the same bytes, also when those that it was given change meanwhile (S13)', () => {
    const requests: string[] = [];
    const world = new ExchangeWorld({
      seed: 1,
      link: { oneWayMs: 10 },
      tap: ({ bytes }) => {
        if (kindOf(bytes) === 'REQUEST') requests.push(bytes.join());
      },
    });
    const viewer = world.join();
    viewer.toCamera.partitioned = true;
    const body = text('before');
    const call = world.ask(0, body);
    body.set(text('after!'));
    world.run(300);
    viewer.toCamera.partitioned = false;
    world.run(1000);
    expect(requests.length).toBeGreaterThan(2);
    expect(new Set(requests).size).toBe(1);
    expect(world.endsOf(0, call)[0]?.output).toMatchObject({ body: text('before') });
  });

  it('gets 16 KiB through a path that carries only 296 bytes', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10, datagramBytesMax: 296 } });
    world.join();
    const call = world.ask(0, patterned(EXCHANGE_MESSAGE_BYTES_MAX));
    world.run(30_000);
    expect(world.endsOf(0, call)[0]?.output).toMatchObject({ body: patterned(EXCHANGE_MESSAGE_BYTES_MAX) });
  });

  it('10,000 exchanges at 30 % loss each way: each is executed once, none is lost', () => {
    const seed = seedFromEnv('engine/exchange');
    const [viewers, each] = [20, 2 * runsFromEnv(250)];
    const world = new ExchangeWorld({ seed, link: hard });
    const begun = new Map<string, number>();
    const left = new Map<string, number>();
    const times: number[] = [];
    const askNext = (host: HostName, session: number, asking: string): void => {
      const remaining = left.get(asking) ?? each / 2;
      if (remaining <= 0) return;
      left.set(asking, remaining - 1);
      const call = world.ask(host, text(asking), host === 'camera' ? { session } : {});
      begun.set(`${host} ${call}`, world.clock.nowMs);
    };
    world.onEnd = (host, { atMs, output }) => {
      times.push(atMs - (begun.get(`${host} ${output.call}`) ?? Number.NaN));
      const asking = output.kind === 'answered' ? new TextDecoder().decode(output.body) : '';
      world.clock.at(atMs, () => askNext(host, output.session, asking));
    };
    for (let number = 0; number < viewers; number++) world.join();
    for (let number = 0; number < viewers; number++) {
      for (let open = 0; open < 4; open++) {
        askNext(number, number + 1, `viewer ${number}`);
        askNext('camera', number + 1, `camera ${number}`);
      }
    }
    world.run(120_000);
    const figures = percentiles(times);
    process.stdout.write(
      `${JSON.stringify({ what: 'exchange at 30 % loss each way, RTT 50 ms', seed, ...figures })}\n`,
    );
    expect(begun.size).toBe(viewers * each);
    expect([...world.ends.values()].map((ends) => ends.map(({ output }) => output.kind).join())).toEqual(
      Array.from({ length: viewers * each }, () => 'answered'),
    );
    expect(world.executions.size).toBe(viewers * each);
    expect(world.executedTwice).toEqual([]);
    expect(world.watch.violations).toEqual([]);
  }, 120_000);
});

describe('the end of a session', () => {
  it.each(['camera', 0] as const)('that %s closes fails whatever is open, and nothing is sent after BYE', (closer) => {
    let afterBye: unknown[] | undefined;
    const world = new ExchangeWorld({
      seed: 1,
      link: { oneWayMs: 10 },
      method: () => undefined,
      tap: ({ bytes, from }) => {
        if (from.address !== (closer === 'camera' ? '10.0.0.1' : '10.1.0.0')) return;
        if (kindOf(bytes) === 'BYE') afterBye ??= [];
        else afterBye?.push(kindOf(bytes));
      },
    });
    const viewer = world.join();
    const asked = world.ask(closer, text(''));
    world.run(100);
    const code = ErrorCode.NO_ERROR;
    if (closer === 'camera') world.toCamera({ kind: 'close', code });
    else world.toViewer(viewer, { kind: 'close', code });
    expect(faultsOf(world.endsOf(closer, asked))).toEqual([ExchangeFault.SESSION_ENDED]);
    const late = world.ask(closer, text(''));
    expect(faultsOf(world.endsOf(closer, late))).toEqual([ExchangeFault.SESSION_ENDED]);
    world.run(60_000);
    expect(world.toldTo(otherSide(closer), 'askEnded')).toMatchObject([{ outcome: 'disconnected' }]);
    expect(afterBye).toEqual([]);
  });

  it.each(['camera', 0] as const)('by a restart of %s fails what is open, and executes nothing again', (host) => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10, duplication: 0.5 }, method: () => undefined });
    world.join();
    const calls = sides.map((side) => [side, world.ask(side, text(''))] as const);
    world.run(100);
    world.restart(host);
    world.run(60_000);
    for (const [side, call] of calls) {
      if (side !== host) expect(faultsOf(world.endsOf(side, call))).toEqual([ExchangeFault.SESSION_ENDED]);
    }
    expect(world.executions.size).toBe(2);
    expect(world.executedTwice).toEqual([]);
  });

  it('has not come yet: before Streaming nothing is asked', () => {
    const world = new ExchangeWorld({ seed: 1, link: { oneWayMs: 10 } });
    world.addViewer();
    const early = world.ask(0, text(''));
    expect(faultsOf(world.endsOf(0, early))).toEqual([ExchangeFault.SESSION_ENDED]);
    const nobody = world.ask('camera', text(''), { session: 7 });
    expect(faultsOf(world.endsOf('camera', nobody))).toEqual([ExchangeFault.SESSION_ENDED]);
  });

  it('is unknown to the camera: what ends in an answer fails, counted, and the rest tells nothing', () => {
    const camera = new ResponderBench();
    const body = text('');
    const give = (input: ExchangeInput): unknown[] => {
      const from = camera.outputs.length;
      camera.step({ kind: 'exchange', session: 7, input });
      return camera.outputs.slice(from).map(({ output }) => output);
    };
    const fault = ExchangeFault.SESSION_ENDED;
    const failed = (call: number) => [{ kind: 'askFailed', session: 7, call, fault }];
    expect(give({ kind: 'ask', call: 4, method: 'm', body })).toEqual(failed(4));
    expect(give({ kind: 'continue', call: 5, body })).toEqual(failed(5));
    expect(give({ kind: 'stop', call: 5 })).toEqual([]);
    expect(give({ kind: 'notify', method: 'm', body })).toEqual([]);
    expect(give({ kind: 'answer', requestId: 1n, round: 1, status: { exchange: 0, method: 0 }, body })).toEqual([]);
    expect(camera.metrics.counters.exchangesFailed).toBe(2);
  });

  it('has not come yet: to go on fails like a question, and the rest is for nobody and tells nothing', () => {
    const viewer = new InitiatorBench();
    const camera = new ResponderBench();
    viewer.start();
    camera.candidate(1n);
    const body = text('');
    const status = { exchange: 0, method: 0 };
    const asks = [
      [viewer, (input: ExchangeInput) => void viewer.step({ kind: 'exchange', input })],
      [camera, (input: ExchangeInput) => void camera.step({ kind: 'exchange', session: 1, input })],
    ] as const;
    for (const [{ outputs }, ask] of asks) {
      const give = (input: ExchangeInput): unknown[] => {
        const from = outputs.length;
        ask(input);
        return outputs.slice(from).map(({ output }) => output);
      };
      const fault = ExchangeFault.SESSION_ENDED;
      expect(give({ kind: 'continue', call: 4, body })).toEqual([{ kind: 'askFailed', session: 1, call: 4, fault }]);
      expect(give({ kind: 'stop', call: 4 })).toEqual([]);
      expect(give({ kind: 'notify', method: 'm', body })).toEqual([]);
      expect(give({ kind: 'answer', requestId: 1n, round: 1, status, body })).toEqual([]);
    }
  });
});
