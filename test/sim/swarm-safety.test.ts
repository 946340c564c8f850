import { describe, it } from 'vitest';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';
import { swarm } from '../support/swarm.ts';

describe('5,000 seeds with any faults at any time', () => {
  it('keep every promise of safety and do the same in their second run (S1 to S16, L1)', { timeout: 300_000 }, () => {
    swarm(seedFromEnv('sim/swarm-safety'), runsFromEnv(5000), 'safety');
  });
});
