import { CProcess, runCounting } from './c-process.ts';
import { buildProgram } from './c-program.ts';

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
  /** Lowest bits of each tag that must be random; default all 64. */
  readonly randomTagBits?: number;
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

/** The responder in C while it runs. */
export class CResponder implements AsyncDisposable {
  readonly port: number;
  readonly pid: number;
  readonly #running: CProcess;

  private constructor(running: CProcess, port: number) {
    this.#running = running;
    this.port = port;
    this.pid = running.pid;
  }

  /** @param sdp of its READY. */
  static async start(path: string, sdp: string, core: number | undefined): Promise<CResponder> {
    const running = new CProcess(core, path, [sdp]);
    return new CResponder(running, Number(await running.line()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}

/** Runs the load once, see {@link runCounting}. @throws Error with what the camera does not do, when it does not do its work. */
export function runCLoad(
  path: string,
  { port, window, sockets, addresses, warmUpMs, runMs, seed, randomTagBits = 64 }: LoadOptions,
  core: number | undefined,
  signal: AbortSignal,
  counting: (pid: number) => Promise<void>,
): Promise<LoadReport> {
  return runCounting(
    path,
    [port, window, sockets, addresses, warmUpMs, runMs, seed, randomTagBits],
    core,
    signal,
    counting,
  );
}
