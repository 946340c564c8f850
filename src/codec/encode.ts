/**
 * Frames to bytes. What cannot be encoded is the caller's bug and throws a RangeError; nothing is cut to fit.
 */
import {
  ATTEMPTS_MAX,
  CONTROL_BYTES_MAX,
  CRC_TRAILER_BYTES,
  HEADER_BYTES,
  TLV_CRITICAL_BIT,
  TLV_HEADER_BYTES,
  TLVS_MAX,
} from '../protocol/constants.ts';
import { DatagramSlab } from '../protocol/datagram-slab.ts';
import { type Frame, type FrameBody, type FrameHeader, TlvType, type UnknownTlv } from '../protocol/frame.ts';
import { crc32 } from './crc.ts';
import { type FrameRow, frameRow } from './frame-table.ts';
import { headerFault, headerOffset, writeHeader } from './header.ts';
import { U32_MAX, uintAtMost } from './range.ts';
import { isKnownTlv, opaque, type TlvField, type TlvValue } from './tlv.ts';

/**
 * Frames are laid out here and then copied at their right size. Twice the largest frame: room for any TLV behind a frame
 * that is still legal, so that sizes are checked after writing. What does not fit even here is refused by the array itself,
 * with a RangeError.
 */
const scratch = new Uint8Array(2 * CONTROL_BYTES_MAX);
const scratchView = new DataView(scratch.buffer);
/** For frames that are sent once: 32 STARTs. */
const slab = new DatagramSlab(8192);
const NO_TLVS: readonly UnknownTlv[] = [];

/**
 * Encodes a clear control frame (docs/PROTOCOL.md, section 2).
 *
 * `paddingBytes`, if given, is used as it is. If it is absent, a frame with a least size gets the PADDING that it needs:
 * START ends up with exactly 256 bytes, START_CONFIRM, PING, PATH_CHALLENGE and BYE with at least 72 (up to 75, as a PADDING
 * TLV costs 4 bytes itself), and what is large enough gets none.
 *
 * @returns a new array of exactly the frame's size, in memory of its own.
 * @throws RangeError if a field is missing, out of range or too long, or if the frame's rules for flags, ids, attempt, order
 * of unknown TLVs or size do not hold.
 */
export function encodeFrame(frame: Frame): Uint8Array {
  return encodeParts(frame, frame);
}

/**
 * As {@link encodeFrame}, of a frame in two parts.
 *
 * @param header flags, ids, attempt; also `criticalTlvs` and `unknownTlvs`, if any.
 * @param body type, and the fields that are TLVs.
 */
export function encodeParts(header: FrameHeader, body: FrameBody): Uint8Array {
  return scratch.slice(0, layOut(header, body));
}

/** As {@link encodeParts}, for a frame that nobody keeps: its memory is shared with others ({@link DatagramSlab}). */
export function encodeOnce(header: FrameHeader, body: FrameBody): Uint8Array {
  return slab.copy(scratch, layOut(header, body));
}

/** Lays a frame out in the scratch. @returns its size in bytes. */
function layOut(header: FrameHeader, body: FrameBody): number {
  const row = frameRow(body.type);
  if (row === undefined) throw new RangeError(`there is no frame type ${body.type}`);
  const fault = headerFault(row, header);
  if (fault !== undefined) throw new RangeError(`${row.name} breaks the rule for ${fault}`);
  writeHeader(scratchView, body.type, header);
  const bodyEnd = writeTlvs(row, header, body as Partial<Record<TlvField, unknown>>);
  scratchView.setUint16(headerOffset.bodyLength, bodyEnd - HEADER_BYTES);
  const size = bodyEnd + CRC_TRAILER_BYTES;
  if (size < row.bytesMin || size > row.bytesMax) {
    throw new RangeError(`${row.name} must have ${row.bytesMin} to ${row.bytesMax} bytes, not ${size}`);
  }
  scratchView.setUint32(bodyEnd, crc32(scratch, bodyEnd));
  return size;
}

/**
 * Gives an encoded clear frame another attempt and its new CRC, in place: a START that is sent again, or a cached START_ACK
 * or ERROR that answers one (invariant S13).
 *
 * @param encoded what {@link encodeFrame} returned.
 * @throws RangeError unless attempt is 1..255.
 */
export function patchAttempt(encoded: Uint8Array, attempt: number): void {
  if (attempt === 0) throw new RangeError('attempts count from 1');
  encoded[headerOffset.attempt] = uintAtMost(ATTEMPTS_MAX, attempt, 'attempt');
  const bodyEnd = encoded.length - CRC_TRAILER_BYTES;
  const crc = crc32(encoded, bodyEnd);
  for (let at = 0; at < CRC_TRAILER_BYTES; at++) encoded[bodyEnd + at] = crc >>> (24 - 8 * at);
}

function writeTlvs(row: FrameRow, header: FrameHeader, fields: Partial<Record<TlvField, unknown>>): number {
  const critical = uintAtMost(U32_MAX, header.criticalTlvs ?? 0, 'criticalTlvs');
  const body = new Body(header.unknownTlvs ?? NO_TLVS);
  let written = 0;
  for (const { field, type, mask, required, value: kind } of row.tlvs) {
    body.putUnknownBelow(type);
    const value = fields[field] ?? (type === TlvType.PADDING ? paddingFor(row, body.end) : undefined);
    if (value !== undefined) {
      body.put((critical & mask) === 0 ? type : type | TLV_CRITICAL_BIT, kind, value, field);
      written |= mask;
    } else if (required) {
      throw new RangeError(`${row.name} must have ${field}`);
    }
  }
  body.putUnknownBelow(TlvType.PADDING);
  if ((critical & ~written) !== 0) throw new RangeError('criticalTlvs names a TLV that the frame does not have');
  return body.end;
}

/** Zeros that bring the frame to its least size behind the PADDING TLV's own 4 bytes; `undefined` if it is there already. */
function paddingFor(row: FrameRow, bodyEnd: number): number | undefined {
  const lacking = row.bytesMin - CRC_TRAILER_BYTES - bodyEnd;
  return lacking > 0 ? Math.max(0, lacking - TLV_HEADER_BYTES) : undefined;
}

/** The TLVs written into the scratch so far, and the skipped ones that still have to be put between them. */
class Body {
  end = HEADER_BYTES;
  readonly #unknown: readonly UnknownTlv[];
  #unknownPut = 0;
  #count = 0;
  #lastType = -1;

  constructor(unknown: readonly UnknownTlv[]) {
    this.#unknown = unknown;
  }

  putUnknownBelow(limit: number): void {
    for (let tlv = this.#unknown[this.#unknownPut]; tlv !== undefined; tlv = this.#unknown[++this.#unknownPut]) {
      const { type, value } = tlv;
      if (isKnownTlv(type)) throw new RangeError(`TLV ${type} is not an unknown one`);
      if (uintAtMost(TlvType.PADDING, type, 'TLV type') >= limit) return;
      this.put(type, opaque, value, `TLV ${type}`);
    }
  }

  put<V>(typeBits: number, kind: TlvValue<V>, value: V, field: string): void {
    const type = typeBits & ~TLV_CRITICAL_BIT;
    if (type <= this.#lastType) throw new RangeError(`${field} is out of order: TLV types must ascend`);
    this.#lastType = type;
    if (++this.#count > TLVS_MAX) throw new RangeError(`more than ${TLVS_MAX} TLVs`);
    const start = this.end + TLV_HEADER_BYTES;
    const length = kind.write(scratchView, start, value, field);
    this.end = start + length;
    scratchView.setUint16(start - TLV_HEADER_BYTES, typeBits);
    scratchView.setUint16(start - TLV_HEADER_BYTES + 2, length);
  }
}
