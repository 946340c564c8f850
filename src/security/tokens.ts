/**
 * Tokens of fast mode (docs/PROTOCOL.md, section 7.9): who shows one may be sent a little media before the confirm, once.
 *
 *       6        13                                16
 *     | serial | expiry 4 | length 1 | prefix 8 | tag |   35 bytes; all but the serial is encrypted
 *
 * AES-256-GCM under a key that is drawn when the camera starts, so that no token outlives its process. The nonce is the serial,
 * which grows by one and is never used again (S11). Which of the newest serials were used is a bit each: older ones are void.
 * A camera's workers have key, serial and bits in common, so a token of one is good with any of them, and once among them all.
 */
import { TOKEN_MS, TOKENS_MAX } from '../protocol/constants.ts';
import { counterNonce, NONCE_BYTES, openAesGcm, sealAesGcm, TAG_BYTES } from './aes-gcm.ts';

/** Bytes of a token. */
export const TOKEN_BYTES = 35;

const SERIAL_BYTES = 6;
const SERIAL_AT = NONCE_BYTES - SERIAL_BYTES;
const SERIAL_MAX = 2 ** 48 - 1;
const PREFIX_BYTES_MAX = 8;
const TEXT_BYTES = TOKEN_BYTES - SERIAL_BYTES - TAG_BYTES;
const NOTHING = new Uint8Array(0);

/** Why a token is not taken; each is a counter. */
export type TokenFault =
  /** Not made by this process, or changed. */
  | 'tokensForged'
  /** Too old, or of more tokens ago than are remembered. */
  | 'tokensExpired'
  /** Shown before. */
  | 'tokensUsed'
  /** Given to another address. */
  | 'tokensForeign';

/** Bytes of what several {@link Tokens} have in common: the next serial, and the bits. */
export const TOKENS_MEMORY_BYTES = BigUint64Array.BYTES_PER_ELEMENT + TOKENS_MAX / 8;

/** What the workers of a camera share of tokens; made once, by whoever starts them. */
export interface SharedTokens {
  /** 32 random bytes, used for nothing else. */
  readonly key: Uint8Array;
  /** {@link TOKENS_MEMORY_BYTES} zeros. It lasts as long as the key, or a serial would come twice (S11). */
  readonly memory: SharedArrayBuffer;
}

let redeemed: () => RedeemedToken;

/** A token that was valid when it was shown. Only {@link Tokens.redeem} makes one, and no token gives two. */
export class RedeemedToken {
  // Without it an object literal would do.
  declare protected readonly brand: 'RedeemedToken';
  #spent = false;

  private constructor() {}

  /** True the first time. */
  spend(): boolean {
    const first = !this.#spent;
    this.#spent = true;
    return first;
  }

  static {
    redeemed = () => new RedeemedToken();
  }
}

/** All tokens of one camera's process. */
export class Tokens {
  readonly #key: Uint8Array;
  readonly #next: BigUint64Array;
  readonly #used: Uint8Array;

  /** @param key 32 random bytes, used for nothing else. @param memory of several, see {@link SharedTokens}; default: its own. */
  constructor(key: Uint8Array, memory: ArrayBuffer | SharedArrayBuffer = new ArrayBuffer(TOKENS_MEMORY_BYTES)) {
    this.#key = key;
    this.#next = new BigUint64Array(memory, 0, 1);
    this.#used = new Uint8Array(memory, BigUint64Array.BYTES_PER_ELEMENT);
  }

  /**
   * A new token, good for an hour and for one START.
   *
   * @param prefix of whom it is for: 4 bytes of IPv4, 8 of IPv6.
   * @returns `undefined` for what is no address, and after 2^48 tokens.
   */
  issue(prefix: Uint8Array, nowMs: number): Uint8Array | undefined {
    if (prefix.length === 0 || prefix.length > PREFIX_BYTES_MAX) return undefined;
    const serial = Number(Atomics.add(this.#next, 0, 1n));
    if (serial > SERIAL_MAX) return undefined;
    Atomics.and(this.#used, placeOf(serial), ~bitOf(serial));
    const text = new Uint8Array(TEXT_BYTES);
    new DataView(text.buffer).setUint32(0, Math.floor((nowMs + TOKEN_MS) / 1000));
    text[4] = prefix.length;
    text.set(prefix, 5);
    const nonce = counterNonce(serial);
    const token = new Uint8Array(TOKEN_BYTES);
    token.set(nonce.subarray(SERIAL_AT));
    token.set(sealAesGcm(this.#key, nonce, NOTHING, text), SERIAL_BYTES);
    return token;
  }

  /** Takes a token, once. @param prefix of whoever shows it. */
  redeem(token: Uint8Array, prefix: Uint8Array, nowMs: number): RedeemedToken | TokenFault {
    if (token.length !== TOKEN_BYTES) return 'tokensForged';
    const nonce = new Uint8Array(NONCE_BYTES);
    nonce.set(token.subarray(0, SERIAL_BYTES), SERIAL_AT);
    const view = new DataView(nonce.buffer, SERIAL_AT);
    const serial = view.getUint16(0) * 2 ** 32 + view.getUint32(2);
    if (serial >= this.#given) return 'tokensForged';
    const text = openAesGcm(this.#key, nonce, NOTHING, token.subarray(SERIAL_BYTES));
    if (text === undefined) return 'tokensForged';
    const expiresAtS = new DataView(text.buffer).getUint32(0);
    if (this.#isVoid(serial) || nowMs >= 1000 * expiresAtS) return 'tokensExpired';
    if (!samePrefix(text, prefix)) return 'tokensForeign';
    const before = Atomics.or(this.#used, placeOf(serial), bitOf(serial));
    // Another worker may just have cleared the bit for a new token in its place: then this one was voided first.
    if (this.#isVoid(serial)) return 'tokensExpired';
    return (before & bitOf(serial)) === 0 ? redeemed() : 'tokensUsed';
  }

  get #given(): number {
    return Number(Atomics.load(this.#next, 0));
  }

  #isVoid(serial: number): boolean {
    return serial < this.#given - TOKENS_MAX;
  }
}

function placeOf(serial: number): number {
  return (serial % TOKENS_MAX) >>> 3;
}

function bitOf(serial: number): number {
  return 1 << (serial & 7);
}

function samePrefix(text: Uint8Array, prefix: Uint8Array): boolean {
  return text[4] === prefix.length && prefix.every((byte, at) => text[5 + at] === byte);
}
