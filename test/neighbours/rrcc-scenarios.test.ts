import { describe, expect, it } from 'vitest';
import { type EnvelopeBody, encodeEnvelope } from '../../src/neighbours/rrcc/core/codec.ts';
import { ConfirmState, Status } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { Prng } from '../../src/sim/prng.ts';
import { fromHex } from '../codec/bytes.ts';
import { losing, RrccWorld } from '../support/rrcc-world.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { rrccExamples } from './vectors/rrcc-examples.ts';

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
