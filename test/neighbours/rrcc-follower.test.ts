import { describe, expect, it } from 'vitest';
import { encodeEnvelope } from '../../src/neighbours/rrcc/core/codec.ts';
import { Status } from '../../src/neighbours/rrcc/core/rrcc_pb.ts';
import { fromHex } from '../codec/bytes.ts';
import { RrccWorld } from '../support/rrcc-world.ts';
import { rrccExamples } from './vectors/rrcc-examples.ts';

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

  it('waits for the copy that restarts a worker as long as the leader waits to send it', () => {
    const world = new RrccWorld({ fate: (execution) => (execution === 2 ? 'dies' : 'answers') });
    world.call(300n, 100_000);
    world.run(100);
    world.continue();
    world.run(200_000);
    expect([world.delivered, world.executions.length]).toEqual([['300.1', '300.2'], 3]);
  });

  it('takes no answer of a worker that was given up for that of the one that runs', () => {
    const world = new RrccWorld({ fate: () => 'hangs' });
    const answer = { status: Status.OK, result: new Uint8Array(1), contentType: '', error: '' };
    world.call(300n, 1000);
    world.followerRunner.step({ kind: 'died', exchangeId: 300n, run: 1 });
    world.run(1);
    world.followerRunner.step({ kind: 'died', exchangeId: 300n, run: 1 });
    world.run(1500);
    world.followerRunner.step({ kind: 'finished', exchangeId: 300n, run: 1, answer });
    world.run(1600);
    expect([world.executions.length, world.delivered]).toEqual([2, []]);
    world.followerRunner.step({ kind: 'finished', exchangeId: 300n, run: 2, answer });
    world.run(1700);
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
