import { NONCE_BYTES, openAesGcm, sealAesGcm, TAG_BYTES, writeCounterNonce } from './aes-gcm.ts';
import { HASH_BYTES, hmacInto, sha256Into } from './sha256.ts';

const NOTHING = new Uint8Array(0);
const [ONE, TWO, THREE] = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];

/** The first step of HKDF (Noise specification, section 4.3): in use within one call only. */
const extracted = new Uint8Array(HASH_BYTES);
const mixed = new Uint8Array(HASH_BYTES);
const nonce = new Uint8Array(NONCE_BYTES);

/** What the key is: there is none; what it will be made of when something is encrypted with it; the key itself. */
type KeyKind = 'none' | 'extracted' | 'key';

/**
 * CipherState and SymmetricState of the Noise specification (revision 34, sections 5.1 and 5.2) with AESGCM and SHA256. It
 * is written to in place; {@link assign} and {@link copy} keep one as it is.
 */
export class SymmetricState {
  readonly #chainingKey = new Uint8Array(HASH_BYTES);
  readonly #hash = new Uint8Array(HASH_BYTES);
  readonly #key = new Uint8Array(HASH_BYTES);
  /** Often the next token brings another key before the one of this token was needed. */
  #kind: KeyKind = 'none';
  #counter = 0;

  /** @param protocolName such as `Noise_NNpsk0_25519_AESGCM_SHA256`. */
  static start(protocolName: string): SymmetricState {
    const name = new TextEncoder().encode(protocolName);
    const state = new SymmetricState();
    if (name.length <= HASH_BYTES) state.#hash.set(name);
    else sha256Into(state.#hash, name);
    state.#chainingKey.set(state.#hash);
    return state;
  }

  /** One that goes its own way from here. */
  copy(): SymmetricState {
    const other = new SymmetricState();
    other.assign(this);
    return other;
  }

  /** Becomes what another is. */
  assign(other: SymmetricState): void {
    this.#chainingKey.set(other.#chainingKey);
    this.#hash.set(other.#hash);
    this.#key.set(other.#key);
    this.#kind = other.#kind;
    this.#counter = other.#counter;
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
    return this.#kind === 'none' ? 0 : TAG_BYTES;
  }

  mixHash(data: Uint8Array): void {
    sha256Into(this.#hash, this.#hash, data);
  }

  mixKey(material: Uint8Array): void {
    hmacInto(this.#key, this.#chainingKey, material);
    hmacInto(this.#chainingKey, this.#key, ONE);
    this.#kind = 'extracted';
    this.#counter = 0;
  }

  mixKeyAndHash(material: Uint8Array): void {
    hmacInto(extracted, this.#chainingKey, material);
    hmacInto(this.#chainingKey, extracted, ONE);
    hmacInto(mixed, extracted, this.#chainingKey, TWO);
    hmacInto(this.#key, extracted, mixed, THREE);
    this.mixHash(mixed);
    this.#kind = 'key';
    this.#counter = 0;
    wipe();
  }

  encryptAndHash(text: Uint8Array): Uint8Array {
    const key = this.#currentKey();
    const sealed = key === undefined ? text : sealAesGcm(key, this.#nextNonce(), this.#hash, text);
    this.mixHash(sealed);
    return sealed;
  }

  /** @returns `undefined` if the tag is wrong; the state is of no use then. */
  decryptAndHash(sealed: Uint8Array): Uint8Array | undefined {
    const key = this.#currentKey();
    const text = key === undefined ? sealed : openAesGcm(key, this.#nextNonce(), this.#hash, sealed);
    if (text !== undefined) this.mixHash(sealed);
    return text;
  }

  /** The transport keys: what the initiator sends with, then what the responder sends with. */
  split(): readonly [Uint8Array, Uint8Array] {
    const [fromInitiator, fromResponder] = [new Uint8Array(HASH_BYTES), new Uint8Array(HASH_BYTES)];
    hmacInto(extracted, this.#chainingKey, NOTHING);
    hmacInto(fromInitiator, extracted, ONE);
    hmacInto(fromResponder, extracted, fromInitiator, TWO);
    wipe();
    return [fromInitiator, fromResponder];
  }

  #nextNonce(): Uint8Array {
    writeCounterNonce(nonce, this.#counter++);
    return nonce;
  }

  /** The second output of HKDF, made when it is needed. */
  #currentKey(): Uint8Array | undefined {
    if (this.#kind === 'none') return undefined;
    if (this.#kind === 'extracted') {
      hmacInto(this.#key, this.#key, this.#chainingKey, TWO);
      this.#kind = 'key';
    }
    return this.#key;
  }
}

function wipe(): void {
  extracted.fill(0);
  mixed.fill(0);
}
