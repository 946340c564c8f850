import { describe, expect, it } from 'vitest';
import { jitterMs, repeatMs, rtoMs } from '../../machines/backoff.ts';
import { type Profile, type ProfileName, profiles } from '../../src/protocol/profiles.ts';

/** Times of all sends of one frame before `untilMs`, when every draw of the jitter is `unit`. */
function sendTimes(profile: Profile, untilMs: number, unit = 0.5, rtoInitialMs = profile.rtoInitialMs): number[] {
  const times: number[] = [];
  for (let atMs = 0, sends = 1; atMs < untilMs && sends <= profile.sendsMax; sends++) {
    times.push(atMs);
    atMs += jitterMs(rtoMs(profile, sends, rtoInitialMs), profile.rtoJitter, unit);
  }
  return times;
}

const inWindow = (times: readonly number[], fromMs: number, toMs: number): number =>
  times.filter((ms) => ms >= fromMs && ms < toMs).length;

const names = Object.keys(profiles) as ProfileName[];
const AT_MOST_UNIT = 1 - Number.EPSILON;

describe('the wait between copies', () => {
  it('of default is 5 ms, then one and a half times the wait before, never more than 250 ms', () => {
    const waits = [1, 2, 3, 4, 10, 11, 12, 255].map((sends) => rtoMs(profiles.default, sends));
    expect(waits).toEqual([5, 7.5, 11.25, 16.875, 5 * 1.5 ** 9, 250, 250, 250]);
  });

  it.each(names)('of %s never shrinks and never passes the cap', (name) => {
    const profile = profiles[name];
    const waits = Array.from({ length: 255 }, (_, index) => rtoMs(profile, index + 1));
    for (const [index, ms] of waits.entries()) {
      expect(ms).toBeGreaterThanOrEqual(waits[index - 1] ?? profile.rtoInitialMs);
      expect(ms).toBeLessThanOrEqual(profile.rtoMaxMs);
    }
  });

  it('starts at a remembered RTT when one is given', () => {
    const waits = [1, 2, 3, 4, 9].map((sends) => rtoMs(profiles.internet, sends, 300));
    expect(waits).toEqual([300, 450, 675, 1000, 1000]);
  });

  it('stays at a remembered RTT that is longer than the cap: a copy before an answer can come is waste', () => {
    expect([1, 2, 9].map((sends) => rtoMs(profiles.internet, sends, 1800))).toEqual([1800, 1800, 1800]);
  });
});

describe('the spread of a wait', () => {
  it('reaches from 90 to 110 % with a fraction of a tenth', () => {
    expect(jitterMs(100, 0.1, 0)).toBeCloseTo(90, 9);
    expect(jitterMs(100, 0.1, 0.5)).toBeCloseTo(100, 9);
    expect(jitterMs(100, 0.1, AT_MOST_UNIT)).toBeCloseTo(110, 9);
  });

  it('is none without a fraction', () => {
    expect([0, 0.3, AT_MOST_UNIT].map((unit) => jitterMs(500, 0, unit))).toEqual([500, 500, 500]);
  });
});

describe('the wait before PING or BYE is repeated', () => {
  it('is the least wait while no RTT is known', () => {
    expect(repeatMs(250, undefined)).toBe(250);
  });

  it('is one and a half RTTs where that is longer, and never less than the least', () => {
    expect([repeatMs(250, 100), repeatMs(250, 166), repeatMs(250, 400), repeatMs(200, 0)]).toEqual([
      250, 250, 600, 200,
    ]);
  });
});

describe('the schedule of START', () => {
  it('of default has 12 copies in the first second, the second after 5 ms', () => {
    const times = sendTimes(profiles.default, 1000);
    expect(times).toHaveLength(12);
    expect(times.slice(0, 5)).toEqual([0, 5, 12.5, 23.75, 40.625]);
  });

  it('of default has 4 copies in each further second', () => {
    const times = sendTimes(profiles.default, 15_000);
    for (let second = 1; second < 14; second++) {
      expect(inWindow(times, second * 1000, (second + 1) * 1000)).toBe(4);
    }
  });

  it('of default has 12 copies in the first second when every wait is drawn 10 % long, and 4 or fewer afterwards', () => {
    const times = sendTimes(profiles.default, 15_000, AT_MOST_UNIT);
    expect(inWindow(times, 0, 1000)).toBe(12);
    for (let second = 1; second < 14; second++) {
      expect(inWindow(times, second * 1000, (second + 1) * 1000)).toBeLessThanOrEqual(4);
    }
  });

  // The twelve of the protocol are those without jitter: drawn 10 % short each time, the thirteenth leaves after 960 ms.
  it('of default has 13 copies in the first second at most, when every wait is drawn 10 % short, and 5 afterwards', () => {
    const times = sendTimes(profiles.default, 15_000, 0);
    expect(inWindow(times, 0, 1000)).toBe(13);
    for (let second = 1; second < 14; second++) {
      expect(inWindow(times, second * 1000, (second + 1) * 1000)).toBeLessThanOrEqual(5);
    }
  });

  it('of default stays below the 255 attempts within its deadline', () => {
    expect(sendTimes(profiles.default, profiles.default.handshakeMs, 0).length).toBeLessThan(255);
  });

  it('of lan is that of default within a shorter deadline', () => {
    expect(sendTimes(profiles.lan, 10_000)).toEqual(sendTimes(profiles.default, 10_000));
    expect(profiles.lan.handshakeMs).toBe(10_000);
  });

  it('of seed sends at 0, 500 and 1500 ms and never again', () => {
    expect(sendTimes(profiles.seed, 60_000)).toEqual([0, 500, 1500]);
    expect(sendTimes(profiles.seed, 60_000, 0)).toEqual([0, 500, 1500]);
  });

  it('of internet begins at 250 ms and goes up to one a second', () => {
    const times = sendTimes(profiles.internet, 30_000);
    expect(times.slice(0, 6)).toEqual([0, 250, 625, 1187.5, 2031.25, 3031.25]);
    for (let second = 4; second < 30; second++) expect(inWindow(times, second * 1000, (second + 1) * 1000)).toBe(1);
  });
});

describe('the profiles', () => {
  it.each(names)('%s asks before it gives up, and gives up before consent ends', (name) => {
    const { heartbeatMs, watchdogMs, deadMs, consentMs } = profiles[name];
    // The slowest heartbeat must come before the watchdog, or every quiet stream would ask twice.
    expect(heartbeatMs * 1.2).toBeLessThanOrEqual(watchdogMs);
    expect(watchdogMs).toBeLessThan(deadMs);
    expect(deadMs).toBeLessThan(consentMs);
  });

  it.each(names)('%s sends more than once and for the last time before its handshake deadline', (name) => {
    const profile = profiles[name];
    const times = sendTimes(profile, profile.handshakeMs);
    expect(times.length).toBeGreaterThan(1);
    expect(times.at(-1)).toBeLessThan(profile.handshakeMs);
  });
});
