import { type ChildProcess, fork } from 'node:child_process';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { CoreRunner } from '../core-runner.ts';
import { StreamTransport } from '../stream-transport.ts';
import type { AlgorithmCallData } from './core/algorithm-call.ts';
import {
  AlgorithmCore,
  type AlgorithmInput,
  type AlgorithmOptions,
  type AlgorithmOutput,
} from './core/algorithm-core.ts';
import { BODY_BYTES_MAX, type JsonObject } from './core/codec.ts';
import type { Phase } from './core/messages.ts';
import type { SharedImage } from './shared-images.ts';
import { isWorkProcess, serveCalls, type ToProtocol, WORK_VARIABLE } from './work-process.ts';

/** A call with its images. */
export interface AlgorithmCall extends AlgorithmCallData {
  /** What is to be judged; `undefined` when nobody handed it over. */
  curImage(): SharedImage | undefined;
  /** What it is to be like; as {@link curImage}. */
  guideImage(): SharedImage | undefined;
}

/** What an algorithm returns. */
export interface AlgorithmReturn {
  /** Whether it worked, not whether the part is good. Default `OK`. */
  readonly status?: 'OK' | 'ERROR';
  readonly message?: string;
  /** With `ERROR`. */
  readonly error_code?: string;
  /** `result_status`, `ng_reason`, `defect_rects` (at most 20), and what else there is to tell. */
  readonly data?: JsonObject;
}

/** A function of an algorithm. It may take as long as it needs, and use its thread as it likes. */
export type AlgorithmHandler = (call: AlgorithmCall) => AlgorithmReturn | Promise<AlgorithmReturn>;

/** An algorithm. */
export interface ProcvisionAlgorithmOptions extends Omit<AlgorithmOptions, 'generation' | 'wallMs'> {
  readonly execute: AlgorithmHandler;
  /** Its further phases; with them it speaks v0.2. */
  readonly phases?: Readonly<Partial<Record<Exclude<Phase, 'execute'>, AlgorithmHandler>>>;
  /** Called once before the first call. */
  readonly load?: () => void | Promise<void>;
  /** The module that calls this function. Default: the program that was started. */
  readonly module?: string | URL;
  /** Largest frame in either direction, in bytes. Default 2 MiB. */
  readonly messageBytesMax?: number;
}

/**
 * Set to 1, true, yes or on: a call whose work wrote to standard output is answered with the error 1010, as by the reference adapter; so
 * its validation finds algorithms that print. What they print goes to standard error in any case.
 */
const STRICT_VARIABLE = 'PROC_STRICT_STDIO';

function isStrict(value = ''): boolean {
  return ['1', 'true', 'yes', 'on'].includes(value.trim().toLowerCase());
}

/** How long the last frames may take to leave, in ms. */
const EXIT_AFTER_MS = 1000;

/**
 * Makes this program an algorithm that a runner starts. The program is started a second time for the work, so that pings are answered
 * while `execute` computes, and a crash of the work is told before the end. What the work writes to standard output goes to standard
 * error, also what is written by code that knows nothing of Node. Print nothing before this is called.
 */
export function procvisionAlgorithm(options: ProcvisionAlgorithmOptions): void {
  if (isWorkProcess()) serveCalls(options);
  else new ProtocolProcess(options);
}

/** The process that the runner knows: frames in and out, and a process for the work. */
class ProtocolProcess {
  readonly #runner: CoreRunner<AlgorithmInput, AlgorithmOutput>;
  readonly #work: ChildProcess;
  readonly #strict = isStrict(process.env[STRICT_VARIABLE]);
  #strayBytes = 0;
  #code: 0 | 1 | undefined;

  constructor(options: ProcvisionAlgorithmOptions) {
    const {
      execute: _,
      phases,
      load: __,
      module = process.argv[1] ?? '',
      messageBytesMax = BODY_BYTES_MAX,
      ...rules
    } = options;
    const core = new AlgorithmCore({
      ...rules,
      generation: phases === undefined ? '0.3' : '0.2',
      wallMs: () => Date.now(),
    });
    this.#runner = new CoreRunner(core, (output) => this.#hear(output));
    const output = frameOutput();
    this.#work = this.#start(module);
    const transport = new StreamTransport(process.stdin, output, { messageBytesMax });
    output.once('close', () => this.#leave());
    process.on('uncaughtException', (error) => {
      process.stderr.write(`${error.stack ?? error.message}\n`);
      this.#runner.step({ kind: 'broken', errorCode: '1009', message: error.message });
    });
    this.#runner.attach(transport);
  }

  #start(module: string | URL): ChildProcess {
    const isUrl = module instanceof URL || module.startsWith('file:');
    const work = fork(isUrl ? fileURLToPath(module) : module, process.argv.slice(2), {
      env: { ...process.env, [WORK_VARIABLE]: String(process.pid) },
      serialization: 'advanced',
      stdio: ['ignore', this.#strict ? 'pipe' : 2, 2, 'ipc'],
    });
    work.stdout?.on('data', (chunk: Uint8Array) => {
      this.#strayBytes += chunk.length;
      process.stderr.write(chunk);
    });
    work.on('message', (message: ToProtocol) => this.#told(message));
    const over = (how: string): void => {
      if (this.#code !== undefined) return;
      this.#runner.step({ kind: 'broken', errorCode: '1009', message: `the algorithm's process ${how}` });
    };
    work.on('error', (error) => over(`cannot be reached: ${error.message}`));
    work.once('exit', (code, signal) =>
      over(signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`),
    );
    return work;
  }

  #told(message: ToProtocol): void {
    if (!this.#strict || message.kind !== 'returned') return this.#runner.step(message);
    // What the work wrote is in the pipe since before it returned: it has been read when all input was looked at once after this. An
    // immediate may still run in the turn in which the pipe was looked at too early.
    setImmediate(() => setImmediate(() => this.#runner.step({ ...message, strayBytes: this.#strayBytes })));
  }

  #hear(output: AlgorithmOutput): void {
    if (output.kind === 'execute') {
      this.#strayBytes = 0;
      const { requestId, call } = output;
      this.#work.send({ requestId, call });
      return;
    }
    this.#code = output.code;
    process.exitCode = output.code;
    this.#work.kill('SIGKILL');
    // A runner that reads nothing must not keep it alive.
    setTimeout(() => this.#leave(), EXIT_AFTER_MS).unref();
  }

  #leave(): void {
    this.#work.kill('SIGKILL');
    process.exit(this.#code ?? 1);
  }
}

/** Standard output for frames; everybody else who writes to it is diverted to standard error from now on. */
function frameOutput(): Writable {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout) as (chunk: Uint8Array, done: (error?: Error | null) => void) => boolean;
  stdout.write = stderr.write.bind(stderr) as typeof stdout.write;
  const frames = new Writable({
    write: (chunk: Uint8Array, _, done) => {
      write(chunk, done);
    },
  });
  stdout.on('error', (error) => frames.destroy(error));
  return frames;
}
