/**
 * HMAC-SHA-256 and what is derived with it: HKDF as Noise uses it (Noise specification, section 4.3) and expansion by label
 * (RFC 5869, section 2.3).
 */
import { createHmac, hash } from 'node:crypto';

/** Bytes of a SHA-256 hash, and of every key that is derived here. */
export const HASH_BYTES = 32;

const encoder = new TextEncoder();
const NOTHING = new Uint8Array(0);

/** A block of SHA-256 in bytes, and the longest text whose HMAC is made from two plain hashes. */
const BLOCK_BYTES = 64;
const SHORT_BYTES_MAX = 256;

/** Key and text while they are hashed: in use within one call only. */
const inner = new Uint8Array(BLOCK_BYTES + SHORT_BYTES_MAX);
const outer = new Uint8Array(BLOCK_BYTES + HASH_BYTES);

/** HMAC-SHA-256 of the parts in their order (RFC 2104). @returns 32 bytes. */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array {
  let bytes = 0;
  for (const part of parts) bytes += part.length;
  if (key.length <= BLOCK_BYTES && bytes <= SHORT_BYTES_MAX) return shortHmac(key, parts, bytes);
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  // A Buffer's slice would share memory.
  return new Uint8Array(mac.digest());
}

/** Two calls of the one-shot hash take 1.7 us for 32 bytes, an Hmac object 2.1 us: a handshake makes some 25 of them. */
function shortHmac(key: Uint8Array, parts: readonly Uint8Array[], bytes: number): Uint8Array {
  for (let at = 0; at < BLOCK_BYTES; at++) {
    const byte = key[at] ?? 0;
    inner[at] = byte ^ 0x36;
    outer[at] = byte ^ 0x5c;
  }
  let at = BLOCK_BYTES;
  for (const part of parts) {
    inner.set(part, at);
    at += part.length;
  }
  outer.set(hash('sha256', inner.subarray(0, BLOCK_BYTES + bytes), 'buffer'), BLOCK_BYTES);
  const mac = new Uint8Array(hash('sha256', outer, 'buffer'));
  inner.fill(0);
  outer.fill(0);
  return mac;
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
