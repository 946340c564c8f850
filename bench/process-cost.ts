import { readFile } from 'node:fs/promises';
import type { ProcessCost } from './result.ts';

/** Linux counts CPU time in hundredths of a second on every machine that Node runs on (USER_HZ). */
const TICK_MS = 10;

/**
 * What a process has cost so far, without asking it: it may be busy, or no program of ours. Linux only; CPU time in steps of 10 ms.
 *
 * @throws the operating system's error when there is no such process.
 */
export function costOf(pid: number): Promise<ProcessCost> {
  return costIn(`/proc/${pid}`);
}

/** As {@link costOf}, of its first thread alone; memory is the process's. */
export function costOfMainThread(pid: number): Promise<ProcessCost> {
  return costIn(`/proc/${pid}/task/${pid}`);
}

async function costIn(folder: string): Promise<ProcessCost> {
  const [stat, status] = await Promise.all([readFile(`${folder}/stat`, 'utf8'), readFile(`${folder}/status`, 'utf8')]);
  // The name, which may have spaces, ends with the last parenthesis; proc(5) counts utime as field 14 and stime as 15.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const bytes = (name: string): number => 1024 * Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return {
    cpuUserMs: TICK_MS * Number(fields[11]),
    cpuSystemMs: TICK_MS * Number(fields[12]),
    rssBytes: bytes('VmRSS'),
    rssMaxBytes: bytes('VmHWM'),
  };
}
