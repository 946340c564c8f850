import { describe, expect, it } from 'vitest';
import { profiles } from '../../src/protocol/profiles.ts';
import { Distribution } from '../../src/sim/distribution.ts';
import type { HandshakeScenario } from '../../src/sim/handshake-result.ts';
import { HandshakeStats, RUNS_MAX } from '../../src/sim/handshake-stats.ts';
import { NAMED_RUNS_MAX } from '../../src/sim/handshake-tally.ts';
import { HandshakeRunError, HandshakeRunner } from '../../src/sim/handshakes.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';
import { seedFromEnv } from '../support/seeded.ts';

const perfect: HandshakeScenario = {
  link: { oneWayMs: 25 },
  profile: profiles.default,
  keyframeDatagrams: 1,
  untilFirstFrame: false,
};
const lossy: HandshakeScenario = { ...perfect, link: { oneWayMs: 25, loss: 0.3 } };

/** Everything that can be told of runs. */
const allOf = (stats: HandshakeStats) => ({
  counts: stats.counts,
  outcomes: stats.outcomes,
  failedSeeds: stats.failedSeeds,
  firstViolations: stats.firstViolations,
  times: [...stats.timesToStream().sorted],
  frames: [...stats.timesToFirstFrame().sorted],
});

describe('a simulated handshake', () => {
  it('takes two round trips to the first media on a perfect link, and says what it cost until then', () => {
    const result = new HandshakeRunner(perfect).run(1);
    expect(result).toMatchObject({
      seed: 1,
      outcome: 'ok',
      timeToStreamMs: 100,
      timeToStreamingMs: 100,
      timeToFirstFrameMs: Number.POSITIVE_INFINITY,
      mediaBeforeConfirm: false,
      violations: [],
    });
    // START and START_CONFIRM after 0, 5, 12.5, 23.75 and 40.6 ms, a little sooner or later; each START has its answer.
    expect(result.attempts).toBe(5);
    // The PING that comes together with the first media is answered before that is seen.
    expect(result.datagramsToCamera).toBe(5 + 5 + 1);
    expect(result.bytesToCamera).toBe(5 * 256 + 5 * 72 + 46);
    expect(result.datagramsToViewer).toBeGreaterThan(5);
  });

  it('takes one round trip where the viewer comes back with a token, and counts only its coming back', () => {
    const events: WorldEvent[] = [];
    const fast = new HandshakeRunner({ ...perfect, fast: true }).run(1, (event) => events.push(event));
    expect(fast).toMatchObject({
      outcome: 'ok',
      timeToStreamMs: 50,
      timeToStreamingMs: Number.POSITIVE_INFINITY,
      mediaBeforeConfirm: false,
      violations: [],
    });
    expect([fast.attempts, events[0]?.atMs, events.at(-1)?.atMs]).toEqual([5, 0, 50]);
    // With losses too: what is saved is the round trip of START_CONFIRM.
    const medians = [false, true].map((fastMode) => {
      const { timesToStreamMs, counts } = new HandshakeRunner({ ...lossy, fast: fastMode }).runMany(1, 0, 500);
      expect([fastMode, counts.violations, counts.mediaBeforeConfirm]).toEqual([fastMode, 0, 0]);
      return new Distribution(timesToStreamMs).quantile(0.5);
    });
    expect((medians[0] ?? 0) - (medians[1] ?? 0)).toBeGreaterThan(45);
  });

  it('goes on to the first decodable frame when that is asked for', () => {
    const scenario = { ...perfect, keyframeDatagrams: 20, untilFirstFrame: true };
    expect(new HandshakeRunner(scenario).run(1)).toMatchObject({ timeToStreamMs: 100, timeToFirstFrameMs: 100 });
    const large = { ...scenario, keyframeDatagrams: 100 };
    const result = new HandshakeRunner(large).run(1);
    expect(result.timeToStreamMs).toBe(100);
    // 32 datagrams at once, then 2 per ms.
    expect(result.timeToFirstFrameMs).toBeCloseTo(100 + (100 - 32) / 2, 0);
  });

  it('ends with its deadline where nothing passes, and with noMedia where only media does not', () => {
    const nothing = new HandshakeRunner({ ...perfect, link: { loss: 1 } }).run(1);
    expect(nothing).toMatchObject({ outcome: 'HANDSHAKE_TIMEOUT', timeToStreamMs: Number.POSITIVE_INFINITY });
    const small = new HandshakeRunner({ ...perfect, link: { oneWayMs: 25, datagramBytesMax: 400 } }).run(1);
    expect(small).toMatchObject({ outcome: 'noMedia', timeToStreamMs: Number.POSITIVE_INFINITY });
    expect(small.timeToStreamingMs).toBe(100);
  });

  it('is the same for the same seed, whether alone or as one of many (S15)', () => {
    const seed = seedFromEnv('sim/handshakes');
    const runner = new HandshakeRunner(lossy);
    const { timesToStreamMs, counts } = runner.runMany(seed, 10, 200);
    expect(counts.runs).toBe(200);
    for (const index of [0, 7, 199]) {
      expect(new HandshakeRunner(lossy).run((seed + 10 + index) >>> 0).timeToStreamMs).toBe(timesToStreamMs[index]);
    }
    expect(new HandshakeRunner(lossy).runMany(0xffff_ffff, 0, 3).timesToStreamMs).toEqual(
      Float64Array.of(...[0xffff_ffff, 0, 1].map((wrapped) => runner.run(wrapped).timeToStreamMs)),
    );
  });

  it('shows everything to its inspector, and keeps what that found with the seed', () => {
    let events = 0;
    const runner = new HandshakeRunner(perfect, () => ({
      see: () => {
        events++;
      },
      finish: (world) => [`after ${world.clock.nowMs} ms`, 'and another'],
    }));
    const { counts, firstViolations } = runner.runMany(5, 0, 20);
    expect(events).toBeGreaterThan(20 * 20);
    expect(counts.violations).toBe(40);
    expect(firstViolations).toHaveLength(NAMED_RUNS_MAX);
    expect(firstViolations.slice(0, 3)).toEqual([
      { seed: 5, text: 'after 100 ms' },
      { seed: 5, text: 'and another' },
      { seed: 6, text: 'after 100 ms' },
    ]);
  });

  it('that throws tells its seed', () => {
    const runner = new HandshakeRunner(perfect, () => ({
      see: () => {
        throw new Error('broken');
      },
      finish: () => [],
    }));
    expect(() => runner.runMany(40, 2, 1)).toThrow(HandshakeRunError);
    expect(() => runner.runMany(40, 2, 1)).toThrow('the simulated handshake with seed 42 threw: broken');
  });
});

describe('statistics of many handshakes', () => {
  it('do not depend on how the runs were cut and in what order they come', () => {
    const seed = seedFromEnv('sim/handshakes');
    const scenario = { ...lossy, link: { oneWayMs: 25, loss: 0.6 }, profile: profiles.seed, untilFirstFrame: true };
    const runner = new HandshakeRunner(scenario, () => ({
      see: () => {},
      finish: ({ clock }) => [String(clock.nowMs)],
    }));
    const whole = new HandshakeStats(300, true);
    whole.add(runner.runMany(seed, 0, 300));
    const parts = new HandshakeStats(300, true);
    for (const first of [250, 0, 100, 50, 200, 150]) parts.add(runner.runMany(seed, first, 50));
    expect(allOf(parts)).toEqual(allOf(whole));
    expect(whole.failedSeeds).toHaveLength(NAMED_RUNS_MAX);
    expect(whole.success).toBeLessThan(0.7);
  });

  it('of runs that were stopped early are those of the runs that were made', () => {
    const runner = new HandshakeRunner(lossy);
    const stats = new HandshakeStats(1000, false);
    stats.add(runner.runMany(1, 500, 100));
    expect(stats.counts.runs).toBe(100);
    expect(stats.timesToStream().count).toBe(100);
    expect(stats.success).toBe(1);
  });

  it('have a limit (S5)', () => {
    expect(() => new HandshakeStats(RUNS_MAX + 1, false)).toThrow(RangeError);
    expect(() => new HandshakeStats(0, false)).toThrow(RangeError);
  });
});

describe('a distribution', () => {
  it('has nearest-rank quantiles over all, those that never came last', () => {
    const never = Number.POSITIVE_INFINITY;
    const distribution = new Distribution(Float64Array.of(3, never, 1, 2, never, 4, 5, 6, 7, 8));
    expect([0, 0.1, 0.11, 0.5, 0.8, 0.81, 1].map((q) => distribution.quantile(q))).toEqual([
      1,
      1,
      2,
      5,
      8,
      never,
      never,
    ]);
    expect([distribution.max, distribution.finite, distribution.count]).toEqual([8, 8, 10]);
    expect([0.5, 1, 7.5, 8].map((ms) => distribution.shareAtMost(ms))).toEqual([0, 0.1, 0.7, 0.8]);
    const none = new Distribution(new Float64Array());
    expect([none.max, none.quantile(0.5), none.shareAtMost(1)]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });
});
