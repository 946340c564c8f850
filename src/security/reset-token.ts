import { createHmac } from 'node:crypto';

/** Bytes of a reset token. */
export const RESET_TOKEN_BYTES = 16;

/**
 * The proof in a RESET that its sender once chose this SessionTag: the first 16 bytes of HMAC-SHA-256(reset key, StreamId,
 * SessionTag), both ids big-endian (docs/PROTOCOL.md, section 3). The initiator learns it from START_ACK.
 *
 * @param resetKey 32 bytes that survive a restart of the responder.
 */
export function resetToken(resetKey: Uint8Array, streamId: bigint, sessionTag: bigint): Uint8Array {
  const ids = new DataView(new ArrayBuffer(16));
  ids.setBigUint64(0, streamId);
  ids.setBigUint64(8, sessionTag);
  const mac = createHmac('sha256', resetKey).update(new Uint8Array(ids.buffer)).digest();
  return new Uint8Array(mac.buffer, mac.byteOffset, RESET_TOKEN_BYTES).slice();
}

/** Whether two byte strings are equal, in a time that depends on their length only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
