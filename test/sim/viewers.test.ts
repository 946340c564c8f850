import { describe, expect, it } from 'vitest';
import { seedFromEnv } from '../support/seeded.ts';
import { TappedWorld } from '../support/tapped-world.ts';

const VIEWERS = 50;
const FIVE_MINUTES_MS = 300_000;

function watch(media: boolean, seed: number): TappedWorld {
  const world = new TappedWorld({ seed, link: { oneWayMs: 25, jitterMs: 5, loss: 0.3 }, keep: false });
  if (media) world.play({ count: 100_000, bytes: 200, intervalMs: 500 });
  for (let i = 0; i < VIEWERS; i++) {
    world.clock.at(i * 20, () => world.join({ media: { repair: false } }));
  }
  world.run(FIVE_MINUTES_MS);
  return world;
}

describe('fifty viewers for five minutes at 30 % loss each way', () => {
  it.each([
    ['idle', false],
    ['with media', true],
  ] as const)('%s: none is lost, and both ends agree (S3, S4)', (_name, media) => {
    const world = watch(media, seedFromEnv('sim/viewers'));
    expect(world.viewers).toHaveLength(VIEWERS);
    expect(world.viewers.filter(({ endpoint }) => endpoint.state !== 'Streaming')).toEqual([]);
    expect(world.cameraClosed).toEqual([]);
    expect(world.camera.sessionCount).toBe(VIEWERS);
    expect(world.camera.pendingCount).toBe(0);
  });
});
