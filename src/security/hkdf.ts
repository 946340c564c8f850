/**
 * HMAC-SHA-256 and what is derived with it: HKDF as Noise uses it (Noise specification, section 4.3) and expansion by label
 * (RFC 5869, section 2.3).
 */
import { createHmac } from 'node:crypto';

/** Bytes of a SHA-256 hash, and of every key that is derived here. */
export const HASH_BYTES = 32;

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** HMAC-SHA-256 of the parts in their order. @returns 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  // A Buffer's slice would share memory.
  return new Uint8Array(mac.digest());
}

/**
 * HKDF of the Noise specification: extract with the chaining key as salt, then expand without info.
 *
 * @param outputs how many keys of 32 bytes: 2 or 3.
 */
export function noiseHkdf(chainingKey: Uint8Array, material: Uint8Array, outputs: 2 | 3): readonly Uint8Array[] {
  const extracted = hmacSha256(chainingKey, material);
  const keys: Uint8Array[] = [];
  for (let count = 1; count <= outputs; count++) {
    keys.push(hmacSha256(extracted, keys[count - 2] ?? NOTHING, Uint8Array.of(count)));
  }
  return keys;
}

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
  return hmacSha256(secret, encoder.encode(`firstframe v1 ${label}`), Uint8Array.of(1)).subarray(0, bytes);
}
