import type { Readable } from 'node:stream';
import type { AccessUnitNals } from '../../media/access-unit-assembler.ts';
import { isVcl, nalType } from '../../media/h264.ts';
import type { SourceDescription, SourceTarget } from '../media-source.ts';
import { AccessUnitReader } from './access-unit-reader.ts';
import { DEFAULT_FRAMES_PER_SECOND } from './frame-pacer.ts';
import { TimestampCounter } from './frame-rate.ts';
import { describeH264 } from './h264-description.ts';
import { StartCodeWatch } from './start-code-watch.ts';
import type { Cancel, Timing } from './timing.ts';

/** Longest time without bytes after which a picture is taken to be complete, in ms. */
export const IDLE_FLUSH_MS_MAX = 20;

/** Least distance of two frames' timestamps, in s: frames that come in one piece must still differ. */
const STEP_MIN_S = 0.001;
const INTERVAL_MS_MAX = 1000;
/** Weight of the newest interval in the mean. */
const INTERVAL_WEIGHT = 1 / 8;

/** How a live stream is taken. */
export interface LiveOptions {
  /** Timestamps advance by this rate, 0.01..1000. Default: they are the times of arrival. */
  readonly framesPerSecond?: number;
  /** Whether a picture is given out when the input pauses after it. Default true. */
  readonly idleFlush?: boolean;
}

/**
 * Frames of an Annex B stream as it arrives.
 *
 * Where a picture ends is only said by the beginning of the next, a whole frame interval later. To spare that, a picture is given
 * out too when no byte came for half a frame interval, or 20 ms if that is less: encoders write a picture in one go. Where one
 * does not (the bytes after such a pause go on with the same picture), that one picture is damaged, and from then on the stream is
 * never cut at a pause again.
 */
export class LiveAnnexB {
  readonly #input: Readable;
  readonly #target: Pick<SourceTarget, 'frame'>;
  readonly #timing: Timing;
  readonly #framesPerSecond: number | undefined;
  readonly #reader = new AccessUnitReader();
  readonly #timestamps = new TimestampCounter();
  readonly #onData = (chunk: Uint8Array): void => this.#take(chunk);
  #idleFlush: boolean;
  #cancelIdle: Cancel | undefined;
  #inputAtMs = 0;
  /** When the first byte of the picture now read came. */
  #unitBeganAtMs: number | undefined;
  #watch: StartCodeWatch | undefined;
  #afterPause = false;
  #frames = 0;
  #firstAtMs = 0;
  #lastSeconds = 0;
  #meanIntervalMs = 1000 / DEFAULT_FRAMES_PER_SECOND;

  constructor(input: Readable, target: Pick<SourceTarget, 'frame'>, timing: Timing, options: LiveOptions) {
    this.#input = input;
    this.#target = target;
    this.#timing = timing;
    this.#framesPerSecond = options.framesPerSecond;
    this.#idleFlush = options.idleFlush ?? true;
  }

  /** Frames given out. */
  get frames(): number {
    return this.#frames;
  }

  /** Whether pictures are given out when the input pauses. */
  get flushesWhenIdle(): boolean {
    return this.#idleFlush;
  }

  /** What is known by now. */
  describe(): SourceDescription {
    return describeH264(this.#reader.parameterSets, this.#framesPerSecond ?? this.#reader.framesPerSecond);
  }

  /** Begins to read. */
  begin(): void {
    this.#input.on('data', this.#onData);
  }

  /** The input is over: gives out the last frame. */
  finish(): void {
    this.stop();
    const beganAtMs = this.#unitBeganAtMs ?? this.#timing.nowMs();
    for (const unit of this.#reader.end()) this.#give(unit, beganAtMs);
  }

  /** Reads no more. */
  stop(): void {
    this.#input.off('data', this.#onData);
    this.#cancelIdle?.();
    this.#cancelIdle = undefined;
  }

  #take(chunk: Uint8Array): void {
    const nowMs = this.#timing.nowMs();
    this.#inputAtMs = nowMs;
    this.#unitBeganAtMs ??= nowMs;
    const begins = this.#watch?.push(chunk);
    if (begins === false) this.#idleFlush = false;
    if (begins !== undefined) this.#watch = undefined;
    for (const unit of this.#reader.push(chunk)) {
      this.#give(unit, this.#unitBeganAtMs);
      this.#unitBeganAtMs = nowMs;
    }
    if (this.#idleFlush) this.#cancelIdle ??= this.#timing.after(this.#idleMs(), () => this.#checkIdle());
  }

  #idleMs(): number {
    return Math.min(IDLE_FLUSH_MS_MAX, this.#intervalMs() / 2);
  }

  /** One timer for many chunks: it is set anew only when it has fired. */
  #checkIdle(): void {
    const leftMs = this.#inputAtMs + this.#idleMs() - this.#timing.nowMs();
    if (leftMs > 0) {
      this.#cancelIdle = this.#timing.after(leftMs, () => this.#checkIdle());
      return;
    }
    const inputAtMs = this.#inputAtMs;
    this.#cancelIdle = this.#timing.afterInput(() => {
      this.#cancelIdle = undefined;
      if (this.#inputAtMs === inputAtMs) this.#pause();
      else this.#checkIdle();
    });
  }

  #pause(): void {
    if (!this.#idleFlush) return;
    const beganAtMs = this.#unitBeganAtMs ?? this.#inputAtMs;
    this.#unitBeganAtMs = undefined;
    for (const unit of this.#reader.pause()) this.#give(unit, beganAtMs);
    this.#watch = new StartCodeWatch();
    this.#afterPause = true;
  }

  #give(unit: AccessUnitNals, beganAtMs: number): void {
    if (this.#afterPause && !beginsPicture(unit)) this.#idleFlush = false;
    this.#afterPause = false;
    if (this.#frames === 0) this.#firstAtMs = beganAtMs;
    const timestamp = this.#timestamps.at(this.#secondsOf(beganAtMs));
    this.#frames++;
    this.#target.frame({ units: unit.units, keyframe: unit.keyframe, timestamp }, this.#intervalMs());
  }

  #secondsOf(beganAtMs: number): number {
    if (this.#framesPerSecond !== undefined) return this.#frames / this.#framesPerSecond;
    if (this.#frames === 0) return 0;
    const seconds = Math.max((beganAtMs - this.#firstAtMs) / 1000, this.#lastSeconds + STEP_MIN_S);
    const intervalMs = Math.min((seconds - this.#lastSeconds) * 1000, INTERVAL_MS_MAX);
    this.#meanIntervalMs += (intervalMs - this.#meanIntervalMs) * INTERVAL_WEIGHT;
    this.#lastSeconds = seconds;
    return seconds;
  }

  #intervalMs(): number {
    const framesPerSecond = this.#framesPerSecond ?? this.#reader.framesPerSecond;
    return framesPerSecond === undefined ? this.#meanIntervalMs : 1000 / framesPerSecond;
  }
}

/** Its first slice is a picture's first: first_mb_in_slice, ue(v), is 0, the single bit 1. */
function beginsPicture({ units }: AccessUnitNals): boolean {
  const slice = units.find((unit) => isVcl(nalType(unit)));
  return slice === undefined || ((slice[1] ?? 0) & 0x80) !== 0;
}
