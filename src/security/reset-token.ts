import { HASH_BYTES, hmacInto } from './sha256.ts';

/** Bytes of a reset token. */
export const RESET_TOKEN_BYTES = 16;

/** Both ids while they are hashed: memory of its own would cost a session 400 ns. */
const ids = new Uint8Array(16);
const idsView = new DataView(ids.buffer);
const mac = new Uint8Array(HASH_BYTES);

/**
 * The proof in a RESET that its sender once chose this SessionTag: the first 16 bytes of HMAC-SHA-256(reset key, StreamId,
 * SessionTag), both ids big-endian (docs/PROTOCOL.md, section 3). The initiator learns it from START_ACK.
 *
 * @param resetKey 32 bytes that survive a restart of the responder.
 */
export function resetToken(resetKey: Uint8Array, streamId: bigint, sessionTag: bigint): Uint8Array {
  idsView.setBigUint64(0, streamId);
  idsView.setBigUint64(8, sessionTag);
  hmacInto(mac, resetKey, ids);
  return mac.slice(0, RESET_TOKEN_BYTES);
}

/**
 * Whether two byte strings are equal, in a time that depends on their length only.
 *
 * @param at where the second one begins in its memory; default 0.
 */
export function equalBytes(a: Uint8Array, b: Uint8Array, at = 0): boolean {
  if (a.length !== b.length - at) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[at + i] ?? 0);
  return difference === 0;
}
