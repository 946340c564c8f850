/**
 * Runs tests for Stryker in the process that Stryker starts for it, in one thread beside the one that watches it. Its runner for
 * vitest starts a worker for each file and mutant, which costs more than ten times as much (0.5 s of CPU for a mutant of the codec,
 * here 0.04 s), and takes a file that cannot be loaded for one without failures. And Stryker waits for a mutant that never ends as
 * long as all of its tests take together, which for the engine was most of a run: here a test of some ms is given up after seconds.
 */
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { Worker } from 'node:worker_threads';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import { DryRunStatus, MutantRunStatus } from '@stryker-mutator/api/test-runner';
import { listedIn } from './score.js';

/**
 * @typedef {import('@stryker-mutator/api/test-runner').TestRunner} TestRunner
 * @typedef {import('@stryker-mutator/api/test-runner').DryRunResult} DryRunResult
 * @typedef {import('@stryker-mutator/api/test-runner').MutantRunResult} MutantRunResult
 * @typedef {import('@stryker-mutator/api/test-runner').MutantRunOptions} MutantRunOptions
 */

/** Percent of the repetitions of random tests: a mutant that needs more of them needs a better test. */
const RUNS_PERCENT = '5';
/** How often it is looked whether a test takes too long. */
const WATCH_MS = 100;
/** Memory of the thread, in MiB: a mutant that never ends may fill it. */
const THREAD_MB = 2048;

/** @implements {TestRunner} */
export class InProcessRunner {
  /** Of each test the longest that it took to pass, in ms; a thread that had to be ended leaves it to the next. @type {Map<string, number>} */
  #tookMs = new Map();
  /** The thread writes into it until when it must have gone on, on the clock of `Date`. */
  #dueAtMs = new Float64Array(new SharedArrayBuffer(8));
  /** @type {Worker | undefined} */
  #thread;
  #isListed = listedIn(
    process.env['FIRSTFRAME_MUTATION_ALL'] === undefined
      ? JSON.parse(readFileSync('test/mutation/survivors.json', 'utf8'))
      : [],
  );

  /** @returns {import('@stryker-mutator/api/test-runner').TestRunnerCapabilities} */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    process.env['NODE_ENV'] = 'production';
    process.env['FIRSTFRAME_RUNS'] = RUNS_PERCENT;
  }

  async dispose() {
    await this.#thread?.terminate();
  }

  /** @returns {Promise<DryRunResult>} */
  async dryRun() {
    const result = await this.#ask(undefined);
    return typeof result === 'string' ? { status: DryRunStatus.Error, errorMessage: result } : result;
  }

  /**
   * @param {MutantRunOptions} mutant
   * @returns {Promise<MutantRunResult>}
   */
  async mutantRun(mutant) {
    if (this.#survivesAsListed(mutant)) return { status: MutantRunStatus.Survived, nrOfTests: 0 };
    const result = await this.#ask(mutant);
    return typeof result === 'string' ? { status: MutantRunStatus.Timeout, reason: result } : result;
  }

  /** A survivor takes all tests of the group, which is most of a run, to say what is known. @param {MutantRunOptions} mutant */
  #survivesAsListed({ activeMutant, sandboxFileName }) {
    const { fileName, location, replacement } = activeMutant;
    const fromOne = (/** @type {{ line: number, column: number }} */ { line, column }) => ({
      line: line + 1,
      column: column + 1,
    });
    return this.#isListed(relative(process.cwd(), sandboxFileName), readFileSync(fileName, 'utf8'), {
      status: '',
      replacement,
      location: { start: fromOne(location.start), end: fromOne(location.end) },
    });
  }

  /**
   * What the thread answers, or why it had to be ended.
   *
   * @template {MutantRunOptions | undefined} Asked
   * @param {Asked} mutant Absent for a run without a mutant.
   * @returns {Promise<(Asked extends undefined ? DryRunResult : MutantRunResult) | string>}
   */
  async #ask(mutant) {
    this.#dueAtMs[0] = Number.POSITIVE_INFINITY;
    this.#thread ??= new Worker(new URL('test-thread.js', import.meta.url), {
      workerData: { dueAtMs: this.#dueAtMs, tookMs: this.#tookMs },
      resourceLimits: { maxOldGenerationSizeMb: THREAD_MB },
    });
    const thread = this.#thread;
    const answer = await new Promise((resolve) => {
      const watch = setInterval(() => {
        if (Date.now() > (this.#dueAtMs[0] ?? 0)) resolve('a test takes far too long');
      }, WATCH_MS);
      // A mutant may use up the thread's memory too.
      thread.once('error', (error) => resolve(`the thread failed: ${error.message}`));
      thread.once('message', resolve);
      thread.once('message', () => clearInterval(watch));
      thread.once('exit', () => clearInterval(watch));
      thread.postMessage(mutant);
    });
    thread.removeAllListeners('message').removeAllListeners('error');
    if (typeof answer === 'string') {
      this.#thread = undefined;
      await thread.terminate();
      return answer;
    }
    this.#tookMs = answer.tookMs;
    return answer.result;
  }
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner)];
