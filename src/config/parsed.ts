import { plainText } from '../observe/text.ts';

/** A text that was understood, or why it was not and what to write instead. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | {
      readonly ok: false;
      /** A clause that begins with what was given: `"5" has no unit`. */
      readonly problem: string;
      /** What to do, as an instruction: `write 5s`. */
      readonly tryInstead: string;
    };

/** The good outcome of {@link Parsed}. */
export function accepted<Value>(value: Value): Parsed<Value> {
  return { ok: true, value };
}

/** The other outcome of {@link Parsed}. */
export function refused(problem: string, tryInstead: string): Parsed<never> {
  return { ok: false, problem, tryInstead };
}

/** What was given, for a problem's sentence: one line, quoted, at most 60 characters of it. */
export function quoted(given: unknown): string {
  if (typeof given === 'string') return `"${plainText(given, 60)}"`;
  if (given === null || ['number', 'bigint', 'boolean', 'undefined'].includes(typeof given)) return String(given);
  return typeof given === 'object' ? (Array.isArray(given) ? 'an array' : 'an object') : `a ${typeof given}`;
}
