/**
 * Synthetic frames: bytes that prove by themselves whether they arrived whole, and when they were sent.
 *
 *     offset  0        4          8               16       20      24         28
 *             magic    frame u32  sent ms f64     length   flags   Adler-32   pattern up to length
 *
 * All big-endian; bit 0 of the flags says keyframe; the checksum is of all other bytes (RFC 1950, section 9).
 */

/** Bytes of the smallest test frame. */
export const TEST_FRAME_BYTES_MIN = 28;

/** "FFTF". */
const MAGIC = 0x46465446;
const CHECKSUM_OFFSET = 24;
const ADLER_MODULUS = 65_521;
/** As many bytes as can be summed before a modulus is due without leaving 53 bits; RFC 1950's 5552 is for 32 bits. */
const ADLER_RUN = 4096;

/** What goes into a test frame. */
export interface TestFrame {
  /** u32; higher bits are cut off. */
  readonly frameNumber: number;
  /** The sender's clock in ms, any zero. */
  readonly timestampMs: number;
  /** Size of the whole frame; less than 28 gives 28. */
  readonly bytes: number;
  readonly keyframe: boolean;
}

/** What {@link checkTestFrame} found. */
export type TestFrameCheck =
  | { readonly ok: true; readonly frameNumber: number; readonly timestampMs: number; readonly keyframe: boolean }
  | { readonly ok: false; readonly reason: 'tooShort' | 'magic' | 'length' | 'checksum' };

/** Makes a frame; the same values give the same bytes. */
export function makeTestFrame(frame: TestFrame): Uint8Array {
  const bytes = new Uint8Array(Math.max(TEST_FRAME_BYTES_MIN, Math.trunc(frame.bytes)));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC);
  view.setUint32(4, frame.frameNumber);
  view.setFloat64(8, frame.timestampMs);
  view.setUint32(16, bytes.length);
  view.setUint32(20, frame.keyframe ? 1 : 0);
  let state = frame.frameNumber;
  for (let offset = TEST_FRAME_BYTES_MIN; offset < bytes.length; offset++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    bytes[offset] = state >>> 24;
  }
  view.setUint32(CHECKSUM_OFFSET, checksum(bytes));
  return bytes;
}

/** Tells whether the bytes are a test frame, whole and unchanged. Never throws. */
export function checkTestFrame(bytes: Uint8Array): TestFrameCheck {
  if (bytes.length < TEST_FRAME_BYTES_MIN) return { ok: false, reason: 'tooShort' };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== MAGIC) return { ok: false, reason: 'magic' };
  if (view.getUint32(16) !== bytes.length) return { ok: false, reason: 'length' };
  if (view.getUint32(CHECKSUM_OFFSET) !== checksum(bytes)) return { ok: false, reason: 'checksum' };
  return {
    ok: true,
    frameNumber: view.getUint32(4),
    timestampMs: view.getFloat64(8),
    keyframe: (view.getUint32(20) & 1) === 1,
  };
}

function checksum(bytes: Uint8Array): number {
  const head = adler32(bytes, 0, CHECKSUM_OFFSET, 1);
  return adler32(bytes, TEST_FRAME_BYTES_MIN, bytes.length, head);
}

/** Adler-32 of `bytes[start..end)`, going on from the sum of what stood before; 1 at the beginning. */
export function adler32(bytes: Uint8Array, start: number, end: number, before: number): number {
  let low = before & 0xffff;
  let high = before >>> 16;
  for (let from = start; from < end; from += ADLER_RUN) {
    const to = Math.min(end, from + ADLER_RUN);
    for (let offset = from; offset < to; offset++) {
      low += bytes[offset] ?? 0;
      high += low;
    }
    low %= ADLER_MODULUS;
    high %= ADLER_MODULUS;
  }
  return ((high << 16) | low) >>> 0;
}
