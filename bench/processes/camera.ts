/** A camera in a process of its own, as `respond()` makes it; only the limits on strangers are raised, since all come from one address. */
import type { MediaSource } from '../../src/io/media-source.ts';
import { packageFile } from '../../src/io/package-file.ts';
import { respond } from '../../src/io/respond.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { still } from '../still-source.ts';
import { serve } from './serve.ts';

/** What a camera is asked for. */
export interface CameraOptions {
  /** One key frame and nothing after it, test frames, or the bundled clip. */
  readonly stream: 'still' | 'test' | 'clip';
  /** Bytes of the one frame of `still`, and of each of `test`. */
  readonly frameBytes: number;
  readonly limits: Parameters<typeof respond>[0]['limits'];
}

/** Where it listens. */
export interface CameraReady {
  readonly address: string;
  readonly port: number;
  /** Which socket sends. */
  readonly socket: string;
}

/** Its figures so far. */
export interface CameraReport {
  readonly datagramsReceived: number;
  readonly bytesReceived: number;
  readonly datagramsSent: number;
  readonly bytesSent: number;
}

/** A source that runs whether or not somebody watches, as a live camera does. */
function live(source: MediaSource): MediaSource {
  return {
    runs: 'always',
    prepare: async () => source.prepare?.(),
    describe: () => source.describe(),
    start: (target) => source.start(target),
    stop: () => source.stop(),
  };
}

function sourceOf({ stream, frameBytes }: CameraOptions): MediaSource {
  if (stream === 'still') return still(frameBytes);
  return live(
    stream === 'test'
      ? testSource({ bytesPerFrame: frameBytes })
      : h264File(packageFile('bench/clips/mandelbrot.h264'), { loop: true }),
  );
}

serve<CameraOptions, CameraReady, CameraReport>(async (options) => {
  const camera = await respond({ port: 0, streams: { bench: sourceOf(options) }, limits: options.limits ?? {} });
  const { address, port } = camera.local;
  return {
    ready: { address, port, socket: camera.socketKind },
    report: () => {
      const { datagramsReceived, bytesReceived, datagramsSent, bytesSent } = camera.metrics().counters;
      return { datagramsReceived, bytesReceived, datagramsSent, bytesSent };
    },
  };
});
