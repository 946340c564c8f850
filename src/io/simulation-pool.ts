import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { HandshakeScenario } from '../sim/handshake-result.ts';
import { HandshakeStats } from '../sim/handshake-stats.ts';
import type { SimulationAnswer, SimulationTask } from './simulation-job.ts';

/** Threads of one pool at most. */
export const WORKERS_MAX = 256;

/** Runs that a thread makes between two answers at most: a second's work, so that progress shows and Ctrl-C loses little. */
const CHUNK_MAX = 1000;
/** Chunks for each thread at least, so that none waits long for the last one. */
const CHUNKS_PER_WORKER = 40;

/** Threads run what was built: from source (tests) the built file of the same source is used. */
const workerFile = import.meta.url.endsWith('.ts')
  ? new URL('../../dist/src/io/simulation-worker.js', import.meta.url)
  : new URL('./simulation-worker.js', import.meta.url);

/** Many handshakes of one kind. */
export interface SimulationJob {
  readonly scenario: HandshakeScenario;
  /** u32; run i has seed + i. */
  readonly seed: number;
  /** 1..RUNS_MAX of {@link HandshakeStats}. */
  readonly runs: number;
}

/** How a job is watched. */
export interface SimulationWatch {
  /** Ends the job early: it resolves with the runs that were made. */
  readonly signal?: AbortSignal;
  /** Told after each chunk. */
  readonly onProgress?: (runsDone: number) => void;
}

/** A simulated handshake threw: a fault of the engine, which its seed repeats. */
export class SimulationError extends Error {
  readonly seed: number;

  constructor(seed: number, message: string, stack: string | undefined) {
    super(message);
    this.name = 'SimulationError';
    this.seed = seed;
    if (stack !== undefined) this.stack = `${message}\n${stack}`;
  }
}

/**
 * Threads that run simulated handshakes. What a job comes to depends on its scenario, seed and runs alone, not on how many threads there
 * are or how fast they were. To be disposed of: its threads keep the process alive.
 */
export class SimulationPool implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  #jobs = 0;

  /** @param workers threads, 1..{@link WORKERS_MAX} (else RangeError); default one for each core. */
  constructor(workers: number = availableParallelism()) {
    if (!(workers >= 1 && workers <= WORKERS_MAX)) throw new RangeError(`${workers} workers`);
    this.#workers = Array.from({ length: workers }, () => new Worker(workerFile, { execArgv: [] }));
  }

  /** Threads. */
  get size(): number {
    return this.#workers.length;
  }

  /**
   * Runs a job. Jobs may follow each other or overlap, also after one that failed or was stopped.
   *
   * @throws SimulationError when a run threw; Error when a thread died.
   */
  async run(job: SimulationJob, watch: SimulationWatch = {}): Promise<HandshakeStats> {
    const stats = new HandshakeStats(job.runs, job.scenario.untilFirstFrame);
    const tasks = tasksOf(job, this.#jobs++, this.size);
    await Promise.all(
      this.#workers.map(async (worker) => {
        for (const task of tasks) {
          const answer = await ask(worker, task, watch.signal);
          if (answer === undefined) return;
          if (answer.kind === 'threw') throw new SimulationError(answer.seed, answer.message, answer.stack);
          stats.add(answer.chunk);
          watch.onProgress?.(stats.counts.runs);
        }
      }),
    );
    return stats;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }
}

/** All threads take from the same row of tasks: whoever is ready gets the next. */
function* tasksOf({ scenario, seed, runs }: SimulationJob, job: number, workers: number): Generator<SimulationTask> {
  const size = Math.max(1, Math.min(CHUNK_MAX, Math.ceil(runs / (workers * CHUNKS_PER_WORKER))));
  for (let first = 0; first < runs; first += size) {
    yield { job, scenario, seed, first, count: Math.min(size, runs - first) };
  }
}

/** One task to one thread; `undefined` when the signal came first. */
function ask(worker: Worker, task: SimulationTask, signal?: AbortSignal): Promise<SimulationAnswer | undefined> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return resolve(undefined);
    const done = (): void => {
      worker.off('message', answered).off('error', failed).off('exit', left);
      signal?.removeEventListener('abort', aborted);
    };
    const answered = (answer: SimulationAnswer): void => {
      // Of a job that ended early, such as with an error in another thread.
      if (answer.job !== task.job || answer.first !== task.first) return;
      done();
      resolve(answer);
    };
    const aborted = (): void => {
      done();
      resolve(undefined);
    };
    const failed = (error: unknown): void => {
      done();
      reject(error);
    };
    const left = (): void => {
      failed(new Error(`a thread of the simulation ended at run ${task.first} of seed ${task.seed}`));
    };
    worker.on('message', answered).on('error', failed).on('exit', left);
    signal?.addEventListener('abort', aborted, { once: true });
    worker.postMessage(task);
  });
}
