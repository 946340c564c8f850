import { groupRuns } from '../../io/sources/process-group.ts';
import { type Cancel, systemTiming, type Timing } from '../../io/sources/timing.ts';
import type { Transport, TransportEvents, TransportLimits } from '../core/transport.ts';
import { type ChildTransport, spawnTransport } from '../process-transport.ts';
import type { ProcessEnd } from './core/runner-io.ts';
import { type LogLine, LogLines } from './log-lines.ts';

/** How long output that was written before the end is waited for, in ms. */
const OUTPUT_AFTER_EXIT_MS = 500;

/** How long a group that was killed is waited for, in ms: the system may hold a process that is within a call of its own. */
const GROUP_GONE_MS_MAX = 2000;
/** Longest wait between two looks at it, in ms; the first is 1 ms. */
const GROUP_POLL_MS_MAX = 32;

/** What is started. */
export interface AlgorithmCommand {
  /** A program, looked for in PATH; no shell. */
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** Default: this process's. */
  readonly env?: NodeJS.ProcessEnv;
}

const running = new Set<AlgorithmProcess>();

/** Whoever leaves without waiting still ends what it started. */
function killAll(): void {
  for (const process of running) process.signal('SIGKILL');
}

/**
 * One process of an algorithm, in a process group of its own: what it starts ends with it, at the latest when it ends itself. Its end is
 * told once, after what it wrote, and when nothing of its group is left.
 */
export class AlgorithmProcess {
  readonly transport: Transport;
  readonly #child: ChildTransport;
  readonly #timing: Timing;
  readonly #told: (end: ProcessEnd) => void;
  #cancelOutput: Cancel = () => {};
  #end: ProcessEnd | undefined;
  #outputOver = false;
  #groupGone = false;

  constructor(
    command: AlgorithmCommand,
    limits: TransportLimits & { readonly timing?: Timing },
    told: { readonly log: (line: LogLine) => void; readonly ended: (end: ProcessEnd) => void },
  ) {
    const { command: program, args = [], cwd, env } = command;
    this.#timing = limits.timing ?? systemTiming;
    this.#told = told.ended;
    this.#child = spawnTransport(program, args, {
      ...limits,
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      stderr: 'pipe',
      detached: true,
    });
    const lines = new LogLines(told.log);
    const { stderr } = this.#child.child;
    stderr?.on('data', (chunk: Uint8Array) => lines.push(chunk));
    stderr?.on('end', () => lines.end());
    stderr?.on('error', () => {});
    if (running.size === 0) process.on('exit', killAll);
    running.add(this);
    this.transport = watched(this.#child.transport, () => this.#outputEnded());
    this.#child.ended.then(({ code, signal, error }) => {
      // What it left behind would hold its pipes, and outlive it.
      this.signal('SIGKILL');
      this.#end = { code, signal, ...(error === undefined ? {} : { problem: error.message }) };
      if (!this.#outputOver) {
        this.#cancelOutput = this.#timing.after(OUTPUT_AFTER_EXIT_MS, () => {
          this.#child.transport.destroy();
          this.#outputEnded();
        });
      }
      this.#awaitGroup(this.#timing.nowMs() + GROUP_GONE_MS_MAX, 1);
    });
  }

  get pid(): number | undefined {
    return this.#child.child.pid;
  }

  /** Signals all of its group; nothing when there is nobody left. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this;
    if (pid === undefined || !groupRuns(pid)) return;
    try {
      process.kill(-pid, signal);
    } catch {
      // It ended meanwhile.
    }
  }

  #outputEnded(): void {
    this.#cancelOutput();
    this.#outputOver = true;
    this.#tell();
  }

  #awaitGroup(untilMs: number, waitMs: number): void {
    const { pid } = this;
    if (pid !== undefined && groupRuns(pid) && this.#timing.nowMs() < untilMs) {
      this.#timing.after(waitMs, () => this.#awaitGroup(untilMs, Math.min(2 * waitMs, GROUP_POLL_MS_MAX)));
      return;
    }
    this.#groupGone = true;
    running.delete(this);
    if (running.size === 0) process.off('exit', killAll);
    this.#tell();
  }

  #tell(): void {
    const end = this.#end;
    if (end === undefined || !this.#outputOver || !this.#groupGone) return;
    this.#end = undefined;
    this.#told(end);
  }
}

/** A transport whose end is also told to somebody else, after its listener. */
function watched(transport: Transport, closed: () => void): Transport {
  return {
    get reliable() {
      return transport.reliable;
    },
    get messageBytesMax() {
      return transport.messageBytesMax;
    },
    get counters() {
      return transport.counters;
    },
    open: (events: TransportEvents) =>
      transport.open({
        message: (bytes) => events.message(bytes),
        malformed: (fault) => events.malformed(fault),
        ended: (truncated) => events.ended(truncated),
        writable: () => events.writable(),
        closed: (end) => {
          events.closed(end);
          closed();
        },
      }),
    send: (message) => transport.send(message),
    pause: () => transport.pause(),
    resume: () => transport.resume(),
    close: () => transport.close(),
    destroy: () => transport.destroy(),
  };
}
