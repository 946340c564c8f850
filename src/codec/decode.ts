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
  TLV_CRITICAL_BIT,
  TLV_HEADER_BYTES,
  TLVS_MAX,
} from '../protocol/constants.ts';
import { type Frame, FrameFlag, type UnknownTlv } from '../protocol/frame.ts';
import { u16At, u32At } from './big-endian.ts';
import { crc32 } from './crc.ts';
import type { DecodeReason } from './decode-reason.ts';
import { type FrameRow, frameRow } from './frame-table.ts';
import { type FixedHeader, headerFault, headerOffset, readHeader } from './header.ts';
import { bytesAt, isKnownTlv, tlvBit } from './tlv.ts';

/** A frame, or why there is none. */
export type DecodeResult =
  | { readonly ok: true; readonly frame: Frame }
  | {
      readonly ok: false;
      readonly reason: DecodeReason;
      /** Where it went wrong, 0..its length: the field, TLV or value at fault, or the end where something is missing. */
      readonly offset: number;
      /**
       * Present when size, first byte, lengths and CRC were right, so that a START of another version or with an unknown
       * critical TLV can be answered. Nothing else need be right: the datagram may be smaller than a START, and than the
       * answer to it.
       */
      readonly header?: FixedHeader;
    };

/** MAC1 or AEAD tag of a SECURED frame. */
const SECURED_TRAILER_BYTES = 16;

interface Fault {
  readonly reason: DecodeReason;
  readonly offset: number;
}

/** A frame while its fields are still being found. */
interface Draft {
  criticalTlvs?: number;
  unknownTlvs?: UnknownTlv[];
  [field: string]: unknown;
}

/**
 * Decodes a clear control frame (docs/PROTOCOL.md, section 2). Invariant S10: never throws, reads nothing outside the
 * datagram, allocates nothing by an announced length. An accepted frame re-encodes to the same bytes.
 *
 * Checks in this order: size, first byte, announced length, SECURED, CRC, version, type, flags, StreamId, SessionTag, attempt,
 * reserved byte, TLVs in wire order, missing TLVs, the frame's own size.
 *
 * A TLV of an unknown type is kept in `unknownTlvs` if it is optional and refuses the frame if it is critical; a known one
 * refuses the frame if its row does not list it. `criticalTlvs` says which known ones were marked critical.
 *
 * @param datagram all of it and nothing else; byte fields of the frame are views of it.
 */
export function decodeFrame(datagram: Uint8Array): DecodeResult {
  const size = datagram.length;
  if (size < CONTROL_BYTES_MIN) return { ok: false, reason: 'tooShort', offset: size };
  if (size > CONTROL_BYTES_MAX) return { ok: false, reason: 'tooLong', offset: CONTROL_BYTES_MAX };
  if (datagram[0] !== CONTROL_FIRST_BYTE) return { ok: false, reason: 'firstByte', offset: 0 };

  const header = readHeader(datagram);
  const bodyEnd = HEADER_BYTES + header.bodyLength;
  const secured = (header.flags & FrameFlag.SECURED) !== 0;
  if (bodyEnd + (secured ? SECURED_TRAILER_BYTES : CRC_TRAILER_BYTES) !== size) {
    return { ok: false, reason: 'bodyLength', offset: headerOffset.bodyLength };
  }
  if (secured) return { ok: false, reason: 'secured', offset: headerOffset.flags };
  if (u32At(datagram, bodyEnd) !== crc32(datagram, bodyEnd)) return { ok: false, reason: 'crc', offset: bodyEnd };

  if (header.version !== PROTOCOL_VERSION) return refuse('version', headerOffset.version, header);
  const row = frameRow(header.type);
  if (row === undefined) return refuse('type', headerOffset.type, header);
  const wrong = headerFault(row, header);
  if (wrong !== undefined) return refuse(wrong, headerOffset[wrong], header);
  if (header.reserved !== 0) return refuse('reserved', headerOffset.reserved, header);

  const { type, flags, streamId, sessionTag, attempt } = header;
  const draft: Draft = { type, flags, streamId, sessionTag, attempt };
  const fault = readTlvs(datagram, bodyEnd, row, draft);
  if (fault !== undefined) return refuse(fault.reason, fault.offset, header);
  if (size < row.bytesMin || size > row.bytesMax) return refuse('size', size, header);
  // The row is checked against the frame's type when compiled, and readTlvs has found what the row requires.
  return { ok: true, frame: draft as unknown as Frame };
}

function refuse(reason: DecodeReason, offset: number, header: FixedHeader): DecodeResult {
  return { ok: false, reason, offset, header };
}

function readTlvs(datagram: Uint8Array, bodyEnd: number, row: FrameRow, draft: Draft): Fault | undefined {
  let seen = 0;
  let critical = 0;
  let lastType = -1;
  let count = 0;
  for (let at = HEADER_BYTES; at < bodyEnd; ) {
    const start = at + TLV_HEADER_BYTES;
    if (start > bodyEnd) return { reason: 'tlvTruncated', offset: at };
    const typeBits = u16At(datagram, at);
    const type = typeBits & ~TLV_CRITICAL_BIT;
    const length = u16At(datagram, at + 2);
    const end = start + length;
    if (end > bodyEnd) return { reason: 'tlvTruncated', offset: at };
    if (++count > TLVS_MAX) return { reason: 'tlvCount', offset: at };
    if (type <= lastType) return { reason: 'tlvOrder', offset: at };
    lastType = type;

    const isCritical = typeBits !== type;
    const tlv = row.tlvAtBit[tlvBit(type)];
    if (tlv !== undefined) {
      if (length < tlv.value.bytesMin || length > tlv.value.bytesMax) return { reason: 'tlvLength', offset: at + 2 };
      const value = tlv.value.read(datagram, start, end);
      if (value === undefined) return { reason: tlv.value.fault, offset: start };
      draft[tlv.field] = value;
      seen |= tlv.mask;
      if (isCritical) critical |= tlv.mask;
    } else {
      if (isKnownTlv(type)) return { reason: 'tlvNotAllowed', offset: at };
      if (isCritical) return { reason: 'criticalTlv', offset: at };
      draft.unknownTlvs ??= [];
      draft.unknownTlvs.push({ type, value: bytesAt(datagram, start, length) });
    }
    at = end;
  }
  if ((row.required & ~seen) !== 0) return { reason: 'tlvMissing', offset: bodyEnd };
  if (critical !== 0) draft.criticalTlvs = critical >>> 0;
  return undefined;
}
