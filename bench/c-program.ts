import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { packageFile } from '../src/io/package-file.ts';

const run = promisify(execFile);

/** A program in C of `bench/c`, or why there is none here, as a sentence for the result. */
export type BuiltProgram =
  | { readonly ok: true; readonly path: string; readonly dispose: () => Promise<void> }
  | { readonly ok: false; readonly reason: string };

/**
 * Compiles one for this machine, into a folder that goes when it is disposed of.
 *
 * @param name of its file, without `.c`.
 */
export async function buildProgram(name: string): Promise<BuiltProgram> {
  const folder = await mkdtemp(join(tmpdir(), 'firstframe-bench-'));
  const dispose = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const path = join(folder, name);
  try {
    await run('gcc', ['-O2', '-o', path, packageFile(`bench/c/${name}.c`)]);
    return { ok: true, path, dispose };
  } catch (error) {
    await dispose();
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is no gcc here' : `gcc says: ${message.split('\n')[1] ?? message}`;
    return { ok: false, reason: `the reference in C (${name}.c), because ${why}` };
  }
}
