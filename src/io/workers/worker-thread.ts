import { Worker } from 'node:worker_threads';
import type { ExchangeInput, Peer, SessionHandle } from '../../engine/io-types.ts';
import { AskedViewers } from './asked-viewers.ts';
import { CrossingKind, Crossings } from './crossings.ts';
import { DatagramRing, RingKind, type RingReader } from './datagram-ring.ts';
import { RingPump, RingWriter } from './worker-line.ts';
import {
  type FromWorker,
  type SharedUnit,
  type ToWorker,
  WAKE,
  type WorkerFigures,
  type WorkerStart,
} from './worker-messages.ts';

/** Frames that a worker may be behind at most, of all its streams, and their bytes; then it gets none until the next key frame. */
const FRAMES_BEHIND_MAX = 1024;
const BYTES_BEHIND_MAX = 32 * 1024 * 1024;
/** A worker that was asked to end says BYE for at most 6.2 s; one that takes longer is stopped. */
const CLOSE_MS = 10_000;

/** Threads run what was built: from source (tests) the built file of the same source is used. */
const workerFile = import.meta.url.endsWith('.ts')
  ? new URL('../../../dist/src/io/workers/responder-worker.js', import.meta.url)
  : new URL('./responder-worker.js', import.meta.url);

/** What a worker says and asks, besides where it is. */
export type WorkerMessage = Exclude<FromWorker, typeof WAKE | { readonly kind: 'ready' | 'startFailed' | 'figures' }>;

/** Where a worker listens, and how. */
export type WorkerReady = Extract<FromWorker, { readonly kind: 'ready' }>;

/** Who owns a thread. */
export interface WorkerThreadHost {
  heard(message: WorkerMessage): void;
  /** A datagram to be sent, or for another worker. */
  datagram: RingReader;
  /** A frame could not be given to it. */
  frameDropped(): void;
  /** It listened, and has ended without being asked to. @param why for people. */
  died(why: string): void;
}

/** One thread of a camera, from its start to its end. */
export class WorkerThread {
  /** As told last. */
  figures: WorkerFigures | undefined;
  readonly #worker: Worker;
  readonly #host: WorkerThreadHost;
  readonly #writer: RingWriter;
  readonly #pump: RingPump;
  readonly #framesTaken: Int32Array;
  readonly #viewerAnswer: SharedArrayBuffer;
  readonly #crossings: Crossings;
  /** Bytes of frames that it has not yet taken, oldest first. */
  readonly #behind: number[] = [];
  /** Streams of which it missed a frame. */
  readonly #awaitsKeyframe = new Set<string>();
  readonly #exited: Promise<void>;
  #bytesBehind = 0;
  #framesTakenBefore = 0;
  #ending = false;
  #listens = false;
  #error: Error | undefined;
  #ready: { readonly resolve: (ready: WorkerReady) => void; readonly reject: (error: Error) => void } | undefined;

  constructor(
    start: Omit<WorkerStart, 'toWorker' | 'toMain' | 'framesTaken' | 'viewerAnswer' | 'crossings'>,
    host: WorkerThreadHost,
  ) {
    const [toWorker, toMain] = [DatagramRing.allocate(), DatagramRing.allocate()];
    const framesTaken = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
    this.#framesTaken = new Int32Array(framesTaken);
    this.#viewerAnswer = AskedViewers.allocate();
    const crossings = Crossings.allocate();
    this.#crossings = new Crossings(crossings);
    const shared = { toWorker, toMain, framesTaken, viewerAnswer: this.#viewerAnswer, crossings };
    const workerData: WorkerStart = { ...start, ...shared };
    this.#host = host;
    this.#worker = new Worker(workerFile, { workerData, execArgv: [] });
    this.#writer = new RingWriter(toWorker, this.#worker);
    this.#pump = new RingPump(toMain, host.datagram);
    this.#worker.on('message', (message: FromWorker) => this.#hear(message));
    this.#worker.on('error', (error) => {
      this.#error = error instanceof Error ? error : new Error(String(error));
    });
    this.#exited = new Promise((resolve) => {
      this.#worker.once('exit', (code) => {
        this.#exit(code);
        resolve();
      });
    });
  }

  /** Resolves when it listens; rejects when it cannot, or has ended. */
  ready(): Promise<WorkerReady> {
    return new Promise((resolve, reject) => {
      this.#ready = { resolve, reject };
    });
  }

  /** Gives it a datagram. @returns false when it is too far behind. */
  receive(bytes: Uint8Array, from: Peer): boolean {
    return this.#writer.push(RingKind.RECEIVED, bytes, from);
  }

  /** Gives it a frame, unless it is too far behind: then that stream goes on with a key frame. */
  frame(stream: string, unit: SharedUnit): void {
    this.#noteTaken();
    const bytes = unit.memory.byteLength;
    const full = this.#behind.length >= FRAMES_BEHIND_MAX || this.#bytesBehind + bytes > BYTES_BEHIND_MAX;
    if (full || (this.#awaitsKeyframe.has(stream) && !unit.keyframe)) {
      this.#awaitsKeyframe.add(stream);
      return this.#host.frameDropped();
    }
    this.#awaitsKeyframe.delete(stream);
    this.#behind.push(bytes);
    this.#bytesBehind += bytes;
    this.say({ kind: 'frame', stream, unit });
  }

  /** Hands over what the application wants of an exchange. @returns false when too much of it is on its way. */
  exchange(session: SessionHandle, input: ExchangeInput): boolean {
    const begins = input.kind === 'ask' || input.kind === 'notify';
    if (begins && !this.#crossings.enter(CrossingKind.ASK)) return false;
    this.say({ kind: 'exchange', session, input });
    return true;
  }

  say(message: Exclude<ToWorker, typeof WAKE>): void {
    this.#worker.postMessage(message);
  }

  /** Answers `mayLook`, for which it stands still. */
  answerViewer(question: number, allowed: boolean): void {
    AskedViewers.answer(this.#viewerAnswer, question, allowed);
  }

  /** Asks it to end, with BYE or at once; resolves when it has. One that does not is stopped. */
  async close(atOnce: boolean): Promise<void> {
    this.#ending = true;
    if (!this.#listens) return this.kill();
    this.say({ kind: 'close', atOnce });
    const timer = setTimeout(() => void this.#worker.terminate(), CLOSE_MS);
    await this.#exited;
    clearTimeout(timer);
  }

  /** Stops it where it is: it has died, unless it was asked to end. */
  async kill(): Promise<void> {
    await this.#worker.terminate();
    await this.#exited;
  }

  #hear(message: FromWorker): void {
    if (message === WAKE) return this.#pump.wake();
    switch (message.kind) {
      case 'ready':
        this.#listens = true;
        this.#ready?.resolve(message);
        this.#ready = undefined;
        break;
      case 'startFailed': {
        this.#ending = true;
        const error: NodeJS.ErrnoException = new Error(message.message);
        if (message.code !== undefined) error.code = message.code;
        this.#ready?.reject(error);
        this.#ready = undefined;
        void this.#worker.terminate();
        break;
      }
      case 'figures':
        this.figures = message.figures;
        break;
      case 'trace':
        this.#crossings.leave(CrossingKind.TRACE);
        this.#host.heard(message);
        break;
      case 'exchange': {
        const { kind } = message.output;
        if (kind === 'asked' || kind === 'notified') this.#crossings.leave(CrossingKind.ASKED);
        this.#host.heard(message);
        break;
      }
      default:
        this.#host.heard(message);
    }
  }

  #exit(code: number): void {
    // What it had sent before it ended.
    this.#pump.finish();
    const why = this.#error?.message ?? `it ended with ${code}`;
    this.#ready?.reject(new Error(why));
    this.#ready = undefined;
    if (this.#listens && !this.#ending) this.#host.died(why);
  }

  #noteTaken(): void {
    const taken = Atomics.load(this.#framesTaken, 0);
    for (; this.#framesTakenBefore !== taken; this.#framesTakenBefore = (this.#framesTakenBefore + 1) | 0) {
      this.#bytesBehind -= this.#behind.shift() ?? 0;
    }
  }
}
