/**
 * As much of vitest as the tests of pure code use: describe, it, expect with vitest's own matchers, file snapshots. Without
 * workers, hooks and reporters a test costs what the code in it costs.
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

/** Collects the tests of one file after the other. */
export class Collector {
  /** @type {LiteTest[]} */
  tests = [];
  /** @type {string[]} */
  #path = [];
  #file = '';

  /** @param {string} file */
  begin(file) {
    this.#file = file;
    this.#path = [];
  }

  /** What `import ... from 'vitest'` gives. */
  async api() {
    const expect = await matchers((path) => resolve(dirname(this.#file), path));
    const { fn } = await ofVitest('@vitest/spy');
    const describe = (/** @type {string} */ name, /** @type {() => void} */ body) => {
      this.#path.push(name);
      body();
      this.#path.pop();
    };
    const it = (/** @type {string} */ name, /** @type {() => unknown} */ run) => this.#add(name, run);
    const each =
      (/** @type {readonly unknown[]} */ rows) =>
      (/** @type {string} */ name, /** @type {(...values: unknown[]) => unknown} */ run) => {
        for (const row of rows) this.#add(nameOf(name, row), () => (Array.isArray(row) ? run(...row) : run(row)));
      };
    Object.assign(it, { each, skip: () => {} });
    return { describe, it, test: it, expect, vi: { fn }, onTestFailed: () => {} };
  }

  /**
   * @param {string} title
   * @param {() => unknown} run
   */
  #add(title, run) {
    const name = [...this.#path, title].join(' > ');
    const file = this.#file;
    const again = this.tests.filter((test) => test.file === file && test.name === name).length;
    const id = `${relative(process.cwd(), file)} > ${name}${again === 0 ? '' : ` #${again}`}`;
    const runHere = () => {
      this.#file = file;
      return run();
    };
    this.tests.push({ id, name, file, run: runHere });
  }
}
