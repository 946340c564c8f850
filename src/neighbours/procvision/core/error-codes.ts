/** Who defines a code. */
export type ErrorCodeTable = 'adapter' | 'specification' | 'runner' | 'firstframe';

/** What a code means in one table. */
export interface ErrorCodeMeaning {
  readonly table: ErrorCodeTable;
  /** Its name there. */
  readonly name: string;
  /** The same call may succeed when it is made again. */
  readonly recoverable: boolean;
}

type Line = readonly [code: string, name: string, recoverable?: 'recoverable'];

/**
 * The published tables. They contradict each other: what the reference adapter really sends; what the algorithm specification of
 * v0.2 defines for results; what the desktop runner makes itself; and the words of this SDK, which are no numbers, to be told apart.
 */
const tables: Readonly<Record<ErrorCodeTable, readonly Line[]>> = {
  adapter: [
    ['1000', 'invalid call, result or entry point'],
    ['1004', 'entry point not found'],
    ['1009', 'exception in the algorithm'],
    ['1010', 'something else wrote to standard output'],
  ],
  specification: [
    ['1001', 'invalid_pid'],
    ['1002', 'image_load_failed', 'recoverable'],
    ['1003', 'model_not_found'],
    ['1004', 'gpu_oom'],
    ['1005', 'timeout', 'recoverable'],
    ['1006', 'invalid_params'],
    ['1007', 'coordinate_invalid'],
    ['9999', 'unknown_error'],
  ],
  runner: [
    ['2001', 'invalid package'],
    ['2002', 'manifest missing'],
    ['2003', 'incompatible Python'],
    ['2004', 'wheels missing'],
    ['2005', 'installation failed'],
    ['2006', 'activation conflict'],
    ['2007', 'unsafe removal'],
  ],
  firstframe: [
    ['protocol_error', 'the runner sent what is no frame'],
    ['hello_timeout', 'the runner did not say hello'],
    ['bad_hello', 'the runner cannot be spoken with'],
    ['bad_state', 'a call before the hello of the runner'],
    ['busy', 'too many calls wait', 'recoverable'],
    ['shutting_down', 'the runner asked for the end before the call was done'],
  ],
};

const meanings = new Map<string, ErrorCodeMeaning[]>();
for (const [table, lines] of Object.entries(tables) as [ErrorCodeTable, readonly Line[]][]) {
  for (const [code, name, recoverable] of lines) {
    const known = meanings.get(code) ?? [];
    known.push({ table, name, recoverable: recoverable !== undefined });
    meanings.set(code, known);
  }
}

/** All that the published tables say of a code, the reference adapter's word first; nothing for one that none of them has. */
export function meaningsOf(errorCode: string): readonly ErrorCodeMeaning[] {
  return meanings.get(errorCode) ?? [];
}

/** For messages: `1004 (adapter: entry point not found; specification: gpu_oom)`. */
export function errorCodeText(errorCode: string): string {
  const known = meaningsOf(errorCode);
  if (known.length === 0) return errorCode;
  return `${errorCode} (${known.map(({ table, name }) => `${table}: ${name}`).join('; ')})`;
}
