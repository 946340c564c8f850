import type { Writable } from 'node:stream';
import type { ReceivedFrame } from '../../media/access-unit.ts';

/** Bytes that may wait for a slow disk or reader. */
export const PENDING_BYTES_MAX = 16 * 1024 * 1024;

/** What became of the frames. */
export interface FrameCounts {
  /** Frames that were written out. */
  readonly written: number;
  /** Their bytes. */
  readonly bytes: number;
  /** Frames that did not fit behind what waited, those that needed them, and all after a failure. */
  readonly dropped: number;
  /** Frames that cannot be decoded. */
  readonly skipped: number;
}

/**
 * Writes frames to a stream such that all that is written can be decoded: from a keyframe on, and after a frame that is missing or
 * damaged from the next keyframe on. When too much waits, whole frames are dropped, up to the next keyframe.
 */
export class FrameWriter {
  readonly #out: Writable;
  readonly #pendingBytesMax: number;
  readonly #failed: (error: Error) => void;
  readonly #counts = { written: 0, bytes: 0, dropped: 0, skipped: 0 };
  #awaitsKeyframe = true;
  #overflown = false;
  #broken = false;
  #pendingBytes = 0;
  #pendingFrames = 0;
  #idle: (() => void)[] = [];

  /** @param failed called once, when the stream fails or is closed by whoever reads it. */
  constructor(out: Writable, failed: (error: Error) => void, pendingBytesMax: number = PENDING_BYTES_MAX) {
    this.#out = out;
    this.#failed = failed;
    this.#pendingBytesMax = pendingBytesMax;
    // It stays for good: an EPIPE that comes after the end would otherwise end the process.
    out.on('error', (error) => this.#break(error));
    out.once('close', () => this.#break(new Error('it was closed')));
  }

  /** What still waits counts as dropped. */
  get counts(): FrameCounts {
    return { ...this.#counts, dropped: this.#counts.dropped + this.#pendingFrames };
  }

  /** Takes the next frame in order. */
  frame({ payload, keyframe, decodable }: ReceivedFrame): void {
    if (this.#broken) {
      this.#counts.dropped++;
      return;
    }
    if (!decodable) this.#awaitsKeyframe = true;
    if (decodable && keyframe) {
      this.#awaitsKeyframe = false;
      this.#overflown = false;
    }
    if (this.#awaitsKeyframe) {
      this.#counts[this.#overflown ? 'dropped' : 'skipped']++;
    } else if (this.#pendingBytes + payload.length > this.#pendingBytesMax && this.#pendingBytes > 0) {
      this.#awaitsKeyframe = true;
      this.#overflown = true;
      this.#counts.dropped++;
    } else {
      this.#write(payload);
    }
  }

  /** Resolves when nothing waits any more. */
  flushed(): Promise<void> {
    if (this.#pendingFrames === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  #write(payload: Uint8Array): void {
    this.#pendingFrames++;
    this.#pendingBytes += payload.length;
    this.#out.write(payload, (error) => {
      this.#pendingFrames--;
      this.#pendingBytes -= payload.length;
      if (error) {
        this.#counts.dropped++;
      } else {
        this.#counts.written++;
        this.#counts.bytes += payload.length;
      }
      if (this.#pendingFrames === 0) for (const resolve of this.#idle.splice(0)) resolve();
    });
  }

  #break(error: Error): void {
    if (this.#broken) return;
    this.#broken = true;
    this.#failed(error);
  }
}
