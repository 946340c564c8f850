import { StreamFeed } from '../media/stream-feed.ts';
import { makeTestFrame } from '../media/test-frames.ts';
import { World } from '../sim/world.ts';

/** Simulated handshakes before the first real one. */
const HANDSHAKES = 5;

let warm = false;

/**
 * Shakes hands in memory, so that the first viewer does not pay for code that has never run: measured on two cores, the first
 * START_ACK of a process took 13 to 30 ms without and 2 to 4 ms with it (`node dist/src/cli/main.js send …` and `view`).
 */
export function warmUp(): void {
  if (warm) return;
  warm = true;
  const feed = new StreamFeed({ format: 'generic' });
  const world = new World({
    seed: 1,
    link: { oneWayMs: 1 },
    application: (self, output) => {
      if (output.kind !== 'reserve') return;
      self.clock.at(self.clock.nowMs, () =>
        self.toCamera({ kind: 'reserved', session: output.session, feed, sdp: '' }),
      );
    },
  });
  const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes: 4000, keyframe: true });
  feed.push({ units: [frame], timestamp: 0, keyframe: true }, 0, 40);
  for (let i = 0; i < HANDSHAKES; i++) world.toViewer(world.addViewer(), { kind: 'start' });
  world.run(300);
  for (const viewer of world.viewers) world.toViewer(viewer, { kind: 'close', code: 0 });
  world.run(10);
}
