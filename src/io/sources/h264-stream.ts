import { ReadStream } from 'node:fs';
import type { Readable } from 'node:stream';
import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import { checkFramesPerSecond } from './frame-rate.ts';
import { LiveAnnexB } from './live-annex-b.ts';
import { SourceError } from './source-error.ts';
import { systemTiming, type Timing } from './timing.ts';

/** How a live stream is taken. */
export interface H264StreamOptions {
  /** Timestamps advance by this rate, 0.01..1000. Default: they are the times of arrival. */
  readonly framesPerSecond?: number;
  /** For messages: where the stream comes from. Default "the input". */
  readonly name?: string;
  /** Whether a picture is given out when the input pauses after it. Default true, except for a plain file. */
  readonly idleFlush?: boolean;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/**
 * Takes H.264 (Annex B) from a pipe as it comes: every frame is passed on when it is complete. A picture after which the input
 * pauses is complete without waiting for the next (see {@link LiveAnnexB}). Not paced: what comes faster than real time leaves so.
 *
 * Can be started once; the stream is destroyed by `stop`. Throws {@link SourceError} for an impossible frame rate.
 */
export function h264Stream(readable: Readable, options: H264StreamOptions = {}): MediaSource {
  checkFramesPerSecond(options.framesPerSecond);
  return new H264Stream(readable, options);
}

class H264Stream implements MediaSource {
  readonly runs = 'always';
  readonly #readable: Readable;
  readonly #name: string;
  readonly #live: LiveAnnexB;
  #target: SourceTarget | undefined;
  #started = false;

  constructor(readable: Readable, options: H264StreamOptions) {
    const { timing = systemTiming, name = 'the input', idleFlush = !(readable instanceof ReadStream) } = options;
    this.#readable = readable;
    this.#name = name;
    this.#live = new LiveAnnexB(
      readable,
      { frame: (unit, frameIntervalMs) => this.#target?.frame(unit, frameIntervalMs) },
      timing,
      { ...options, idleFlush },
    );
  }

  describe(): SourceDescription {
    return this.#live.describe();
  }

  async start(target: SourceTarget): Promise<void> {
    if (this.#started || this.#readable.readableEnded || this.#readable.destroyed) {
      throw new SourceError(`${this.#name} was read already`, 'open it anew: a pipe cannot be read twice');
    }
    this.#started = true;
    this.#target = target;
    this.#readable.once('end', this.#ended);
    this.#readable.once('close', this.#ended);
    this.#readable.on('error', this.#failed);
    this.#live.begin();
  }

  async stop(): Promise<void> {
    this.#started = true;
    this.#target = undefined;
    this.#live.stop();
    this.#readable.destroy();
  }

  readonly #ended = (): void => {
    this.#live.finish();
    const target = this.#target;
    this.#target = undefined;
    if (target === undefined) return;
    if (this.#live.frames > 0) target.end();
    else target.fail(new SourceError(`${this.#name} ended without any H.264`, 'check what writes to it'));
  };

  /** Stays on the stream after `stop`: an error without a listener would end the process. */
  readonly #failed = (error: Error): void => {
    this.#live.finish();
    const target = this.#target;
    this.#target = undefined;
    target?.fail(
      new SourceError(`reading ${this.#name} failed: ${error.message}`, 'check what writes to it', { cause: error }),
    );
  };
}
