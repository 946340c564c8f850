import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import type { WorkerLine } from './worker-line.ts';
import type { SharedSourceDescription, SharedUnit } from './worker-messages.ts';

/** A source that runs in the main thread, in a worker that shows it to its viewers. */
export class RemoteSource implements MediaSource {
  readonly runs: 'always' | 'on-demand';
  readonly #name: string;
  readonly #line: WorkerLine;
  readonly #framesTaken: Int32Array;
  #shared: SharedSourceDescription;
  #target: SourceTarget | undefined;
  #joining: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  /** @param framesTaken a word of memory that the main thread has too. */
  constructor(name: string, shared: SharedSourceDescription, line: WorkerLine, framesTaken: Int32Array) {
    this.runs = shared.runs;
    this.#name = name;
    this.#shared = shared;
    this.#line = line;
    this.#framesTaken = framesTaken;
    line.listen((message) => {
      if (!('stream' in message) || message.stream !== name) return;
      if (message.kind === 'frame') this.#frame(message.unit);
      else if (message.kind === 'described') this.#shared = message.source;
      else if (message.kind === 'joined') this.#joined(message.error);
      else this.#ended(message.error);
    });
  }

  describe(): SourceDescription {
    return this.#shared.description;
  }

  start(target: SourceTarget): Promise<void> {
    this.#target = target;
    return new Promise((resolve, reject) => {
      this.#joining = { resolve, reject };
      this.#line.say({ kind: 'joinSource', stream: this.#name });
    });
  }

  async stop(): Promise<void> {
    this.#target = undefined;
    this.#line.say({ kind: 'leaveSource', stream: this.#name });
  }

  requestKeyframe(): boolean {
    if (this.#shared.makesKeyframes) this.#line.say({ kind: 'requestKeyframe', stream: this.#name });
    return this.#shared.makesKeyframes;
  }

  setBitrate(bitsPerSecond: number): boolean {
    if (this.#shared.changesBitrate) this.#line.say({ kind: 'setBitrate', stream: this.#name, bitsPerSecond });
    return this.#shared.changesBitrate;
  }

  #frame({ memory, lengths, timestamp, keyframe, frameIntervalMs }: SharedUnit): void {
    Atomics.add(this.#framesTaken, 0, 1);
    let at = 0;
    const units = lengths.map((length) => {
      const unit = new Uint8Array(memory, at, length);
      at += length;
      return unit;
    });
    this.#target?.frame({ units, timestamp, keyframe }, frameIntervalMs);
  }

  #joined(error: string | undefined): void {
    const joining = this.#joining;
    this.#joining = undefined;
    if (error === undefined) joining?.resolve();
    else joining?.reject(new Error(error));
  }

  #ended(error: string | undefined): void {
    const target = this.#target;
    this.#target = undefined;
    if (error === undefined) target?.end();
    else target?.fail(new Error(error));
  }
}
