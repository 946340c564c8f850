import { describe, expect, it } from 'vitest';
import { type EnvelopeBody, encodeEnvelope } from '../../src/neighbours/rrcc/core/codec.ts';
import { ConfirmState, Status } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { Prng } from '../../src/sim/prng.ts';
import { fromHex } from '../codec/bytes.ts';
import { inShort, RrccWorld, type RrccWorldOptions } from '../support/rrcc-world.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { rrccExamples } from './vectors/rrcc-examples.ts';

/** Loses the envelopes of the leader or of the follower that `lost` names. */
function losing(options: RrccWorldOptions, lost: (said: string, count: number) => boolean): RrccWorld {
  const world = new RrccWorld(options);
  const counts = new Map<string, number>();
  for (const link of [world.pair.there, world.pair.back]) {
    const carry = link.carry.bind(link);
    link.carry = (bytes, nowMs, deliver) => {
      const said = inShort(bytes);
      const kind = said.split(' ')[0] ?? '';
      counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return carry(bytes, nowMs, lost(said, counts.get(kind) ?? 0) ? () => {} : deliver);
    };
  }
  return world;
}

const kinds = ['datagram', 'stream'] as const;

describe.each(kinds)('the scenarios of RRCC over a %s', (kind) => {
  it('three rounds, then stop: three Confirms, Responses and executions, and nothing after the stop', () => {
    const world = new RrccWorld({ kind, link: { oneWayMs: 5 } });
    world.call();
    world.run(100);
    world.continue();
    world.run(200);
    world.continue('{"x":3}');
    world.run(300);
    world.finish();
    world.run(1000);
    expect(world.said).toEqual([
      '> request 1 a1 r1',
      '< confirm 1 a1 r1 ACCEPTED',
      '< response 2 a1 r1 OK',
      '> continue 2 a1 r2',
      '< confirm 3 a1 r2 ACCEPTED',
      '< response 4 a1 r2 OK',
      '> continue 3 a1 r3',
      '< confirm 5 a1 r3 ACCEPTED',
      '< response 6 a1 r3 OK',
      '> stop 4 a1 r4',
      'ended finished',
    ]);
    expect([world.executions, world.delivered]).toEqual([
      ['300.1', '300.2', '300.3'],
      ['300.1', '300.2', '300.3'],
    ]);
    expect([world.leader.deadlineMs(), world.leader.exchanges]).toEqual([Infinity, 0]);
  });

  it('leader vanishes during the work: the follower finishes, keeps the Response 60 s, then holds nothing', () => {
    const world = new RrccWorld({ kind, workMs: 1000 });
    world.call();
    world.run(500);
    world.pair.left.destroy();
    world.run(1000 + 59_999);
    expect([world.executions, world.follower.records]).toEqual([['300.1'], 1]);
    world.run(1000 + 60_000);
    expect([world.follower.records, world.follower.deadlineMs(), world.followerRunner.waiting]).toEqual([
      0,
      Infinity,
      false,
    ]);
  });

  it('Confirm arrives, Response never: sent again when timer R expires, three times, then Failed(no response)', () => {
    const world = new RrccWorld({ kind, fate: () => 'hangs', follower: { deadlineMs: 1e6 } });
    world.call(300n, 0);
    world.run(200_000);
    expect(world.log).toEqual([
      '0 > request 1 a1 r1',
      '0 < confirm 1 a1 r1 ACCEPTED',
      '30000 > request 1 a2 r1',
      '30000 < confirm 1 a2 r1 RUNNING',
      '60000 > request 1 a3 r1',
      '60000 < confirm 1 a3 r1 RUNNING',
      '90000 > request 1 a4 r1',
      '90000 < confirm 1 a4 r1 RUNNING',
      '120000 ended noResponse',
    ]);
    expect(world.executions).toEqual(['300.1']);
  });

  it('the worker dies: the copy that timer R sends restarts it, and only then the work is done a second time', () => {
    const world = new RrccWorld({ kind, fate: (execution) => (execution <= 2 ? 'dies' : 'answers') });
    world.call(300n, 1000);
    world.run(10_000);
    expect(world.log).toEqual([
      '0 > request 1 a1 r1',
      '0 < confirm 1 a1 r1 ACCEPTED',
      '1000 > request 1 a2 r1',
      '1000 < confirm 1 a2 r1 ACCEPTED',
      '2000 > request 1 a3 r1',
      '2000 < confirm 1 a3 r1 ACCEPTED',
      '2020 < response 2 a3 r1 OK',
    ]);
    expect([world.executions.length, world.delivered]).toEqual([3, ['300.1']]);
    expect(world.follower.counters).toMatchObject({ deaths: 2, restarts: 2, executions: 3, copies: 2 });
  });

  it('the worker dies in a later round and is restarted there', () => {
    const world = new RrccWorld({ kind, fate: (execution) => (execution === 2 ? 'dies' : 'answers') });
    world.call(300n, 1000);
    world.run(100);
    world.continue();
    world.run(5000);
    expect([world.executions, world.delivered]).toEqual([
      ['300.1', '300.2', '300.2'],
      ['300.1', '300.2'],
    ]);
  });
});

describe('losses', () => {
  it('follower absent: Requests at 0, 500, 1,500, 3,500 and 5,500 ms, Failed(no confirm) at 7,500 ms', () => {
    const world = new RrccWorld();
    world.pair.there.partitioned = true;
    world.call();
    world.run(60_000);
    expect(world.log).toEqual([
      '0 > request 1 a1 r1',
      '500 > request 1 a2 r1',
      '1500 > request 1 a3 r1',
      '3500 > request 1 a4 r1',
      '5500 > request 1 a5 r1',
      '7500 ended noConfirm',
    ]);
    expect(world.leader.deadlineMs()).toBe(Infinity);
  });

  it.each([
    [20, 'DONE'],
    [700, 'RUNNING'],
  ])(
    'Confirm lost, work of %i ms: attempt 2 after 500 ms, Confirm(%s), one execution, one delivery',
    (workMs, state) => {
      const lost = (said: string, count: number): boolean =>
        said.startsWith('confirm') ? count === 1 : said.startsWith('response') && state === 'DONE' && count === 1;
      const world = losing({ workMs }, lost);
      world.call();
      world.run(3000);
      expect(world.log.slice(0, 1)).toEqual(['0 > request 1 a1 r1']);
      expect(world.log).toContain('500 > request 1 a2 r1');
      expect(world.log).toContain(`500 < confirm 1 a2 r1 ${state}`);
      expect([world.executions, world.delivered]).toEqual([['300.1'], ['300.1']]);
      expect(world.said.filter((line) => line.startsWith('> request'))).toHaveLength(2);
    },
  );

  it('Response before Confirm: accepted, and the Confirm that comes later is ignored and counted', () => {
    const world = new RrccWorld();
    world.pair.there.partitioned = true;
    world.call();
    const answer = (messageId: number, body: EnvelopeBody): void => {
      world.pair.right.send(encodeEnvelope({ exchangeId: 300n, messageId, attempt: 1, round: 1 }, body));
    };
    answer(2, { case: 'response', value: { inReplyTo: 1n, status: Status.OK } });
    answer(1, { case: 'confirm', value: { confirms: 1n, state: ConfirmState.ACCEPTED } });
    answer(2, { case: 'response', value: { inReplyTo: 1n, status: Status.OK } });
    world.run(10_000);
    expect([world.delivered, world.endings]).toEqual([['300.1'], []]);
    expect(world.leader.counters).toMatchObject({ lateConfirm: 1, secondResponse: 1, sentAgain: 0 });
  });

  it('Response lost: the copy of timer R brings the stored one, without a second execution', () => {
    const world = losing({}, (said, count) => said.startsWith('response') && count === 1);
    world.call(300n, 1000);
    world.run(5000);
    expect(world.log.slice(2)).toEqual([
      '20 < response 2 a1 r1 OK',
      '1000 > request 1 a2 r1',
      '1000 < confirm 1 a2 r1 DONE',
      '1000 < response 2 a2 r1 OK',
    ]);
    expect([world.executions, world.delivered]).toEqual([['300.1'], ['300.1']]);
  });

  it('a follower whose main thread died: a new one, which knows nothing, executes the copy of the Request', () => {
    const world = new RrccWorld({
      leader: { outliveLink: true },
      fate: (execution) => (execution === 1 ? 'hangs' : 'answers'),
    });
    world.call(300n, 1000);
    world.run(500);
    world.reconnect(true);
    world.run(3000);
    expect(world.log.slice(2)).toEqual([
      '1000 > request 1 a2 r1',
      '1000 < confirm 1 a2 r1 ACCEPTED',
      '1020 < response 2 a2 r1 OK',
    ]);
    expect([world.executions, world.delivered]).toEqual([['300.1', '300.1'], ['300.1']]);
  });

  it('a ConfirmContinue without its Request is ignored, whether it goes on or stops', () => {
    const world = new RrccWorld();
    world.pair.left.send(fromHex(rrccExamples.continue).slice(4));
    world.pair.left.send(fromHex(rrccExamples.stop).slice(4));
    world.run(1000);
    expect([world.executions, world.said.length, world.follower.counters.strayContinue]).toEqual([[], 2, 2]);
    expect(world.follower.deadlineMs()).toBe(Infinity);
  });

  it('over any link, with workers that die, every round is delivered once, and executed twice only after a death', () => {
    const seed = seedFromEnv('neighbours/rrcc-scenarios');
    for (let run = 0; run < 60; run++) {
      const prng = new Prng(seed, run);
      const link = {
        loss: prng.unit() * 0.5,
        duplication: prng.unit() * 0.3,
        oneWayMs: 20,
        jitterMs: 300,
        corruption: 0,
      };
      let deaths = 0;
      const fate = () => {
        if (!prng.chance(0.2)) return 'answers' as const;
        deaths++;
        return 'dies' as const;
      };
      const world = new RrccWorld({ seed: prng.u32(), link, fate, workMs: 50 });
      const rounds = 1 + prng.below(3);
      world.call(300n, 2000);
      for (let atMs = 100; atMs < 400_000 && world.endings.length === 0; atMs += 100) {
        world.run(atMs);
        const last = world.told.at(-1);
        if (last?.kind !== 'response') continue;
        if (last.round < rounds && world.leader.exchanges === 1) world.continue();
        else world.finish();
      }
      expect(new Set(world.delivered).size, `run ${run}`).toBe(world.delivered.length);
      expect(world.executions.length - new Set(world.executions).size, `run ${run}`).toBeLessThanOrEqual(deaths);
      expect(world.endings, `run ${run}`).toHaveLength(1);
      world.run(world.queue.nowMs + 200_000);
      expect([world.follower.records, world.follower.deadlineMs(), world.leader.deadlineMs()]).toEqual([
        0,
        Infinity,
        Infinity,
      ]);
    }
  });
});

describe('the leader', () => {
  it('cancels at any time with one ConfirmContinue(false), and ignores what comes later', () => {
    const world = new RrccWorld({ workMs: 100, link: { oneWayMs: 10 } });
    world.call();
    world.run(50);
    world.cancel();
    world.run(1000);
    expect(world.log).toEqual([
      '0 > request 1 a1 r1',
      '10 < confirm 1 a1 r1 ACCEPTED',
      '50 > stop 2 a1 r2',
      '50 ended cancelled',
    ]);
    expect(world.follower.counters).toMatchObject({ stops: 1, strayFinish: 1 });
  });

  it('may cancel after a ConfirmContinue that was lost', () => {
    const world = losing({}, (said) => said.startsWith('continue'));
    world.call();
    world.run(100);
    world.continue();
    world.run(200);
    world.cancel();
    world.run(300);
    expect([world.said.at(-2), world.follower.counters.stops]).toEqual(['> stop 3 a1 r3', 1]);
  });

  it('tells full, tooLarge, disconnected and outOfStep at once, and sends nothing', () => {
    const world = new RrccWorld({ leader: { exchangesMax: 1 }, messageBytesMax: 1000 });
    world.call(1n, 0, 'x'.repeat(1001));
    world.call(2n);
    world.call(3n);
    world.continue('x', 4n);
    expect(world.endings).toEqual(['1 tooLarge', '3 full', '4 outOfStep']);
    world.pair.left.destroy();
    world.run(1);
    world.call(5n);
    expect(world.endings.slice(3)).toEqual(['2 disconnected', '5 disconnected']);
    expect(world.leader.deadlineMs()).toBe(Infinity);
  });

  it('ends an exchange whose next round is too large', () => {
    const world = new RrccWorld({ messageBytesMax: 1000 });
    world.call();
    world.run(100);
    world.continue('x'.repeat(1001));
    world.run(200);
    expect([world.endings, world.said.at(-2)]).toEqual([['300 tooLarge', '300 finished'], '> stop 2 a1 r2']);
  });

  it('forgets an exchange after 60 s without a decision, as the follower does', () => {
    const world = new RrccWorld();
    world.call();
    world.run(20 + 60_000);
    expect([world.endings, world.leader.deadlineMs(), world.follower.records]).toEqual([['300 expired'], Infinity, 0]);
  });

  it('ignores and counts what is for another exchange, another round or no leader at all', () => {
    const world = new RrccWorld({ fate: () => 'hangs' });
    world.call();
    world.run(10);
    const bodies: readonly (readonly [exchangeId: bigint, round: number, body: EnvelopeBody])[] = [
      [301n, 1, { case: 'response', value: { inReplyTo: 1n } }],
      [300n, 2, { case: 'response', value: { inReplyTo: 2n } }],
      [300n, 1, { case: 'response', value: { inReplyTo: 7n } }],
      [300n, 1, { case: 'request', value: { method: 'plan' } }],
    ];
    for (const [exchangeId, round, body] of bodies) {
      world.pair.right.send(encodeEnvelope({ exchangeId, messageId: 2, attempt: 1, round }, body));
    }
    world.pair.right.send(fromHex('ff'));
    world.run(20);
    expect(world.leader.counters).toMatchObject({
      unknownExchange: 1,
      otherRound: 2,
      notForLeader: 1,
      undecodable: 1,
      responses: 0,
    });
  });

  it('goes on over another connection when exchanges may outlive theirs', () => {
    const world = new RrccWorld({ leader: { outliveLink: true }, workMs: 2000, kind: 'stream' });
    world.call();
    world.run(1000);
    world.pair.left.destroy();
    world.run(4000);
    world.reconnect(false);
    world.run(10_000);
    // Work was done at 2,000 ms, without a link to answer on; timer R expires at 5,000 ms.
    expect(world.log.slice(2)).toEqual([
      '5000 > request 1 a2 r1',
      '5000 < confirm 1 a2 r1 DONE',
      '5000 < response 2 a2 r1 OK',
    ]);
    expect([world.executions, world.delivered]).toEqual([['300.1'], ['300.1']]);
  });
});

describe('the follower', () => {
  it('refuses an unknown method and bad parameters with Confirm(REFUSED) and a Response, and keeps nothing of a first one', () => {
    const world = new RrccWorld();
    world.call(1n, 0, 'x', 'nothing');
    world.call(2n, 0, '');
    world.run(10);
    expect(world.said.filter((line) => line.startsWith('<'))).toEqual([
      '< confirm 1 a1 r1 REFUSED',
      '< response 2 a1 r1 UNKNOWN_METHOD',
      '< confirm 1 a1 r1 REFUSED',
      '< response 2 a1 r1 BAD_PARAMS',
    ]);
    expect([world.executions, world.follower.records, world.follower.deadlineMs()]).toEqual([[], 0, Infinity]);
  });

  it('refuses one round and goes on with the next', () => {
    const world = new RrccWorld();
    world.call();
    world.run(100);
    world.continue('');
    world.run(200);
    world.continue();
    world.run(300);
    expect([world.delivered, world.executions]).toEqual([
      ['300.1', '300.2', '300.3'],
      ['300.1', '300.3'],
    ]);
  });

  it('is busy at 64 exchanges, and not any more when one ended', () => {
    const world = new RrccWorld({ fate: () => 'hangs', leader: { exchangesMax: 100 } });
    for (let id = 1n; id <= 65n; id++) world.call(id, 60_000);
    world.run(1);
    expect([world.executions.length, world.said.at(-1), world.follower.counters.busy]).toEqual([
      64,
      '< response 2 a1 r1 BUSY',
      1,
    ]);
    world.cancel(1n);
    world.run(2);
    world.call(66n);
    world.run(3);
    expect(world.executions).toHaveLength(65);
  });

  it('answers DEADLINE_EXCEEDED for work that takes too long, and ignores what comes of it later', () => {
    const world = new RrccWorld({ workMs: 900, link: { oneWayMs: 10 } });
    world.call(300n, 500);
    world.run(2000);
    expect(world.log.slice(0, 3)).toEqual([
      '0 > request 1 a1 r1',
      '10 < confirm 1 a1 r1 ACCEPTED',
      '510 < response 2 a1 r1 DEADLINE_EXCEEDED',
    ]);
    expect(world.follower.counters).toMatchObject({ late: 1, strayFinish: 1, executions: 1 });
    expect(world.delivered).toEqual(['300.1']);
  });

  it('never executes a copy of an ended exchange: the stored Response again, then nothing', () => {
    const world = new RrccWorld();
    world.pair.left.send(fromHex(rrccExamples.request).slice(4));
    world.run(100);
    world.pair.left.send(
      encodeEnvelope({ exchangeId: 300n, messageId: 2, attempt: 1, round: 2 }, { case: 'confirmContinue', value: {} }),
    );
    world.run(200);
    world.pair.left.send(fromHex(rrccExamples.requestAgain).slice(4));
    world.pair.left.send(fromHex(rrccExamples.continue).slice(4));
    world.run(300);
    expect(world.said.slice(3)).toEqual([
      '> stop 2 a1 r2',
      '> request 1 a2 r1',
      '> continue 2 a1 r2',
      '< response 2 a2 r1 OK',
    ]);
    expect([world.executions, world.follower.counters.outOfStep]).toEqual([['300.1'], 1]);
    world.run(100 + 60_000);
    expect([world.follower.records, world.follower.deadlineMs()]).toEqual([0, Infinity]);
  });

  it('remembers no more ended exchanges than its limit, and drops the Responses of the oldest first', () => {
    const world = new RrccWorld({ follower: { endedMax: 3, endedBytesMax: 14 } });
    for (let id = 1n; id <= 5n; id++) {
      world.call(id);
      world.run(Number(id) * 100);
      world.finish(id);
    }
    world.run(1000);
    expect([world.follower.records, world.follower.counters.endedEvicted]).toEqual([3, 2]);
    const before = world.said.length;
    for (const exchangeId of [3n, 4n, 5n]) {
      world.pair.left.send(
        encodeEnvelope(
          { exchangeId, messageId: 1, attempt: 2, round: 1 },
          { case: 'request', value: { method: 'plan' } },
        ),
      );
    }
    world.run(1001);
    expect(world.said.slice(before).filter((line) => line.startsWith('<'))).toHaveLength(2);
    expect(world.executions).toHaveLength(5);
  });

  it('says in place of a Response that is too large for the connection that it is', () => {
    const world = new RrccWorld({ messageBytesMax: 120 });
    const runner = world.followerRunner;
    world.pair.left.send(fromHex(rrccExamples.request).slice(4));
    world.run(1);
    runner.step({
      kind: 'finished',
      exchangeId: 300n,
      run: 1,
      answer: { status: Status.OK, result: new Uint8Array(200), contentType: '', error: '' },
    });
    world.run(2);
    expect([world.said.at(-1), world.follower.counters.responseTooLarge]).toEqual(['< response 2 a1 r1 INTERNAL', 1]);
  });

  it('has nothing to wait for before the first Request and after the last record', () => {
    const world = new RrccWorld();
    expect([world.follower.deadlineMs(), world.followerRunner.waiting]).toEqual([Infinity, false]);
    world.call();
    world.run(100);
    world.finish();
    world.run(100 + 60_000);
    expect([world.follower.deadlineMs(), world.followerRunner.waiting, world.follower.records]).toEqual([
      Infinity,
      false,
      0,
    ]);
  });

  it('closes a stream whose length is 0 or 1,048,577, counts it, and goes on with others', () => {
    for (const hex of ['00000000', '00100001']) {
      const world = new RrccWorld({ kind: 'stream' });
      world.pair.left.write(fromHex(hex));
      world.run(10);
      expect([
        world.follower.counters.malformedStream,
        world.pair.right.counters.malformed,
        world.followerRunner.links,
      ]).toEqual([1, 1, 0]);
    }
  });

  it('takes two messages of one write, and one message in single bytes', () => {
    for (const pieceBytesMax of [1, 1460]) {
      const world = new RrccWorld({ kind: 'stream', pieceBytesMax });
      const second = encodeEnvelope(
        { exchangeId: 301n, messageId: 1, attempt: 1, round: 1 },
        { case: 'request', value: { method: 'plan', params: Uint8Array.of(1) } },
      );
      const both = [...fromHex(rrccExamples.request), 0, 0, 0, second.length, ...second];
      world.pair.left.write(Uint8Array.from(both));
      world.run(100);
      expect(world.executions).toEqual(['300.1', '301.1']);
    }
  });
});
