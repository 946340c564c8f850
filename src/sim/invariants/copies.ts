import { headerOffset } from '../../codec/header.ts';
import { CRC_TRAILER_BYTES, HEADER_BYTES, SECURED_TRAILER_BYTES, TLV_HEADER_BYTES } from '../../protocol/constants.ts';
import { FrameFlag, frameTypeName, TlvType } from '../../protocol/frame.ts';
import { type SeenDatagram, sameBytes, sameRange } from './seen-datagram.ts';
import type { ViolationLog } from './violation.ts';

/** S13: copies of one frame are the same bytes but for attempt, cookie, padding and trailer. */
export class Copies {
  readonly #log: ViolationLog;

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  /** @returns what the next copy is compared with. */
  same(first: Uint8Array | undefined, seen: SeenDatagram): Uint8Array {
    const { bytes } = seen;
    if (first === undefined) return bytes;
    if (seen.counter !== undefined) {
      // A sealed copy has another counter, and with it other bytes: its ids and its size are what can be compared.
      const alike = first.length === bytes.length && sameRange(first, bytes, headerOffset.streamIdZero, HEADER_BYTES);
      if (!alike) this.#log.report('S13', `a copy of ${frameTypeName(seen.type)} differs from the first`);
      return first;
    }
    if (first !== bytes && !isCopy(first, bytes) && !sameBytes(masked(first), masked(bytes))) {
      this.#log.report('S13', `a copy of ${frameTypeName(seen.type)} differs from the first`);
    }
    return first;
  }
}

/** The common case, without an allocation: nothing but attempt and trailer differs. */
function isCopy(first: Uint8Array, bytes: Uint8Array): boolean {
  const { attempt } = headerOffset;
  return (
    first.length === bytes.length &&
    sameRange(first, bytes, 0, attempt) &&
    sameRange(first, bytes, attempt + 1, bytes.length - trailerBytes(bytes))
  );
}

/** A frame without all that may differ, its length included. */
function masked(bytes: Uint8Array): Uint8Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const end = bytes.length - trailerBytes(bytes);
  const kept = Array.from(bytes.subarray(0, HEADER_BYTES - 2));
  kept[headerOffset.attempt] = 0;
  for (let at = HEADER_BYTES; at + TLV_HEADER_BYTES <= end; ) {
    const type = view.getUint16(at);
    const next = at + TLV_HEADER_BYTES + view.getUint16(at + 2);
    if (type !== TlvType.COOKIE && type !== TlvType.PADDING) kept.push(...bytes.subarray(at, next));
    at = next;
  }
  return Uint8Array.from(kept);
}

function trailerBytes(bytes: Uint8Array): number {
  const secured = ((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
  return secured ? SECURED_TRAILER_BYTES : CRC_TRAILER_BYTES;
}
