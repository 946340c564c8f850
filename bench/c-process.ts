import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { pinned } from './pin.ts';

/** A program in C that runs, and the lines that it says. */
export class CProcess implements AsyncDisposable {
  readonly #process;
  readonly #lines;
  readonly #failure: Promise<never>;
  #said = '';

  /** @param core that it stays on; absent: wherever the system puts it. */
  constructor(core: number | undefined, path: string, args: readonly string[]) {
    const [command, all] = pinned(core, path, args);
    this.#process = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stderr.on('data', (bytes) => {
      this.#said += String(bytes);
    });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.#failure = once(this.#process, 'close').then(([code, signal]) => {
      throw new Error(this.#said.trim() || `${path} ended with ${code ?? signal}`);
    });
    this.#failure.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next line. @throws Error with what it complained of, if it ends instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done === true ? await this.#failure : next.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#failure.catch(() => {});
  }
}

/**
 * Runs a program that says a line when it begins to count, and what it counted, as JSON, when it has; then it waits to be ended.
 *
 * @param counting called at both times with its process number.
 * @throws Error with what it complained of.
 */
export async function runCounting<Report>(
  path: string,
  args: readonly number[],
  core: number | undefined,
  signal: AbortSignal,
  counting: (pid: number) => Promise<void>,
): Promise<Report> {
  await using running = new CProcess(core, path, args.map(String));
  const stop = (): void => void running[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await running.line();
    await counting(running.pid);
    const report = await running.line();
    await counting(running.pid);
    return JSON.parse(report) as Report;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
