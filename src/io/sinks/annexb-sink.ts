import { createWriteStream, ftruncateSync, openSync } from 'node:fs';
import type { Writable } from 'node:stream';
import type { ReceivedFrame } from '../../media/access-unit.ts';
import type { MediaSink, SinkReport } from '../media-sink.ts';
import { systemTiming, type Timing, within } from '../sources/timing.ts';
import { FrameWriter } from './frame-writer.ts';
import { SinkError } from './sink-error.ts';

/** How long `close` waits for a reader that does not read, in ms. */
export const CLOSE_FLUSH_MS = 3000;

/** Settings of a sink that writes frames to a file or pipe. */
export interface AnnexBSinkOptions {
  /** Bytes that may wait; above, whole frames are dropped up to the next keyframe. Default 16 MiB. */
  readonly pendingBytesMax?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/** What such a sink did. */
export interface AnnexBReport extends SinkReport {
  /** Frames left out because they cannot be decoded. */
  readonly skipped: number;
}

/** Writes frames out, one behind the other: for H.264 an Annex B stream that any player takes. */
export interface AnnexBSink extends MediaSink {
  close(): Promise<AnnexBReport>;
}

/**
 * Writes a file, which is made now. An older one is emptied when the first frame comes, so that a camera that is not there costs no
 * recording. It begins at a keyframe, and what cannot be decoded stays out.
 * Throws {@link SinkError} when the file cannot be written.
 */
export function annexbFile(path: string, options: AnnexBSinkOptions = {}): AnnexBSink {
  let fd: number;
  try {
    fd = openSync(path, 'a');
  } catch (error) {
    throw cannotWrite(path, error as NodeJS.ErrnoException);
  }
  const file = createWriteStream('', { fd });
  return new StreamSink(file, path, () => empty(fd), options);
}

/**
 * Writes to a stream that the caller opened, such as stdout, and does not end it. When its reader goes away (EPIPE), `onFailure` is
 * told and the rest is dropped.
 *
 * @param name for messages, such as "stdout".
 */
export function annexbStream(writable: Writable, name: string, options: AnnexBSinkOptions = {}): AnnexBSink {
  return new StreamSink(writable, name, undefined, options);
}

class StreamSink implements AnnexBSink {
  readonly wants = 'frames';
  onFailure?: (error: Error) => void;
  readonly #out: Writable;
  readonly #name: string;
  readonly #owned: boolean;
  #begin: (() => void) | undefined;
  readonly #timing: Timing;
  readonly #writer: FrameWriter;
  #closing: Promise<AnnexBReport> | undefined;

  /** @param begin called before the first frame; present for a file of our own, which is closed at the end. */
  constructor(out: Writable, name: string, begin: (() => void) | undefined, options: AnnexBSinkOptions) {
    this.#out = out;
    this.#name = name;
    this.#begin = begin;
    this.#owned = begin !== undefined;
    this.#timing = options.timing ?? systemTiming;
    this.#writer = new FrameWriter(out, (error) => this.#failed(error), options.pendingBytesMax);
  }

  describe(): void {}

  frame(frame: ReceivedFrame): void {
    if (this.#closing !== undefined) return;
    this.#begin?.();
    this.#begin = undefined;
    this.#writer.frame(frame);
  }

  datagram(): void {}

  close(): Promise<AnnexBReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<AnnexBReport> {
    // A disk is waited for, since it goes on; a reader may never.
    if (!this.#owned) {
      await within(this.#writer.flushed(), CLOSE_FLUSH_MS, this.#timing);
    } else if (!this.#out.closed) {
      await new Promise<void>((resolve) => {
        this.#out.once('close', resolve);
        this.#out.end();
      });
    }
    return { target: this.#name, ...this.#writer.counts };
  }

  #failed(error: NodeJS.ErrnoException): void {
    if (this.#closing !== undefined && error.code === undefined) return;
    this.onFailure?.(cannotWrite(this.#name, error));
  }
}

/** A device or a pipe cannot be emptied, and need not be. */
function empty(fd: number): void {
  try {
    ftruncateSync(fd);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
  }
}

function cannotWrite(name: string, error: NodeJS.ErrnoException): SinkError {
  const options = { cause: error };
  switch (error.code) {
    case 'EPIPE':
      return new SinkError(
        `${name} is not read any more`,
        'what it was piped into has ended: see what that said',
        options,
      );
    case 'ENOSPC':
      return new SinkError(`${name} cannot be written: the disk is full`, 'make room, or write elsewhere', options);
    case 'ENOENT':
      return new SinkError(`${name} cannot be written: there is no such folder`, 'make it first (mkdir -p)', options);
    case 'EISDIR':
      return new SinkError(`${name} is a directory`, 'give the name of a file in it', options);
    case 'EACCES':
    case 'EROFS':
      return new SinkError(`${name} cannot be written: permission denied`, 'write elsewhere', options);
    default:
      return new SinkError(`${name} cannot be written: ${error.message}`, 'write elsewhere', options);
  }
}
