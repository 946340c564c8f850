import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';

/** The built command. */
export const MAIN = fileURLToPath(new URL('../../dist/src/cli/main.js', import.meta.url));
/** The bundled clip: 150 frames in 6 s. */
export const CLIP = fileURLToPath(new URL('../../bench/clips/mandelbrot.h264', import.meta.url));
/** Pictures in {@link CLIP}. */
export const CLIP_FRAMES = 150;

/** How long a process may take to say its first word, on a machine that is busy with other tests, ms. */
const START_MS = 20_000;
/** A deadline for what is at once, on a busy machine, ms. */
export const SOON_MS = 8000;

const MARK = 'FIRSTFRAME_TEST_RUN';

/** A line of `--json`. */
export interface JsonEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** How a process ended. */
export interface Exit {
  /** `undefined` when a signal ended it. */
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
  /** Monotonic ms, as `performance.now()`. */
  readonly atMs: number;
}

/** What is disposed of at the end of a test, newest first, whether it passed or not. Node 20 has no AsyncDisposableStack. */
export class Cleanup implements AsyncDisposable {
  readonly #steps: (() => unknown)[] = [];

  use<Owned extends AsyncDisposable>(owned: Owned): Owned {
    this.defer(() => owned[Symbol.asyncDispose]());
    return owned;
  }

  defer(step: () => unknown): void {
    this.#steps.push(step);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const step of this.#steps.splice(0).reverse()) await step();
  }
}

/** How a command is run. */
export interface RunOptions {
  readonly cwd?: string;
  /** Name of the network namespace to run it in. */
  readonly namespace?: string;
  /** Keep its stdin open as a pipe; default: there is none. */
  readonly stdin?: boolean;
  /** Beside the environment of the tests. */
  readonly env?: Readonly<Record<string, string>>;
}

const live = new Set<Run>();
let runs = 0;
process.on('exit', () => {
  for (const run of live) run.killAll();
});

/** A running process, what it says, and what it leaves behind. Everything of it is gone when it is disposed of. */
export class Run implements AsyncDisposable {
  readonly name: string;
  readonly startedAtMs = performance.now();
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  readonly #mark = `${process.pid}.${++runs}`;
  readonly #listeners = new Set<() => void>();
  readonly #stdout: Uint8Array[] = [];
  readonly #events: JsonEvent[] = [];
  #unfinished = '';
  #text = '';
  #stderr = '';
  #exit: Exit | undefined;
  #sockets: readonly string[] = [];

  constructor(program: string, parts: readonly string[], options: RunOptions = {}) {
    this.name = [program === process.execPath ? 'firstframe' : program, ...parts.filter((part) => part !== MAIN)].join(
      ' ',
    );
    const inside = options.namespace === undefined ? [] : ['ip', 'netns', 'exec', options.namespace];
    const [first = program, ...rest] = [...inside, program, ...parts];
    this.#child = spawn(first, rest, {
      stdio: [options.stdin === true ? 'pipe' : 'ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.env, [MARK]: this.#mark },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    live.add(this);
    this.#child.stdout?.on('data', (chunk: Uint8Array) => this.#said(chunk));
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
      this.#tell();
    });
    this.#child.stdin?.on('error', () => {});
    this.exited = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      let atMs = 0;
      this.#child.once('exit', () => {
        atMs = performance.now();
        this.#tell();
      });
      this.#child.once('close', (code, signal) => {
        this.#exit = { code: code ?? undefined, signal: signal ?? undefined, atMs };
        this.#tell();
        resolve(this.#exit);
      });
    });
    this.exited.catch(() => {});
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.name} was not started`);
    return this.#child.pid;
  }

  get stdin(): Writable {
    if (this.#child.stdin === null) throw new Error(`${this.name} has no stdin`);
    return this.#child.stdin;
  }

  /** Writes its stdout into another's stdin too, and ends that with it. */
  pipeTo(other: Writable): void {
    this.#child.stdout?.pipe(other);
  }

  /** All of stdout as text. */
  get stdout(): string {
    return this.#text;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** All of stdout as bytes. */
  get bytes(): Buffer {
    return Buffer.concat(this.#stdout);
  }

  /** The JSON lines that came on stdout. */
  get events(): readonly JsonEvent[] {
    return this.#events;
  }

  /** The first `--json` event of that name that also passes `fits`. */
  event(name: string, fits: (event: JsonEvent) => boolean = () => true, ms: number = SOON_MS): Promise<JsonEvent> {
    return this.until(`event ${name}`, () => this.#events.find((event) => event.event === name && fits(event)), ms);
  }

  /** The first match in stdout. */
  line(pattern: RegExp, ms: number = SOON_MS): Promise<RegExpExecArray> {
    return this.until(`${pattern} on stdout`, () => pattern.exec(this.#text) ?? undefined, ms);
  }

  /** The first match in stderr. */
  complaint(pattern: RegExp, ms: number = SOON_MS): Promise<RegExpExecArray> {
    return this.until(`${pattern} on stderr`, () => pattern.exec(this.#stderr) ?? undefined, ms);
  }

  /** Waits until `find` finds something in what it said; rejects with all of that after `ms`, or when it has ended without. */
  until<Found>(what: string, find: () => Found | undefined, ms: number): Promise<Found> {
    return new Promise((resolve, reject) => {
      const done = (): void => {
        clearTimeout(deadline);
        this.#listeners.delete(look);
      };
      const look = (): void => {
        const found = find();
        if (found !== undefined) {
          done();
          resolve(found);
        } else if (this.#exit !== undefined) {
          done();
          reject(new Error(`ended without ${what}\n${this.transcript()}`));
        }
      };
      const deadline = setTimeout(() => {
        done();
        reject(new Error(`no ${what} within ${ms} ms\n${this.transcript()}`));
      }, ms);
      this.#listeners.add(look);
      look();
    });
  }

  /** How it ended; rejects after `ms`. */
  exit(ms: number = SOON_MS): Promise<Exit> {
    return this.until('exit', () => this.#exit, ms);
  }

  /**
   * Sends a signal, having noted which sockets the process holds.
   *
   * @returns when, monotonic ms.
   */
  signal(signal: NodeJS.Signals): number {
    this.noteSockets();
    this.#child.kill(signal);
    return performance.now();
  }

  /** Remembers the process's UDP sockets for {@link leftovers}. */
  noteSockets(): readonly string[] {
    const table = udpInodes(this.pid);
    this.#sockets = [...new Set([...this.#sockets, ...inodesOf(this.pid).filter((inode) => table.has(inode))])];
    return this.#sockets;
  }

  /** Whether the process itself runs; what it started may outlive it. */
  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** What is still there of it and of all that it started: processes and UDP sockets. */
  leftovers(): readonly string[] {
    const table = udpInodes('self');
    return [
      ...this.processes().map((pid) => `process ${pid}: ${commandLine(pid)}`),
      ...this.#sockets.filter((inode) => table.has(inode)).map((inode) => `socket ${inode}`),
    ];
  }

  /** Ids of it and all that it started, whatever their parents are by now. */
  processes(): readonly number[] {
    const wanted = `${MARK}=${this.#mark}`;
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && read(`/proc/${name}/environ`).split('\0').includes(wanted))
      .map(Number);
  }

  /** Everything that it said, for a failed test's message. */
  transcript(): string {
    const tail = (text: string): string => (text.length > 4000 ? `…${text.slice(-4000)}` : text);
    const { code, signal } = this.#exit ?? {};
    const end = this.#exit === undefined ? 'it runs' : `it ended: ${code ?? signal}`;
    return `${this.name}\n(${end})\nstdout:\n${tail(this.#text)}\nstderr:\n${tail(this.#stderr)}`;
  }

  /** Ends it and all that it started, at once. */
  killAll(): void {
    for (const pid of this.processes()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself meanwhile.
      }
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.killAll();
    await this.exited.catch(() => {});
    this.killAll();
    live.delete(this);
  }

  #said(chunk: Uint8Array): void {
    this.#stdout.push(chunk);
    const text = Buffer.from(chunk).toString();
    this.#text += text;
    const lines = `${this.#unfinished}${text}`.split('\n');
    this.#unfinished = lines.pop() ?? '';
    for (const line of lines) {
      if (line.startsWith('{"event":')) this.#events.push(JSON.parse(line) as JsonEvent);
    }
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) listener();
  }
}

/** Runs the command. */
export function firstframe(parts: readonly string[], options: RunOptions = {}): Run {
  if (!existsSync(MAIN)) throw new Error(`${MAIN} is missing: npm run build`);
  return new Run(process.execPath, [MAIN, ...parts], options);
}

/** A camera of the command, and where it listens. */
export interface Camera {
  readonly run: Run;
  readonly port: number;
  /** `127.0.0.1:PORT`. */
  readonly address: string;
}

/** Starts `send --json` on a port of the system's choice and waits until it listens. */
export async function startCamera(
  stack: Cleanup,
  parts: readonly string[],
  options: RunOptions & { readonly host?: string } = {},
): Promise<Camera> {
  const host = options.host ?? '127.0.0.1';
  // A batch is cut into datagrams behind nftables, which would lose or damage all of it at once.
  const socket = options.namespace === undefined ? [] : ['--socket', 'dgram'];
  const run = stack.use(firstframe(['send', '--listen', `${host}:0`, '--json', ...socket, ...parts], options));
  const port = figure(await run.event('listening', undefined, START_MS), 'port');
  return { run, port, address: `${host}:${port}` };
}

/** Starts `view --json`. */
export function startViewer(
  stack: Cleanup,
  target: string,
  parts: readonly string[] = [],
  options: RunOptions = {},
): Run {
  return stack.use(firstframe(['view', target, '--json', ...parts], options));
}

/** Starts `view --json` and waits until media flows. */
export async function startStreamingViewer(
  stack: Cleanup,
  target: string,
  parts: readonly string[] = [],
  options: RunOptions = {},
): Promise<Run> {
  const run = startViewer(stack, target, parts, options);
  await run.event('streaming', undefined, START_MS);
  return run;
}

/** Runs the command to its end. */
export async function runToEnd(parts: readonly string[], options: RunOptions & { readonly ms?: number } = {}) {
  await using run = firstframe(parts, options);
  const { code, signal } = await run.exit(options.ms ?? START_MS);
  return { code, signal, stdout: run.stdout, stderr: run.stderr, events: run.events };
}

/** A number deep in an event. */
export function figure(event: JsonEvent, ...path: readonly string[]): number {
  let value: unknown = event;
  for (const name of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
  if (typeof value !== 'number') throw new TypeError(`${path.join('.')} is no number in ${JSON.stringify(event)}`);
  return value;
}

/** A folder that is gone when the stack is disposed of. */
export function temporaryFolder(stack: Cleanup): string {
  const path = mkdtempSync(join(tmpdir(), 'firstframe-cli-'));
  stack.defer(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // It ended while it was looked at.
    return '';
  }
}

function commandLine(pid: number): string {
  return read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

function inodesOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1] ?? [];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

/** Inodes of all UDP sockets that a process's network has. */
function udpInodes(pid: number | 'self'): ReadonlySet<string> {
  const rows = ['udp', 'udp6'].flatMap((table) => read(`/proc/${pid}/net/${table}`).split('\n').slice(1));
  return new Set(rows.map((row) => row.trim().split(/\s+/)[9] ?? ''));
}
