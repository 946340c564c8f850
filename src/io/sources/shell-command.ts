import { type ChildProcess, spawn } from 'node:child_process';
import type { Readable, Writable } from 'node:stream';
import { LastLines } from './last-lines.ts';
import { groupRuns } from './process-group.ts';
import { systemTiming, type Timing, within } from './timing.ts';

/** How long a command has to end after SIGTERM, in ms. */
export const KILL_AFTER_MS = 2000;

/** How long the output of a command that has failed may stay open, in ms. */
const CLOSE_AFTER_FAILURE_MS = 500;
const GROUP_POLL_MS_MAX = 20;

/** How a command ended. */
export interface CommandEnd {
  /** Exit code 0. */
  readonly ok: boolean;
  /** For messages: "ended with exit code 1". */
  readonly how: string;
  /** For messages: what it last wrote to stderr, or else what to do. */
  readonly hint: string;
}

const running = new Set<ShellCommand>();

/** A process that leaves without waiting (second Ctrl-C) still ends what it started. */
function abandonAll(): void {
  for (const command of running) command.abandon();
}

/**
 * A command in the shell, in a process group of its own, so that nothing of it stays when it is ended. What it writes to stderr is
 * kept, the last 20 lines; what it writes to stdout beside media goes to stderr of this process.
 */
export class ShellCommand {
  readonly command: string;
  /** Resolves when it runs, rejects when there is no shell. */
  readonly spawned: Promise<void>;
  /** Resolves when it has ended and its output was read. */
  readonly ended: Promise<CommandEnd>;
  readonly #child: ChildProcess;
  readonly #timing: Timing;
  readonly #exited: Promise<void>;
  readonly #stderr = new LastLines();
  #gone = false;

  /** @param media which of its streams is a pipe to this process. */
  constructor(command: string, media: 'stdin' | 'stdout', timing: Timing) {
    this.command = command;
    this.#timing = timing;
    const stdio: ['pipe' | 'ignore', 'pipe' | 2, 'pipe'] =
      media === 'stdin' ? ['pipe', 2, 'pipe'] : ['ignore', 'pipe', 'pipe'];
    const child: ChildProcess = spawn('/bin/sh', ['-c', command], { detached: true, stdio });
    this.#child = child;
    child.stderr?.on('data', (chunk: Uint8Array) => this.#stderr.push(chunk));
    this.spawned = new Promise((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', reject);
    });
    this.spawned.catch(() => {
      this.#isGone();
    });
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
    this.ended = this.#watch();
    if (running.size === 0) process.on('exit', abandonAll);
    running.add(this);
  }

  /** The command's stdin, when that is the pipe. */
  get stdin(): Writable | undefined {
    return this.#child.stdin ?? undefined;
  }

  /** The command's stdout, when that is the pipe. */
  get stdout(): Readable | undefined {
    return this.#child.stdout ?? undefined;
  }

  /** Ends all of it: SIGTERM, and SIGKILL after 2 s. Resolves when it has ended. */
  async terminate(): Promise<void> {
    await this.spawned.catch(() => {});
    if (this.#gone) return;
    this.#signal('SIGTERM');
    if (!(await this.#groupEnds(KILL_AFTER_MS, this.#timing))) {
      this.#signal('SIGKILL');
      // Nobody can ignore it, but it takes the system a moment: of real time, whatever clock a test has given.
      await this.#groupEnds(KILL_AFTER_MS, systemTiming);
    }
    await this.#exited;
    this.#isGone();
  }

  /** Asks all of it to end, and waits for nothing. */
  abandon(): void {
    if (this.#groupRuns()) this.#signal('SIGTERM');
  }

  #isGone(): void {
    this.#gone = true;
    running.delete(this);
    if (running.size === 0) process.off('exit', abandonAll);
  }

  async #watch(): Promise<CommandEnd> {
    const child = this.#child;
    const closed = new Promise<void>((resolve) => {
      child.once('close', () => resolve());
      child.once('error', () => resolve());
    });
    await this.#exited;
    // Something that it left in the background may go on with the output. After a failure nobody waits for that.
    if (child.exitCode === 0) await closed;
    else await within(closed, CLOSE_AFTER_FAILURE_MS, this.#timing);
    if (this.#groupRuns()) this.terminate().catch(() => {});
    else this.#isGone();
    return this.#describe();
  }

  #describe(): CommandEnd {
    const { exitCode, signalCode } = this.#child;
    const said = this.#stderr.lines;
    const hint = said.length > 0 ? `it said last:\n  ${said.join('\n  ')}` : 'run the command by itself to see why';
    if (signalCode !== null) return { ok: false, how: `was ended by ${signalCode}`, hint };
    if (exitCode === null || exitCode < 0) return { ok: false, how: 'could not be run', hint };
    return { ok: exitCode === 0, how: `ended with exit code ${exitCode}`, hint };
  }

  /** Polled, since only the shell itself is a child of this process. */
  async #groupEnds(limitMs: number, timing: Timing): Promise<boolean> {
    const untilMs = timing.nowMs() + limitMs;
    for (let waitMs = 1; this.#groupRuns(); waitMs = Math.min(2 * waitMs, GROUP_POLL_MS_MAX)) {
      if (timing.nowMs() >= untilMs) return false;
      await new Promise<void>((resolve) => {
        timing.after(waitMs, resolve);
      });
    }
    return true;
  }

  #groupRuns(): boolean {
    const { pid } = this.#child;
    return !this.#gone && pid !== undefined && groupRuns(pid);
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // There is nobody left, or it is not ours to end.
    }
  }
}
