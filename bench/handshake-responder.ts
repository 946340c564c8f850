import { setTimeout as wait } from 'node:timers/promises';
import type { SocketKind } from '../src/io/datagram-socket.ts';
import { testSource } from '../src/io/sources/test-source.ts';
import { buildSdp } from '../src/media/sdp.ts';
import { CResponder } from './c-load.ts';
import { Child } from './child.ts';
import { raisedLimits } from './handshake-cell.ts';
import { type HandshakeMode, pskHex } from './handshake-viewers.ts';
import { type Cores, coresForThreads, onCore } from './pin.ts';
import type { CameraOptions, CameraReady, CameraReport } from './processes/camera.ts';

/** As a camera's stream that is called `bench`. */
const STREAM = 'bench';
/** Longer than a camera remembers a session that was closed, ms. */
const FORGOTTEN_MS = 10_000;

/** What answers handshakes: the responder in C, or a camera by the socket that it has. */
export type ResponderKind = 'c' | SocketKind;

/** A responder that is measured. */
export interface MeasuredResponder {
  readonly kind: ResponderKind;
  readonly mode: HandshakeMode;
  /** Threads that have the sessions; absent: it has one thread. */
  readonly workers: number | undefined;
}

/** A responder that can be loaded again and again. */
export interface RunningResponder extends AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  /** Its tags are random but for the byte that names a worker. */
  readonly randomTagBits: number;
  /** How datagrams come to its workers. */
  readonly sharing?: string | undefined;
  /** Cores that it stays on; absent: wherever the system puts it. */
  readonly cores?: readonly number[] | undefined;
  /** Waits until it has forgotten all sessions. */
  calm(signal: AbortSignal): Promise<void>;
}

/** What a responder needs to start. */
export interface ResponderSite {
  /** The responder in C; absent: there is none. */
  readonly program: string | undefined;
  /** Handshakes under way at a time. */
  readonly window: number;
  /** Absent: processes are not pinned. */
  readonly cores: Cores | undefined;
}

/** Limits of a camera. Each worker has its part of them, and may be given all handshakes. */
export function limitsOf(window: number, workers = 1): ReturnType<typeof raisedLimits>['camera'] {
  return raisedLimits(window * workers, 0).camera;
}

/** Starts one. @throws Error with what it said when it could not start. */
export async function startResponder(asked: MeasuredResponder, site: ResponderSite): Promise<RunningResponder> {
  if (asked.kind !== 'c') return startCamera(asked.kind, asked, site);
  if (site.program === undefined) throw new Error('there is no responder in C');
  return startInC(site.program, site.cores);
}

async function startInC(program: string, cores: Cores | undefined): Promise<RunningResponder> {
  const sdp = buildSdp({ streamName: STREAM, ...testSource().describe() });
  const responder = await CResponder.start(program, sdp, cores?.measured);
  const { port, pid } = responder;
  return {
    ...{ port, pid, randomTagBits: 64 },
    // What it has to forget costs it next to nothing while others have their turn.
    calm: async () => {},
    [Symbol.asyncDispose]: () => responder[Symbol.asyncDispose](),
  };
}

async function startCamera(
  socket: SocketKind,
  { mode, workers }: MeasuredResponder,
  { window, cores }: ResponderSite,
): Promise<RunningResponder> {
  const asked: CameraOptions = {
    stream: 'silent',
    frameBytes: 0,
    limits: limitsOf(window, workers),
    host: '127.0.0.1',
    socket,
    ...(workers === undefined ? {} : { workers }),
    ...(mode === 'psk' ? { pskHex } : {}),
  };
  // The main thread works too: it receives, or tells figures at least.
  const own = cores && (workers === undefined ? [cores.measured] : coresForThreads(cores, workers + 1));
  const camera = await Child.start<CameraReady, CameraReport>('camera', asked, onCore(own));
  const { port, sharing } = camera.ready;
  return {
    ...{ port, sharing, pid: camera.pid, cores: own, randomTagBits: (workers ?? 1) > 1 ? 56 : 64 },
    calm: async (signal) => {
      const endMs = performance.now() + FORGOTTEN_MS;
      while (performance.now() < endMs && !signal.aborted) {
        if ((await camera.report()).report.sessions === 0) return;
        await wait(100);
      }
    },
    [Symbol.asyncDispose]: () => camera[Symbol.asyncDispose](),
  };
}
