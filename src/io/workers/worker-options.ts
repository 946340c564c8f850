import type { RespondOptions } from '../../config/options.ts';
import type { ResponderOutput } from '../../engine/io-types.ts';
import type { MediaSource } from '../media-source.ts';
import type { ResponderEvents } from '../respond.ts';
import type { ViewerSession } from '../viewer.ts';
import type { Sharing } from './worker-messages.ts';

/**
 * Options of `respondWorkers()`: those of `respond()`. Methods run in the main thread, but for those that every camera has, whose
 * `stats` are those of the viewer's worker.
 */
export interface RespondWorkersOptions extends Omit<RespondOptions<MediaSource>, 'trace'> {
  /** Threads that have the sessions, 1..256. Limits are divided among them. */
  readonly workers: number;
  /**
   * How datagrams come to them: `reusePort`, each has a socket (Linux, Node 22.12, 23.1 and later); `receiver`, the main thread
   * receives for all. Default `'auto'`: `reusePort` where it works.
   */
  readonly sharing?: Sharing | 'auto' | undefined;
  /**
   * Hears every output of all workers' engines, as `respond()` has it: those of one worker in their order, those of several as they
   * come, so that the times say which was first. What the main thread is too far behind for is lost, and counted as
   * `workerMessagesDropped`.
   */
  readonly trace?: WorkersTrace | undefined;
}

/** Monotonic ms, the same clock for all workers. */
export type WorkersTrace = (output: ResponderOutput, nowMs: number, worker: number) => void;

/**
 * A viewer's session, as told to the application. It lives in a worker, and its keys stay there. Of calls that are too many to cross
 * at once some fail with BUSY, and notifications are lost.
 */
export interface WorkerViewerSession
  extends Pick<ViewerSession, 'session' | 'peer' | 'streamId' | 'publicKey' | 'call' | 'notify'> {
  /** Index of the worker that has it. */
  readonly worker: number;
}

/** What a camera with workers tells its application. */
export interface RespondWorkersEvents
  extends Pick<ResponderEvents, 'notified' | 'moved' | 'left' | 'closed' | 'load' | 'sourceFailed' | 'methodFailed'> {
  /** A viewer confirmed: media flows. */
  streaming: [WorkerViewerSession];
  /** A worker died, and its sessions with it. `restarts` is false when it has died too often. */
  workerLost: [{ readonly worker: number; readonly why: string; readonly restarts: boolean }];
}
