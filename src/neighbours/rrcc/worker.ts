import { Worker, type WorkerOptions } from 'node:worker_threads';

/** What a method is given. */
export interface RrccCall {
  readonly method: string;
  readonly params: Uint8Array;
  /** For example `application/json`. */
  readonly contentType: string;
  /** 1 for the Request. */
  readonly round: number;
  /** How long it may take, in ms. */
  readonly deadlineMs: number;
}

/** What a method gives. */
export type RrccResult = Uint8Array | { readonly result: Uint8Array; readonly contentType: string };

/**
 * A worker died with a call: not a failure of the call, which would be answered, but nothing at all. The leader's next copy of the message
 * has it executed again.
 */
export class WorkerDied extends Error {
  override readonly name = 'WorkerDied';
}

/** Executes calls, and may die of one. */
export interface RrccWorker {
  /**
   * Rejects with {@link WorkerDied} when it died, with anything else when the call failed.
   *
   * @param signal aborted when the result is not wanted any more.
   */
  run(call: RrccCall, signal: AbortSignal): Promise<RrccResult>;
  /** Gives back what it holds. */
  close?(): Promise<void>;
}

/** A method that runs in this process. It may be executed twice, and only when it threw {@link WorkerDied}. */
export type RrccHandler = (call: RrccCall, signal: AbortSignal) => RrccResult | Promise<RrccResult>;

/** A function as a worker. */
export function inProcess(handler: RrccHandler): RrccWorker {
  return { run: async (call, signal) => handler(call, signal) };
}

/** What a thread sends back. */
type FromThread = { readonly value: RrccResult } | { readonly failed: string };

/**
 * Calls in worker threads, one call in each: a thread that exits, throws outside the call or must be stopped takes nothing else
 * with it. One idle thread is kept for the next call; it uses no processor time and does not keep the process alive.
 *
 * @param file a module that calls {@link serveThread}.
 */
export function threadWorker(file: string | URL, options: WorkerOptions = {}): RrccWorker {
  let idle: Worker | undefined;
  return {
    run: (call, signal) =>
      new Promise((resolve, reject) => {
        const thread = idle ?? new Worker(file, options);
        idle = undefined;
        thread.ref();
        const died = (): void => reject(new WorkerDied(`the thread of ${call.method} ended`));
        const stop = (): void => void thread.terminate();
        const settle = (answer: FromThread): void => {
          signal.removeEventListener('abort', stop);
          thread.removeAllListeners();
          // An idle thread that ends is simply not there any more.
          thread.on('error', () => {});
          thread.once('exit', () => {
            if (idle === thread) idle = undefined;
          });
          thread.unref();
          if (idle === undefined) idle = thread;
          else stop();
          if ('value' in answer) resolve(answer.value);
          else reject(new Error(answer.failed));
        };
        signal.addEventListener('abort', stop, { once: true });
        thread.removeAllListeners();
        thread.on('error', died);
        thread.once('exit', died);
        thread.once('message', settle);
        thread.postMessage(call);
      }),
    close: async () => {
      await idle?.terminate();
      idle = undefined;
    },
  };
}
