import { describe, expect, it } from 'vitest';
import type { TransportEnd } from '../../src/neighbours/core/transport.ts';
import { rrccFollower } from '../../src/neighbours/rrcc/follower.ts';
import { rrccLeader } from '../../src/neighbours/rrcc/leader.ts';
import {
  RRCC_SESSION_BYTES_MAX,
  RRCC_SESSION_METHOD,
  type SessionPort,
  sessionTransport,
} from '../../src/neighbours/rrcc/session-binding.ts';
import { virtualTiming } from '../../src/neighbours/virtual-timing.ts';
import type { HostName } from '../../src/sim/world-event.ts';
import { ExchangeWorld } from '../support/exchange-world.ts';
import { bytesOf } from '../support/heard.ts';
import { seedFromEnv } from '../support/seeded.ts';

/** One side of the first session of a world. */
function portOf(world: ExchangeWorld, host: HostName): SessionPort {
  return {
    notify: (method, body) => world.give(host, { kind: 'notify', method, body }),
    listen(notified) {
      const before = world.onNotified;
      world.onNotified = (at, { method, body }) => {
        before(at, { method, body });
        if (at === host) notified(method, body);
      };
      return () => {};
    },
  };
}

describe('RRCC over a simulated session', () => {
  it.each(['the viewer', 'the camera'])(
    '%s leads through 30 % loss, doubling and reordering; each round runs once',
    async (who) => {
      const link = { loss: 0.3, oneWayMs: 25, duplication: 0.3, reorder: 0.2 };
      const world = new ExchangeWorld({ seed: seedFromEnv('neighbours/rrcc-session'), link });
      world.join();
      world.run(500);
      const timing = virtualTiming(world.clock);
      const [lead, follow] = who === 'the viewer' ? ([0, 'camera'] as const) : (['camera', 0] as const);
      const rounds: number[] = [];
      const methods = {
        sum: ({ params, round }: { params: Uint8Array; round: number }) => {
          rounds.push(round);
          return Uint8Array.of((params[0] ?? 0) + 1);
        },
      };
      const follower = rrccFollower(sessionTransport(portOf(world, follow), timing), { methods, timing });
      const leader = rrccLeader(sessionTransport(portOf(world, lead), timing), { timing });
      const passing = async <Value>(promise: Promise<Value>): Promise<Value> => {
        let over = false;
        const settled = promise.finally(() => {
          over = true;
        });
        // It may fail while time still passes; the caller is told below.
        settled.catch(() => {});
        for (let steps = 0; steps < 10_000 && !over; steps++) {
          world.run(5);
          // The methods run outside of virtual time.
          await new Promise((resolve) => setImmediate(resolve));
        }
        return settled;
      };
      let result: Uint8Array | undefined;
      let failed: unknown;
      try {
        let round = await passing(leader.call('sum', Uint8Array.of(1), { deadlineMs: 500 }));
        for (let more = 0; more < 4; more++) round = await passing(round.continue(round.result));
        round.stop();
        result = round.result;
      } catch (error) {
        failed = error;
      }
      // Five slow attempts may all be lost: then the leader says so. Either way nothing ran twice.
      expect(rounds).toEqual(Array.from({ length: rounds.length }, (_, index) => index + 1));
      if (failed === undefined) expect([[...(result ?? [])], rounds.length]).toEqual([[6], 5]);
      else expect(failed).toMatchObject({ code: expect.stringMatching(/^(noConfirm|noResponse)$/) });
      expect(world.watch.violations).toEqual([]);
      await passing(Promise.all([leader.close(), follower.close()]));
    },
  );
});

describe('a session as a connection of RRCC', () => {
  const bench = () => {
    const world = new ExchangeWorld({ seed: 1 });
    const sent: Uint8Array[] = [];
    let notified: (method: string, body: Uint8Array) => void = () => {};
    let ended: () => void = () => {};
    const port: SessionPort = {
      notify: (_, body) => void sent.push(body),
      listen(onNotified, onEnded) {
        [notified, ended] = [onNotified, onEnded];
        return () => {};
      },
    };
    const transport = sessionTransport(port, virtualTiming(world.clock));
    const heard: Uint8Array[] = [];
    const ends: TransportEnd[] = [];
    const open = (): void =>
      transport.open({
        message: (bytes) => void heard.push(bytes),
        malformed: () => {},
        ended: () => {},
        writable: () => {},
        closed: (end) => void ends.push(end),
      });
    return {
      world,
      sent,
      transport,
      heard,
      ends,
      open,
      tell: (method: string, body: Uint8Array) => notified(method, body),
      end: () => ended(),
    };
  };

  it('sends one Envelope of at most 1,000 bytes in each NOTIFY, and refuses what does not fit', () => {
    const { transport, sent } = bench();
    expect(transport.reliable).toBe(false);
    expect(transport.send(new Uint8Array(RRCC_SESSION_BYTES_MAX))).toBeUndefined();
    expect(transport.send(new Uint8Array(RRCC_SESSION_BYTES_MAX + 1))).toBe('tooLarge');
    expect(transport.send(new Uint8Array(0))).toBe('empty');
    transport.close();
    expect(transport.send(new Uint8Array(1))).toBe('closed');
    expect(sent.map(({ length }) => length)).toEqual([RRCC_SESSION_BYTES_MAX]);
    expect(transport.counters).toMatchObject({ sent: 1, tooLarge: 1, empty: 1, closed: 1 });
  });

  it('hears its own method only, keeps what came early, and ends with the session', () => {
    const { transport, heard, ends, open, tell, end, world } = bench();
    tell(RRCC_SESSION_METHOD, bytesOf('early'));
    tell('other', bytesOf('no'));
    open();
    tell(RRCC_SESSION_METHOD, bytesOf('late'));
    tell(RRCC_SESSION_METHOD, new Uint8Array(RRCC_SESSION_BYTES_MAX + 1));
    transport.pause();
    tell(RRCC_SESSION_METHOD, bytesOf('lost'));
    transport.resume();
    expect(heard).toEqual([bytesOf('early'), bytesOf('late')]);
    expect(transport.counters).toMatchObject({ received: 2, malformed: 1 });
    end();
    transport.destroy();
    expect(ends).toEqual([]);
    world.run(1);
    expect(ends).toEqual([{ cause: 'ended', truncated: false }]);
    tell(RRCC_SESSION_METHOD, bytesOf('after'));
    expect(heard).toHaveLength(2);
  });
});
