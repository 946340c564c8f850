import type { AccessUnit } from '../../media/access-unit.ts';
import type { MediaSource } from '../media-source.ts';
import type { SharedSourceDescription, SharedUnit, ToWorker } from './worker-messages.ts';

/** Bytes and frames of the newest group that are kept for a worker that comes later: as a StreamFeed keeps them. */
const GROUP_BYTES_MAX = 8 * 1024 * 1024;
const GROUP_FRAMES_MAX = 8192;

/** Who hears of a source. */
export interface FannedSourceHost {
  /** All that have joined are given it one by one. */
  frame(worker: number, stream: string, unit: SharedUnit): void;
  say(worker: number, message: Extract<ToWorker, { readonly kind: 'described' | 'joined' | 'ended' }>): void;
  /** The source broke off, or did not start. */
  failed(stream: string, error: Error): void;
}

/**
 * A source in the main thread, whose frames go to all workers that show it: it runs once, and each frame is copied once, into memory
 * that all threads have. It keeps the newest group, so that a worker that comes later can begin at once.
 */
export class FannedSource {
  readonly name: string;
  readonly #source: MediaSource;
  readonly #host: FannedSourceHost;
  readonly #workers = new Set<number>();
  #group: SharedUnit[] = [];
  #groupBytes = 0;
  #running: Promise<void> | undefined;
  #stopping: Promise<void> = Promise.resolve();
  #described = '';
  /** Of a live source: nobody can have it any more. */
  #over = false;

  constructor(name: string, source: MediaSource, host: FannedSourceHost) {
    this.name = name;
    this.#source = source;
    this.#host = host;
  }

  get shared(): SharedSourceDescription {
    return {
      description: this.#source.describe(),
      runs: this.#source.runs,
      makesKeyframes: this.#source.requestKeyframe !== undefined,
      changesBitrate: this.#source.setBitrate !== undefined,
    };
  }

  /** Starts a live source, and looks whether any other could start. Rejects when it cannot. */
  async open(): Promise<void> {
    await this.#source.prepare?.();
    if (this.#source.runs === 'always') await this.#run();
  }

  /** A worker wants its frames: it is told the newest group first, and when it has joined. */
  async join(worker: number): Promise<void> {
    try {
      if (!this.#over) await this.#run();
    } catch (error) {
      this.#host.failed(this.name, error as Error);
      return this.#host.say(worker, { kind: 'joined', stream: this.name, error: (error as Error).message });
    }
    this.#host.say(worker, { kind: 'described', stream: this.name, source: this.shared });
    for (const unit of this.#group) this.#host.frame(worker, this.name, unit);
    this.#workers.add(worker);
    this.#host.say(worker, { kind: 'joined', stream: this.name, error: undefined });
    if (this.#over) this.#host.say(worker, { kind: 'ended', stream: this.name, error: undefined });
  }

  /** A worker no longer shows it, or is gone. */
  leave(worker: number): void {
    if (!this.#workers.delete(worker)) return;
    if (this.#workers.size === 0 && this.#source.runs === 'on-demand') {
      this.close().catch((error: unknown) => this.#host.failed(this.name, error as Error));
    }
  }

  requestKeyframe(): void {
    this.#source.requestKeyframe?.();
  }

  setBitrate(bitsPerSecond: number): void {
    this.#source.setBitrate?.(bitsPerSecond);
  }

  /** Ends the source. */
  close(): Promise<void> {
    if (this.#running === undefined) return this.#stopping;
    this.#running = undefined;
    this.#forgetGroup();
    this.#stopping = this.#source.stop();
    return this.#stopping;
  }

  #run(): Promise<void> {
    this.#running ??= this.#begin();
    return this.#running;
  }

  async #begin(): Promise<void> {
    try {
      await this.#stopping;
      await this.#source.start({
        frame: (unit, frameIntervalMs) => this.#frame(unit, frameIntervalMs),
        end: () => this.#end(undefined),
        fail: (error) => {
          this.#host.failed(this.name, error);
          this.#end(error);
        },
      });
    } catch (error) {
      this.#running = undefined;
      throw error;
    }
  }

  #frame(unit: AccessUnit, frameIntervalMs: number): void {
    if (unit.keyframe) this.#describe();
    const shared = share(unit, frameIntervalMs);
    this.#keep(shared);
    for (const worker of this.#workers) this.#host.frame(worker, this.name, shared);
  }

  /** Parameter sets and the like are known only once the source runs. */
  #describe(): void {
    const { shared } = this;
    const text = JSON.stringify(shared);
    if (text === this.#described) return;
    this.#described = text;
    for (const worker of this.#workers)
      this.#host.say(worker, { kind: 'described', stream: this.name, source: shared });
  }

  /** Whoever joins an on-demand source afterwards has it begin again. */
  #end(error: Error | undefined): void {
    const workers = [...this.#workers];
    this.#workers.clear();
    this.#over = this.#source.runs === 'always';
    if (!this.#over) void this.close().catch((failure: unknown) => this.#host.failed(this.name, failure as Error));
    for (const worker of workers) this.#host.say(worker, { kind: 'ended', stream: this.name, error: error?.message });
  }

  #keep(unit: SharedUnit): void {
    if (unit.keyframe) this.#forgetGroup();
    else if (this.#group.length === 0) return;
    this.#groupBytes += unit.memory.byteLength;
    if (this.#groupBytes > GROUP_BYTES_MAX || this.#group.length >= GROUP_FRAMES_MAX) this.#forgetGroup();
    else this.#group.push(unit);
  }

  #forgetGroup(): void {
    this.#group = [];
    this.#groupBytes = 0;
  }
}

function share({ units, timestamp, keyframe }: AccessUnit, frameIntervalMs: number): SharedUnit {
  const lengths = units.map((unit) => unit.length);
  const memory = new SharedArrayBuffer(lengths.reduce((sum, length) => sum + length, 0));
  const bytes = new Uint8Array(memory);
  let at = 0;
  for (const unit of units) {
    bytes.set(unit, at);
    at += unit.length;
  }
  return { memory, lengths, timestamp, keyframe, frameIntervalMs };
}
