import type { AccessUnitNals } from '../../media/access-unit-assembler.ts';
import type { MediaSource, SourceDescription, SourceTarget } from '../media-source.ts';
import { AnnexBFile } from './annex-b-file.ts';
import { DEFAULT_FRAMES_PER_SECOND, FramePacer } from './frame-pacer.ts';
import { checkFramesPerSecond, TimestampCounter } from './frame-rate.ts';
import { describeH264 } from './h264-description.ts';
import { SourceError } from './source-error.ts';
import { systemTiming, type Timing } from './timing.ts';

/** How a file is played. */
export interface H264FileOptions {
  /** Begins again at the end, without a gap. Default false: the stream ends. */
  readonly loop?: boolean;
  /** 0.01..1000. Default: what the file's SPS says, or else 25. */
  readonly framesPerSecond?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/**
 * Plays an H.264 file (Annex B) at its frame rate, from its first keyframe. It is read as it is played, however large it is.
 *
 * Runs on demand: from the beginning for the first viewer. `start` rejects with {@link SourceError} when there is nothing to play.
 * Throws it for an impossible frame rate.
 */
export function h264File(path: string, options: H264FileOptions = {}): MediaSource {
  checkFramesPerSecond(options.framesPerSecond);
  return new H264File(path, options);
}

/** One run from `start` to `stop`. */
interface Run {
  stopped: boolean;
  pacer: FramePacer | undefined;
  done: Promise<void>;
}

class H264File implements MediaSource {
  readonly runs = 'on-demand';
  readonly #path: string;
  readonly #options: H264FileOptions;
  #run: Run | undefined;
  #parameterSets: readonly Uint8Array[] = [];
  #framesPerSecond: number | undefined;

  constructor(path: string, options: H264FileOptions) {
    this.#path = path;
    this.#options = options;
    this.#framesPerSecond = options.framesPerSecond;
  }

  describe(): SourceDescription {
    return describeH264(this.#parameterSets, this.#framesPerSecond);
  }

  async prepare(): Promise<void> {
    const file = await AnnexBFile.open(this.#path);
    try {
      await file.units(false).next();
      this.#learn(file);
    } finally {
      await file.close();
    }
  }

  start(target: SourceTarget): Promise<void> {
    if (this.#run !== undefined) return Promise.reject(new SourceError(`${this.#path} plays already`, 'stop it first'));
    const run: Run = { stopped: false, pacer: undefined, done: Promise.resolve() };
    this.#run = run;
    return new Promise((resolve, reject) => {
      let playing = false;
      const began = (): void => {
        playing = true;
        resolve();
      };
      run.done = this.#play(run, target, began).then(resolve, (error: Error) => {
        if (this.#run === run && !playing) this.#run = undefined;
        if (!playing) reject(error);
        else if (!run.stopped) target.fail(error);
      });
    });
  }

  async stop(): Promise<void> {
    const run = this.#run;
    if (run === undefined) return;
    run.stopped = true;
    run.pacer?.stop();
    await run.done;
    if (this.#run === run) this.#run = undefined;
  }

  async #play(run: Run, target: SourceTarget, began: () => void): Promise<void> {
    const file = await AnnexBFile.open(this.#path);
    try {
      const units = file.units(this.#options.loop ?? false);
      let next = await units.next();
      this.#learn(file);
      began();
      const framesPerSecond = this.#framesPerSecond ?? DEFAULT_FRAMES_PER_SECOND;
      run.pacer = new FramePacer(1000 / framesPerSecond, this.#options.timing ?? systemTiming);
      const timestamps = new TimestampCounter();
      for (let frame = 0; next.done !== true; frame++) {
        if (run.stopped || !(await run.pacer.next())) return;
        const { units: nals, keyframe }: AccessUnitNals = next.value;
        target.frame(
          { units: nals, keyframe, timestamp: timestamps.at(frame / framesPerSecond) },
          1000 / framesPerSecond,
        );
        // Read ahead, so that the disk has a whole interval's time.
        next = await units.next();
      }
      if (!run.stopped) target.end();
    } catch (error) {
      if (error instanceof SourceError) throw error;
      const hint = 'check the disk, and whether the file was changed';
      throw new SourceError(`reading ${this.#path} failed: ${(error as Error).message}`, hint, { cause: error });
    } finally {
      await file.close();
    }
  }

  #learn(file: AnnexBFile): void {
    this.#parameterSets = file.reader.parameterSets;
    this.#framesPerSecond = this.#options.framesPerSecond ?? file.reader.framesPerSecond;
  }
}
