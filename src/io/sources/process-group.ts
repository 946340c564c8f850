import { readdirSync, readFileSync } from 'node:fs';

/**
 * Whether a process of the group still runs.
 *
 * Where nobody reaps orphans, as in a container whose first process is no init, what has ended stays in its group for good and can
 * still be signalled. On Linux those are told apart.
 */
export function groupRuns(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
  let entries: readonly string[];
  try {
    entries = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return true;
  }
  // Where /proc is there but hides processes, at least this one is seen.
  return entries.length === 0 || entries.some((pid) => runsIn(pid, group));
}

function runsIn(pid: string, group: number): boolean {
  try {
    // The name, in brackets, may hold anything.
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const [state, , processGroup] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(processGroup) === group && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
