/**
 * Runs tests in a thread of its own, so that a mutant that never ends can be stopped by the thread beside it (in-process-runner.js).
 */
import { readdirSync } from 'node:fs';
import { resolve } from 'node:path';
import { parentPort, workerData } from 'node:worker_threads';
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
 * @typedef {import('@stryker-mutator/api/test-runner').DryRunResult} DryRunResult
 * @typedef {import('@stryker-mutator/api/test-runner').TestResult} TestResult
 * @typedef {import('@stryker-mutator/api/core').InstrumenterContext} InstrumenterContext
 */

/** A test may take so many times as long as it ever did, and so many ms beside. */
const SLOWER = 10;
const SLOWER_MS = 2_000;
/** The same of a test that has not run in this process. */
const FIRST_MS = 30_000;
/** Loading all tests, with a mutant in them, takes a second or two. */
const LOAD_MS = 30_000;

/** What instrumented code reads and writes. @type {{ [Key in keyof InstrumenterContext]?: InstrumenterContext[Key] | undefined }} */
const shared = {};
Reflect.set(globalThis, '__stryker__', shared);

class TestThread {
  #collector = new Collector();
  #modules = new Modules(new Map());
  /** @type {readonly string[]} */
  #files = [];
  /** Of each test the longest that it took to pass, in ms. @type {Map<string, number>} */
  tookMs;
  /** Until when the test of now must have ended, on the clock of `Date`. @type {Float64Array} */
  #dueAtMs;

  /** @param {{ readonly dueAtMs: Float64Array, readonly tookMs: Map<string, number> }} data */
  constructor({ dueAtMs, tookMs }) {
    this.#dueAtMs = dueAtMs;
    this.tookMs = tookMs;
  }

  async init() {
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
    this.#dueAtMs[0] = Date.now() + LOAD_MS;
    try {
      await this.#load();
    } catch (error) {
      return toMutantRunResult(failedToLoad(error));
    }
    shared.activeMutant = activeMutant.id;
    const wanted = testFilter === undefined ? undefined : new Set(testFilter);
    const tests = this.#collector.tests
      .filter(({ id }) => wanted?.has(id) ?? true)
      .sort((a, b) => (this.tookMs.get(a.id) ?? 0) - (this.tookMs.get(b.id) ?? 0));
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
      const usualMs = this.tookMs.get(id);
      this.#dueAtMs[0] = Date.now() + (usualMs === undefined ? FIRST_MS : SLOWER * usualMs + SLOWER_MS);
      const beganAtMs = performance.now();
      shared.currentTestId = id;
      const failureMessage = await messageOf(run);
      shared.currentTestId = undefined;
      const timeSpentMs = performance.now() - beganAtMs;
      // One that fails ends early.
      if (failureMessage === undefined) this.tookMs.set(id, Math.max(usualMs ?? 0, timeSpentMs));
      const shown = { id, name, fileName: file, timeSpentMs };
      if (failureMessage === undefined) results.push({ ...shown, status: TestStatus.Success });
      else results.push({ ...shown, status: TestStatus.Failed, failureMessage });
      if (bail && failureMessage !== undefined) break;
    }
    this.#dueAtMs[0] = Number.POSITIVE_INFINITY;
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

const thread = new TestThread(workerData);
await thread.init();
parentPort?.on(
  'message',
  async (/** @type {import('@stryker-mutator/api/test-runner').MutantRunOptions | undefined} */ mutant) => {
    const result = mutant === undefined ? await thread.dryRun() : await thread.mutantRun(mutant);
    parentPort?.postMessage({ result, tookMs: thread.tookMs });
  },
);
