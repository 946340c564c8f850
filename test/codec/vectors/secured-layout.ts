/**
 * Trailers of secured frames by node:crypto alone, and the keys of all secured vectors. Nothing of src is used, so that code
 * and vectors can disagree (docs/PROTOCOL.md, sections 2 and 7).
 */
import { createCipheriv, createHmac } from 'node:crypto';
import { fromHex, toHex } from '../bytes.ts';

/** Digits of the PSK. */
export const psk = '707172737475767778797a7b7c7d7e7f808182838485868788898a8b8c8d8e8f';
/** Digits of the control secret that sealed frames are sealed with, epoch 0. */
export const controlSecret = '303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f';

function hmac(key: Uint8Array, ...parts: (Uint8Array | string)[]): Uint8Array {
  const mac = createHmac('sha256', key);
  for (const part of parts) mac.update(part);
  return new Uint8Array(mac.digest());
}

/** HKDF-Expand, one block. */
export function expand(secret: Uint8Array, label: string): Uint8Array {
  return hmac(secret, `firstframe v1 ${label}`, Uint8Array.of(1));
}

/** Key of MAC1 from digits of a PSK or of the camera's public key. */
export function mac1KeyOf(material: string): Uint8Array {
  return expand(hmac(new TextEncoder().encode('firstframe v1'), fromHex(material)), 'mac1');
}

/** Digits of the parts and their MAC1. */
export function mac1(...parts: string[]): string {
  const bytes = fromHex(parts.join(''));
  return toHex(bytes) + toHex(hmac(mac1KeyOf(psk), bytes).subarray(0, 16));
}

/** Digits of a sealed frame: its header, its counter, and the TLVs encrypted, with the tag. */
export function sealed(header: string, counter: string, tlvs: string, secret = fromHex(controlSecret)): string {
  const additional = fromHex(header + counter);
  const cipher = createCipheriv('aes-256-gcm', secret, Buffer.concat([new Uint8Array(4), fromHex(counter)]));
  cipher.setAAD(additional);
  const text = Buffer.concat([cipher.update(fromHex(tlvs)), cipher.final()]);
  return toHex(additional) + toHex(text) + toHex(cipher.getAuthTag());
}
