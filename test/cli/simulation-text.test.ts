import { describe, expect, it } from 'vitest';
import { progressText } from '../../src/cli/progress.ts';
import { cellOf, pathText, type SimulateOptions, scenarioOf } from '../../src/cli/simulate-options.ts';
import { msText, type SimulationOutcome, shareText, theoryText } from '../../src/cli/simulation-text.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { compareWithExpectation } from '../../src/sim/comparison.ts';
import { Expectation } from '../../src/sim/expectation.ts';
import { HandshakeStats } from '../../src/sim/handshake-stats.ts';
import { HandshakeRunner } from '../../src/sim/handshakes.ts';

const defaults: SimulateOptions = { profile: 'default', runs: 10, seed: 1, losses: [], rtts: [] };

function outcomeOf(loss: number, expectedLoss: number, runs: number): SimulationOutcome {
  const scenario = { profile: profiles.seed, keyframeDatagrams: 1, untilFirstFrame: false };
  const stats = new HandshakeStats(runs, false);
  stats.add(new HandshakeRunner({ ...scenario, link: { loss } }).runMany(1, 0, runs));
  const expectation = new Expectation({ ...scenario, link: { loss: expectedLoss } });
  const timesToStream = stats.timesToStream();
  return {
    scenario: { ...scenario, link: { loss } },
    seed: 1,
    stats,
    timesToStream,
    timesToFirstFrame: stats.timesToFirstFrame(),
    theory: { expectation, comparison: compareWithExpectation(timesToStream, expectation) },
  };
}

describe('the texts of a simulation', () => {
  it('say by how much theory and engine disagree', () => {
    expect(theoryText(outcomeOf(0.2, 0.2, 400))).toMatch(/^agrees: the distributions are 0\.0\d+ apart at most, /);
    expect(theoryText(outcomeOf(0.6, 0.2, 400))).toMatch(/^DISAGREES: \d+ failures where \d\d\.\d are expected$/);
    expect(theoryText(outcomeOf(0, 0.3, 400))).toMatch(
      /^DISAGREES: the distributions are 0\.\d{4} apart at most \(at \d+\.\d ms\), chance allows 0\.1352$/,
    );
  });

  it('show a single failure among many, and never as all', () => {
    expect(shareText(999_999, 1_000_000)).toBe('99.9999 %');
    expect(shareText(1_000_000, 1_000_000)).toBe('100 %');
    expect([shareText(1, 3), shareText(0, 10), shareText(0, 0)]).toEqual(['33 %', '0 %', '-']);
    expect([msText(105.44), msText(Number.POSITIVE_INFINITY), msText(Number.NaN)]).toEqual(['105.4', 'never', '-']);
  });

  it('show how far it is, and how long it will take', () => {
    expect(progressText('handshakes', 420_000, 1_000_000, 21_000)).toBe(
      '[==========>             ]  42 %  420,000 of 1,000,000 handshakes, 20,000 a second, 29.0 s left',
    );
    expect(progressText('cells', 0, 10, 0)).toBe('[>                       ]   0 %  0 of 10 cells, 0 a second');
    expect(progressText('cells', 10, 10, 1000)).toBe(
      `[${'='.repeat(24)}] 100 %  10 of 10 cells, 10 a second, 0.0 ms left`,
    );
  });

  it('describe the link that the options make', () => {
    expect(pathText(scenarioOf(defaults))).toBe('RTT 50.0 ms; each way 30 % lost');
    expect(pathText(scenarioOf({ ...defaults, rtt: 20, jitter: { jitterMs: 5 }, down: { loss: 0 } }))).toBe(
      'RTT 20.0 ms; to the camera 30 % lost, up to 5.0 ms of jitter; to the viewer up to 5.0 ms of jitter',
    );
    expect(pathText(scenarioOf({ ...defaults, preset: 'satellite' }))).toMatch(
      /^RTT 560 ms; to the camera 1 % lost, .*; to the viewer 1 % lost, /,
    );
    expect(pathText(cellOf(defaults, 0, 100))).toBe('RTT 100 ms; each way as it is');
    expect(scenarioOf({ ...defaults, preset: 'lte', loss: { loss: 0.5 } }).link).toMatchObject({
      toCamera: { loss: 0.5, oneWayMs: 22.5 },
    });
  });
});
