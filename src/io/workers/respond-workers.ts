import { EventEmitter } from 'node:events';
import { type RespondSettings, resolveRespondSettings } from '../../config/settings.ts';
import type { MetricsSnapshot } from '../../engine/counters.ts';
import type { Peer, SessionHandle } from '../../engine/io-types.ts';
import { CAMERA_WORKERS_MAX } from '../../engine/worker-share.ts';
import { ConfigError, type SettingProblem } from '../../errors.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import type { SocketKind } from '../datagram-socket.ts';
import type { MediaSource } from '../media-source.ts';
import { WorkerCrew } from './worker-crew.ts';
import type { Sharing } from './worker-messages.ts';
import type { RespondWorkersEvents, RespondWorkersOptions } from './worker-options.ts';

/** A camera whose sessions are spread over several threads. */
export class ResponderWorkers extends EventEmitter<RespondWorkersEvents> implements AsyncDisposable {
  /** Settled when it is closed, by whomever. */
  readonly closed: Promise<void>;
  readonly #settings: RespondSettings<MediaSource>;
  readonly #crew: WorkerCrew;
  #closing: Promise<void> | undefined;
  #settleClosed: () => void = () => {};

  private constructor(settings: RespondSettings<MediaSource>, options: RespondWorkersOptions) {
    super();
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    this.#settings = settings;
    const { workers, sharing = 'auto', trace } = options;
    const { psk, privateKey } = options.security ?? {};
    const security = {
      mode: settings.security,
      ...(psk === undefined ? {} : { psk }),
      ...(privateKey === undefined ? {} : { privateKey }),
    };
    const plan = { workers, sharing, security, trace };
    this.#crew = new WorkerCrew(settings, plan, {
      // The types of an emitter's own `emit` cannot follow a name that is still open.
      emit: (name, event) => void EventEmitter.prototype.emit.call(this, name, event),
      allLost: () => void this.close(),
    });
  }

  /** See {@link respondWorkers}. */
  static async listen(
    settings: RespondSettings<MediaSource>,
    options: RespondWorkersOptions,
  ): Promise<ResponderWorkers> {
    const camera = new ResponderWorkers(settings, options);
    try {
      await camera.#crew.listen();
    } catch (error) {
      await camera.close();
      throw error;
    }
    return camera;
  }

  /** Where it listens. */
  get local(): Peer {
    return this.#crew.local;
  }

  /** How datagrams come to its workers. */
  get sharing(): Sharing {
    return this.#crew.sharing;
  }

  /** Bytes of a socket's receive buffer: what was asked for, and what the operating system granted. */
  get receiveBuffer(): { readonly asked: number; readonly granted: number } {
    return { asked: this.#settings.receiveBufferBytes, granted: this.#crew.receiveBufferBytes };
  }

  /** Which socket sends. */
  get socketKind(): SocketKind {
    return this.#crew.socketKind;
  }

  /** What does not work here as well as it could, a line each. */
  get notices(): readonly string[] {
    return this.#crew.notices;
  }

  /** Names of its streams. */
  get streams(): readonly string[] {
    return Object.keys(this.#settings.streams);
  }

  /** Workers that take datagrams. */
  get workersUp(): number {
    return this.#crew.workersUp;
  }

  /** Sessions in all states; as this and all other figures, at most 250 ms old. */
  get sessionCount(): number {
    return this.#crew.sum(({ sessions }) => sessions);
  }

  /** Half-open sessions. */
  get pendingCount(): number {
    return this.#crew.sum(({ pending }) => pending);
  }

  /** In a worker at least, strangers are asked for a cookie before they cost anything. */
  get underLoad(): boolean {
    return this.#crew.sum(({ underLoad }) => (underLoad ? 1 : 0)) > 0;
  }

  /** Sums of all workers, those that died included. */
  metrics(): MetricsSnapshot {
    return this.#crew.metrics();
  }

  /** Ends one session with BYE. @param code an application's code, 0x80..0xFF, or one of {@link ErrorCode}. */
  closeSession(session: SessionHandle, code: number = ErrorCode.NO_ERROR, reason?: string): void {
    this.#crew.closeSession(session, code, reason);
  }

  /** Stops a worker's thread where it is, as a fault would; for tests of what comes after. @param worker from 0. */
  killWorker(worker: number): Promise<void> {
    return this.#crew.kill(worker);
  }

  /** Says BYE to every viewer, waits for their answers (6.2 s at most), and frees everything. */
  close(): Promise<void> {
    this.#closing ??= this.#close(false);
    return this.#closing;
  }

  /** Frees everything at once; viewers find out by themselves. */
  destroy(): Promise<void> {
    this.#closing ??= this.#close(true);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(atOnce: boolean): Promise<void> {
    await this.#crew.close(atOnce);
    this.#settleClosed();
  }
}

/**
 * Starts a camera whose sessions are spread over threads: each lives in one of them, and ends if that dies.
 *
 * @throws ConfigError that lists what is wrong with the options.
 * @throws the operating system's error when it cannot bind, and a source's when it cannot start.
 */
export async function respondWorkers(options: RespondWorkersOptions): Promise<ResponderWorkers> {
  const { workers, sharing: _sharing, trace, ...shared } = options;
  const problems: SettingProblem[] = [];
  if (!(Number.isInteger(workers) && workers >= 1 && workers <= CAMERA_WORKERS_MAX)) {
    problems.push({ setting: 'workers', problem: `is ${workers}`, tryInstead: `use 1 to ${CAMERA_WORKERS_MAX}` });
  }
  if (trace !== undefined && typeof trace !== 'function') {
    problems.push({ setting: 'trace', problem: `is ${typeof trace}`, tryInstead: 'use a function' });
  }
  if (problems.length > 0) throw new ConfigError(problems);
  const settings = resolveRespondSettings<MediaSource>(shared);
  const camera = await ResponderWorkers.listen(settings, options);
  const stop = (): void => void camera.close();
  if (settings.signal?.aborted === true) stop();
  else settings.signal?.addEventListener('abort', stop, { once: true });
  return camera;
}
