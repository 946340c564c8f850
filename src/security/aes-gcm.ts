/** AES-GCM with a tag of 16 bytes (NIST SP 800-38D); AES-256 or AES-128 by the key's length. */
import { type CipherGCMTypes, createCipheriv, createDecipheriv } from 'node:crypto';

/** Bytes of the tag behind every sealed text. */
export const TAG_BYTES = 16;
/** Bytes of a nonce. */
export const NONCE_BYTES = 12;

const NOTHING = new Uint8Array(0);
/** A tag that is checked: in use within one call only. */
const tag = new Uint8Array(TAG_BYTES);

function cipherName(key: Uint8Array): CipherGCMTypes {
  return key.length === 16 ? 'aes-128-gcm' : 'aes-256-gcm';
}

/**
 * Encrypts and authenticates.
 *
 * @param key 16 or 32 bytes.
 * @param nonce 12 bytes; never twice with one key (S11).
 * @param additional authenticated, not encrypted.
 * @returns the encrypted text and its tag.
 */
export function sealAesGcm(key: Uint8Array, nonce: Uint8Array, additional: Uint8Array, text: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(text.length + TAG_BYTES);
  sealAesGcmInto(sealed, key, nonce, additional, text);
  return sealed;
}

/** The same into memory that is there. @param target at least 16 bytes longer than the text. */
export function sealAesGcmInto(
  target: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  text: Uint8Array,
): void {
  const cipher = createCipheriv(cipherName(key), key, nonce);
  cipher.setAAD(additional);
  if (text.length > 0) target.set(cipher.update(text));
  cipher.final();
  target.set(cipher.getAuthTag(), text.length);
}

/**
 * Checks and decrypts.
 *
 * @param sealed encrypted text and tag.
 * @returns the text, or `undefined` if anything of it was changed, or it is shorter than a tag.
 */
export function openAesGcm(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  if (sealed.length < TAG_BYTES) return undefined;
  const text = opened(key, nonce, additional, sealed);
  // The cipher's own memory, but no Buffer.
  return text && new Uint8Array(text.buffer, text.byteOffset, text.length);
}

/**
 * The same into memory that is there, which is written to only if all is as it was sealed.
 *
 * @param target at least as long as the text.
 * @param sealed at least 16 bytes.
 */
export function openAesGcmInto(
  target: Uint8Array,
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
): boolean {
  const text = opened(key, nonce, additional, sealed);
  if (text !== undefined) target.set(text);
  return text !== undefined;
}

function opened(
  key: Uint8Array,
  nonce: Uint8Array,
  additional: Uint8Array,
  sealed: Uint8Array,
): Uint8Array | undefined {
  const end = sealed.length - TAG_BYTES;
  const decipher = createDecipheriv(cipherName(key), key, nonce);
  decipher.setAAD(additional);
  for (let at = 0; at < TAG_BYTES; at++) tag[at] = sealed[end + at] ?? 0;
  decipher.setAuthTag(tag);
  const text = end > 0 ? decipher.update(sealed.subarray(0, end)) : NOTHING;
  // Strangers make this fail: the stack of an error that nobody sees would take a third of its time and half of its memory.
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    decipher.final();
    return text;
  } catch {
    return undefined;
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

/**
 * A counter as a nonce: 4 zero bytes, then the counter in 8 (Noise specification, section 12, AESGCM).
 *
 * @param counter integer, 0..2^53-1.
 */
export function counterNonce(counter: number): Uint8Array {
  const nonce = new Uint8Array(NONCE_BYTES);
  writeCounterNonce(nonce, counter);
  return nonce;
}

/** The same into memory that is there. @param nonce 12 bytes. */
export function writeCounterNonce(nonce: Uint8Array, counter: number): void {
  let rest = counter;
  for (let at = NONCE_BYTES - 1; at >= 0; at--) {
    nonce[at] = rest & 0xff;
    rest = Math.floor(rest / 256);
  }
}
