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
  const { path, why } = await compileProgram(name, folder);
  if (why === undefined) return { ok: true, path, dispose };
  await dispose();
  return { ok: false, reason: `the reference in C (${name}.c), because ${why}` };
}

/**
 * Compiles one for this machine, into a folder that is there.
 *
 * @param libraries to link with, such as `ssl`.
 * @returns where it is; and a clause that says why not when it could not be compiled.
 */
export async function compileProgram(
  name: string,
  folder: string,
  libraries: readonly string[] = [],
): Promise<{ readonly path: string; readonly why: string | undefined }> {
  const path = join(folder, name);
  const linked = libraries.map((library) => `-l${library}`);
  try {
    await run('gcc', ['-O2', '-o', path, packageFile(`bench/c/${name}.c`), ...linked]);
    return { path, why: undefined };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { path, why: code === 'ENOENT' ? 'there is no gcc here' : `gcc says: ${message.split('\n')[1] ?? message}` };
  }
}
