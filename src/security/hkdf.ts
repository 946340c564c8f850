/** Keys that are derived by label (RFC 5869), apart from those that the Noise specification derives. */
import { HASH_BYTES, hmacSha256 } from './sha256.ts';

const encoder = new TextEncoder();
const FIRST_BLOCK = Uint8Array.of(1);

/** The first step of HKDF for secrets of any length: HMAC-SHA-256 with `firstframe v1` as the salt. @returns 32 bytes. */
export function extractKey(material: Uint8Array): Uint8Array {
  return hmacSha256(encoder.encode('firstframe v1'), material);
}

/**
 * HKDF-Expand with `firstframe v1 <label>` as info: one block, hence at most 32 bytes.
 *
 * @param secret 32 bytes.
 * @param label ASCII; one label has one use (docs/PROTOCOL.md, section 7).
 * @param bytes 1..32, default 32.
 * @throws RangeError for a length that one block does not give.
 */
export function expandLabel(secret: Uint8Array, label: string, bytes = HASH_BYTES): Uint8Array {
  if (!Number.isInteger(bytes) || bytes < 1 || bytes > HASH_BYTES) {
    throw new RangeError(`a label gives 1 to ${HASH_BYTES} bytes, not ${bytes}`);
  }
  const key = hmacSha256(secret, encoder.encode(`firstframe v1 ${label}`), FIRST_BLOCK);
  return bytes === HASH_BYTES ? key : key.slice(0, bytes);
}
