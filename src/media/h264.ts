/**
 * H.264 as a byte stream (ITU-T H.264, Annex B) and as NAL units (section 7.3.1): the small facts that splitter,
 * assembler, packetizer and depacketizer share.
 */

/** NAL unit types (ITU-T H.264, table 7-1; 24 and 28 from RFC 6184, table 1). */
export const NalType = {
  slice: 1,
  partitionA: 2,
  partitionB: 3,
  partitionC: 4,
  idr: 5,
  sei: 6,
  sps: 7,
  pps: 8,
  accessUnitDelimiter: 9,
  endOfSequence: 10,
  endOfStream: 11,
  filler: 12,
  stapA: 24,
  fuA: 28,
} as const;

/** Type of a NAL unit, 0..31; 0 (unspecified) for an empty one. */
export function nalType(unit: Uint8Array): number {
  return (unit[0] ?? 0) & 0x1f;
}

/** nal_ref_idc of a NAL unit, 0..3: how much other pictures depend on it. */
export function nalRefIdc(unit: Uint8Array): number {
  return ((unit[0] ?? 0) >> 5) & 3;
}

/** A coded slice or a data partition of one: what carries a picture (types 1..5, VCL in ITU-T H.264, table 7-1). */
export function isVcl(type: number): boolean {
  return type >= NalType.slice && type <= NalType.idr;
}

/**
 * Length of the start code before a NAL unit in an Annex B stream (ITU-T H.264, B.1.2): 4 bytes before the first unit of an
 * access unit and before SPS and PPS, 3 bytes before any other. This is what x264 writes.
 */
export function annexBStartCodeBytes(type: number, firstOfAccessUnit: boolean): 3 | 4 {
  return firstOfAccessUnit || type === NalType.sps || type === NalType.pps ? 4 : 3;
}

/** Joins the NAL units of one access unit to Annex B bytes, with start codes by {@link annexBStartCodeBytes}. */
export function toAnnexB(units: readonly Uint8Array[]): Uint8Array {
  let size = 0;
  units.forEach((unit, index) => {
    size += annexBStartCodeBytes(nalType(unit), index === 0) + unit.length;
  });
  const bytes = new Uint8Array(size);
  let offset = 0;
  units.forEach((unit, index) => {
    offset += annexBStartCodeBytes(nalType(unit), index === 0);
    bytes[offset - 1] = 1;
    bytes.set(unit, offset);
    offset += unit.length;
  });
  return bytes;
}
