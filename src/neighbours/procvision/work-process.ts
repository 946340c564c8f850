import { Worker } from 'node:worker_threads';
import type { AlgorithmCall, AlgorithmHandler, ProcvisionAlgorithmOptions } from './algorithm.ts';
import type { AlgorithmCallData } from './core/algorithm-call.ts';
import type { AlgorithmInput } from './core/algorithm-core.ts';
import { readSharedImage, type SharedImage } from './shared-images.ts';

/** Set, to the process id of the protocol's process, in the process that does the work. */
export const WORK_VARIABLE = 'FIRSTFRAME_PROCVISION_WORK';

/** What the work's process sends. */
export type ToProtocol = AlgorithmInput;

/** What it is sent. */
interface ToWork {
  readonly requestId: string;
  readonly call: AlgorithmCallData;
}

/** Whether this is the process that does the work. */
export function isWorkProcess(): boolean {
  return process.env[WORK_VARIABLE] !== undefined && process.send !== undefined;
}

/** Phases that an algorithm need not have. */
const optionalPhases: ReadonlySet<string> = new Set(['setup', 'teardown', 'reset', 'on_step_start', 'on_step_finish']);

/** Does the work of an algorithm, one call after the other, for the process that speaks with the runner. */
export function serveCalls({ execute, phases = {}, load }: ProcvisionAlgorithmOptions): void {
  // What the algorithm starts must not believe that it is the algorithm.
  delete process.env[WORK_VARIABLE];
  endWithParent();
  const tell = (message: ToProtocol): void => void process.send?.(message);
  const handlers: Readonly<Partial<Record<string, AlgorithmHandler>>> = { ...phases, execute };
  process.on('message', async ({ requestId, call }: ToWork) => {
    try {
      const handler = handlers[call.phase];
      if (handler === undefined && !optionalPhases.has(call.phase)) throw new Error(`there is no phase ${call.phase}`);
      const value: unknown = handler === undefined ? {} : await handler(withImages(call));
      // What cannot be sent to another process is no result either.
      tell({ kind: 'returned', requestId, value: plain(value) });
    } catch (error) {
      if (error instanceof Error) process.stderr.write(`${error.stack ?? error.message}\n`);
      tell({ kind: 'threw', requestId, message: error instanceof Error ? error.message : String(error) });
    }
  });
  process.once('disconnect', () => process.exit(0));
  Promise.resolve()
    .then(() => {
      if (typeof execute !== 'function') throw new Error('entry point not usable: there is no execute');
      return load?.();
    })
    .then(
      () => tell({ kind: 'loaded' }),
      (error: unknown) => {
        const message = error instanceof Error ? error.message : String(error);
        tell({ kind: 'broken', errorCode: typeof execute === 'function' ? '1000' : '1004', message });
      },
    );
}

function withImages(call: AlgorithmCallData): AlgorithmCall {
  const read = ({ sharedId, meta }: AlgorithmCallData['cur']): SharedImage | undefined =>
    sharedId === '' ? undefined : readSharedImage(sharedId, meta['color_space']);
  return { ...call, curImage: () => read(call.cur), guideImage: () => read(call.guide) };
}

/** Functions and other things that are no data are left out, as JSON would. */
function plain(value: unknown): unknown {
  return typeof value === 'function' || typeof value === 'symbol' ? undefined : value;
}

/** How often it is looked whether the protocol's process is still there, in ms. */
const PARENT_POLL_MS = 500;

/**
 * A thread that ends this process when its parent is gone: the end of the channel is not seen by a thread that computes for ever.
 */
function endWithParent(): void {
  const watch = `const parent = process.ppid;
    setInterval(() => { if (process.ppid !== parent) process.kill(process.pid, 'SIGKILL'); }, ${PARENT_POLL_MS});`;
  new Worker(watch, { eval: true }).unref();
}
