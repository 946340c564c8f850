import { isVcl, NalType, nalType } from './h264.ts';
import { parseSps, type SpsInfo } from './sps.ts';

/** The NAL units of one access unit (ITU-T H.264, 7.4.1.2) in stream order, without start codes. */
export interface AccessUnitNals {
  readonly units: readonly Uint8Array[];
  /** It has an IDR slice, an SPS and a PPS: a decoder can start here. */
  readonly keyframe: boolean;
}

/** NAL units of one access unit at most; more are dropped with it. */
export const ACCESS_UNIT_NALS_MAX = 4096;
/** Bytes of one access unit at most by default. */
export const ACCESS_UNIT_BYTES_MAX = 8 * 1024 * 1024;

/**
 * Gathers NAL units to access units by ITU-T H.264, 7.4.1.2.3, for streams of one layer without redundant pictures.
 *
 * After a slice, any of access unit delimiter, SPS, PPS, SEI and types 14 to 18 begins the next unit, and so does a slice with
 * first_mb_in_slice 0. That is enough there, since every picture's first slice begins at macroblock 0 unless arbitrary slice
 * order (Baseline only, in no common encoder) is used. Comparing frame_num and the like would need the slice header's
 * parameter sets and find nothing more.
 *
 * An IDR picture that comes without SPS or PPS gets the newest one of the stream put before it; what stands in the stream is
 * never repeated, so a stream that repeats its sets by itself keeps its bytes. A stream that uses several PPS at a time must do that.
 */
export class AccessUnitAssembler {
  readonly #bytesMax: number;
  #units: Uint8Array[] = [];
  #bytes = 0;
  #hasVcl = false;
  #hasIdr = false;
  #tooLarge = false;
  #sps: Uint8Array | undefined;
  #pps: Uint8Array | undefined;
  #spsInfo: SpsInfo | undefined;
  #droppedUnits = 0;
  #droppedAccessUnits = 0;

  /** @param bytesMax bytes of one access unit at most, default 8 MiB; a larger one is dropped and counted. */
  constructor(bytesMax: number = ACCESS_UNIT_BYTES_MAX) {
    this.#bytesMax = bytesMax;
  }

  /** What the newest readable SPS says. */
  get spsInfo(): SpsInfo | undefined {
    return this.#spsInfo;
  }

  /** Frames per second by the newest SPS, if it has VUI timing. */
  get framesPerSecond(): number | undefined {
    return this.#spsInfo?.framesPerSecond;
  }

  /** The newest SPS and PPS, as SDP tells them (RFC 6184, 8.1, sprop-parameter-sets); empty until both came. */
  get parameterSets(): readonly Uint8Array[] {
    return this.#sps === undefined || this.#pps === undefined ? [] : [this.#sps, this.#pps];
  }

  /** NAL units of types that may not stand in a stream (0 and 24 to 31, which RTP uses itself), and empty ones. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  /** Access units dropped because they were too large. */
  get droppedAccessUnits(): number {
    return this.#droppedAccessUnits;
  }

  /** Takes the next NAL unit, which must not change afterwards. Returns the access unit that it ended, if it began a new one. */
  push(unit: Uint8Array): AccessUnitNals | undefined {
    const type = nalType(unit);
    if (type === 0 || type >= NalType.stapA) {
      this.#droppedUnits++;
      return undefined;
    }
    const done = this.#hasVcl && beginsAccessUnit(unit, type) ? this.end() : undefined;
    if (type === NalType.sps) {
      this.#sps = unit;
      this.#spsInfo = parseSps(unit) ?? this.#spsInfo;
    } else if (type === NalType.pps) {
      this.#pps = unit;
    }
    this.#hasVcl ||= isVcl(type);
    this.#hasIdr ||= type === NalType.idr;
    this.#bytes += unit.length;
    this.#tooLarge ||= this.#bytes > this.#bytesMax || this.#units.length >= ACCESS_UNIT_NALS_MAX;
    if (this.#tooLarge) this.#units = [];
    else this.#units.push(unit);
    return done;
  }

  /** The stream is over, or pauses at a known end of a picture: returns what was gathered, if a slice is in it. */
  end(): AccessUnitNals | undefined {
    const units = this.#units;
    const { hasVcl, hasIdr, tooLarge } = { hasVcl: this.#hasVcl, hasIdr: this.#hasIdr, tooLarge: this.#tooLarge };
    this.#units = [];
    this.#bytes = 0;
    this.#hasVcl = false;
    this.#hasIdr = false;
    this.#tooLarge = false;
    if (tooLarge) this.#droppedAccessUnits++;
    if (!hasVcl || tooLarge) return undefined;
    return { units, keyframe: hasIdr && this.#completeSets(units) };
  }

  /** Puts missing parameter sets before the picture. Returns whether both are there now. */
  #completeSets(units: Uint8Array[]): boolean {
    const missing: Uint8Array[] = [];
    const hasSps = units.some((unit) => nalType(unit) === NalType.sps);
    const hasPps = units.some((unit) => nalType(unit) === NalType.pps);
    if (!hasSps && this.#sps !== undefined) missing.push(this.#sps);
    if (!hasPps && this.#pps !== undefined) missing.push(this.#pps);
    const afterDelimiter = units[0] !== undefined && nalType(units[0]) === NalType.accessUnitDelimiter ? 1 : 0;
    const afterSps = hasSps ? units.findIndex((unit) => nalType(unit) === NalType.sps) + 1 : afterDelimiter;
    units.splice(afterSps, 0, ...missing);
    return this.#sps !== undefined && this.#pps !== undefined;
  }
}

function beginsAccessUnit(unit: Uint8Array, type: number): boolean {
  switch (type) {
    case NalType.slice:
    case NalType.partitionA:
    case NalType.idr:
      // ue(v) of 0 is the single bit 1.
      return ((unit[1] ?? 0) & 0x80) !== 0;
    case NalType.sei:
    case NalType.sps:
    case NalType.pps:
    case NalType.accessUnitDelimiter:
      return true;
    default:
      return type >= 14 && type <= 18;
  }
}
