import { setTimeout as wait } from 'node:timers/promises';
import type { MediaSource, SourceTarget } from '../src/io/media-source.ts';
import { FramePacer } from '../src/io/sources/frame-pacer.ts';
import { testSource } from '../src/io/sources/test-source.ts';
import { RTP_CLOCK_HZ } from '../src/media/rtp.ts';
import { makeTestFrame } from '../src/media/test-frames.ts';

/**
 * The same frame again and again, on the schedule that sources of the package have: what is measured is pacing, not the making of frames.
 *
 * @param afterMs when the first frame is due, from the start.
 */
export function pacedSource(frameBytes: number, framesPerSecond: number, afterMs: number): MediaSource {
  const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes: frameBytes, keyframe: true });
  const intervalMs = 1000 / framesPerSecond;
  const pacer = new FramePacer(intervalMs);
  const play = async (target: SourceTarget): Promise<void> => {
    await wait(afterMs);
    for (let number = 0; await pacer.next(); number++) {
      const timestamp = Math.round((number * RTP_CLOCK_HZ) / framesPerSecond) >>> 0;
      target.frame({ units: [frame], timestamp, keyframe: true }, intervalMs);
    }
  };
  return {
    runs: 'always',
    describe: () => testSource({ framesPerSecond }).describe(),
    async start(target) {
      void play(target);
    },
    async stop() {
      pacer.stop();
    },
  };
}
