import { describe, expect, it } from 'vitest';
import { withPrefix } from '../../src/neighbours/core/framing.ts';
import { rrccFollower } from '../../src/neighbours/rrcc/follower.ts';
import { rrccLeader } from '../../src/neighbours/rrcc/leader.ts';
import { virtualTiming } from '../../src/neighbours/virtual-timing.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { fromHex, toHex } from '../codec/bytes.ts';
import { bytesOf, Heard } from '../support/heard.ts';
import { sessionPair } from '../support/session-pair.ts';
import { skipBecause } from '../support/skip-because.ts';
import { type TransportPair, transportPairs } from '../support/transport-pairs.ts';
import { rrccExamples } from './vectors/rrcc-examples.ts';

/** The entropy that makes exchange 300. */
const exchange300 = { fill: (target: Uint8Array) => target.set([0, 0, 0, 0, 0, 0, 1, 0x2c]) };
const example = (name: keyof typeof rrccExamples): Uint8Array => fromHex(rrccExamples[name]).slice(4);
const json = { contentType: 'application/json' };

const pairs = { ...transportPairs, 'a session': sessionPair };

describe.each(Object.keys(pairs) as (keyof typeof pairs)[])('RRCC over %s', (name) => {
  const scenario = (title: string, run: (pair: TransportPair) => Promise<void>): void => {
    it(title, async (test) => {
      const pair = await pairs[name]?.();
      if (pair === undefined || typeof pair === 'string') return skipBecause(test, pair ?? 'no such transport');
      try {
        await run(pair);
      } finally {
        await pair.close();
      }
    });
  };

  scenario('the leader sends the bytes of the examples and takes those of the follower', async ({ near, far }) => {
    const leader = rrccLeader(near, { entropy: exchange300, timing: virtualTiming(new EventQueue()) });
    const call = leader.call('plan', bytesOf('{"x":1}'), { ...json, deadlineMs: 5000 });
    const peer = new Heard(await far);
    await peer.until(({ messages }) => messages.length === 1);
    peer.transport.send(example('confirm'));
    peer.transport.send(example('response'));
    const first = await call;
    expect([first.round, new TextDecoder().decode(first.result), first.contentType]).toEqual([
      1,
      '{"y":2}',
      'application/json',
    ]);
    const second = first.continue(bytesOf('{"x":2}'), json);
    await peer.until(({ messages }) => messages.length === 2);
    // Response to message 2 in round 2: message 4.
    peer.transport.send(fromHex('080110ac0218042001280262040802' + '1001'));
    (await second).stop();
    await peer.until(({ messages }) => messages.length === 3);
    expect(peer.messages.map((message) => toHex(withPrefix(message)))).toEqual([
      rrccExamples.request,
      rrccExamples.continue,
      rrccExamples.stop,
    ]);
    await leader.close();
  });

  scenario('the follower sends the bytes of the examples and takes those of the leader', async ({ near, far }) => {
    const peer = new Heard(near);
    let executions = 0;
    let release: () => void = () => {};
    const follower = rrccFollower(undefined, {
      timing: virtualTiming(new EventQueue()),
      methods: {
        plan: async () => {
          if (++executions > 1) throw new Error('boom');
          await new Promise<void>((resolve) => {
            release = resolve;
          });
          return { result: bytesOf('{"y":2}'), contentType: 'application/json' };
        },
      },
    });
    near.send(example('request'));
    follower.attach(await far);
    await peer.until(({ messages }) => messages.length === 1);
    near.send(example('requestAgain'));
    await peer.until(({ messages }) => messages.length === 2);
    release();
    await peer.until(({ messages }) => messages.length === 3);
    near.send(example('continue'));
    await peer.until(({ messages }) => messages.length === 5);
    near.send(example('stop'));
    // An unknown method shows that everything before it was read.
    near.send(fromHex('080110ad02180120012801' + '52030a0161'));
    await peer.until(({ messages }) => messages.length === 7);
    expect(peer.messages.slice(0, 5).map((message) => toHex(withPrefix(message)))).toEqual([
      rrccExamples.confirm,
      // RUNNING, for attempt 2.
      '00000011080110ac021801200228015a0408011002',
      // The Response answers the last copy.
      rrccExamples.response.replace('18022001', '18022002'),
      '00000011080110ac021803200128025a0408021001',
      '00000017080110ac02180420012802620a080210022a04626f6f6d',
    ]);
    expect([executions, follower.counters.copies, follower.counters.stops, follower.records]).toEqual([2, 1, 1, 1]);
    await follower.close();
  });

  scenario('both ends do three rounds and stop', async ({ near, far }) => {
    const leader = rrccLeader(near);
    const methods = {
      sum: ({ params, round }: { params: Uint8Array; round: number }) => Uint8Array.of(round, (params[0] ?? 0) * 2),
    };
    const call = leader.call('sum', Uint8Array.of(5));
    const follower = rrccFollower(await far, { methods });
    const first = await call;
    const second = await first.continue(first.result.slice(1));
    const third = await second.continue(second.result.slice(1));
    third.stop();
    expect([first, second, third].map(({ result }) => [...result])).toEqual([
      [1, 10],
      [2, 20],
      [3, 40],
    ]);
    await expect(leader.call('nothing', new Uint8Array(1))).rejects.toMatchObject({ code: 'UNKNOWN_METHOD' });
    expect(follower.counters).toMatchObject({ requests: 2, continues: 2, executions: 3, stops: 1, refused: 1 });
    expect(leader.exchanges).toBe(0);
    await leader.close();
    await follower.close();
  });

  scenario('a mute follower gets five copies, and the leader gives up at 7,500 ms', async ({ near, far }) => {
    const queue = new EventQueue();
    const leader = rrccLeader(near, { entropy: exchange300, timing: virtualTiming(queue) });
    const call = leader.call('plan', bytesOf('{"x":1}'), { ...json, deadlineMs: 5000 });
    const failed = expect(call).rejects.toMatchObject({ code: 'noConfirm' });
    queue.runUntil(7499);
    expect(leader.exchanges).toBe(1);
    queue.runUntil(7500);
    await failed;
    const peer = new Heard(await far);
    await peer.until(({ messages }) => messages.length === 5);
    const copies = peer.messages.map((message) => toHex(withPrefix(message)));
    const copy = (attempt: number): string =>
      rrccExamples.request.replace('180120012801', `18012${`00${attempt}`.slice(-3)}2801`);
    expect(copies).toEqual([1, 2, 3, 4, 5].map(copy));
    expect(copies[1]).toBe(rrccExamples.requestAgain);
    expect(leader.counters).toMatchObject({ sent: 1, sentAgain: 4 });
    await leader.close();
  });
});
