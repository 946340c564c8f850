import type { ResponderOutput } from '../../src/engine/io-types.ts';
import { PAYLOAD_TYPE_GENERIC, RTP_CLOCK_HZ } from '../../src/media/rtp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { makeTestFrame } from '../../src/media/test-frames.ts';
import type { World } from '../../src/sim/world.ts';

/** A stream of numbered test frames on virtual time. */
export interface TestStream {
  readonly feed: StreamFeed;
  /** Frames pushed so far. */
  frames: number;
}

/** Feeds `count` frames, one each `intervalMs`, beginning now; ends the stream after them. */
export function playTestFrames(
  world: World,
  stream: TestStream,
  { count, bytes = 3000, intervalMs = 40 }: { count: number; bytes?: number; intervalMs?: number },
): void {
  const beganAtMs = world.clock.nowMs;
  const next = (): void => {
    const { nowMs } = world.clock;
    if (stream.frames >= count) {
      stream.feed.end(nowMs);
      return world.toCamera({ kind: 'media', feed: stream.feed });
    }
    const frameNumber = stream.frames++;
    const frame = makeTestFrame({ frameNumber, timestampMs: nowMs, bytes, keyframe: true });
    const timestamp = Math.round((frameNumber * intervalMs * RTP_CLOCK_HZ) / 1000);
    stream.feed.push({ units: [frame], timestamp, keyframe: true }, nowMs, intervalMs);
    world.toCamera({ kind: 'media', feed: stream.feed });
    world.clock.at(beganAtMs + stream.frames * intervalMs, next);
  };
  next();
}

/** A feed for test frames. */
export function testStream(): TestStream {
  return { feed: new StreamFeed({ format: 'generic', payloadType: PAYLOAD_TYPE_GENERIC }), frames: 0 };
}

/** The simplest application: everybody gets the one stream at once. */
export function admitEverybody(stream: TestStream, sdp = 'v=0\r\n') {
  return (world: World, output: ResponderOutput): void => {
    if (output.kind === 'reserve') {
      world.clock.at(world.clock.nowMs, () =>
        world.toCamera({ kind: 'reserved', session: output.session, feed: stream.feed, sdp }),
      );
    }
  };
}
