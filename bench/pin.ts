import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** One core for what is measured, and another for what loads it. */
export interface Cores {
  readonly measured: number;
  readonly load: number;
  /** All that this process may use. */
  readonly all: readonly number[];
}

/** Two cores that this process may use, or why none can be chosen, as a sentence for the result. */
export async function twoCores(): Promise<Cores | string> {
  const why = 'processes were not pinned to cores, because';
  try {
    const status = await readFile('/proc/self/status', 'utf8');
    const all = coresOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
    const [measured, load] = all;
    if (measured === undefined || load === undefined) return `${why} there are no two`;
    await run('taskset', ['-c', String(measured), 'true']);
    return { measured, load, all };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return `${why} ${code === 'ENOENT' ? 'there is no taskset here' : message}`;
  }
}

/** `0-2,5`: 0, 1, 2, 5. */
export function coresOf(list: string): readonly number[] {
  return list.split(',').flatMap((range) => {
    const [, first, last = first] = /^(\d+)(?:-(\d+))?$/.exec(range) ?? [];
    if (first === undefined) return [];
    return Array.from({ length: Number(last) - Number(first) + 1 }, (_, index) => Number(first) + index);
  });
}

/**
 * Cores for a process of so many threads, of `cores` as they are numbered: those that the load does not use, if they are enough;
 * else all, and the load's is shared.
 */
export function coresForThreads({ load, all }: Cores, threads: number): readonly number[] {
  const others = all.filter((core) => core !== load);
  return others.length >= threads ? others : all;
}

/**
 * Has the first thread of a process stay on its core, and nothing else of it: V8's threads, which compile and collect beside it, go elsewhere, as
 * they do on any machine with more than one core. On the same core they made a camera's first thread wait for 4 to 13 ms at a time
 * (`/proc/PID/schedstat`, `firstframe bench pacing --streams 200 --sockets batch`).
 */
export async function keepFirstThread(pid: number, { measured, all }: Cores): Promise<void> {
  const others = all.filter((core) => core !== measured);
  await run('taskset', ['-a', '-p', '-c', String(others), String(pid)]);
  await run('taskset', ['-p', '-c', String(measured), String(pid)]);
}

/** The words before a command that keep it, with all its threads, on one core, or on several; none when `core` is absent. */
export function onCore(core: number | readonly number[] | undefined): readonly string[] {
  return core === undefined ? [] : ['taskset', '-c', String(core)];
}

/** A command as it is run on one core; as it is when `core` is absent. */
export function pinned(core: number | undefined, path: string, args: readonly string[]): readonly [string, string[]] {
  const [command = path, ...all] = [...onCore(core), path, ...args];
  return [command, all];
}
