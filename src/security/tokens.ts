/**
 * Tokens of fast mode (docs/PROTOCOL.md, section 7.9): who shows one may be sent a little media before the confirm, once.
 *
 *       6        13                                16
 *     | serial | expiry 4 | length 1 | prefix 8 | tag |   35 bytes; all but the serial is encrypted
 *
 * AES-256-GCM under a key that is drawn when the camera starts, so that no token outlives its process. The nonce is the serial,
 * which grows by one and is never used again (S11). Which of the newest serials were used is a bit each: older ones are void.
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
  readonly #used = new Uint8Array(TOKENS_MAX / 8);
  #next = 0;

  /** @param key 32 random bytes, used for nothing else. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /**
   * A new token, good for an hour and for one START.
   *
   * @param prefix of whom it is for: 4 bytes of IPv4, 8 of IPv6.
   * @returns `undefined` for what is no address, and after 2^48 tokens.
   */
  issue(prefix: Uint8Array, nowMs: number): Uint8Array | undefined {
    if (prefix.length === 0 || prefix.length > PREFIX_BYTES_MAX || this.#next > SERIAL_MAX) return undefined;
    const serial = this.#next++;
    this.#used[(serial % TOKENS_MAX) >>> 3] = (this.#used[(serial % TOKENS_MAX) >>> 3] ?? 0) & ~(1 << (serial & 7));
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
    if (serial >= this.#next) return 'tokensForged';
    const text = openAesGcm(this.#key, nonce, NOTHING, token.subarray(SERIAL_BYTES));
    if (text === undefined) return 'tokensForged';
    const expiresAtS = new DataView(text.buffer).getUint32(0);
    if (serial < this.#next - TOKENS_MAX || nowMs >= 1000 * expiresAtS) return 'tokensExpired';
    if (!samePrefix(text, prefix)) return 'tokensForeign';
    const place = (serial % TOKENS_MAX) >>> 3;
    const bit = 1 << (serial & 7);
    if (((this.#used[place] ?? 0) & bit) !== 0) return 'tokensUsed';
    this.#used[place] = (this.#used[place] ?? 0) | bit;
    return redeemed();
  }
}

function samePrefix(text: Uint8Array, prefix: Uint8Array): boolean {
  return text[4] === prefix.length && prefix.every((byte, at) => text[5 + at] === byte);
}
