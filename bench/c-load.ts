import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { buildProgram } from './c-program.ts';
import { pinned } from './pin.ts';

/** What `bench/c/handshake-load.c` is asked for. */
export interface LoadOptions {
  readonly port: number;
  /** Handshakes under way at a time. */
  readonly window: number;
  /** Ports that viewers have. */
  readonly sockets: number;
  /** Addresses of 127/8 that viewers have. */
  readonly addresses: number;
  readonly warmUpMs: number;
  readonly runMs: number;
  readonly seed: number;
}

/** What it counted while it counted; `failures` from its beginning. */
export interface LoadReport {
  readonly elapsedMs: number;
  /** Handshakes that came to READY. */
  readonly ready: number;
  /** Of them those whose BYE was answered. */
  readonly closed: number;
  readonly datagramsSent: number;
  readonly bytesSent: number;
  readonly datagramsReceived: number;
  readonly bytesReceived: number;
  /** Frames that were sent again because nothing came. */
  readonly repeated: number;
  /** RETRYs that were followed. */
  readonly retries: number;
  readonly pings: number;
  /** Answers that came twice, or too late. */
  readonly strays: number;
  /** Times that the system had no room to send. */
  readonly sendWaits: number;
  readonly failures: Readonly<Record<string, number>>;
}

/** The programs in C of the bench, ready to run; or why they cannot be, as a sentence. */
export interface HandshakePrograms extends AsyncDisposable {
  readonly load: string;
  readonly responder: string;
}

/** Compiles load generator and responder. @returns why that does not work here, if it does not. */
export async function handshakePrograms(): Promise<HandshakePrograms | string> {
  const [load, responder] = await Promise.all([buildProgram('handshake-load'), buildProgram('handshake-responder')]);
  const dispose = async (): Promise<void> => {
    for (const program of [load, responder]) if (program.ok) await program.dispose();
  };
  if (load.ok && responder.ok) {
    return { load: load.path, responder: responder.path, [Symbol.asyncDispose]: dispose };
  }
  await dispose();
  return [load, responder].flatMap((program) => (program.ok ? [] : [program.reason]))[0] ?? '';
}

/** A program in C that runs, and the lines that it says. */
class Running implements AsyncDisposable {
  readonly #process;
  readonly #lines;
  readonly #failure: Promise<never>;
  #said = '';

  constructor(core: number | undefined, path: string, args: readonly string[]) {
    const [command, all] = pinned(core, path, args);
    this.#process = spawn(command, all, { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#process.stderr.on('data', (bytes) => {
      this.#said += String(bytes);
    });
    this.#lines = createInterface(this.#process.stdout)[Symbol.asyncIterator]();
    this.#failure = once(this.#process, 'close').then(([code, signal]) => {
      throw new Error(this.#said.trim() || `${path} ended with ${code ?? signal}`);
    });
    this.#failure.catch(() => {});
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** The next line. @throws Error with what it complained of, if it ends instead. */
  async line(): Promise<string> {
    const next = await this.#lines.next();
    return next.done === true ? await this.#failure : next.value;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#process.exitCode === null && this.#process.signalCode === null) this.#process.kill('SIGKILL');
    await this.#failure.catch(() => {});
  }
}

/** The responder in C while it runs. */
export class CResponder implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #running: Running;

  private constructor(running: Running, port: number) {
    this.#running = running;
    this.port = port;
    this.pid = running.pid;
  }

  /** @param sdp of its READY. */
  static async start(path: string, sdp: string, core: number | undefined): Promise<CResponder> {
    const running = new Running(core, path, [sdp]);
    return new CResponder(running, Number(await running.line()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/**
 * Runs the load once.
 *
 * @param counting called when its warm-up is over, and again when it has counted, with its process number.
 * @throws Error with what the camera does not do, when it does not do its work.
 */
export async function runCLoad(
  path: string,
  options: LoadOptions,
  core: number | undefined,
  signal: AbortSignal,
  counting: (loadPid: number) => Promise<void>,
): Promise<LoadReport> {
  const { port, window, sockets, addresses, warmUpMs, runMs, seed } = options;
  const args = [port, window, sockets, addresses, warmUpMs, runMs, seed].map(String);
  await using running = new Running(core, path, args);
  const stop = (): void => void running[Symbol.asyncDispose]();
  signal.addEventListener('abort', stop, { once: true });
  try {
    await running.line();
    await counting(running.pid);
    const report = await running.line();
    await counting(running.pid);
    return JSON.parse(report) as LoadReport;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}
