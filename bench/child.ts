import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import type { ChildAnswer, ChildRequest } from './processes/serve.ts';
import type { ProcessCost } from './result.ts';

/** From source (tests) the built file of the same source is run. */
const folder = import.meta.url.endsWith('.ts')
  ? new URL('../dist/bench/processes/', import.meta.url)
  : new URL('./processes/', import.meta.url);

/** A process of a bench: it is started, asked for its figures, and ended when it is disposed of. */
export class Child<Ready, Report> implements AsyncDisposable {
  /** Where it listens. */
  readonly ready: Ready;
  readonly #process: ChildProcess;

  private constructor(process: ChildProcess, ready: Ready) {
    this.#process = process;
    this.ready = ready;
  }

  /**
   * Starts one.
   *
   * @param name of its file in `bench/processes`, without `.ts`.
   * @param enter a command that runs the command after it elsewhere, such as in a network namespace; default: none.
   * @throws Error with what it said when it could not start.
   */
  static async start<Ready, Report>(
    name: string,
    options: unknown,
    enter: readonly string[] = [],
  ): Promise<Child<Ready, Report>> {
    const [execPath = process.execPath, ...execArgv] = [...enter, process.execPath, ...process.execArgv];
    const env = { ...process.env, NODE_ENV: 'production' };
    const child = fork(new URL(`${name}.js`, folder), { env, execPath, execArgv });
    try {
      const answer = await ask(child, { ask: 'start', options });
      if (answer.answer !== 'ready') throw new Error(`${name} says nothing of where it is`);
      return new Child(child, answer.ready as Ready);
    } catch (error) {
      child.kill('SIGKILL');
      throw error;
    }
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Its figures and its cost so far. */
  async report(): Promise<{ readonly cost: ProcessCost; readonly report: Report }> {
    const answer = await ask(this.#process, { ask: 'report' });
    if (answer.answer !== 'report') throw new Error('it says nothing of its figures');
    return { cost: answer.cost, report: answer.report as Report };
  }

  /**
   * Has it do its task.
   *
   * @param onProgress told what it tells.
   * @returns its outcome; `undefined` when `signal` came first.
   * @throws Error when it failed.
   */
  async run<Progress, Outcome>(
    task: unknown,
    onProgress: (progress: Progress) => void,
    signal: AbortSignal,
  ): Promise<Outcome | undefined> {
    if (signal.aborted) return undefined;
    let stop: () => void = () => {};
    const stopped = new Promise<undefined>((resolve) => {
      stop = () => resolve(undefined);
    });
    const hear = (answer: ChildAnswer): void => {
      if (answer.answer === 'progress' && !signal.aborted) onProgress(answer.progress as Progress);
    };
    this.#process.on('message', hear);
    signal.addEventListener('abort', stop, { once: true });
    try {
      const answer = await Promise.race([ask(this.#process, { ask: 'run', task }), stopped]);
      return answer?.answer === 'ran' ? (answer.outcome as Outcome) : undefined;
    } finally {
      signal.removeEventListener('abort', stop);
      this.#process.off('message', hear);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const gone = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    await gone;
  }
}

/** @throws Error when it failed, or ended without an answer. */
async function ask(child: ChildProcess, request: ChildRequest): Promise<ChildAnswer> {
  const answer = await new Promise<ChildAnswer>((resolve, reject) => {
    const over = (code: number | null): void => reject(new Error(`a process of the bench ended with ${code}`));
    child.once('exit', over);
    child.once('error', reject);
    const hear = (message: unknown): void => {
      const heard = message as ChildAnswer;
      if (heard.answer === 'progress') return;
      child.off('message', hear);
      child.off('exit', over);
      child.off('error', reject);
      resolve(heard);
    };
    child.on('message', hear);
    child.send(request);
  });
  if (answer.answer === 'failed') throw new Error(answer.message);
  return answer;
}
