import { ConfigError, type SettingProblem } from '../errors.ts';
import { type Parsed, quoted } from './parsed.ts';

/** What a number may be; both ends count. */
export interface NumberRange {
  readonly min: number;
  readonly max: number;
  /** For people: ` ms`, ` bytes`. */
  readonly unit?: string;
  /** Only whole numbers; default false. */
  readonly whole?: boolean;
}

/** An object of options as it may come from a program without types. */
export type Given<Name extends string> = Readonly<Partial<Record<Name, unknown>>>;

/**
 * Reads settings one by one and collects what is wrong, so that a user hears of everything at once. A wrong one reads as its
 * default: nothing is used before {@link SettingReader.finish}.
 */
export class SettingReader {
  readonly #problems: SettingProblem[] = [];

  /** Notes a problem. */
  problem(setting: string, problem: string, tryInstead: string): void {
    this.#problems.push({ setting, problem, tryInstead });
  }

  /** @throws ConfigError if anything was wrong. */
  finish(): void {
    if (this.#problems.length > 0) throw new ConfigError(this.#problems);
  }

  /** The value of an outcome, or nothing and its problem. */
  parsed<Value>(setting: string, parsed: Parsed<Value>): Value | undefined {
    if (parsed.ok) return parsed.value;
    this.problem(setting, parsed.problem, parsed.tryInstead);
    return undefined;
  }

  /** A text that `parse` understands, or nothing. */
  text<Value>(setting: string, given: unknown, parse: (text: string) => Parsed<Value>): Value | undefined {
    if (typeof given === 'string') return this.parsed(setting, parse(given));
    this.problem(setting, `is ${quoted(given)}`, 'use a text');
    return undefined;
  }

  /** A number in a range; `preset` when it is absent. */
  number<Preset>(setting: string, given: unknown, range: NumberRange, preset: Preset): number | Preset {
    if (given === undefined) return preset;
    const { min, max, unit = '', whole = false } = range;
    const fits = typeof given === 'number' && given >= min && given <= max && (!whole || Number.isInteger(given));
    if (fits) return given;
    this.problem(setting, `is ${quoted(given)}`, `use a ${whole ? 'whole ' : ''}number from ${min} to ${max}${unit}`);
    return preset;
  }

  /** True or false; `preset` when it is absent. */
  flag(setting: string, given: unknown, preset: boolean): boolean {
    if (given === undefined || typeof given === 'boolean') return given ?? preset;
    this.problem(setting, `is ${quoted(given)}`, 'use true or false');
    return preset;
  }

  /** A value that passes `is`, or nothing. */
  kind<Value>(setting: string, given: Value, is: (given: unknown) => boolean, what: string): Value | undefined {
    if (given === undefined || is(given)) return given;
    this.problem(setting, `is ${quoted(given)}`, `use ${what}`);
    return undefined;
  }

  /** An object; what it has beside `known` is a problem each, since a misspelt setting would be silently without effect. */
  group<Name extends string>(setting: string, given: unknown, known: readonly Name[]): Given<Name> | undefined {
    if (given === undefined) return undefined;
    if (typeof given !== 'object' || given === null || Array.isArray(given)) {
      this.problem(setting, `is ${quoted(given)}`, `use an object with ${known.join(', ')}`);
      return undefined;
    }
    for (const name of Object.keys(given)) {
      if (!known.some((one) => one === name)) {
        const where = setting === 'options' ? '' : `${setting}.`;
        this.problem(`${where}${quoted(name).slice(1, -1)}`, 'is no setting', `use one of ${known.join(', ')}`);
      }
    }
    return given as Given<Name>;
  }
}
