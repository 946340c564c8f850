/**
 * What the Noise messages of START and START_ACK carry (docs/PROTOCOL.md, section 7.3): what stands in the open in a clear
 * frame.
 *
 *       4+1..52  4+1..64                   8            4+16          4+4
 *     | TOKEN? | STREAM_NAME? |          | SessionTag | RESET_TOKEN | SSRC |
 *       START, 0..124                      START_ACK, 36
 */
import { u64At } from './big-endian.ts';
import { encodeTlvs } from './encode.ts';
import { tlvRow } from './frame-table.ts';
import { uint64 } from './range.ts';
import { type FrameDraft, readTlvs } from './read-tlvs.ts';

/** What START says beyond its header. */
export interface StartPayload {
  /** At most 52 bytes. */
  readonly token?: Uint8Array;
  /** UTF-8, at most 64 bytes. */
  readonly streamName?: string;
}

/** What START_ACK says beyond its header. */
export interface StartAckPayload {
  /** Must be that of the header. */
  readonly sessionTag: bigint;
  /** 16 bytes. */
  readonly resetToken: Uint8Array;
  /** u32. */
  readonly ssrc: number;
}

const TAG_BYTES = 8;

const startRow = tlvRow('the payload of START', { token: 'optional', streamName: 'optional' });
const startAckRow = tlvRow('the payload of START_ACK', { resetToken: 'required', ssrc: 'required' });

/** @throws RangeError for a value that is out of range or too long. */
export function encodeStartPayload({ token, streamName }: StartPayload): Uint8Array {
  return encodeTlvs(startRow, { token, streamName });
}

/** @returns `undefined` for what breaks a rule of TLVs; unknown optional ones are skipped. */
export function decodeStartPayload(bytes: Uint8Array): StartPayload | undefined {
  const draft: FrameDraft = {};
  if (readTlvs(bytes, 0, bytes.length, startRow, draft) !== undefined) return undefined;
  return draft as StartPayload;
}

/** @throws RangeError for a value that is out of range or too long. */
export function encodeStartAckPayload({ sessionTag, resetToken, ssrc }: StartAckPayload): Uint8Array {
  const tlvs = encodeTlvs(startAckRow, { resetToken, ssrc });
  const bytes = new Uint8Array(TAG_BYTES + tlvs.length);
  new DataView(bytes.buffer).setBigUint64(0, uint64(sessionTag, 'sessionTag'));
  bytes.set(tlvs, TAG_BYTES);
  return bytes;
}

/** @returns `undefined` for what is too short or breaks a rule of TLVs; unknown optional ones are skipped. */
export function decodeStartAckPayload(bytes: Uint8Array): StartAckPayload | undefined {
  const draft: FrameDraft = { sessionTag: u64At(bytes, 0) };
  if (readTlvs(bytes, TAG_BYTES, bytes.length, startAckRow, draft) !== undefined) return undefined;
  return draft as unknown as StartAckPayload;
}
