import type { MediaSink, SinkReport } from '../../io/media-sink.ts';
import { SinkError } from '../../io/sinks/sink-error.ts';
import { type Cancel, systemTiming } from '../../io/sources/timing.ts';
import type { ReceivedFrame } from '../../media/access-unit.ts';
import type { Rectangle } from './core/messages.ts';
import type { RgbImage } from './core/npy.ts';
import { FrameDecoder } from './frame-decoder.ts';
import { ProcvisionError } from './procvision-error.ts';
import { type ProcvisionRunner, type ProcvisionRunnerOptions, procvisionRunner } from './runner.ts';

/** Calls in a second, at most, by default. */
export const INSPECTIONS_PER_SECOND_MAX = 30;

/** What became of one picture. */
export interface Inspection {
  /** Of the pictures that were decoded, from 1. */
  readonly frame: number;
  readonly width: number;
  readonly height: number;
  /** From the picture to its result, in ms. */
  readonly latencyMs: number;
  /** Pictures before it that were left out, since the algorithm was at work: the newest one is taken. */
  readonly dropped: number;
  /** The business result. */
  readonly result?: 'OK' | 'NG';
  readonly ngReason?: string;
  readonly defectRects?: readonly Rectangle[];
  readonly message?: string;
  readonly data?: object;
  /** The technical failure, when there is no result. */
  readonly error?: { readonly code: string; readonly errorCode?: string; readonly message: string };
}

/** How frames are inspected. */
export interface InspectSinkOptions {
  /** A command of the shell. */
  readonly command: string;
  /** Told to the algorithm as the camera. */
  readonly cameraId: string;
  /** Takes every result. */
  readonly onInspection: (inspection: Inspection) => void;
  /** Takes every line of the algorithm's standard error. */
  readonly onLog?: (text: string) => void;
  /** Gives up at once what is being inspected or waits. */
  readonly signal?: AbortSignal;
  /** Calls in a second, at most. Default 30. */
  readonly perSecondMax?: number;
  /** Further options of the runner. */
  readonly runner?: Partial<ProcvisionRunnerOptions>;
}

/**
 * A sink that has every frame judged by an algorithm, as far as that keeps up: the newest picture is taken, and the first one stays the
 * guide that the others are compared with.
 *
 * Rejects with {@link SinkError} when there is no ffmpeg, or no algorithm.
 */
export async function inspectSink(options: InspectSinkOptions): Promise<MediaSink> {
  if (options.command.trim() === '')
    throw new SinkError('there is no algorithm to run', "give one, as in 'python3 -m …'");
  const sink = new InspectSink(options);
  await sink.start();
  return sink;
}

interface Picture {
  readonly frame: number;
  readonly image: RgbImage;
  readonly atMs: number;
}

class InspectSink implements MediaSink {
  readonly wants = 'frames';
  onFailure?: (error: Error) => void;
  readonly #options: InspectSinkOptions;
  readonly #runner: ProcvisionRunner;
  #decoder: FrameDecoder | undefined;
  #guide: RgbImage | undefined;
  #waiting: Picture | undefined;
  #working: Promise<void> | undefined;
  #cancel: Cancel = () => {};
  #decoded = 0;
  #inspected = 0;
  #dropped = 0;
  #droppedBefore = 0;
  #lastAtMs = Number.NEGATIVE_INFINITY;
  #closing: Promise<SinkReport> | undefined;

  constructor(options: InspectSinkOptions) {
    this.#options = options;
    const { command, onLog, runner } = options;
    this.#runner = procvisionRunner({
      command: '/bin/sh',
      args: ['-c', command],
      ...runner,
      ...(onLog === undefined ? {} : { onLog: ({ text }) => onLog(text) }),
      onState: (state) => {
        if (state === 'Failed') this.#failed(new SinkError(`"${command}" went wrong too often`, 'see what it said'));
      },
    });
  }

  async start(): Promise<void> {
    try {
      this.#decoder = await FrameDecoder.start({
        image: (image) => this.#picture(image),
        failed: (error) => this.#failed(error),
      });
      await this.#runner.ready;
    } catch (error) {
      this.#decoder?.abandon();
      await this.#runner.close();
      if (!(error instanceof ProcvisionError)) throw error;
      const problem = `"${this.#options.command}" cannot be run as an algorithm`;
      throw new SinkError(problem, error.message, { cause: error });
    }
  }

  describe(): void {}

  datagram(): void {}

  frame(frame: ReceivedFrame): void {
    this.#decoder?.frame(frame);
  }

  close(): Promise<SinkReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<SinkReport> {
    if (this.#options.signal?.aborted === true) this.#decoder?.abandon();
    else await this.#decoder?.close();
    this.#next();
    while (this.#working !== undefined) {
      await this.#working;
      this.#next();
    }
    this.#cancel();
    const counts = this.#decoder?.counts;
    await this.#runner.close();
    return {
      target: `inspect:${this.#options.command}`,
      written: this.#inspected,
      bytes: counts?.bytes ?? 0,
      dropped: this.#dropped + (counts?.dropped ?? 0),
    };
  }

  #picture(image: RgbImage): void {
    this.#decoded++;
    if (this.#waiting !== undefined) {
      this.#dropped++;
      this.#droppedBefore++;
    }
    this.#waiting = { frame: this.#decoded, image, atMs: systemTiming.nowMs() };
    this.#next();
  }

  /** Has the picture that waits inspected, unless another is, or it is too early. */
  #next(): void {
    const { perSecondMax = INSPECTIONS_PER_SECOND_MAX, signal } = this.#options;
    const picture = this.#waiting;
    if (picture === undefined || this.#working !== undefined) return;
    if (signal?.aborted === true) {
      this.#waiting = undefined;
      this.#dropped++;
      return;
    }
    const nowMs = systemTiming.nowMs();
    const earlyMs = this.#lastAtMs + 1000 / perSecondMax - nowMs;
    if (earlyMs > 0 && this.#closing === undefined) {
      this.#cancel();
      this.#cancel = systemTiming.after(earlyMs, () => this.#next());
      return;
    }
    this.#lastAtMs = nowMs;
    this.#waiting = undefined;
    this.#working = this.#inspect(picture).finally(() => {
      this.#working = undefined;
      this.#next();
    });
  }

  async #inspect({ frame, image, atMs }: Picture): Promise<void> {
    const { cameraId, onInspection, signal } = this.#options;
    // Frames of another size cannot be compared with it.
    if (this.#guide?.width !== image.width || this.#guide.height !== image.height) this.#guide = image;
    const dropped = this.#droppedBefore;
    this.#droppedBefore = 0;
    const request = { image: { ...image, cameraId }, guide: { ...this.#guide, cameraId } };
    const outcome = await this.#runner.execute(request, signal === undefined ? {} : { signal }).then(
      ({ verdict, ngReason, defectRects, message, data }) => ({
        ...(verdict === undefined ? {} : { result: verdict }),
        ngReason,
        defectRects,
        message,
        data,
      }),
      (reason: unknown) => ({ error: describe(reason) }),
    );
    if ('error' in outcome && outcome.error.code === 'cancelled') {
      this.#dropped++;
      return;
    }
    this.#inspected++;
    const { width, height } = image;
    const latencyMs = Math.round(systemTiming.nowMs() - atMs);
    onInspection({ frame, width, height, latencyMs, dropped, ...outcome });
  }

  #failed(error: Error): void {
    if (this.#closing === undefined) this.onFailure?.(error);
  }
}

function describe(reason: unknown): NonNullable<Inspection['error']> {
  if (!(reason instanceof ProcvisionError)) return { code: 'failed', message: String(reason) };
  const { code, errorCode, message } = reason;
  return { code, ...(errorCode === undefined ? {} : { errorCode }), message };
}
