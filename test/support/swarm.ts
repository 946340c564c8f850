import { expect } from 'vitest';
import type { SecuredMode } from '../../src/security/credentials.ts';
import { drawPlan, drawSecuredPlan } from '../../src/sim/draw-plan.ts';
import type { RunMode } from '../../src/sim/fault-plan.ts';
import type { PlanSummary } from '../../src/sim/run-plan.ts';
import { failureReport, shrink } from '../../src/sim/shrink.ts';
import { checkPlan } from '../../src/sim/swarm.ts';

/** Seeds of which so much surely happens. */
const JUDGED_FROM = 200;

/**
 * Checks so many seeds; the first failure is shrunk and thrown with all that is needed to see it again.
 *
 * @param security of all of them; default none.
 */
export function swarm(firstSeed: number, seeds: number, mode: RunMode, security?: SecuredMode): PlanSummary {
  const total = { handshakes: 0, streaming: 0, moves: 0, fastGrants: 0, sent: 0, arrived: 0 };
  for (let run = 0; run < seeds; run++) {
    const seed = (firstSeed + run) >>> 0;
    const plan = security === undefined ? drawPlan(seed, mode) : drawSecuredPlan(seed, mode, security);
    const { result, failure } = checkPlan(plan);
    if (failure !== undefined) throw new Error(failureReport(failure, shrink(failure)));
    for (const name of ['handshakes', 'streaming', 'moves', 'fastGrants', 'sent', 'arrived'] as const)
      total[name] += result.summary[name];
  }
  // A swarm in which nothing happens would find nothing either. Of few seeds it may be so by chance; the gate runs many too.
  if (seeds < JUDGED_FROM) return total;
  expect(total.handshakes).toBeGreaterThan(seeds / 2);
  expect(total.streaming).toBeGreaterThan(seeds / 4);
  if (security === 'keys') expect(total.fastGrants).toBe(0);
  else expect(total.fastGrants).toBeGreaterThan(seeds / 20);
  if (security !== undefined) expect(total.moves).toBeGreaterThan(seeds / 50);
  return total;
}
