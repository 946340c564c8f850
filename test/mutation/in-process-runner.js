/**
 * Runs tests for Stryker in the process that Stryker starts for it. Its runner for vitest starts a worker for each file and
 * mutant, which costs more than ten times as much (0.5 s of CPU for a mutant of the codec, here 0.04 s), and takes a file that
 * cannot be loaded for one without failures.
 */
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';
import {
  DryRunStatus,
  determineHitLimitReached,
  TestStatus,
  toMutantRunResult,
} from '@stryker-mutator/api/test-runner';
import { mutationGroups, testFiles } from './groups.js';
import { Modules } from './modules.js';
import { Collector } from './vitest-lite.js';

/**
 * @typedef {import('@stryker-mutator/api/test-runner').TestRunner} TestRunner
 * @typedef {import('@stryker-mutator/api/test-runner').DryRunResult} DryRunResult
 * @typedef {import('@stryker-mutator/api/test-runner').TestResult} TestResult
 * @typedef {import('@stryker-mutator/api/core').InstrumenterContext} InstrumenterContext
 */

/** What instrumented code reads and writes. @type {{ [Key in keyof InstrumenterContext]?: InstrumenterContext[Key] | undefined }} */
const shared = {};
Reflect.set(globalThis, '__stryker__', shared);

/** Percent of the repetitions of random tests: a mutant that needs more of them needs a better test. */
const RUNS_PERCENT = '5';

/** @implements {TestRunner} */
export class InProcessRunner {
  #collector = new Collector();
  #modules = new Modules(new Map());
  /** @type {readonly string[]} */
  #files = [];
  /** Of each test how long it took the last time, in ms. @type {Map<string, number>} */
  #tookMs = new Map();

  /** @returns {import('@stryker-mutator/api/test-runner').TestRunnerCapabilities} */
  capabilities() {
    return { reloadEnvironment: true };
  }

  async init() {
    process.env['NODE_ENV'] = 'production';
    process.env['FIRSTFRAME_RUNS'] = RUNS_PERCENT;
    const group = mutationGroups.find(({ name }) => name === process.env['FIRSTFRAME_MUTATION']);
    if (group === undefined) throw new Error('FIRSTFRAME_MUTATION must name a group of test/mutation/groups.js');
    this.#files = testFiles(group, (folder) => readdirSync(folder)).map((file) => resolve(file));
    this.#modules = new Modules(new Map([['vitest', await this.#collector.api()]]));
  }

  async dryRun() {
    shared.mutantCoverage = { static: {}, perTest: {} };
    await this.#load();
    const result = await this.#run(this.#collector.tests, false);
    return { ...result, ...(shared.mutantCoverage === undefined ? {} : { mutantCoverage: shared.mutantCoverage }) };
  }

  /** @param {import('@stryker-mutator/api/test-runner').MutantRunOptions} options */
  async mutantRun({ activeMutant, mutantActivation, testFilter, hitLimit, disableBail }) {
    shared.hitLimit = hitLimit;
    shared.hitCount = hitLimit === undefined ? undefined : 0;
    shared.activeMutant = mutantActivation === 'static' ? activeMutant.id : undefined;
    try {
      await this.#load();
    } catch (error) {
      return toMutantRunResult(failedToLoad(error));
    }
    shared.activeMutant = activeMutant.id;
    const wanted = testFilter === undefined ? undefined : new Set(testFilter);
    const tests = this.#collector.tests
      .filter(({ id }) => wanted?.has(id) ?? true)
      .sort((a, b) => (this.#tookMs.get(a.id) ?? 0) - (this.#tookMs.get(b.id) ?? 0));
    const result = await this.#run(tests, !disableBail);
    return toMutantRunResult(determineHitLimitReached(shared.hitCount, hitLimit) ?? result);
  }

  async #load() {
    this.#modules.forget();
    this.#collector.tests = [];
    for (const file of this.#files) {
      this.#collector.begin(file);
      await this.#modules.run(file);
    }
  }

  /**
   * @param {readonly import('./vitest-lite.js').LiteTest[]} tests
   * @param {boolean} bail One that fails is enough, so that the quick ones come first.
   * @returns {Promise<import('@stryker-mutator/api/test-runner').CompleteDryRunResult>}
   */
  async #run(tests, bail) {
    /** @type {TestResult[]} */
    const results = [];
    for (const { id, name, file, run } of tests) {
      const beganAtMs = performance.now();
      shared.currentTestId = id;
      const failureMessage = await messageOf(run);
      shared.currentTestId = undefined;
      const shown = { id, name, fileName: file, timeSpentMs: performance.now() - beganAtMs };
      this.#tookMs.set(id, shown.timeSpentMs);
      if (failureMessage === undefined) results.push({ ...shown, status: TestStatus.Success });
      else results.push({ ...shown, status: TestStatus.Failed, failureMessage });
      if (bail && failureMessage !== undefined) break;
    }
    return { status: DryRunStatus.Complete, tests: results };
  }
}

/** @param {unknown} error */
const textOf = (error) => (error instanceof Error ? error.message : String(error));

/** @param {() => unknown} run */
async function messageOf(run) {
  try {
    await run();
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

/**
 * @param {unknown} error
 * @returns {DryRunResult}
 */
function failedToLoad(error) {
  const name = 'the tests can be loaded';
  const failed = { id: name, name, timeSpentMs: 0, status: TestStatus.Failed, failureMessage: textOf(error) };
  return { status: DryRunStatus.Complete, tests: [/** @type {TestResult} */ (failed)] };
}

export const strykerPlugins = [declareClassPlugin(PluginKind.TestRunner, 'in-process', InProcessRunner)];
