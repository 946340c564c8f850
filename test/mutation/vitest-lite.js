/**
 * As much of vitest as the tests of pure code use: describe, it, beforeEach, afterEach, expect with vitest's own matchers, file
 * snapshots. Without workers and reporters a test costs what the code in it costs.
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { format } from 'node:util';

/**
 * @typedef {object} LiteTest
 * @property {string} id File and name, with a number where a name comes again.
 * @property {string} name
 * @property {string} file
 * @property {() => unknown} run
 */

/**
 * A file, or a describe in it.
 *
 * @typedef {object} Suite
 * @property {string} name
 * @property {(() => unknown)[]} before What runs before each test in it, in this order.
 * @property {(() => unknown)[]} after What runs after each test in it, in this order.
 */

/**
 * @param {string} name
 * @returns {Suite}
 */
const suiteOf = (name) => ({ name, before: [], after: [] });

/** A package that vitest brings. @param {string} name */
const ofVitest = (name) => {
  const vitest = createRequire(import.meta.url).resolve('vitest/package.json');
  return import(pathToFileURL(createRequire(vitest).resolve(name)).href);
};

/**
 * @param {string} template
 * @param {unknown} row
 */
function nameOf(template, row) {
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) {
    const fields = new Map(Object.entries(row));
    return template.replace(/\$(\w+)/g, (_, field) => String(fields.get(field)));
  }
  const values = Array.isArray(row) ? row : [row];
  return format(template, ...values.slice(0, (template.match(/%[sdifjoOc]/g) ?? []).length));
}

/**
 * vitest's own expect, without the rest of vitest.
 *
 * @param {(path: string) => string} fileOf Where the snapshot of a test that runs now is.
 */
async function matchers(fileOf) {
  const [vitest, chai] = await Promise.all([ofVitest('@vitest/expect'), ofVitest('chai')]);
  for (const plugin of [vitest.JestExtend, vitest.JestChaiExpect, vitest.JestAsymmetricMatchers]) chai.use(plugin);
  /** @this {object} @param {string} path */
  function toMatchFileSnapshot(path) {
    chai.expect(chai.util.flag(this, 'object')).toBe(readFileSync(fileOf(path), 'utf8'));
  }
  chai.util.addMethod(chai.Assertion.prototype, 'toMatchFileSnapshot', toMatchFileSnapshot);
  const expect = Object.assign(
    (/** @type {unknown} */ value, /** @type {string | undefined} */ message) => chai.expect(value, message),
    chai.expect,
    Reflect.get(globalThis, vitest.ASYMMETRIC_MATCHERS_OBJECT),
  );
  Reflect.set(globalThis, vitest.GLOBAL_EXPECT, expect);
  vitest.setState({ assertionCalls: 0, isExpectingAssertions: false }, expect);
  return expect;
}

/**
 * The body of a test, behind its options if it has any.
 *
 * @param {readonly unknown[]} given
 * @returns {(...values: unknown[]) => unknown}
 */
const bodyOf = (given) => /** @type {() => unknown} */ (given.find((one) => typeof one === 'function'));

/**
 * A function for each row of a table: arrays are its arguments, anything else is the one argument.
 *
 * @param {(name: string, body: () => void) => void} add
 */
const eachOf =
  (add) =>
  (/** @type {readonly unknown[]} */ rows) =>
  (/** @type {string} */ name, /** @type {unknown[]} */ ...given) => {
    const body = bodyOf(given);
    for (const row of rows) add(nameOf(name, row), () => (Array.isArray(row) ? body(...row) : body(row)));
  };

/** Collects the tests of one file after the other. */
export class Collector {
  /** @type {LiteTest[]} */
  tests = [];
  /** The file and the describes that are open, from the outside in. @type {Suite[]} */
  #suites = [];
  #file = '';

  /** @param {string} file */
  begin(file) {
    this.#file = file;
    this.#suites = [suiteOf('')];
  }

  /** What `import ... from 'vitest'` gives. */
  async api() {
    const expect = await matchers((path) => resolve(dirname(this.#file), path));
    const { fn } = await ofVitest('@vitest/spy');
    const describe = (/** @type {string} */ name, /** @type {() => void} */ body) => {
      this.#suites.push(suiteOf(name));
      body();
      this.#suites.pop();
    };
    Object.assign(describe, { each: eachOf(describe) });
    const it = (/** @type {string} */ name, /** @type {unknown[]} */ ...given) => this.#add(name, bodyOf(given));
    Object.assign(it, { each: eachOf(it), skip: () => {} });
    const beforeEach = (/** @type {() => unknown} */ run) => void this.#suites.at(-1)?.before.push(run);
    const afterEach = (/** @type {() => unknown} */ run) => void this.#suites.at(-1)?.after.unshift(run);
    return { describe, it, test: it, beforeEach, afterEach, expect, vi: { fn }, onTestFailed: () => {} };
  }

  /**
   * @param {string} title
   * @param {() => unknown} run
   */
  #add(title, run) {
    const suites = [...this.#suites];
    const name = [...suites.slice(1).map((suite) => suite.name), title].join(' > ');
    const file = this.#file;
    const again = this.tests.filter((test) => test.file === file && test.name === name).length;
    const id = `${relative(process.cwd(), file)} > ${name}${again === 0 ? '' : ` #${again}`}`;
    const runHere = async () => {
      this.#file = file;
      try {
        for (const { before } of suites) for (const hook of before) await hook();
        await run();
      } finally {
        for (const { after } of suites.toReversed()) for (const hook of after) await hook();
      }
    };
    this.tests.push({ id, name, file, run: runHere });
  }
}
