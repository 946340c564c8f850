import { BitReader, removeEmulationPrevention } from './bit-reader.ts';
import { NalType, nalType } from './h264.ts';

/** What a sequence parameter set (ITU-T H.264, 7.3.2.1.1) says about a stream. */
export interface SpsInfo {
  /** profile_idc, for instance 66 Baseline, 77 Main, 100 High. */
  readonly profileIdc: number;
  /** The constraint_set flags and reserved bits as one byte. */
  readonly constraints: number;
  /** level_idc: ten times the level. */
  readonly levelIdc: number;
  /** Pixels after cropping, 1..16384. */
  readonly width: number;
  /** Pixels after cropping, 1..16384. */
  readonly height: number;
  /** time_scale / (2 num_units_in_tick) of the VUI (E.2.1); absent when the VUI has none, or one outside 0.01..1000. */
  readonly framesPerSecond?: number;
}

/** Profiles whose SPS has the chroma and scaling fields (7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);

const SPS_BYTES_MAX = 4096;
const DIMENSION_MAX = 16_384;
const EXTENDED_SAR = 255;

/**
 * Reads a sequence parameter set. Bounded, never throws.
 *
 * @param unit the NAL unit with its header byte, without start code.
 * @returns `undefined` for another type, a truncated set, or values that the standard does not allow.
 */
export function parseSps(unit: Uint8Array): SpsInfo | undefined {
  if (nalType(unit) !== NalType.sps || unit.length < 4 || unit.length > SPS_BYTES_MAX) return undefined;
  const bits = new BitReader(removeEmulationPrevention(unit.subarray(1)));
  const profileIdc = bits.bits(8);
  const constraints = bits.bits(8);
  const levelIdc = bits.bits(8);
  if (bits.unsigned() > 31) return undefined;
  const chroma = HIGH_PROFILES.has(profileIdc) ? readChroma(bits) : 1;
  if (chroma === undefined) return undefined;
  bits.unsigned();
  if (!skipPictureOrderCount(bits)) return undefined;
  bits.unsigned();
  bits.bit();
  const widthBlocks = bits.unsigned() + 1;
  const heightUnits = bits.unsigned() + 1;
  const fieldsPerUnit = bits.flag() ? 1 : 2;
  if (fieldsPerUnit === 2) bits.bit();
  bits.bit();
  const crop = bits.flag()
    ? { left: bits.unsigned(), right: bits.unsigned(), top: bits.unsigned(), bottom: bits.unsigned() }
    : { left: 0, right: 0, top: 0, bottom: 0 };
  const cropX = chroma === 1 || chroma === 2 ? 2 : 1;
  const cropY = (chroma === 1 ? 2 : 1) * fieldsPerUnit;
  const width = 16 * widthBlocks - cropX * (crop.left + crop.right);
  const height = 16 * heightUnits * fieldsPerUnit - cropY * (crop.top + crop.bottom);
  const framesPerSecond = bits.flag() ? readFrameRate(bits) : undefined;
  if (bits.overrun || !isDimension(width) || !isDimension(height)) return undefined;
  const info = { profileIdc, constraints, levelIdc, width, height };
  return framesPerSecond === undefined ? info : { ...info, framesPerSecond };
}

function isDimension(pixels: number): boolean {
  return pixels >= 1 && pixels <= DIMENSION_MAX;
}

/** Returns ChromaArrayType. */
function readChroma(bits: BitReader): number | undefined {
  const format = bits.unsigned();
  if (format > 3) return undefined;
  const separatePlanes = format === 3 && bits.flag();
  bits.unsigned();
  bits.unsigned();
  bits.bit();
  if (bits.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let list = 0; list < lists; list++) {
      if (bits.flag()) skipScalingList(bits, list < 6 ? 16 : 64);
    }
  }
  return separatePlanes ? 0 : format;
}

function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  for (let index = 0; index < size; index++) {
    const next = (last + bits.signed() + 256) % 256;
    if (next === 0) return;
    last = next;
  }
}

function skipPictureOrderCount(bits: BitReader): boolean {
  const type = bits.unsigned();
  if (type === 0) {
    bits.unsigned();
  } else if (type === 1) {
    bits.bit();
    bits.signed();
    bits.signed();
    const count = bits.unsigned();
    if (count > 255) return false;
    for (let index = 0; index < count; index++) bits.signed();
  }
  return type <= 2;
}

function readFrameRate(bits: BitReader): number | undefined {
  if (bits.flag() && bits.bits(8) === EXTENDED_SAR) bits.bits(32);
  if (bits.flag()) bits.bit();
  if (bits.flag()) {
    bits.bits(4);
    if (bits.flag()) bits.bits(24);
  }
  if (bits.flag()) {
    bits.unsigned();
    bits.unsigned();
  }
  if (!bits.flag()) return undefined;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  const rate = timeScale / (2 * unitsInTick);
  return rate >= 0.01 && rate <= 1000 ? rate : undefined;
}
