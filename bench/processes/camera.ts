/** A camera in a process of its own, as `respond()` makes it; only the limits on strangers are raised, since all come from one address. */
import type { SocketKind } from '../../src/io/datagram-socket.ts';
import type { MediaSource } from '../../src/io/media-source.ts';
import { packageFile } from '../../src/io/package-file.ts';
import { respond } from '../../src/io/respond.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { makeTestFrame } from '../../src/media/test-frames.ts';
import { serve } from './serve.ts';

/** What a camera is asked for. */
export interface CameraOptions {
  /** One key frame and nothing after it, test frames, the bundled clip, or no media at all. */
  readonly stream: 'still' | 'test' | 'clip' | 'silent';
  /** Bytes of the one frame of `still`, and of each of `test`. */
  readonly frameBytes: number;
  readonly limits: Parameters<typeof respond>[0]['limits'];
  /** Of `test`; default 30. */
  readonly framesPerSecond?: number;
  /** Default: as `respond()` has it. */
  readonly repair?: boolean;
  /** Default: as `respond()` has it. */
  readonly host?: string;
  /** Default: as `respond()` has it. */
  readonly socket?: SocketKind;
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
  /** Sessions in all states, now. */
  readonly sessions: number;
  readonly mediaDatagramsSent: number;
  /** Datagrams for which its socket had no room; counted as sent too. */
  readonly sendQueueDropped: number;
}

/** One key frame, and nothing after it: what the theory of time to stream assumes. */
function still(bytes: number): MediaSource {
  return {
    runs: 'always',
    describe: () => testSource().describe(),
    async start(target) {
      const frame = makeTestFrame({ frameNumber: 0, timestampMs: 0, bytes, keyframe: true });
      target.frame({ units: [frame], timestamp: 0, keyframe: true }, 40);
    },
    async stop() {},
  };
}

/** A stream that never has anything: handshakes alone are measured. */
const silent: MediaSource = {
  runs: 'always',
  describe: () => testSource().describe(),
  async start() {},
  async stop() {},
};

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

function sourceOf({ stream, frameBytes, framesPerSecond = 30 }: CameraOptions): MediaSource {
  if (stream === 'still') return still(frameBytes);
  if (stream === 'silent') return silent;
  return live(
    stream === 'test'
      ? testSource({ bytesPerFrame: frameBytes, framesPerSecond })
      : h264File(packageFile('bench/clips/mandelbrot.h264'), { loop: true }),
  );
}

serve<CameraOptions, CameraReady, CameraReport>(async (options) => {
  const { host, socket, repair, limits = {} } = options;
  const camera = await respond({
    port: 0,
    streams: { bench: sourceOf(options) },
    limits,
    ...(repair === undefined ? {} : { repair }),
    ...(host === undefined ? {} : { host }),
    ...(socket === undefined ? {} : { socket }),
  });
  const { address, port } = camera.local;
  return {
    ready: { address, port, socket: camera.socketKind },
    report: () => {
      const { datagramsReceived, bytesReceived, datagramsSent, bytesSent, mediaDatagramsSent, sendQueueDropped } =
        camera.metrics().counters;
      const { sessionCount: sessions } = camera;
      const sent = { datagramsSent, bytesSent, mediaDatagramsSent, sendQueueDropped };
      return { datagramsReceived, bytesReceived, ...sent, sessions };
    },
  };
});
