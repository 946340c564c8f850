/** A camera in a process of its own, as `respond()` or `respondWorkers()` makes it; only the limits on strangers are raised, since all come from one address. */
import type { RespondOptions } from '../../src/config/options.ts';
import type { SocketKind } from '../../src/io/datagram-socket.ts';
import type { MediaSource } from '../../src/io/media-source.ts';
import { packageFile } from '../../src/io/package-file.ts';
import { respond } from '../../src/io/respond.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { ResponderWorkers, respondWorkers } from '../../src/io/workers/respond-workers.ts';
import { Prng } from '../../src/sim/prng.ts';
import { pacedSource } from '../paced-source.ts';
import { still } from '../still-source.ts';
import { serve } from './serve.ts';

/** What a camera is asked for. */
export interface CameraOptions {
  /** One key frame and nothing after it, test frames, the bundled clip, no media at all, or many streams of equal frames. */
  readonly stream: 'still' | 'test' | 'clip' | 'silent' | 'paced';
  /** Bytes of the one frame of `still`, and of each of `test`. */
  readonly frameBytes: number;
  readonly limits: Parameters<typeof respond>[0]['limits'];
  /** Of `test` and `paced`; default 30. */
  readonly framesPerSecond?: number;
  /** How many `paced`, called `s0`, `s1` …; default 1. */
  readonly streams?: number;
  /** Of the times at which those begin, u32; default 1. */
  readonly seed?: number;
  /** Default: as `respond()` has it. */
  readonly repair?: boolean;
  /** Default: as `respond()` has it. */
  readonly host?: string;
  /** Default: as `respond()` has it. */
  readonly socket?: SocketKind;
  /** Threads that have the sessions, as `respondWorkers()` makes them; default: none but this one. */
  readonly workers?: number;
  /** Hexadecimal digits; mode `psk`, else `none`. */
  readonly pskHex?: string;
}

/** Where it listens. */
export interface CameraReady {
  readonly address: string;
  readonly port: number;
  /** Which socket sends. */
  readonly socket: string;
  /** How datagrams come to its workers, if it has some. */
  readonly sharing?: string;
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

/** One stream called `bench`, or those that are paced, each of which begins at a time of its own within a frame. */
function streamsOf(options: CameraOptions): Readonly<Record<string, MediaSource>> {
  const { stream, frameBytes, framesPerSecond = 30, streams = 1, seed = 1 } = options;
  if (stream !== 'paced') return { bench: sourceOf(options) };
  const prng = new Prng(seed);
  return Object.fromEntries(
    Array.from({ length: streams }, (_, index) => [
      `s${index}`,
      pacedSource(frameBytes, framesPerSecond, (prng.unit() * 1000) / framesPerSecond),
    ]),
  );
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
  const { host, socket, repair, limits = {}, workers, pskHex } = options;
  const asked: RespondOptions<MediaSource> = {
    port: 0,
    streams: streamsOf(options),
    limits,
    ...(repair === undefined ? {} : { repair }),
    ...(host === undefined ? {} : { host }),
    ...(socket === undefined ? {} : { socket }),
    ...(pskHex === undefined ? {} : { security: { mode: 'psk', psk: Buffer.from(pskHex, 'hex') } }),
  };
  const camera = workers === undefined ? await respond(asked) : await respondWorkers({ ...asked, workers });
  const { address, port } = camera.local;
  const sharing = camera instanceof ResponderWorkers ? { sharing: camera.sharing } : {};
  return {
    ready: { address, port, socket: camera.socketKind, ...sharing },
    report: () => {
      const { datagramsReceived, bytesReceived, datagramsSent, bytesSent, mediaDatagramsSent, sendQueueDropped } =
        camera.metrics().counters;
      const { sessionCount: sessions } = camera;
      const sent = { datagramsSent, bytesSent, mediaDatagramsSent, sendQueueDropped };
      return { datagramsReceived, bytesReceived, ...sent, sessions };
    },
  };
});
