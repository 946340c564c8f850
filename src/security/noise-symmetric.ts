import { hash } from 'node:crypto';
import { counterNonce, openAesGcm, sealAesGcm, TAG_BYTES } from './aes-gcm.ts';
import { HASH_BYTES, hmacSha256, noiseHkdf } from './hkdf.ts';

const NOTHING = new Uint8Array(0);
const ONE = Uint8Array.of(1);
const TWO = Uint8Array.of(2);

/**
 * CipherState and SymmetricState of the Noise specification (revision 34, sections 5.1 and 5.2) with AESGCM and SHA256.
 * Its arrays are replaced, never written to, so that a copy is cheap.
 */
export class SymmetricState {
  #chainingKey: Uint8Array;
  #hash: Uint8Array;
  #key: Uint8Array | undefined;
  /** What the key will be made of when something is encrypted with it: often the next token brings another one before. */
  #extracted: Uint8Array | undefined;
  #counter = 0;

  private constructor(chainingKey: Uint8Array, handshakeHash: Uint8Array) {
    this.#chainingKey = chainingKey;
    this.#hash = handshakeHash;
  }

  /** @param protocolName such as `Noise_NNpsk0_25519_AESGCM_SHA256`. */
  static start(protocolName: string): SymmetricState {
    const name = new TextEncoder().encode(protocolName);
    const start = new Uint8Array(HASH_BYTES);
    if (name.length <= HASH_BYTES) start.set(name);
    else start.set(sha256(name));
    return new SymmetricState(start, start);
  }

  copy(): SymmetricState {
    const other = new SymmetricState(this.#chainingKey, this.#hash);
    other.#key = this.#key;
    other.#extracted = this.#extracted;
    other.#counter = this.#counter;
    return other;
  }

  /** h: what both sides have seen so far, 32 bytes. */
  get handshakeHash(): Uint8Array {
    return this.#hash;
  }

  /** ck: 32 secret bytes. */
  get chainingKey(): Uint8Array {
    return this.#chainingKey;
  }

  /** Bytes that encryption adds: 16 once there is a key. */
  get tagBytes(): number {
    return this.#key === undefined && this.#extracted === undefined ? 0 : TAG_BYTES;
  }

  mixHash(data: Uint8Array): void {
    const both = new Uint8Array(HASH_BYTES + data.length);
    both.set(this.#hash);
    both.set(data, HASH_BYTES);
    this.#hash = sha256(both);
  }

  mixKey(material: Uint8Array): void {
    const extracted = hmacSha256(this.#chainingKey, material);
    this.#chainingKey = hmacSha256(extracted, ONE);
    this.#key = undefined;
    this.#extracted = extracted;
    this.#counter = 0;
  }

  mixKeyAndHash(material: Uint8Array): void {
    const [chainingKey = NOTHING, data = NOTHING, key = NOTHING] = noiseHkdf(this.#chainingKey, material, 3);
    this.#chainingKey = chainingKey;
    this.mixHash(data);
    this.#key = key;
    this.#extracted = undefined;
    this.#counter = 0;
  }

  encryptAndHash(text: Uint8Array): Uint8Array {
    const key = this.#currentKey();
    const sealed = key === undefined ? text : sealAesGcm(key, counterNonce(this.#counter++), this.#hash, text);
    this.mixHash(sealed);
    return sealed;
  }

  /** @returns `undefined` if the tag is wrong; the state is of no use then. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#currentKey();
    const text = key === undefined ? sealed : openAesGcm(key, counterNonce(this.#counter++), this.#hash, sealed);
    this.mixHash(sealed);
    return text;
  }

  /** The transport keys: what the initiator sends with, then what the responder sends with. */
  split(): readonly [Uint8Array, Uint8Array] {
    const [fromInitiator = NOTHING, fromResponder = NOTHING] = noiseHkdf(this.#chainingKey, NOTHING, 2);
    return [fromInitiator, fromResponder];
  }

  /** The second output of HKDF, made when it is needed. */
  #currentKey(): Uint8Array | undefined {
    if (this.#extracted === undefined) return this.#key;
    this.#key = hmacSha256(this.#extracted, this.#chainingKey, TWO);
    this.#extracted = undefined;
    return this.#key;
  }
}

function sha256(data: Uint8Array): Uint8Array {
  return new Uint8Array(hash('sha256', data, 'buffer'));
}
