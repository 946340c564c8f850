import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import type { Run } from './command.ts';

/** When a process stood still; monotonic ms. */
export interface Stop {
  readonly stoppedAtMs: number;
  readonly wokenAtMs: number;
}

const TRIES_MAX = 200;

/**
 * Lets a process stand still for `ms`, as a host does that is suspended or starved: SIGSTOP, then SIGCONT. It is stopped where it waits in the
 * kernel, not between a decision and the system call that follows from it, so that whatever it does afterwards it decides afterwards.
 */
export async function standStill(run: Run, ms: number): Promise<Stop> {
  await stopWhereItWaits(run);
  const stoppedAtMs = performance.now();
  await wait(ms);
  return { stoppedAtMs, wokenAtMs: run.signal('SIGCONT') };
}

async function stopWhereItWaits(run: Run): Promise<void> {
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    run.signal('SIGSTOP');
    while (!/\)\s+[Tt] /.test(readFileSync(`/proc/${run.pid}/stat`, 'utf8'))) await wait(0);
    const [call = ''] = readFileSync(`/proc/${run.pid}/syscall`, 'utf8').split(' ');
    if (epollWaits.includes(Number(call))) return;
    run.signal('SIGCONT');
    await wait(1);
  }
  throw new Error(`${run.name} never waits`);
}

/** Numbers of epoll_wait, epoll_pwait and epoll_pwait2 on x86-64, and of the latter two on ARM64. */
const epollWaits = process.arch === 'arm64' ? [22, 441] : [232, 281, 441];

/** Why a process's system call cannot be seen here; `undefined` when it can. */
export const stoppingMissing: string | undefined = findReason();

function findReason(): string | undefined {
  if (process.arch !== 'x64' && process.arch !== 'arm64')
    return `the system calls of ${process.arch} are not known here`;
  try {
    readFileSync('/proc/self/syscall', 'utf8');
    return undefined;
  } catch (error) {
    return `what a process waits for cannot be seen: ${error instanceof Error ? error.message : error}`;
  }
}
