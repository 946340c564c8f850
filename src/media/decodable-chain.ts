import { RTP_CLOCK_HZ, timestampDistance } from './rtp.ts';

/** A frame that is older than the newest by more than this is no repetition: the source's clock was set anew. */
export const REPEAT_TICKS_MAX = 60 * RTP_CLOCK_HZ;

/** What a whole H.264 access unit holds, as far as decoding it goes. */
export interface UnitContent {
  /** RTP timestamp, u32. */
  readonly timestamp: number;
  /** It has a slice or a part of one. */
  readonly picture: boolean;
  /** It has an IDR slice. */
  readonly idr: boolean;
  /** It has both a sequence and a picture parameter set. */
  readonly parameterSets: boolean;
}

/** What to do with a whole access unit: leave it out, because it was given out before, or give it out as decodable or not. */
export type Verdict = 'repeated' | 'keyframe' | 'decodable' | 'undecodable';

/**
 * Follows which H.264 access units a decoder can use that is given only those said to be decodable: an IDR picture whose
 * parameter sets it has, and every later one until something is lost.
 *
 * A group that is sent again (docs/PROTOCOL.md, section 8, datagram size) begins with an IDR picture that is not newer than
 * what was given out: from there, and anywhere behind a loss, units that are not newer are left out. With the last unit that
 * was given out the decoder is where the sender is, so a loss before it no longer matters. Timestamps that fall without an
 * IDR picture or a loss are those of B pictures, which are sent after pictures that are shown later.
 */
export class DecodableChain {
  private broken = true;
  private repeating = false;
  private parameterSetsKnown = false;
  private lastTimestamp: number | undefined;
  private newestTimestamp = 0;

  /** Datagrams were lost: something that later units need may have been in them. */
  lost(): void {
    this.broken = true;
  }

  /** A unit of this timestamp is not whole. Returns whether a whole one was given out before. */
  incomplete(timestamp: number): boolean {
    const repeated = (this.repeating || this.broken) && this.isOld(timestamp);
    this.broken = true;
    return repeated;
  }

  /** A whole unit comes next. */
  complete(unit: UnitContent): Verdict {
    if (this.isRepeated(unit)) return 'repeated';
    const parameterSets = unit.parameterSets || this.parameterSetsKnown;
    if (unit.idr) this.broken = !parameterSets;
    const parameterSetsAlone = unit.parameterSets && !unit.picture;
    if (this.broken && !parameterSetsAlone) return 'undecodable';
    this.parameterSetsKnown = parameterSets;
    if (unit.picture) {
      if (!this.isOld(unit.timestamp)) this.newestTimestamp = unit.timestamp;
      this.lastTimestamp = unit.timestamp;
    }
    return unit.idr ? 'keyframe' : 'decodable';
  }

  private isRepeated(unit: UnitContent): boolean {
    if (!this.isOld(unit.timestamp)) {
      this.repeating = false;
      return false;
    }
    if (unit.idr) this.repeating = true;
    if (!this.repeating && !this.broken) return false;
    if (unit.timestamp === this.lastTimestamp) {
      this.repeating = false;
      this.broken = false;
    }
    return true;
  }

  private isOld(timestamp: number): boolean {
    const behind = timestampDistance(this.newestTimestamp, timestamp);
    return this.lastTimestamp !== undefined && behind >= 0 && behind <= REPEAT_TICKS_MAX;
  }
}
