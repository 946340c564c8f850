import { TLV_CRITICAL_BIT, TLV_HEADER_BYTES, TLVS_MAX } from '../protocol/constants.ts';
import type { UnknownTlv } from '../protocol/frame.ts';
import { u16At } from './big-endian.ts';
import type { DecodeReason } from './decode-reason.ts';
import type { TlvRow } from './frame-table.ts';
import { bytesAt, isKnownTlv, tlvBit } from './tlv.ts';

/** What is wrong with a body, and where. */
export interface TlvFault {
  readonly reason: DecodeReason;
  readonly offset: number;
}

/** A frame while its fields are still being found. */
export interface FrameDraft {
  criticalTlvs?: number;
  unknownTlvs?: UnknownTlv[];
  [field: string]: unknown;
}

/**
 * Reads TLVs into a frame's fields. A TLV of an unknown type is skipped if it is optional and refuses the frame if it is critical;
 * a known one refuses the frame if the row does not list it. What was skipped can be had with {@link keepUnknownTlvs}.
 *
 * @param start first byte of the first TLV.
 * @param bodyEnd one behind the last byte of the last.
 * @returns what is wrong, `undefined` for nothing.
 */
export function readTlvs(
  datagram: Uint8Array,
  start: number,
  bodyEnd: number,
  row: TlvRow,
  draft: FrameDraft,
): TlvFault | undefined {
  let seen = 0;
  let critical = 0;
  let lastType = -1;
  let count = 0;
  for (let at = start; at < bodyEnd; ) {
    const valueAt = at + TLV_HEADER_BYTES;
    const typeBits = u16At(datagram, at);
    const type = typeBits & ~TLV_CRITICAL_BIT;
    const length = u16At(datagram, at + 2);
    // Also where not even its own header fits: what is read of it then counts for nothing.
    const end = valueAt + length;
    if (end > bodyEnd) return { reason: 'tlvTruncated', offset: at };
    if (++count > TLVS_MAX) return { reason: 'tlvCount', offset: at };
    if (type <= lastType) return { reason: 'tlvOrder', offset: at };
    lastType = type;

    const isCritical = typeBits !== type;
    const tlv = row.tlvAtBit[tlvBit(type)];
    if (tlv !== undefined) {
      if (length < tlv.value.bytesMin || length > tlv.value.bytesMax) return { reason: 'tlvLength', offset: at + 2 };
      const value = tlv.value.read(datagram, valueAt, end);
      if (value === undefined) return { reason: tlv.value.fault, offset: valueAt };
      draft[tlv.field] = value;
      seen |= tlv.mask;
      if (isCritical) critical |= tlv.mask;
    } else {
      if (isKnownTlv(type)) return { reason: 'tlvNotAllowed', offset: at };
      if (isCritical) return { reason: 'criticalTlv', offset: at };
    }
    at = end;
  }
  if ((row.required & ~seen) !== 0) return { reason: 'tlvMissing', offset: bodyEnd };
  if (critical !== 0) draft.criticalTlvs = critical >>> 0;
  return undefined;
}

/**
 * Puts the TLVs that were skipped into `unknownTlvs`, if there are any. Apart from reading them, because 32 of them take 5 KB,
 * and most of what has that many is refused in the end. @param draft read from the same bytes, without a fault.
 */
export function keepUnknownTlvs(datagram: Uint8Array, start: number, bodyEnd: number, draft: FrameDraft): void {
  for (let at = start; at < bodyEnd; ) {
    const type = u16At(datagram, at);
    const length = u16At(datagram, at + 2);
    const valueAt = at + TLV_HEADER_BYTES;
    if (!isKnownTlv(type & ~TLV_CRITICAL_BIT)) {
      draft.unknownTlvs ??= [];
      draft.unknownTlvs.push({ type, value: bytesAt(datagram, valueAt, length) });
    }
    at = valueAt + length;
  }
}
