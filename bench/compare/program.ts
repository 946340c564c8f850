import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { Leave, PeerViewers } from './peer.ts';

/** The system's own, which has the packages of the system. */
export const PYTHON = '/usr/bin/python3';

/**
 * Cameras and viewers of peers that are written in another language: one process for all, which runs before the first viewer decides. A
 * pipe's latency, some 0.1 ms each way, is in the times.
 *
 * A camera says `port N` and serves until its stdin ends. Viewers are told `watch ID` and say `media ID` or `failed ID WHY`; they are told `leave
 * ID` when the one is not needed any more, and end with their stdin.
 */
export async function programCamera(command: string, parameters: readonly string[]): Promise<number> {
  const child = started(command, parameters);
  return await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`${command} ended with ${code}`)));
    onLine(child, (word, port) => {
      if (word === 'port') resolve(Number(port));
    });
  });
}

/** See {@link programCamera}. */
export async function programViewers(command: string, parameters: readonly string[]): Promise<PeerViewers> {
  const child = started(command, parameters);
  const waiting = new Map<string, Waiting>();
  const failAll = (error: Error): void => {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
  };
  child.once('error', failAll);
  child.once('exit', (code) => failAll(new Error(`${command} ended with ${code}`)));
  // What ended reads nothing any more; that it ended is told above.
  child.stdin?.on('error', () => {});
  onLine(child, (word, id, why) => {
    const viewer = waiting.get(id);
    waiting.delete(id);
    if (word === 'media') viewer?.resolve();
    else if (word === 'failed') viewer?.reject(new Error(why));
  });
  let viewers = 0;
  return {
    async watch(signal) {
      const id = String(viewers++);
      const leave: Leave = () => {
        waiting.delete(id);
        child.stdin?.write(`leave ${id}\n`);
      };
      signal.addEventListener('abort', leave, { once: true });
      await new Promise<void>((resolve, reject) => {
        waiting.set(id, { resolve, reject });
        child.stdin?.write(`watch ${id}\n`);
      });
      return leave;
    },
  };
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

function started(command: string, parameters: readonly string[]): ChildProcess {
  return spawn(command, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
}

function onLine({ stdout }: ChildProcess, hear: (word: string, id: string, rest: string) => void): void {
  if (stdout === null) return;
  createInterface(stdout).on('line', (line) => {
    const [word = '', id = '', ...rest] = line.split(' ');
    hear(word, id, rest.join(' '));
  });
}
