import { StreamFeed } from '../media/stream-feed.ts';
import { makeTestFrame } from '../media/test-frames.ts';
import { InvariantWatch } from './invariants/invariant-watch.ts';
import type { Violation } from './invariants/violation.ts';
import { World } from './world.ts';

/** Long after the last datagram that a pattern of six can drop, in ms. */
const RUN_MS = 3000;
const FRAMES = 10;
const FRAME_INTERVAL_MS = 100;

/** Which of the first datagrams of each way are lost: bit n is for the n-th, from 0, media included. */
export interface DropPattern {
  readonly toCamera: number;
  readonly toViewer: number;
}

/** How a pattern is run. */
export interface DropPatternOptions {
  readonly seed: number;
  /** A stream is running; otherwise the camera is idle. */
  readonly media: boolean;
}

/**
 * A handshake in which exactly these datagrams are lost must end in one session that both ends agree on (L2).
 *
 * @returns what was broken, of every promise.
 */
export function runDropPattern(pattern: DropPattern, options: DropPatternOptions): readonly Violation[] {
  const watch = new InvariantWatch();
  const counts = { toCamera: 0, toViewer: 0 };
  const told = { camera: 0, viewer: 0 };
  const feed = new StreamFeed({ format: 'generic' });
  const world = new World({
    seed: options.seed,
    link: { oneWayMs: 25 },
    keepOutputs: false,
    application: (self, output) => {
      if (output.kind !== 'reserve') return;
      self.clock.at(self.clock.nowMs, () =>
        self.toCamera({ kind: 'reserved', session: output.session, feed, sdp: '' }),
      );
    },
    observe: (event, self) => {
      watch.see(event, self);
      if (event.kind === 'told' && event.output.kind === 'streaming')
        told[event.host === 'camera' ? 'camera' : 'viewer']++;
      if (event.kind !== 'sent') return;
      const way = event.from === viewer.peer ? 'toCamera' : 'toViewer';
      const place = counts[way]++;
      viewer[way].partitioned = place < 32 && ((pattern[way] >>> place) & 1) === 1;
    },
  });
  const viewer = world.addViewer();
  if (options.media) play(world, feed, 0);
  world.toViewer(viewer, { kind: 'start' });
  world.run(RUN_MS);
  watch.finish(world);
  const { sessionCount, pendingCount } = world.camera;
  const one = sessionCount === 1 && pendingCount === 0 && told.camera === 1 && told.viewer === 1;
  if (one && viewer.endpoint.state === 'Streaming') return watch.violations;
  const detail = `the camera has ${sessionCount} sessions, ${pendingCount} half-open, began ${told.camera}; the viewer is in ${viewer.endpoint.state}`;
  return [...watch.violations, { id: 'L2', detail, atMs: world.clock.nowMs }];
}

function play(world: World, feed: StreamFeed, frameNumber: number): void {
  const { nowMs } = world.clock;
  const frame = makeTestFrame({ frameNumber, timestampMs: nowMs, bytes: 1500, keyframe: true });
  feed.push(
    { units: [frame], timestamp: frameNumber * FRAME_INTERVAL_MS * 90, keyframe: true },
    nowMs,
    FRAME_INTERVAL_MS,
  );
  world.toCamera({ kind: 'media', feed });
  if (frameNumber + 1 < FRAMES) world.clock.at(nowMs + FRAME_INTERVAL_MS, () => play(world, feed, frameNumber + 1));
}
