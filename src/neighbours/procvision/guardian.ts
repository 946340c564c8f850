import { type ChildProcess, spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { systemTiming, within } from '../../io/sources/timing.ts';

/** How long its end is waited for, in ms. */
const END_MS_MAX = 1000;

/** Each line is the process group that is there now, or empty. The end of the input is the end of the runner, whatever ended it. */
const SCRIPT = `
while read -r line; do group=$line; done
[ -n "$group" ] && kill -s KILL -- "-$group"
[ -n "$1" ] && rm -rf -- "$1"
`;

/**
 * Cleans up after a runner whose process ended without a chance to do so itself, by SIGKILL or by a signal that its program does not
 * handle: an algorithm at work would go on for ever, and images would stay in memory until the machine is started anew. A shell in a
 * session of its own, which no Ctrl-C reaches, waits for the end of its input. Where there is no shell, nothing is cleaned up then.
 */
export class Guardian {
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;

  /** @param folder that is removed; none when it is somebody else's. */
  constructor(folder: string | undefined) {
    const { PATH: path = '' } = process.env;
    this.#child = spawn('/bin/sh', ['-c', SCRIPT, 'procvision-guardian', folder ?? ''], {
      stdio: ['pipe', 'ignore', 'ignore'],
      detached: true,
      cwd: '/',
      // `rm` is needed even where PATH has been cut to what an algorithm may use.
      env: { ...process.env, PATH: `${path}:/usr/bin:/bin` },
    });
    this.#ended = new Promise((resolve) => {
      this.#child.once('exit', () => resolve());
      this.#child.once('error', () => resolve());
    });
    this.#child.stdin?.on('error', () => {});
    // It must not keep the program alive that it waits for.
    this.#child.unref();
    (this.#child.stdin as Socket | null)?.unref();
  }

  /** @param group that is there from now on; `undefined` when there is none. */
  watch(group: number | undefined): void {
    this.#child.stdin?.write(`${group ?? ''}\n`);
  }

  /** There is nothing left to clean up. Fulfilled when it has ended; never rejects. */
  async close(): Promise<void> {
    this.watch(undefined);
    this.#child.ref();
    this.#child.stdin?.end();
    if (!(await within(this.#ended, END_MS_MAX, systemTiming))) this.#child.kill('SIGKILL');
  }
}
