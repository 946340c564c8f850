import { accepted, type Parsed, quoted, refused } from '../src/config/parsed.ts';

/** An option of a bench. The shell adds its dashes, its place in the help, and its words when a text is wrong. */
export interface BenchOption<Value> {
  /** Name of its value in the help, such as `number`; absent for one that is given or not. */
  readonly value?: string;
  readonly help: string;
  /** As it would be typed; absent: `undefined` unless given. */
  readonly preset?: string;
  readonly parse: (text: string) => Parsed<Value>;
}

/** The values that options have once they are read. */
export type ValuesOf<Options> = {
  readonly [Name in keyof Options]: Options[Name] extends BenchOption<infer Value> ? Value : never;
};

/** An option with a default. */
export function option<Value>(
  value: string,
  help: string,
  parse: (text: string) => Parsed<Value>,
  preset: string,
): BenchOption<Value> {
  return { value, help, parse, preset };
}

/** An option without one. */
export function optional<Value>(
  value: string,
  help: string,
  parse: (text: string) => Parsed<Value>,
): BenchOption<Value | undefined> {
  return { value, help, parse };
}

/** An option without a value: `true` when it is given. */
export function flag(help: string): BenchOption<boolean> {
  return { help, parse: () => accepted(true) };
}

/** A whole number of `min` to `max`. */
export function whole(min: number, max: number): (text: string) => Parsed<number> {
  return (text) => {
    const value = Number(text);
    if (/^\d+$/.test(text) && value >= min && value <= max) return accepted(value);
    return refused(`${quoted(text)} is no whole number of ${min} to ${max}`, `write such as ${min}`);
  };
}

/** `200/s`: how many begin in a second, 0.1 to 1,000,000. */
export function perSecond(text: string): Parsed<number> {
  const [, digits = ''] = /^(\d{1,7}(?:\.\d{1,3})?)\/s$/.exec(text) ?? [];
  const value = Number(digits);
  if (digits !== '' && value >= 0.1 && value <= 1e6) return accepted(value);
  return refused(`${quoted(text)} is no rate`, 'write a number of 0.1 to 1000000 and /s, such as 200/s');
}

/** One of several words. */
export function oneOf<const Word extends string>(words: readonly Word[]): (text: string) => Parsed<Word> {
  return (text) => {
    const word = words.find((known) => known === text);
    return word === undefined
      ? refused(`${quoted(text)} is none of them`, `write ${words.join(', ')}`)
      : accepted(word);
  };
}

/** `5%,10%,20%`: 1 to `most` of what `parse` reads. */
export function listed<Value>(
  parse: (text: string) => Parsed<Value>,
  most: number,
): (text: string) => Parsed<readonly Value[]> {
  return (text) => {
    const parts = text.split(',');
    if (parts.length > most) return refused(`${quoted(text)} has more than ${most} parts`, 'write fewer');
    const values: Value[] = [];
    for (const part of parts) {
      const parsed = parse(part.trim());
      if (!parsed.ok) return parsed;
      values.push(parsed.value);
    }
    return accepted(values);
  };
}

/** Any text. */
export function text(given: string): Parsed<string> {
  return accepted(given);
}
