/**
 * Loads TypeScript as CommonJS, each file compiled once, and evaluated anew as often as wanted: a mutant must never see what the
 * one before it left behind in a module.
 */
import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, resolve } from 'node:path';
import { Script } from 'node:vm';
import ts from 'typescript';

/** @typedef {(exports: object, require: (name: string) => unknown, meta: { dirname: string }) => unknown} Evaluate */

export class Modules {
  /** @type {Map<string, Evaluate>} */
  #evaluates = new Map();
  /** @type {Map<string, object>} */
  #evaluated = new Map();
  #instead;

  /** @param {ReadonlyMap<string, object>} instead What certain packages are replaced by. */
  constructor(instead) {
    this.#instead = instead;
  }

  /** Every module will be evaluated again. */
  forget() {
    this.#evaluated.clear();
  }

  /**
   * Evaluates a file that may await.
   *
   * @param {string} file
   */
  async run(file) {
    await this.#evaluateOf(file, 'async ')({}, (name) => this.#require(name, file), { dirname: dirname(file) });
  }

  /**
   * @param {string} name
   * @param {string} from
   */
  #require(name, from) {
    const instead = this.#instead.get(name);
    if (instead !== undefined) return instead;
    if (!name.startsWith('.')) return createRequire(from)(name);
    const file = resolve(dirname(from), name);
    const known = this.#evaluated.get(file);
    if (known !== undefined) return known;
    const exports = {};
    this.#evaluated.set(file, exports);
    this.#evaluateOf(file, '')(exports, (inner) => this.#require(inner, file), { dirname: dirname(file) });
    return exports;
  }

  /**
   * @param {string} file
   * @param {'' | 'async '} kind
   * @returns {Evaluate}
   */
  #evaluateOf(file, kind) {
    const known = this.#evaluates.get(file);
    if (known !== undefined) return known;
    if (!existsSync(file)) throw new Error(`there is no ${file}`);
    const { outputText } = ts.transpileModule(readFileSync(file, 'utf8'), {
      compilerOptions: { target: ts.ScriptTarget.ES2023, module: ts.ModuleKind.CommonJS, esModuleInterop: true },
    });
    const body = outputText.replaceAll('import.meta', 'meta');
    const script = new Script(`(${kind}function (exports, require, meta) {${body}\n})`, { filename: file });
    /** @type {Evaluate} */
    const evaluate = script.runInThisContext();
    this.#evaluates.set(file, evaluate);
    return evaluate;
  }
}
