import { describe, it } from 'vitest';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';
import { swarm } from '../support/swarm.ts';

describe('5,000 seeds whose faults stop', () => {
  it('end agreed or closed on both sides in bounded time, and keep every promise of safety (L1, L3, L5, L6, S1 to S16)', {
    timeout: 300_000,
  }, () => {
    swarm(seedFromEnv('sim/swarm-liveness'), runsFromEnv(5000), 'liveness');
  });
});
