import { describe, expect, it } from 'vitest';
import { SimulationError, SimulationPool } from '../../src/io/simulation-pool.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import type { HandshakeScenario } from '../../src/sim/handshake-result.ts';
import { HandshakeStats } from '../../src/sim/handshake-stats.ts';
import { HandshakeRunner } from '../../src/sim/handshakes.ts';

const scenario: HandshakeScenario = {
  link: { oneWayMs: 25, loss: 0.5, duplication: 0.05, jitterMs: 5 },
  profile: profiles.seed,
  keyframeDatagrams: 3,
  untilFirstFrame: true,
};

const allOf = (stats: HandshakeStats) => ({
  counts: stats.counts,
  outcomes: stats.outcomes,
  failedSeeds: stats.failedSeeds,
  times: [...stats.timesToStream().sorted],
  frames: [...stats.timesToFirstFrame().sorted],
});

describe('SimulationPool', () => {
  it('gives the same whatever the number of its threads, and as without any (S15)', async () => {
    const seen: unknown[] = [];
    for (const workers of [1, 2, 5]) {
      await using pool = new SimulationPool(workers);
      expect(pool.size).toBe(workers);
      seen.push(allOf(await pool.run({ scenario, seed: 9, runs: 1003 })));
    }
    const alone = new HandshakeStats(1003, true);
    alone.add(new HandshakeRunner(scenario).runMany(9, 0, 1003));
    for (const one of seen) expect(one).toEqual(allOf(alone));
  });

  it('runs several jobs one after the other, and tells of its progress', async () => {
    await using pool = new SimulationPool(2);
    const progress: number[] = [];
    const first = await pool.run({ scenario, seed: 1, runs: 500 }, { onProgress: (done) => progress.push(done) });
    const perfect = { ...scenario, link: { oneWayMs: 10 }, profile: profiles.default };
    const second = await pool.run({ scenario: perfect, seed: 1, runs: 50 });
    expect(first.counts.runs).toBe(500);
    expect(progress.at(-1)).toBe(500);
    expect(progress).toEqual([...progress].sort((a, b) => a - b));
    expect(progress.length).toBeGreaterThan(50);
    expect(second.timesToStream().max).toBe(40);
  });

  it('stops when it is told to, with the runs that were made', async () => {
    await using pool = new SimulationPool(2);
    const controller = new AbortController();
    const stats = await pool.run(
      { scenario, seed: 1, runs: 5_000_000 },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    expect(stats.counts.runs).toBeGreaterThan(0);
    expect(stats.counts.runs).toBeLessThan(10_000);
    expect(stats.timesToStream().count).toBe(stats.counts.runs);
  });

  it('tells the seed of a run that throws', async () => {
    await using pool = new SimulationPool(2);
    const broken = { ...scenario, profile: null as unknown as HandshakeScenario['profile'] };
    const error: unknown = await pool.run({ scenario: broken, seed: 70, runs: 1 }).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(SimulationError);
    expect(error).toMatchObject({ seed: 70 });
    expect(String(error)).toContain('the simulated handshake with seed 70 threw');
  });

  it('goes on with the next job after one that threw or was stopped', async () => {
    await using pool = new SimulationPool(2);
    const broken = { ...scenario, profile: null as unknown as HandshakeScenario['profile'] };
    await expect(pool.run({ scenario: broken, seed: 1, runs: 500 })).rejects.toThrow(SimulationError);
    const controller = new AbortController();
    const stopped = pool.run(
      { scenario, seed: 1, runs: 5_000_000 },
      { signal: controller.signal, onProgress: () => controller.abort() },
    );
    const [one, two] = await Promise.all([2, 3].map((seed) => pool.run({ scenario, seed, runs: 90 })));
    expect((await stopped).counts.runs).toBeLessThan(10_000);
    for (const [seed, stats] of [
      [2, one],
      [3, two],
    ] as const) {
      const alone = new HandshakeStats(90, true);
      alone.add(new HandshakeRunner(scenario).runMany(seed, 0, 90));
      expect(stats === undefined ? undefined : allOf(stats)).toEqual(allOf(alone));
    }
  });

  it('refuses a number of threads that makes no sense', () => {
    expect(() => new SimulationPool(0)).toThrow(RangeError);
    expect(() => new SimulationPool(257)).toThrow(RangeError);
  });
});
