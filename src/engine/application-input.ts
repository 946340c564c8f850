/**
 * What an application says goes on the wire: checked, or cut to what a frame can carry, before anything changes state.
 */
import { SDP_BYTES_MAX } from '../media/sdp.ts';
import { RETRY_AFTER_MIN_MS } from '../protocol/constants.ts';
import { ErrorCode, isLocalOnly } from '../protocol/error-code.ts';

const REASON_BYTES_MAX = 64;
const U32_MAX = 0xffff_ffff;

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/**
 * A code that may go on the wire; those that are counted locally only (MALFORMED, STREAM_ID_MISMATCH, INVALID_COOKIE) become POLICY.
 *
 * @throws RangeError unless it is a u16.
 */
export function wireCode(code: number): number {
  if (!Number.isInteger(code) || code < 0 || code > 0xffff) throw new RangeError(`${code} is no error code`);
  return isLocalOnly(code) ? ErrorCode.POLICY : code;
}

/** Words for a REASON: at most 64 bytes of UTF-8, cut between characters. */
export function wireReason(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  let bytes = 0;
  let kept = '';
  for (const character of wellFormed(text)) {
    bytes += encoder.encode(character).length;
    if (bytes > REASON_BYTES_MAX) break;
    kept += character;
  }
  return kept;
}

/** A retry-after in whole ms, at least a second. */
export function wireRetryAfterMs(ms: number | undefined): number {
  const whole = Math.ceil(ms ?? 0);
  return Math.min(U32_MAX, Math.max(RETRY_AFTER_MIN_MS, Number.isFinite(whole) ? whole : 0));
}

/**
 * A description that READY can carry.
 *
 * @throws RangeError above 700 bytes of UTF-8.
 */
export function wireSdp(sdp: string | undefined): string | undefined {
  if (sdp === undefined) return undefined;
  const ascii = isAscii(sdp);
  const text = ascii ? sdp : wellFormed(sdp);
  const bytes = ascii ? text.length : encoder.encode(text).length;
  if (bytes > SDP_BYTES_MAX) throw new RangeError(`the SDP has ${bytes} bytes, READY carries ${SDP_BYTES_MAX}`);
  return text;
}

/** What nearly all descriptions are; to make UTF-8 of one and a text again takes longer than a START_ACK. */
function isAscii(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0x7f) return false;
  return true;
}

/** Half a character, which no UTF-8 can carry, becomes U+FFFD. */
function wellFormed(text: string): string {
  return decoder.decode(encoder.encode(text));
}
