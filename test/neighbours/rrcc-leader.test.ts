import { describe, expect, it } from 'vitest';
import { type EnvelopeBody, encodeEnvelope } from '../../src/neighbours/rrcc/core/codec.ts';
import { fromHex } from '../codec/bytes.ts';
import { losing, RrccWorld } from '../support/rrcc-world.ts';

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

  it('begins timer C anew for each copy that timer R sends: five copies, then Failed(no confirm)', () => {
    const world = new RrccWorld({ fate: () => 'hangs' });
    world.call(300n, 5000);
    world.run(100);
    world.pair.there.partitioned = true;
    world.pair.back.partitioned = true;
    world.run(60_000);
    expect(world.log.filter((line) => !line.includes('<')).slice(1)).toEqual([
      '5000 > request 1 a2 r1',
      '5500 > request 1 a3 r1',
      '6500 > request 1 a4 r1',
      '8500 > request 1 a5 r1',
      '10500 > request 1 a6 r1',
      '12500 ended noConfirm',
    ]);
  });

  it('takes no Confirm of another message for that of its own', () => {
    const world = losing({}, (said) => said.startsWith('continue'));
    world.call();
    world.run(100);
    world.continue();
    const old: EnvelopeBody = { case: 'confirm', value: { confirms: 1n } };
    world.pair.right.send(encodeEnvelope({ exchangeId: 300n, messageId: 1, attempt: 1, round: 1 }, old));
    world.pair.right.send(encodeEnvelope({ exchangeId: 300n, messageId: 3, attempt: 1, round: 2 }, old));
    world.run(20_000);
    expect([world.endings, world.leader.counters.otherRound]).toEqual([['300 noConfirm'], 2]);
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
