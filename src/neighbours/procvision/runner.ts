import { randomBytes } from 'node:crypto';
import type { ProcvisionRunnerState } from '../../../machines/index.ts';
import type { Entropy } from '../../engine/io-types.ts';
import { cryptoEntropy } from '../../io/entropy.ts';
import type { Timing } from '../../io/sources/timing.ts';
import { CoreRunner } from '../core-runner.ts';
import { type AlgorithmCommand, AlgorithmProcess } from './algorithm-process.ts';
import { BODY_BYTES_MAX, encodeBody, type JsonObject } from './core/codec.ts';
import { meaningsOf } from './core/error-codes.ts';
import type { AlgorithmHello, CallAnswer, ImageMeta, Phase, ProcvisionResult } from './core/messages.ts';
import type { RgbImage } from './core/npy.ts';
import type { EncodedImage } from './core/picture.ts';
import { RunnerCore } from './core/runner-core.ts';
import type { ProcessEnd, RunnerInput, RunnerOutput, runnerCounters } from './core/runner-io.ts';
import { callLimitMs, type RunnerOptions } from './core/runner-options.ts';
import { Guardian } from './guardian.ts';
import type { LogLine } from './log-lines.ts';
import { ProcvisionError, type ProcvisionErrorCode } from './procvision-error.ts';
import { SharedImages } from './shared-images.ts';

/** What a runner runs, and how. */
export interface ProcvisionRunnerOptions extends AlgorithmCommand, RunnerOptions {
  /** A call is made again this many times after an error that its code calls recoverable. Default 0; a document says 2. */
  readonly retriesMax?: number;
  /** Largest frame in either direction, in bytes. Default 2 MiB. */
  readonly messageBytesMax?: number;
  /** Hears every line of the algorithm's standard error. */
  readonly onLog?: (line: LogLine) => void;
  /** Hears every change of the state. */
  readonly onState?: (state: ProcvisionState) => void;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
  /** Spreads the waits before restarts; default the operating system's random bytes. */
  readonly entropy?: Entropy;
}

/** See docs/PROCVISION.md, section 2. */
export type ProcvisionState = ProcvisionRunnerState | 'Failed';

/** An image for a call: pixels or a picture file to hand over, or the id of an image that somebody else handed over, with its description. */
export type CallImage =
  | ((RgbImage | EncodedImage) & { readonly cameraId?: string; readonly timestampMs?: number })
  | { readonly sharedId: string; readonly meta: ImageMeta };

/** One inspection. */
export interface ExecuteRequest {
  /** At least 1. Default 1. */
  readonly stepIndex?: number;
  readonly stepDesc?: string;
  readonly guideInfo?: readonly unknown[];
  /** What is to be judged. */
  readonly image: CallImage;
  /** What it is to be like. Default: the image itself. */
  readonly guide?: CallImage;
  /** v0.2 only: the product. */
  readonly pid?: string;
  /** v0.2 only: what the operator has set. */
  readonly userParams?: JsonObject;
}

/** What goes with a call. */
export interface CallOptions {
  /** From the moment it is sent, in ms. Default 30,000, for the phase `pre` 10,000. */
  readonly limitMs?: number;
  /** Gives the call up; the algorithm is not told, and goes on with it. */
  readonly signal?: AbortSignal;
}

/** How a runner ended. */
export interface RunnerEnd {
  /** The algorithm said that it shuts down. */
  readonly acknowledged: boolean;
  /** It had gone wrong too often before. */
  readonly failed: boolean;
  /** How its last process ended; `undefined` when there was none. */
  readonly process: ProcessEnd | undefined;
}

/** Runs an algorithm. */
export interface ProcvisionRunner extends AsyncDisposable {
  readonly state: ProcvisionState;
  /** Counters by name. */
  readonly counters: Readonly<Record<(typeof runnerCounters)[number], number>>;
  /** What the algorithm said of itself; `undefined` before its first hello. */
  readonly hello: AlgorithmHello | undefined;
  /** Process id of the algorithm; `undefined` when there is none. */
  readonly pid: number | undefined;
  /** Images that are handed over now. */
  readonly sharedImages: number;
  /** Fulfilled by the first hello. Rejects with {@link ProcvisionError} when there is none after all restarts. */
  readonly ready: Promise<AlgorithmHello>;
  /**
   * Has an image judged, by v0.3's call or by v0.2's phase `execute`, whichever the algorithm speaks.
   *
   * Fulfilled whenever the algorithm worked, also with the verdict NG; rejects with {@link ProcvisionError}.
   */
  execute(request: ExecuteRequest, options?: CallOptions): Promise<ProcvisionResult>;
  /** Makes a call of v0.2. `data` is what goes with the phase. Rejects as {@link execute} does. */
  call(phase: Phase, data: JsonObject, options?: CallOptions): Promise<ProcvisionResult>;
  /** Has the algorithm shut down; it is ended when it does not. Calls that wait fail. */
  close(): Promise<RunnerEnd>;
}

/** Starts an algorithm. */
export function procvisionRunner(options: ProcvisionRunnerOptions): ProcvisionRunner {
  return new Runner(options);
}

interface Waiting {
  resolve(result: ProcvisionResult): void;
  reject(error: ProcvisionError): void;
}

class Runner implements ProcvisionRunner {
  readonly ready: Promise<AlgorithmHello>;
  readonly #options: ProcvisionRunnerOptions;
  readonly #core: RunnerCore;
  readonly #runner: CoreRunner<RunnerInput, RunnerOutput>;
  readonly #waiting = new Map<number, Waiting>();
  readonly #over: Promise<RunnerEnd>;
  #ready: { resolve(hello: AlgorithmHello): void; reject(error: ProcvisionError): void } | undefined;
  #finish: (end: RunnerEnd) => void = () => {};
  #images: SharedImages | undefined;
  #guardian: Guardian | undefined;
  #process: AlgorithmProcess | undefined;
  #lastEnd: ProcessEnd | undefined;
  #hello: AlgorithmHello | undefined;
  /** Why no call is made any more. */
  #ended: 'failed' | 'closed' | undefined;
  #lastLine = '';
  #lastCall = 0;
  #lastImage = 0;
  readonly #imageToken = randomBytes(4).toString('hex');

  constructor(options: ProcvisionRunnerOptions) {
    this.#options = options;
    this.#core = new RunnerCore(options, options.entropy ?? cryptoEntropy);
    this.#runner = new CoreRunner(this.#core, (output) => this.#hear(output), options.timing);
    this.ready = new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
    // Who does not wait for it hears of it from the first call.
    this.ready.catch(() => {});
    this.#over = new Promise((resolve) => {
      this.#finish = resolve;
    });
    // Nothing is told before the caller has the runner.
    queueMicrotask(() => this.#runner.step({ kind: 'start' }));
  }

  get state(): ProcvisionState {
    return this.#core.state;
  }

  get counters() {
    return this.#core.counters;
  }

  get hello(): AlgorithmHello | undefined {
    return this.#hello;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get sharedImages(): number {
    return this.#images?.size ?? 0;
  }

  async execute(request: ExecuteRequest, options: CallOptions = {}): Promise<ProcvisionResult> {
    const { stepIndex = 1, stepDesc = '', guideInfo = [], image, guide = image } = request;
    if (!Number.isSafeInteger(stepIndex) || stepIndex < 1) {
      throw new ProcvisionError('badCall', `stepIndex must be a whole number of at least 1, not ${stepIndex}`);
    }
    const { generation } = this.#hello ?? (await this.ready);
    const handed: string[] = [];
    try {
      const cur = this.#hand(image, handed);
      if (generation === '0.2') {
        const { pid = '', userParams = {} } = request;
        const session = { id: 'firstframe', context: {} };
        const shared = { shared_mem_id: cur.id, image_meta: cur.meta };
        const data = { step_index: stepIndex, pid, session, user_params: userParams, ...shared };
        return await this.call('execute', data, options);
      }
      const other = guide === image ? cur : this.#hand(guide, handed);
      const data = {
        step_index: stepIndex,
        step_desc: stepDesc,
        guide_info: guideInfo,
        cur_image_shm_id: cur.id,
        cur_image_meta: cur.meta,
        guide_image_shm_id: other.id,
        guide_image_meta: other.meta,
      };
      return await this.#request(data, { limitMs: callLimitMs(undefined), ...options });
    } finally {
      for (const id of handed) this.#images?.take(id);
    }
  }

  call(phase: Phase, data: JsonObject, options: CallOptions = {}): Promise<ProcvisionResult> {
    return this.#request({ phase, ...data }, { limitMs: callLimitMs(phase), ...options });
  }

  async close(): Promise<RunnerEnd> {
    this.#runner.step({ kind: 'close' });
    return this.#over;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #hand(image: CallImage, handed: string[]): { readonly id: string; readonly meta: ImageMeta } {
    if (this.#ended !== undefined) throw new ProcvisionError(this.#ended, this.#core.detail);
    if ('sharedId' in image) return { id: image.sharedId, meta: image.meta };
    this.#images ??= this.#newImages();
    this.#lastImage++;
    // The folder may be shared with other runners.
    const id = `firstframe-${this.#imageToken}-${this.#lastImage}`;
    let put: boolean;
    try {
      put = this.#images.put(id, image);
    } catch (error) {
      throw new ProcvisionError('badCall', error instanceof Error ? error.message : String(error));
    }
    if (!put) throw new ProcvisionError('full', 'too many bytes of images');
    handed.push(id);
    const { width, height, timestampMs = Date.now(), cameraId = 'firstframe' } = image;
    return { id, meta: { width, height, timestamp_ms: timestampMs, camera_id: cameraId, color_space: 'RGB' } };
  }

  async #request(data: JsonObject, options: CallOptions & { readonly limitMs: number }): Promise<ProcvisionResult> {
    for (let retriesLeft = this.#options.retriesMax ?? 0; ; retriesLeft--) {
      try {
        return await this.#once(data, options);
      } catch (error) {
        if (retriesLeft <= 0 || !isRecoverable(error) || options.signal?.aborted === true) throw error;
      }
    }
  }

  #once(data: JsonObject, { limitMs, signal }: CallOptions & { readonly limitMs: number }): Promise<ProcvisionResult> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(new ProcvisionError(this.#ended, this.#core.detail));
      if (signal?.aborted === true) return reject(new ProcvisionError('cancelled', '', undefined, signal.reason));
      const bytes = bytesOf(data);
      if (typeof bytes === 'string') return reject(new ProcvisionError('badCall', bytes));
      if (bytes > (this.#options.messageBytesMax ?? BODY_BYTES_MAX)) {
        return reject(new ProcvisionError('tooLarge', `${bytes} bytes`));
      }
      this.#lastCall++;
      const call = this.#lastCall;
      const cancel = (): void => {
        this.#runner.step({ kind: 'withdraw', call });
        this.#settle(call)?.reject(new ProcvisionError('cancelled', '', undefined, signal?.reason));
      };
      const done = (): void => signal?.removeEventListener('abort', cancel);
      signal?.addEventListener('abort', cancel, { once: true });
      this.#waiting.set(call, {
        resolve: (result) => {
          done();
          resolve(result);
        },
        reject: (error) => {
          done();
          reject(error);
        },
      });
      this.#runner.step({ kind: 'call', call, data, limitMs });
    });
  }

  #settle(call: number): Waiting | undefined {
    const waiting = this.#waiting.get(call);
    this.#waiting.delete(call);
    return waiting;
  }

  #hear(output: RunnerOutput): void {
    switch (output.kind) {
      case 'spawn':
        return this.#spawn();
      case 'terminate':
        return this.#process?.signal('SIGTERM');
      case 'kill':
        return this.#process?.signal('SIGKILL');
      case 'state':
        return this.#options.onState?.(output.state);
      case 'ready':
        this.#hello = output.hello;
        return this.#ready?.resolve(output.hello);
      case 'answered':
        return this.#answered(output.call, output.answer);
      case 'unanswered':
        return this.#settle(output.call)?.reject(this.#failure(output));
      case 'over':
        return this.#isOver(output);
    }
  }

  #answered(call: number, answer: CallAnswer): void {
    const waiting = this.#settle(call);
    if (answer.kind === 'result') return waiting?.resolve(answer.result);
    if (answer.kind === 'invalid') return waiting?.reject(new ProcvisionError('badResult', answer.problem));
    waiting?.reject(new ProcvisionError('algorithmError', answer.message, answer.errorCode || undefined));
  }

  #spawn(): void {
    this.#lastLine = '';
    const { messageBytesMax = BODY_BYTES_MAX, timing, onLog, env = process.env } = this.#options;
    this.#images ??= this.#newImages();
    this.#guardian ??= new Guardian(this.#images.ownFolder);
    const command = { ...this.#options, env: { ...env, PROC_SHM_DIR: this.#images.folder } };
    const limits = { messageBytesMax, ...(timing === undefined ? {} : { timing }) };
    this.#process = new AlgorithmProcess(command, limits, {
      log: (line) => {
        this.#lastLine = line.text.slice(0, LAST_LINE_CHARS_MAX);
        onLog?.(line);
      },
      ended: (end) => {
        this.#lastEnd = end;
        this.#process = undefined;
        this.#guardian?.watch(undefined);
        this.#runner.step({ kind: 'exited', end });
      },
    });
    this.#guardian.watch(this.#process.pid);
    this.#runner.attach(this.#process.transport);
  }

  /** What the algorithm said last on standard error often says why. */
  #failure({ why, detail, errorCode }: RunnerOutput & { readonly kind: 'unanswered' }): ProcvisionError {
    const said = this.#lastLine === '' || !endings.has(why) ? '' : `; it said last: ${this.#lastLine}`;
    return new ProcvisionError(why, `${detail}${said}`, errorCode);
  }

  #newImages(): SharedImages {
    return new SharedImages(this.#options.env?.['PROC_SHM_DIR']);
  }

  #isOver({ acknowledged, failed }: RunnerOutput & { readonly kind: 'over' }): void {
    this.#ended = failed ? 'failed' : 'closed';
    this.#ready?.reject(new ProcvisionError(this.#ended, this.#core.detail));
    this.#images?.[Symbol.dispose]();
    this.#images = undefined;
    this.#runner.stop();
    const finish = (): void => this.#finish({ acknowledged, failed, process: this.#lastEnd });
    if (this.#guardian === undefined) return finish();
    void this.#guardian.close().then(finish);
  }
}

/** As much of a line as an error tells. */
const LAST_LINE_CHARS_MAX = 200;

/** Ends of a process of which it may have said something. */
const endings: ReadonlySet<ProcvisionErrorCode> = new Set(['exited', 'startup', 'helloTimeout', 'failed']);

/** Size of a call as bytes; or why it cannot be written. */
function bytesOf(data: JsonObject): number | string {
  try {
    // The id and the type are the same few bytes for every call.
    return encodeBody({ type: 'call', request_id: 'r'.repeat(16), data }).length;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function isRecoverable(error: unknown): boolean {
  if (!(error instanceof ProcvisionError) || error.code !== 'algorithmError') return false;
  return meaningsOf(error.errorCode ?? '').some(({ recoverable }) => recoverable);
}
