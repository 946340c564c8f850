import { describe, expect, it } from 'vitest';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { World } from '../../src/sim/world.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

const VIEWERS = runsFromEnv(1000);
const HOUR_MS = 3_600_000;

describe('1,000 idle sessions for one hour at 30 % loss each way', () => {
  it('all live: nobody’s session ends, and both ends agree on each (S3, S4, S8)', { timeout: 300_000 }, () => {
    const feed = new StreamFeed({ format: 'generic' });
    const world = new World({
      seed: seedFromEnv('sim/idle-hour'),
      link: { oneWayMs: 25, loss: 0.3 },
      keepOutputs: false,
      application: (self, output) => {
        if (output.kind !== 'reserve') return;
        self.clock.at(self.clock.nowMs, () =>
          self.toCamera({ kind: 'reserved', session: output.session, feed, sdp: '' }),
        );
      },
    });
    for (let i = 0; i < VIEWERS; i++) {
      const viewer = world.addViewer();
      world.clock.at(i, () => world.toViewer(viewer, { kind: 'start' }));
    }
    world.run(VIEWERS + HOUR_MS);
    expect(world.viewers.filter(({ endpoint }) => endpoint.state !== 'Streaming')).toEqual([]);
    expect([world.camera.sessionCount, world.camera.pendingCount]).toEqual([VIEWERS, 0]);
    const { closed, counters } = world.camera.counters.snapshot();
    expect(Object.values(closed).reduce((sum, count) => sum + count, 0)).toBe(0);
    // One answered PING each 5 s on average, of which three in ten are lost, each way.
    expect(counters.datagramsSent).toBeGreaterThan((VIEWERS * HOUR_MS) / 5000);
  });
});
