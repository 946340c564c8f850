/**
 * Bytes to frames at an end that is configured as secured (docs/PROTOCOL.md, sections 2 and 7). Keys stay outside: MAC1 is
 * checked by a function, and sealed frames are opened by the session that they name.
 */
import { HEADER_BYTES, SEALED_COUNTER_BYTES } from '../protocol/constants.ts';
import {
  type ErrorFrame,
  FrameFlag,
  FrameType,
  type ResetFrame,
  type RetryFrame,
  type SecuredHandshakeFrame,
} from '../protocol/frame.ts';
import {
  type DecodeRefusal,
  type DecodeResult,
  decodeFrame,
  type KeptTlvs,
  measuredHeader,
  readBody,
  ruledRow,
} from './decode.ts';
import { securedFrameRow } from './frame-table.ts';
import { type FixedHeader, headerOffset, readHeader } from './header.ts';

/** A frame that can be read without the keys of a session. */
export type UnsealedFrame = SecuredHandshakeFrame | ErrorFrame | RetryFrame | ResetFrame;

/** What a datagram is at an end that is configured as secured. */
export type SecuredDecode =
  | { readonly ok: true; readonly sealed: false; readonly frame: UnsealedFrame }
  /** A sealed frame whose header obeys the rules; {@link decodeOpened} reads the rest once it was opened. */
  | { readonly ok: true; readonly sealed: true; readonly header: FixedHeader }
  | DecodeRefusal;

const mac1Types: ReadonlySet<number> = new Set([
  FrameType.START,
  FrameType.START_ACK,
  FrameType.START_CONFIRM,
  FrameType.ERROR,
  FrameType.RETRY,
]);

/** Whether a frame of this type ends with MAC1 in a secured session; the others, but for RESET, are sealed. */
export function endsWithMac1(type: number): boolean {
  return mac1Types.has(type);
}

/**
 * Decodes a datagram at an end that is configured as secured. Invariant S10, as {@link decodeFrame}.
 *
 * Checks in the same order, with the trailer of the frame's kind; of a sealed frame only header and least size.
 *
 * @param hasMac1 whether the last 16 bytes of a datagram are MAC1 of those before.
 * @param kept default `all`.
 */
export function decodeSecured(
  datagram: Uint8Array,
  hasMac1: (datagram: Uint8Array) => boolean,
  kept: KeptTlvs = 'all',
): SecuredDecode {
  const header = measuredHeader(datagram);
  if ('ok' in header) return header;
  if ((header.flags & FrameFlag.SECURED) === 0) return decodeReset(datagram, header, kept);

  if (!endsWithMac1(header.type)) {
    if (header.bodyLength < SEALED_COUNTER_BYTES) {
      return { ok: false, reason: 'bodyLength', offset: headerOffset.bodyLength };
    }
    const flags = header.type === FrameType.RESET ? 0 : FrameFlag.SECURED | FrameFlag.KEY_PHASE;
    const row = ruledRow(securedFrameRow(header.type), header, flags);
    if ('ok' in row) return row;
    // Its ids alone may bring RESET, which must not be larger (S2).
    if (datagram.length < row.bytesMin) return { ok: false, reason: 'size', offset: datagram.length };
    return { ok: true, sealed: true, header };
  }
  if (!hasMac1(datagram)) return { ok: false, reason: 'mac1', offset: HEADER_BYTES + header.bodyLength };
  const row = ruledRow(securedFrameRow(header.type), header, FrameFlag.SECURED);
  return unsealed('ok' in row ? row : readBody(datagram, header, row, kept));
}

/**
 * Decodes a sealed frame that was opened.
 *
 * @param datagram as it came, and as {@link decodeSecured} took it.
 * @param text its TLVs; byte fields of the frame are views of it. Offsets of a refusal count from its beginning, after 32
 * bytes of header and counter.
 * @param kept default `all`.
 */
export function decodeOpened(datagram: Uint8Array, text: Uint8Array, kept: KeptTlvs = 'all'): DecodeResult {
  const header = readHeader(datagram);
  const row = ruledRow(securedFrameRow(header.type), header, FrameFlag.SECURED | FrameFlag.KEY_PHASE);
  return 'ok' in row ? row : readBody(datagram, header, row, kept, text);
}

/** RESET is clear in every mode: who sends it has lost the keys. */
function decodeReset(datagram: Uint8Array, header: FixedHeader, kept: KeptTlvs): SecuredDecode {
  if (header.type !== FrameType.RESET) return { ok: false, reason: 'clear', offset: headerOffset.flags };
  return unsealed(decodeFrame(datagram, kept));
}

/** The rows of frames that are not sealed give these frames alone. */
function unsealed(decoded: DecodeResult): SecuredDecode {
  return decoded.ok ? { ok: true, sealed: false, frame: decoded.frame as UnsealedFrame } : decoded;
}
