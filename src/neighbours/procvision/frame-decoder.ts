import { type ChildProcess, spawn } from 'node:child_process';
import { FrameWriter } from '../../io/sinks/frame-writer.ts';
import { SinkError } from '../../io/sinks/sink-error.ts';
import { LastLines } from '../../io/sources/last-lines.ts';
import { systemTiming, within } from '../../io/sources/timing.ts';
import type { ReceivedFrame } from '../../media/access-unit.ts';
import type { RgbImage } from './core/npy.ts';
import { PpmReader } from './core/ppm.ts';

/** How long the decoder has to give out what it holds once its input has ended, in ms. */
const END_AFTER_INPUT_MS = 3000;

/** Largest picture that is made of a frame, in pixels; larger ones are scaled down, in proportion. */
export const PICTURE_WIDTH_MAX = 1920;
export const PICTURE_HEIGHT_MAX = 1080;

/** What a decoder tells. */
export interface FrameDecoderEvents {
  image(image: RgbImage): void;
  /** It ended by itself, or gave out what is no picture. */
  failed(error: Error): void;
}

/** Makes pictures of H.264 frames, by a program ffmpeg of its own. */
export class FrameDecoder {
  readonly #child: ChildProcess;
  readonly #writer: FrameWriter;
  readonly #ended: Promise<void>;
  readonly #stderr = new LastLines();
  #closing = false;

  /** Rejects with {@link SinkError} when there is no ffmpeg. */
  static async start(events: FrameDecoderEvents): Promise<FrameDecoder> {
    // Ctrl-C is for the viewer, which ends it in order; should that be gone, the end of its input does.
    const child = spawn('ffmpeg', decoderArguments(), { stdio: 'pipe', detached: true });
    await new Promise<void>((resolve, reject) => {
      child.once('spawn', resolve);
      child.once('error', (error) => {
        const hint = 'install it, such as with: apt install ffmpeg';
        reject(new SinkError('the frames cannot be decoded: there is no ffmpeg', hint, { cause: error }));
      });
    });
    return new FrameDecoder(child, events);
  }

  private constructor(child: ChildProcess, events: FrameDecoderEvents) {
    const { stdin, stdout, stderr } = child;
    if (stdin === null || stdout === null) {
      throw new SinkError('ffmpeg has no pipes', 'check the limit on open files (ulimit -n)');
    }
    this.#child = child;
    this.#writer = new FrameWriter(stdin, () => {});
    const reader = new PpmReader();
    stdout.on('data', (chunk: Uint8Array) => {
      if (reader.read(chunk, (image) => events.image(image)) || this.#closing) return;
      this.#closing = true;
      child.kill('SIGKILL');
      events.failed(new SinkError('ffmpeg gave out what is no picture', 'is "ffmpeg" another program here?'));
    });
    stdout.on('error', () => {});
    stderr?.on('data', (chunk: Uint8Array) => this.#stderr.push(chunk));
    stderr?.on('error', () => {});
    this.#ended = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        resolve();
        if (this.#closing) return;
        const how = signal === null ? `ended with exit code ${code}` : `was ended by ${signal}`;
        events.failed(new SinkError(`ffmpeg ${how}`, this.#stderr.lines.join('; ') || 'it said nothing'));
      });
    });
  }

  /** Frames that were given to it. */
  get counts() {
    return this.#writer.counts;
  }

  /** Takes the next frame in order; what cannot be decoded is left out. */
  frame(frame: ReceivedFrame): void {
    if (!this.#closing) this.#writer.frame(frame);
  }

  /** Ends the input, has the pictures that are left given out, and ends it. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#child.stdin?.end();
    if (!(await within(this.#ended, END_AFTER_INPUT_MS, systemTiming))) this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Ends it now. */
  abandon(): void {
    this.#closing = true;
    this.#child.kill('SIGKILL');
  }
}

/** Pictures as they come, none twice and none left out, in a format that tells their size. */
function decoderArguments(): string[] {
  const fit = `w='min(iw,${PICTURE_WIDTH_MAX})':h='min(ih,${PICTURE_HEIGHT_MAX})'`;
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-flags', 'low_delay'],
    ...['-probesize', '65536', '-analyzeduration', '0', '-f', 'h264', '-i', 'pipe:0'],
    ...['-fps_mode', 'passthrough', '-vf', `scale=${fit}:force_original_aspect_ratio=decrease`],
    ...['-pix_fmt', 'rgb24', '-c:v', 'ppm', '-f', 'image2pipe', 'pipe:1'],
  ];
}
