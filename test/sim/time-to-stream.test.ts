import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { SimulationPool } from '../../src/io/simulation-pool.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { compareWithExpectation } from '../../src/sim/comparison.ts';
import { Expectation } from '../../src/sim/expectation.ts';
import type { HandshakeScenario } from '../../src/sim/handshake-result.ts';
import type { HandshakeStats } from '../../src/sim/handshake-stats.ts';
import type { LinkModel } from '../../src/sim/link-model.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

// 227,000 handshakes: half a minute of two cores, much more on a machine that is busy.
vi.setConfig({ testTimeout: 600_000 });

/** Of the quantiles: they are exact for a seed, and within chance of their limits for another. */
const SEED = 1;

let pool: SimulationPool;

beforeAll(() => {
  pool = new SimulationPool(2);
});

afterAll(() => pool[Symbol.asyncDispose]());

const scenarioOf = (link: LinkModel, keyframeDatagrams = 1): HandshakeScenario => ({
  link,
  profile: profiles.default,
  keyframeDatagrams,
  untilFirstFrame: keyframeDatagrams > 1,
});

/** Runs them and expects that no promise was broken. */
async function simulated(scenario: HandshakeScenario, seed: number, runs: number): Promise<HandshakeStats> {
  const stats = await pool.run({ scenario, seed, runs });
  expect(stats.counts).toMatchObject({ runs, violations: 0, mediaBeforeConfirm: 0 });
  expect(stats.firstViolations).toEqual([]);
  return stats;
}

describe('of 100,000 handshakes within the default deadline', () => {
  it.each([
    [
      '99.99 % succeed at 30 % loss + 5 % duplication + 10 % reordering + 1 % corruption each way',
      { loss: 0.3, duplication: 0.05, reorder: 0.1, corruption: 0.01 },
      0.9999,
    ],
    ['99.9 % succeed at 50 % loss each way', { loss: 0.5 }, 0.999],
  ])('%s (S1 to S16)', async (_name, impairments, wanted) => {
    const scenario = scenarioOf({ oneWayMs: 25, ...impairments });
    const stats = await simulated(scenario, seedFromEnv('sim/time-to-stream'), runsFromEnv(100_000));
    if (stats.success < wanted) expect([stats.success, stats.failedSeeds]).toEqual([wanted, []]);
    expect(stats.timesToStream().max).toBeLessThanOrEqual(15_000);
  });
});

describe('at 30 % loss each way', () => {
  it.each([
    [50, 110, 155, 230],
    [100, 210, 255, 335],
  ])('and RTT %i ms the first media is there within %i / %i / %i ms (p50, p95, p99)', async (rttMs, p50, p95, p99) => {
    const scenario = scenarioOf({ oneWayMs: rttMs / 2, loss: 0.3 });
    const times = (await simulated(scenario, SEED, 12_000)).timesToStream();
    const expectation = new Expectation(scenario);
    expect(compareWithExpectation(times, expectation)).toMatchObject({ agrees: true, failures: 0 });
    for (const of of [expectation, times]) {
      expect(of.quantile(0.5)).toBeLessThanOrEqual(p50);
      expect(of.quantile(0.95)).toBeLessThanOrEqual(p95);
      expect(of.quantile(0.99)).toBeLessThanOrEqual(p99);
    }
  });

  it('and RTT 50 ms a key frame of 20 datagrams is whole within 260 / 480 ms (p50, p99)', async () => {
    const scenario = scenarioOf({ oneWayMs: 25, loss: 0.3 }, 20);
    const stats = await simulated(scenario, seedFromEnv('sim/time-to-stream'), 3000);
    const times = stats.timesToFirstFrame();
    expect(stats.success).toBe(1);
    expect(times.quantile(0.5)).toBeLessThanOrEqual(260);
    expect(times.quantile(0.99)).toBeLessThanOrEqual(480);
  });

  it('a stream at rest reaches every viewer at 50 % loss too, whatever the size of its one picture', async () => {
    for (const [datagrams, runs] of [
      [2, 2000],
      [20, 1000],
    ] as const) {
      const scenario = scenarioOf({ oneWayMs: 25, loss: 0.5 }, datagrams);
      const stats = await simulated(scenario, seedFromEnv('sim/time-to-stream'), runs);
      expect([datagrams, stats.success, stats.failedSeeds]).toEqual([datagrams, 1, []]);
    }
  });
});
