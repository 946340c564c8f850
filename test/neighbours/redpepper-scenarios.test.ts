import { describe, expect, it } from 'vitest';
import type { Driver } from '../support/redpepper-player.ts';
import { expectedOf } from '../support/redpepper-player.ts';
import { made, RawManager, rawAgent, startAgent, startManager } from '../support/redpepper-tls.ts';
import { redPepperVectors } from '../support/redpepper-vectors.ts';

const { scenarios } = redPepperVectors;
/** Longer than the times of any scenario, shorter than its next event. */
const WATCHED_MS = 5500;

const ofManager = scenarios.filter(({ subject, name }) => subject === 'manager' && name !== 'request-without-answer');
const ofAgent = scenarios.filter(({ subject }) => subject === 'agent');

/** What a subject did until it had done all that is expected, and as long as nothing more may come. */
async function watched(driver: Driver): Promise<Driver> {
  const until = performance.now() + WATCHED_MS;
  await new Promise<void>((resolve) => {
    const look = setInterval(() => {
      if (driver.closedAtMs === undefined && performance.now() < until) return;
      clearInterval(look);
      resolve();
    }, 20);
  });
  return driver;
}

describe.skipIf(typeof made === 'string').concurrent('a recorded scenario over TLS', () => {
  it.each(ofManager)('$name', { timeout: 20_000 }, async (scenario) => {
    const pace = { pingIntervalMs: 2000, pingTimeoutMs: 1000 };
    await using manager = await startManager(pace);
    const plain = scenario.steps.some(({ plain_tcp }) => plain_tcp === true);
    const how = plain ? 'plain' : scenario.tls?.client_certificate === false ? 'noCertificate' : 'certificate';
    await using driver = await rawAgent(manager.port, how, scenario.name !== 'mgr-ping-ignored');
    driver.play(scenario.steps);
    const { heard, closedAtMs } = await watched(driver);
    if (how !== 'certificate') {
      expect([heard.filter(({ message }) => typeof message !== 'string'), closedAtMs]).toEqual([
        [],
        expect.any(Number),
      ]);
      expect(manager.counters.received).toBe(0);
      return;
    }
    const expected = expectedOf(scenario);
    expect(driver.saidUntil(WATCHED_MS)).toEqual(expected.said);
    expect(closedAtMs === undefined).toBe(expected.closedAtMs === null);
    // Nothing is earlier than it may be; how late it is, only virtual time can tell.
    for (const [index, { atMs }] of heard.entries()) expect(atMs).toBeGreaterThan((expected.atMs[index] ?? 0) - 60);
  });

  it.each(ofAgent)('$name', { timeout: 20_000 }, async (scenario) => {
    await using manager = new RawManager();
    await using agent = startAgent(await manager.listen());
    const driver = await manager.connection(0);
    driver.play(scenario.steps);
    const { closedAtMs, heard } = await watched(driver);
    const expected = expectedOf(scenario);
    expect(driver.saidUntil(WATCHED_MS)).toEqual(expected.said);
    expect(closedAtMs === undefined).toBe(expected.closedAtMs === null);
    for (const [index, { atMs }] of heard.entries()) expect(atMs).toBeGreaterThan((expected.atMs[index] ?? 0) - 60);
    expect(agent.isConnected).toBe(expected.closedAtMs === null);
    if (expected.closedAtMs === null) return;
    // It comes again, but not at once.
    const connections = manager.drivers.length;
    expect(connections).toBe(1);
    await manager.connection(1);
  });
});
