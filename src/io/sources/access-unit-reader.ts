import { AccessUnitAssembler, type AccessUnitNals } from '../../media/access-unit-assembler.ts';
import { AnnexBSplitter } from '../../media/annex-b-splitter.ts';
import { isVcl, NalType, nalType } from '../../media/h264.ts';

const START_CODE = Uint8Array.of(0, 0, 1);

/** Makes access units of the bytes of an H.264 stream (ITU-T H.264, Annex B). Memory is bounded by the largest of them. */
export class AccessUnitReader {
  readonly #splitter = new AnnexBSplitter();
  readonly #assembler = new AccessUnitAssembler();
  #hasSlice = false;

  /** SPS and PPS as last seen; empty until both came. */
  get parameterSets(): readonly Uint8Array[] {
    return this.#assembler.parameterSets;
  }

  /** Frames per second by the SPS, if it says. */
  get framesPerSecond(): number | undefined {
    return this.#assembler.framesPerSecond;
  }

  /** NAL units and access units that were too large, or that no stream may have. */
  get dropped(): number {
    return this.#splitter.droppedUnits + this.#assembler.droppedUnits + this.#assembler.droppedAccessUnits;
  }

  /**
   * Takes the next bytes, which may be reused afterwards. Returns the access units that became complete.
   *
   * A unit's first bytes say that the one before is over; to wait for its last bytes would cost a frame interval.
   */
  push(chunk: Uint8Array): AccessUnitNals[] {
    const done = this.#take(this.#splitter.push(chunk));
    return this.#hasSlice && endsWithNewUnit(chunk) ? [...done, ...this.#endUnit()] : done;
  }

  /**
   * The input pauses at what seems the end of a picture: gives out what is there, if there is a slice. Parameter sets and the
   * like without one are kept for the picture that follows.
   */
  pause(): AccessUnitNals[] {
    const done = this.#take(this.#splitter.end());
    return this.#hasSlice ? [...done, ...this.#endUnit()] : done;
  }

  /** The input is over: gives out what is left. The reader can be used for another one, and remembers the parameter sets. */
  end(): AccessUnitNals[] {
    return [...this.#take(this.#splitter.end()), ...this.#endUnit()];
  }

  #take(nals: readonly Uint8Array[]): AccessUnitNals[] {
    const done: AccessUnitNals[] = [];
    for (const nal of nals) {
      const unit = this.#assembler.push(nal);
      if (unit !== undefined) {
        done.push(unit);
        this.#hasSlice = false;
      }
      this.#hasSlice ||= isVcl(nalType(nal));
    }
    return done;
  }

  #endUnit(): AccessUnitNals[] {
    this.#hasSlice = false;
    const unit = this.#assembler.end();
    return unit === undefined ? [] : [unit];
  }
}

/**
 * Whether the NAL unit that begins last in the chunk is the first of an access unit (ITU-T H.264, 7.4.1.2.3). Not seen where its
 * first bytes lie in two chunks, which costs time but nothing else.
 */
function endsWithNewUnit(chunk: Uint8Array): boolean {
  const code = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length).lastIndexOf(START_CODE);
  const first = code + START_CODE.length;
  if (code < 0 || first + 1 >= chunk.length) return false;
  const type = (chunk[first] ?? 0) & 0x1f;
  if (type === NalType.slice || type === NalType.partitionA || type === NalType.idr) {
    return ((chunk[first + 1] ?? 0) & 0x80) !== 0;
  }
  return (type >= NalType.sei && type <= NalType.accessUnitDelimiter) || (type >= 14 && type <= 18);
}
