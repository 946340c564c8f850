/** X25519 (RFC 7748) with raw keys of 32 bytes. */
import { createPrivateKey, createPublicKey, diffieHellman, type JsonWebKeyInput, type KeyObject } from 'node:crypto';

/** Bytes of a private key, a public key and a shared secret. */
export const X25519_BYTES = 32;

const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
/** What a digit's code stands for. */
const values = new Uint8Array(128);
for (let value = 0; value < digits.length; value++) values[digits.charCodeAt(value)] = value;
/** A key in base64url while it is made a string of: one that grows by single characters takes 1.3 KB of heap. */
const text = new Uint8Array(43);
const decoder = new TextDecoder();
const placeholder = 'A'.repeat(43);
/** PKCS #8 of an X25519 key up to the key itself (RFC 8410). */
const pkcs8Prefix = Uint8Array.of(0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x6e, 4, 0x22, 4, 0x20);

/** A public key while it is imported. */
const jwk: JsonWebKeyInput = { key: { kty: 'OKP', crv: 'X25519' }, format: 'jwk' };

/** Keys of other ends that were imported: it takes 6 us, and a handshake agrees with one key two or three times. */
const imported = new WeakMap<Uint8Array, KeyObject>();

/**
 * A copy of a public key that is a view of other memory, for whoever keeps it.
 *
 * @returns what {@link KeyPair.agree} knows as the same key.
 */
export function keptPublicKey(publicKey: Uint8Array): Uint8Array {
  const copy = publicKey.slice();
  const key = imported.get(publicKey);
  if (key !== undefined) imported.set(copy, key);
  return copy;
}

/** A private key and its public one. The private part is no property that an inspection or JSON would show. */
export class KeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  readonly #privateKey: KeyObject;

  private constructor(publicKey: Uint8Array, privateKey: KeyObject) {
    this.publicKey = publicKey;
    this.#privateKey = privateKey;
  }

  /**
   * The key pair of 32 random bytes.
   *
   * @throws RangeError for another length.
   */
  static of(privateKey: Uint8Array): KeyPair {
    if (privateKey.length !== X25519_BYTES) {
      throw new RangeError(`a private key has ${X25519_BYTES} bytes, not ${privateKey.length}`);
    }
    const key = importPrivate(privateKey);
    return new KeyPair(fromBase64Url(key.export({ format: 'jwk' }).x ?? ''), key);
  }

  /**
   * The secret shared with the holder of a public key.
   *
   * @param publicKey 32 bytes that nobody changes any more.
   * @returns 32 bytes, or `undefined` for a public key that has no secret with anybody (RFC 7748, section 6.1).
   */
  agree(publicKey: Uint8Array): Uint8Array | undefined {
    let key = imported.get(publicKey);
    if (key === undefined) {
      jwk.key.x = toBase64Url(publicKey);
      key = createPublicKey(jwk);
      imported.set(publicKey, key);
    }
    try {
      return diffieHellman({ privateKey: this.#privateKey, publicKey: key });
    } catch {
      return undefined;
    }
  }
}

/**
 * As a JWK whose public part is a placeholder: Node 20 to 24 compute it anyway, in 37 us, where DER takes them 350 us.
 * Node 26 compares the two and refuses, and takes 42 us for DER (medians of 3,000 calls each).
 */
const asJwk = (privateKey: Uint8Array): KeyObject =>
  createPrivateKey({
    key: { kty: 'OKP', crv: 'X25519', d: toBase64Url(privateKey), x: placeholder },
    format: 'jwk',
  });

function asDer(privateKey: Uint8Array): KeyObject {
  const der = new Uint8Array(pkcs8Prefix.length + X25519_BYTES);
  der.set(pkcs8Prefix);
  der.set(privateKey, pkcs8Prefix.length);
  // The types ask for a Buffer; any view of bytes is taken.
  return createPrivateKey({ key: der as unknown as string, format: 'der', type: 'pkcs8' });
}

const importPrivate = takesPlaceholder() ? asJwk : asDer;

function takesPlaceholder(): boolean {
  try {
    asJwk(new Uint8Array(X25519_BYTES).fill(1));
    return true;
  } catch {
    return false;
  }
}

/** @param bytes 32 of them. */
function toBase64Url(bytes: Uint8Array): string {
  for (let at = 0, char = 0; at < bytes.length; at += 3) {
    const word = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    for (let bits = 18; bits >= 0 && char < text.length; bits -= 6)
      text[char++] = digits.charCodeAt((word >>> bits) & 63);
  }
  const encoded = decoder.decode(text);
  text.fill(0);
  return encoded;
}

/** @param encoded 43 characters. */
function fromBase64Url(encoded: string): Uint8Array {
  const bytes = new Uint8Array(X25519_BYTES);
  let word = 0;
  let bits = 0;
  let at = 0;
  for (let char = 0; char < encoded.length; char++) {
    word = ((word << 6) | (values[encoded.charCodeAt(char)] ?? 0)) & 0xffff;
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    bytes[at++] = word >>> bits;
  }
  return bytes;
}
