import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { coresForThreads, coresOf, keepFirstThread, onCore, twoCores } from '../../bench/pin.ts';
import { Cleanup } from '../support/command.ts';
import { skipBecause } from '../support/skip-because.ts';

test('threads have cores of their own where there are enough, else the viewers’ too', () => {
  const all = [0, 1, 2, 5];
  expect(coresForThreads({ measured: 0, load: 1, all }, 3)).toEqual([0, 2, 5]);
  expect(coresForThreads({ measured: 0, load: 1, all }, 4)).toEqual(all);
  expect(onCore(all)).toEqual(['taskset', '-c', '0,1,2,5']);
});

test('the cores that a process may use are read as the kernel writes them', () => {
  expect(coresOf('0-2,5')).toEqual([0, 1, 2, 5]);
  expect(coresOf('3')).toEqual([3]);
  expect(coresOf('')).toEqual([]);
});

test('the first thread of a process has a core that the others keep away from', async (context) => {
  const cores = await twoCores();
  if (typeof cores === 'string') return skipBecause(context, cores);
  await using cleanup = new Cleanup();
  const child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000); console.log(1)']);
  cleanup.defer(() => child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid ?? 0;
  await keepFirstThread(pid, cores);
  const coresOfThread = (thread: string): readonly number[] => {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    return coresOf(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '');
  };
  const others = readdirSync(`/proc/${pid}/task`).filter((thread) => thread !== String(pid));
  expect(others.length).toBeGreaterThan(0);
  expect(coresOfThread(String(pid))).toEqual([cores.measured]);
  for (const thread of others)
    expect(coresOfThread(thread)).toEqual(cores.all.filter((core) => core !== cores.measured));
});
