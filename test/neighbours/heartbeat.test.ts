import { describe, expect, it } from 'vitest';
import { Heartbeat, type HeartbeatOptions } from '../../src/neighbours/core/heartbeat.ts';

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
