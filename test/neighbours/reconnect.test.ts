import { describe, expect, it } from 'vitest';
import { Reconnect, type ReconnectOptions } from '../../src/neighbours/core/reconnect.ts';
import { Prng } from '../../src/sim/prng.ts';
import { pass } from '../support/pass-time.ts';

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

  it('takes a try that fails at once, within the call that began it', () => {
    const reconnect: Reconnect = new Reconnect({ jitter: 0 }, new Prng(5), {
      connect: () => reconnect.disconnected(0),
      abandon: () => {},
      gaveUp: () => {},
    });
    reconnect.start(0);
    expect([reconnect.state, reconnect.deadlineMs()]).toEqual(['Waiting', 2000]);
    pass(reconnect, 20_000);
    expect(reconnect.counters).toMatchObject({ tooSlow: 0 });
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
