import type { ClosedOutput, ExchangeOutput, Peer, ResponderOutput, SessionHandle } from '../../engine/io-types.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { monotonicMs } from '../clock.ts';
import { Viewer, type ViewerHost } from '../viewer.ts';
import type { WorkerViewer } from './worker-messages.ts';
import type { WorkerViewerSession } from './worker-options.ts';

/** Threads that one camera starts at most, so that a session's number says which of them has it. */
const THREADS_MAX = 2 ** 16;

/** Which thread has a session, and by which handle it knows it. */
export interface PlacedSession {
  /** Number of the thread, from 0 on; a worker that is started anew is another thread. */
  readonly thread: number;
  readonly handle: SessionHandle;
}

/** A session's handle for the application: that of its thread, and the thread's number. Never used twice. */
export function sessionOf({ thread, handle }: PlacedSession): SessionHandle {
  return handle * THREADS_MAX + (thread % THREADS_MAX);
}

/** The reverse of {@link sessionOf}. */
export function placeOf(session: SessionHandle): PlacedSession {
  return { thread: session % THREADS_MAX, handle: Math.floor(session / THREADS_MAX) };
}

/** An output of a thread as the application is told it: by its own handle of the session. */
export function placedOutput<Output extends ResponderOutput>(output: Output, thread: number): Output {
  return 'session' in output ? { ...output, session: sessionOf({ thread, handle: output.session }) } : output;
}

/** A viewer of a worker, in the main thread. */
class CrewViewer extends Viewer implements WorkerViewerSession {
  readonly worker: number;
  /** Number of the thread that has it. */
  readonly thread: number;

  constructor(viewer: WorkerViewer, worker: number, thread: number, host: ViewerHost) {
    const { session: handle, peer, streamId, publicKey } = viewer;
    const session = sessionOf({ thread, handle });
    super({ session, peer, streamId }, monotonicMs(), host, { keys: undefined, publicKey });
    this.worker = worker;
    this.thread = thread;
  }
}

/** Live sessions of all threads: who looks, and what is told when a thread is gone. */
export class CrewSessions {
  readonly #live = new Map<SessionHandle, CrewViewer>();
  readonly #host: ViewerHost;

  constructor(host: ViewerHost) {
    this.#host = host;
  }

  streaming(thread: number, worker: number, viewer: WorkerViewer): WorkerViewerSession {
    const told = new CrewViewer(viewer, worker, thread, this.#host);
    this.#live.set(told.session, told);
    return told;
  }

  /** What its engine says of an exchange. */
  exchanged(output: ExchangeOutput): void {
    this.#live.get(output.session)?.output(output);
  }

  /** It has followed its viewer to another tuple. */
  moved(session: SessionHandle, peer: Peer): void {
    this.#live.get(session)?.moved(peer);
  }

  closed(session: SessionHandle): void {
    this.#live.get(session)?.over();
    this.#live.delete(session);
  }

  /** The live session of a tuple in a worker. */
  onTuple({ address, port }: Peer, worker: number): SessionHandle | undefined {
    for (const [session, { peer, worker: owner }] of this.#live) {
      if (owner === worker && peer.port === port && peer.address === address) return session;
    }
    return undefined;
  }

  /** How the sessions of a thread that is gone have ended. */
  threadLost(thread: number): readonly ClosedOutput[] {
    const ended: ClosedOutput[] = [];
    for (const [session, { peer, streamId, thread: owner }] of this.#live) {
      if (owner !== thread) continue;
      this.closed(session);
      const code = ErrorCode.LOCAL_NETWORK;
      ended.push({
        kind: 'closed',
        session,
        peer,
        streamId,
        code,
        reason: 'its worker died',
        wasStreaming: true,
        attempts: 0,
      });
    }
    return ended;
  }
}
