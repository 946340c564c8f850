import { describe, expect, it } from 'vitest';
import { jitterMs, rtoMs } from '../../machines/index.ts';
import { TAIL_PROBES_MS } from '../../src/media/media-sender.ts';
import { type Profile, profiles } from '../../src/protocol/profiles.ts';
import { chanceOfAtLeast, compareWithExpectation } from '../../src/sim/comparison.ts';
import { Density } from '../../src/sim/density.ts';
import { Distribution } from '../../src/sim/distribution.ts';
import { Expectation, GRID_ERROR, GRID_STEP_MS, whyNoExpectation } from '../../src/sim/expectation.ts';
import type { HandshakeScenario } from '../../src/sim/handshake-result.ts';
import { HandshakeRunner } from '../../src/sim/handshakes.ts';
import { bursts, type LinkPair } from '../../src/sim/link-model.ts';
import { Prng } from '../../src/sim/prng.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

const scenarioOf = (link: LinkPair, profile: Profile = profiles.default, keyframeDatagrams = 1): HandshakeScenario => ({
  link,
  profile,
  keyframeDatagrams,
  untilFirstFrame: false,
});

const asymmetric = { toCamera: { loss: 0.4, oneWayMs: 10 }, toViewer: { loss: 0.1, oneWayMs: 31.7 } };

const scenarios = [
  ['default, 30 %', scenarioOf({ loss: 0.3, oneWayMs: 25 })],
  ['default, 50 %', scenarioOf({ loss: 0.5, oneWayMs: 25 })],
  ['default, no loss', scenarioOf({ oneWayMs: 25 })],
  ['default, each way its own', scenarioOf(asymmetric, profiles.default, 3)],
  ['internet, 30 %', scenarioOf({ loss: 0.3, oneWayMs: 60 }, profiles.internet, 40)],
  ['seed, 30 %', scenarioOf({ loss: 0.3, oneWayMs: 25 }, profiles.seed)],
] as const;

const expectations = new Map<HandshakeScenario, Expectation>();

/** That of one of the scenarios, which takes a while to make, and so is made once. */
function expectationOf(scenario: HandshakeScenario): Expectation {
  const expectation = expectations.get(scenario) ?? new Expectation(scenario);
  expectations.set(scenario, expectation);
  return expectation;
}

/** The same model, played: one copy after the other, each lost or not. */
function played({ link, profile, keyframeDatagrams }: HandshakeScenario, prng: Prng): number {
  const { toCamera, toViewer } = 'toCamera' in link ? link : { toCamera: link, toViewer: link };
  const lost = (model: { loss?: number }) => prng.chance(model.loss ?? 0);
  const tries = (fails: () => boolean): number => {
    let ms = 0;
    for (let copy = 1; fails(); copy++) {
      if (copy === profile.sendsMax) return Number.POSITIVE_INFINITY;
      ms += jitterMs(rtoMs(profile, copy), profile.rtoJitter, prng.unit());
    }
    return ms;
  };
  const acknowledgedMs = tries(() => [lost(toCamera), lost(toViewer)].includes(true));
  const confirmedMs = acknowledgedMs + tries(() => lost(toCamera));
  const sends = Array.from({ length: keyframeDatagrams }, (_, index) => Math.max(0, (index - 31) / 2));
  const lastMs = sends.at(-1) ?? 0;
  const mediaMs = [...sends, ...TAIL_PROBES_MS.map((ms) => lastMs + ms)].find(() => !lost(toViewer));
  const ms = 2 * ((toCamera.oneWayMs ?? 0) + (toViewer.oneWayMs ?? 0)) + confirmedMs + (mediaMs ?? Infinity);
  return ms <= profile.handshakeMs ? ms : Number.POSITIVE_INFINITY;
}

describe('the expectation of time to stream', () => {
  it.each(scenarios)('is what its model gives when it is played (%s)', (_name, scenario) => {
    const prng = new Prng(seedFromEnv('sim/expectation'), 77);
    const times = new Distribution(Float64Array.from({ length: 200_000 }, () => played(scenario, prng)));
    const comparison = compareWithExpectation(times, expectationOf(scenario));
    expect(comparison).toMatchObject({ agrees: true });
    expect(comparison.bound).toBeLessThan(0.0066);
  });

  it.each(scenarios)('is what the engine does (%s)', (_name, scenario) => {
    const runner = new HandshakeRunner(scenario);
    const { timesToStreamMs } = runner.runMany(seedFromEnv('sim/expectation'), 0, runsFromEnv(3000));
    const comparison = compareWithExpectation(new Distribution(timesToStreamMs), expectationOf(scenario));
    expect(comparison).toMatchObject({ agrees: true });
  });

  it('disagrees with an engine on another link, and says by how much', () => {
    const { timesToStreamMs } = new HandshakeRunner(scenarioOf({ loss: 0.36, oneWayMs: 25 })).runMany(1, 0, 4000);
    const times = new Distribution(timesToStreamMs);
    const comparison = compareWithExpectation(times, new Expectation(scenarioOf({ loss: 0.3, oneWayMs: 25 })));
    expect(comparison.agrees).toBe(false);
    expect(comparison.distance).toBeGreaterThan(comparison.bound);
    expect(comparison.distance).toBeGreaterThan(0.05);
    expect(times.shareAtMost(comparison.distanceAtMs)).toBeLessThan(1);
  });

  it('disagrees with too many failures, however few they are', () => {
    const expectation = new Expectation(scenarioOf({ loss: 0.3, oneWayMs: 25 }));
    const times = Float64Array.from({ length: 100_000 }, (_, index) => expectation.quantile((index + 0.5) / 100_000));
    expect(compareWithExpectation(new Distribution(times), expectation)).toMatchObject({ agrees: true, failures: 0 });
    times.fill(Number.POSITIVE_INFINITY, 99_990);
    const comparison = compareWithExpectation(new Distribution(times), expectation);
    expect(comparison).toMatchObject({ agrees: false, tooManyFailures: true, failures: 10 });
    expect(comparison.distance).toBeLessThan(comparison.bound);
  });

  it.each(scenarios)('moves by less than it says when the grid is three times finer (%s)', (_name, scenario) => {
    const coarse = expectationOf(scenario);
    const fine = new Expectation(scenario, GRID_STEP_MS / 3);
    let most = 0;
    for (const ms of coarse.edgesMs()) most = Math.max(most, Math.abs(coarse.shareAtMost(ms) - fine.shareAtMost(ms)));
    expect(most).toBeLessThan(GRID_ERROR);
  });

  it('is certain on a perfect link, and nothing where the way is longer than the deadline', () => {
    const certain = new Expectation(scenarioOf({ oneWayMs: 25 }));
    expect([certain.success, certain.quantile(0.5), certain.quantile(1)]).toEqual([1, 100, 100]);
    expect([certain.shareAtMost(99.9), certain.shareAtMost(100)]).toEqual([0, 1]);
    const never = new Expectation(scenarioOf({ oneWayMs: 4000 }));
    expect([never.success, never.quantile(0.5), never.shareAtMost(1e6)]).toEqual([0, Number.POSITIVE_INFINITY, 0]);
  });

  it('names what it does not know of a link', () => {
    expect(whyNoExpectation({ loss: 0.3, oneWayMs: 5, jitterMs: 0 })).toBeUndefined();
    expect(whyNoExpectation(asymmetric)).toBeUndefined();
    expect(whyNoExpectation({ jitterMs: 1 }, true)).toBe('fast mode, jitter');
    expect(whyNoExpectation({ jitterMs: 1, burst: bursts(0.1, 5) })).toBe('losses in bursts, jitter');
    expect(whyNoExpectation({ toCamera: {}, toViewer: { bitsPerSecond: 1e6, corruption: 0.1 } })).toBe(
      'corruption, a bottleneck',
    );
  });
});

describe('a density', () => {
  it('keeps its mass and moves its mean by the delay, whatever falls between two cells', () => {
    for (const [fromMs, toMs] of [
      [0, 0],
      [1.03, 1.03],
      [0.9, 1.1],
      [4.5, 5.5],
      [0, 0.01],
    ] as const) {
      let density = Density.atZero(0.125, 100);
      for (let times = 0; times < 10; times++) density = density.delayed(fromMs, toMs);
      const mass = density.cells.reduce((sum, chance) => sum + chance, 0);
      const mean = density.cells.reduce((sum, chance, index) => sum + chance * index * 0.125, 0);
      expect(mass).toBeCloseTo(1, 9);
      expect(Math.abs(mean - 5 * (fromMs + toMs))).toBeLessThan(0.05);
    }
  });
});

describe('the chance of many rare events', () => {
  it('is that of the binomial distribution', () => {
    expect(chanceOfAtLeast(1, 2, 0.5)).toBeCloseTo(0.75, 12);
    expect(chanceOfAtLeast(2, 2, 0.5)).toBeCloseTo(0.25, 12);
    expect(chanceOfAtLeast(3, 10, 0.1)).toBeCloseTo(0.0701908264, 9);
    expect([chanceOfAtLeast(0, 5, 0), chanceOfAtLeast(1, 5, 0), chanceOfAtLeast(5, 5, 1)]).toEqual([1, 0, 1]);
    expect(chanceOfAtLeast(10, 10_000_000, 1e-6)).toBeCloseTo(0.5420703, 5);
    expect([chanceOfAtLeast(10_400, 1_000_000, 0.01), chanceOfAtLeast(10_600, 1_000_000, 0.01)]).toEqual([1, 0]);
  });
});
