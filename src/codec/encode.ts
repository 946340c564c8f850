/**
 * Frames to bytes. What cannot be encoded is the caller's bug and throws a RangeError; nothing is cut to fit.
 */
import {
  ATTEMPTS_MAX,
  CONTROL_BYTES_MAX,
  HEADER_BYTES,
  TLV_CRITICAL_BIT,
  TLV_HEADER_BYTES,
  TLVS_MAX,
} from '../protocol/constants.ts';
import { DatagramSlab } from '../protocol/datagram-slab.ts';
import {
  type Frame,
  FrameFlag,
  type FrameHeader,
  type SecuredFrameBody,
  type SecuredHandshakeFrame,
  TlvType,
  type UnknownTlv,
} from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { clearTrailer } from './clear-trailer.ts';
import { frameRow, securedFrameRow, type TlvRow } from './frame-table.ts';
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
 * Encodes a control frame (docs/PROTOCOL.md, section 2).
 *
 * `paddingBytes`, if given, is used as it is. If it is absent, a frame with a least size gets the PADDING that it needs:
 * START ends up with exactly 256 bytes, START_CONFIRM, PING, PATH_CHALLENGE and BYE with at least 72 (up to 75, as a PADDING
 * TLV costs 4 bytes itself), and what is large enough gets none.
 *
 * @param trailer how it ends; default clear. A secured one has the TLVs of a secured session.
 * @returns a new array of exactly the frame's size, in memory of its own.
 * @throws RangeError if a field is missing, out of range or too long, or if the frame's rules for flags, ids, attempt, order
 * of unknown TLVs or size do not hold.
 */
export function encodeFrame(frame: Frame, trailer?: FrameTrailer): Uint8Array;
export function encodeFrame(frame: SecuredHandshakeFrame, trailer: FrameTrailer): Uint8Array;
export function encodeFrame(frame: Frame | SecuredHandshakeFrame, trailer: FrameTrailer = clearTrailer): Uint8Array {
  return encodeParts(frame, frame, trailer);
}

/**
 * As {@link encodeFrame}, of a frame in two parts.
 *
 * @param header flags, ids, attempt; also `criticalTlvs` and `unknownTlvs`, if any.
 * @param body type, and the fields that are TLVs.
 */
export function encodeParts(
  header: FrameHeader,
  body: SecuredFrameBody,
  trailer: FrameTrailer = clearTrailer,
): Uint8Array {
  const bytes = scratch.slice(0, layOut(header, body, trailer));
  trailer.complete(bytes);
  return bytes;
}

/** As {@link encodeParts}, for a frame that nobody keeps: its memory is shared with others ({@link DatagramSlab}). */
export function encodeOnce(
  header: FrameHeader,
  body: SecuredFrameBody,
  trailer: FrameTrailer = clearTrailer,
): Uint8Array {
  const bytes = slab.copy(scratch, layOut(header, body, trailer));
  trailer.complete(bytes);
  return bytes;
}

/** Lays a frame out in the scratch, all but counter and trailer. @returns its size in bytes. */
function layOut(header: FrameHeader, body: SecuredFrameBody, trailer: FrameTrailer): number {
  const row = trailer.flags === 0 ? frameRow(body.type) : securedFrameRow(body.type);
  if (row === undefined) throw new RangeError(`there is no frame type ${body.type}`);
  // KEY_PHASE is the sealer's, also where the frame is one that came.
  const trailerFlags = trailer.counterBytes === 0 ? trailer.flags : trailer.flags | FrameFlag.KEY_PHASE;
  const fault = headerFault(row, header, trailerFlags);
  if (fault !== undefined) throw new RangeError(`${row.name} breaks the rule for ${fault}`);
  writeHeader(scratchView, body.type, header);
  scratchView.setUint8(headerOffset.flags, header.flags | trailer.flags);
  const bodyEnd = writeTlvs(row, header, body as Partial<Record<TlvField, unknown>>, trailer);
  scratchView.setUint16(headerOffset.bodyLength, bodyEnd - HEADER_BYTES);
  const size = bodyEnd + trailer.bytes;
  if (size < row.bytesMin || size > row.bytesMax) {
    throw new RangeError(`${row.name} must have ${row.bytesMin} to ${row.bytesMax} bytes, not ${size}`);
  }
  return size;
}

/**
 * Gives an encoded frame another attempt and the trailer that goes with it, in place: a START that is sent again, or a cached
 * START_ACK or ERROR that answers one (invariant S13).
 *
 * @param encoded what {@link encodeFrame} returned.
 * @param trailer the same as then; CRC-32 or MAC1.
 * @throws RangeError unless attempt is 1..255.
 */
export function patchAttempt(encoded: Uint8Array, attempt: number, trailer: FrameTrailer = clearTrailer): void {
  if (attempt === 0) throw new RangeError('attempts count from 1');
  encoded[headerOffset.attempt] = uintAtMost(ATTEMPTS_MAX, attempt, 'attempt');
  trailer.complete(encoded);
}

/**
 * TLVs without a frame around them, such as those inside a Noise message.
 *
 * @throws RangeError if a field is missing, out of range or too long.
 */
export function encodeTlvs(row: TlvRow, fields: Partial<Record<TlvField, unknown>>): Uint8Array {
  return scratch.slice(HEADER_BYTES, writeTlvs(row, {}, fields, clearTrailer));
}

function writeTlvs(
  row: TlvRow,
  header: Pick<FrameHeader, 'criticalTlvs' | 'unknownTlvs'>,
  fields: Partial<Record<TlvField, unknown>>,
  trailer: FrameTrailer,
): number {
  const critical = uintAtMost(U32_MAX, header.criticalTlvs ?? 0, 'criticalTlvs');
  const body = new Body(HEADER_BYTES + trailer.counterBytes, header.unknownTlvs ?? NO_TLVS);
  let written = 0;
  for (const { field, type, mask, required, value: kind } of row.tlvs) {
    body.putUnknownBelow(type);
    const value = fields[field] ?? (type === TlvType.PADDING ? paddingFor(row, body.end + trailer.bytes) : undefined);
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
function paddingFor(row: TlvRow, bytes: number): number | undefined {
  const lacking = row.bytesMin - bytes;
  return lacking > 0 ? Math.max(0, lacking - TLV_HEADER_BYTES) : undefined;
}

/** The TLVs written into the scratch so far, and the skipped ones that still have to be put between them. */
class Body {
  end: number;
  readonly #unknown: readonly UnknownTlv[];
  #unknownPut = 0;
  #count = 0;
  #lastType = -1;

  constructor(start: number, unknown: readonly UnknownTlv[]) {
    this.end = start;
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
