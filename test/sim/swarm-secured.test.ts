import { describe, it } from 'vitest';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';
import { swarm } from '../support/swarm.ts';

describe.each(['psk', 'keys'] as const)('500 seeds of secured worlds in mode %s', (security) => {
  it.each(['safety', 'liveness'] as const)(
    'keep every promise and do the same in their second run: %s (S1 to S16)',
    {
      timeout: 300_000,
    },
    (mode) => {
      swarm(seedFromEnv('sim/swarm-secured'), runsFromEnv(250), mode, security);
    },
  );
});
