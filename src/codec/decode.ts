/**
 * Bytes to frames. Strangers reach this code, so every length is compared with what is there before a byte is read.
 */
import {
  CONTROL_BYTES_MAX,
  CONTROL_BYTES_MIN,
  CONTROL_FIRST_BYTE,
  CRC_TRAILER_BYTES,
  HEADER_BYTES,
  PROTOCOL_VERSION,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
} from '../protocol/constants.ts';
import { type Frame, FrameFlag } from '../protocol/frame.ts';
import { u32At } from './big-endian.ts';
import { crc32 } from './crc.ts';
import type { DecodeReason } from './decode-reason.ts';
import { type FrameRow, frameRow } from './frame-table.ts';
import { type FixedHeader, headerFault, headerOffset, readHeader } from './header.ts';
import { type FrameDraft, keepUnknownTlvs, readTlvs } from './read-tlvs.ts';

/** Why a datagram is no frame. */
export interface DecodeRefusal {
  readonly ok: false;
  readonly reason: DecodeReason;
  /** Where it went wrong, 0..its length: the field, TLV or value at fault, or the end where something is missing. */
  readonly offset: number;
  /**
   * Present when size, first byte, lengths and trailer were right, so that a START of another version or with an unknown
   * critical TLV can be answered. Nothing else need be right: the datagram may be smaller than a START, and than the
   * answer to it.
   */
  readonly header?: FixedHeader;
}

/** A frame, or why there is none. */
export type DecodeResult = { readonly ok: true; readonly frame: Frame } | DecodeRefusal;

/**
 * What of an accepted frame is kept: `all`, so that it re-encodes to the same bytes, or the `known` TLVs alone. The unknown ones say
 * something to traces only, and 32 of them take 5 KB, which nobody should spend on a stranger's frame.
 */
export type KeptTlvs = 'all' | 'known';

/**
 * Decodes a clear control frame (docs/PROTOCOL.md, section 2). Invariant S10: never throws, reads nothing outside the
 * datagram, allocates nothing by an announced length. An accepted frame of which `all` is kept re-encodes to the same bytes.
 *
 * Checks in this order: size, first byte, announced length, SECURED, CRC, version, type, flags, StreamId, SessionTag, attempt,
 * reserved byte, TLVs in wire order, missing TLVs, the frame's own size.
 *
 * A TLV of an unknown type is skipped, or kept in `unknownTlvs`, if it is optional, and refuses the frame if it is critical; a
 * known one refuses the frame if its row does not list it. `criticalTlvs` says which known ones were marked critical.
 *
 * @param datagram all of it and nothing else; byte fields of the frame are views of it.
 * @param kept default `all`.
 */
export function decodeFrame(datagram: Uint8Array, kept: KeptTlvs = 'all'): DecodeResult {
  const header = measuredHeader(datagram);
  if ('ok' in header) return header;
  if ((header.flags & FrameFlag.SECURED) !== 0) return { ok: false, reason: 'secured', offset: headerOffset.flags };
  const bodyEnd = HEADER_BYTES + header.bodyLength;
  if (u32At(datagram, bodyEnd) !== crc32(datagram, bodyEnd)) return { ok: false, reason: 'crc', offset: bodyEnd };

  const row = ruledRow(frameRow(header.type), header, 0);
  return 'ok' in row ? row : readBody(datagram, header, row, kept);
}

/** The header of a datagram whose size, first byte and announced length are right. */
export function measuredHeader(datagram: Uint8Array): FixedHeader | DecodeRefusal {
  const size = datagram.length;
  if (size < CONTROL_BYTES_MIN) return { ok: false, reason: 'tooShort', offset: size };
  if (size > CONTROL_BYTES_MAX) return { ok: false, reason: 'tooLong', offset: CONTROL_BYTES_MAX };
  if (datagram[0] !== CONTROL_FIRST_BYTE) return { ok: false, reason: 'firstByte', offset: 0 };

  const header = readHeader(datagram);
  const secured = (header.flags & FrameFlag.SECURED) !== 0;
  const trailerBytes = secured ? SECURED_TRAILER_BYTES : CRC_TRAILER_BYTES;
  if (HEADER_BYTES + header.bodyLength + trailerBytes !== size) {
    return { ok: false, reason: 'bodyLength', offset: headerOffset.bodyLength };
  }
  return header;
}

/**
 * The row, if the header obeys it.
 *
 * @param trailerFlags see {@link headerFault}.
 */
export function ruledRow(
  row: FrameRow | undefined,
  header: FixedHeader,
  trailerFlags: number,
): FrameRow | DecodeRefusal {
  if (header.version !== PROTOCOL_VERSION) return refuse('version', headerOffset.version, header);
  if (row === undefined) return refuse('type', headerOffset.type, header);
  const wrong = headerFault(row, header, trailerFlags);
  if (wrong !== undefined) return refuse(wrong, headerOffset[wrong], header);
  if (header.reserved !== 0) return refuse('reserved', headerOffset.reserved, header);
  return row;
}

/**
 * The frame, if its body and size obey the row.
 *
 * @param opened TLVs of a sealed frame, which the datagram has behind header and counter; default those of the datagram.
 */
export function readBody(
  datagram: Uint8Array,
  header: FixedHeader,
  row: FrameRow,
  kept: KeptTlvs,
  opened?: Uint8Array,
): DecodeResult {
  const { type, flags, streamId, sessionTag, attempt } = header;
  const draft: FrameDraft = { type, flags, streamId, sessionTag, attempt };
  const body = opened ?? datagram;
  const start = opened === undefined ? HEADER_BYTES : 0;
  const end = opened?.length ?? HEADER_BYTES + header.bodyLength;
  const fault = readTlvs(body, start, end, row, draft);
  if (fault !== undefined) {
    const shift = opened === undefined ? 0 : HEADER_BYTES + SEALED_COUNTER_BYTES;
    return refuse(fault.reason, shift + fault.offset, header);
  }
  if (datagram.length < row.bytesMin || datagram.length > row.bytesMax) return refuse('size', datagram.length, header);
  if (kept === 'all') keepUnknownTlvs(body, start, end, draft);
  // The row is checked against the frame's type when compiled, and readTlvs has found what the row requires.
  return { ok: true, frame: draft as unknown as Frame };
}

/** A refusal behind a trailer that was right. */
function refuse(reason: DecodeReason, offset: number, header: FixedHeader): DecodeRefusal {
  return { ok: false, reason, offset, header };
}
