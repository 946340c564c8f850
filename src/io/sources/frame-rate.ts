import { randomInt } from 'node:crypto';
import { RTP_CLOCK_HZ } from '../../media/rtp.ts';
import { SourceError } from './source-error.ts';

const FRAMES_PER_SECOND_MIN = 0.01;
const FRAMES_PER_SECOND_MAX = 1000;

/** Throws {@link SourceError} for a frame rate outside 0.01..1000; `undefined` passes. */
export function checkFramesPerSecond(framesPerSecond: number | undefined): void {
  if (framesPerSecond === undefined) return;
  if (framesPerSecond >= FRAMES_PER_SECOND_MIN && framesPerSecond <= FRAMES_PER_SECOND_MAX) return;
  throw new SourceError(`a frame rate of ${framesPerSecond} a second is not possible`, 'give one of 0.01 to 1000');
}

/** RTP timestamps that begin anywhere (RFC 3550, 5.1) and count the RTP clock from there. */
export class TimestampCounter {
  readonly #start = randomInt(2 ** 32);

  /** Timestamp of a moment `seconds` after the start, u32. Computed from the start each time: rounding does not add up. */
  at(seconds: number): number {
    return (this.#start + Math.round(seconds * RTP_CLOCK_HZ)) >>> 0;
  }
}
