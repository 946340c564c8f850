import { COOKIE_AGE_MAX_S, COOKIE_KEY_S, PROTOCOL_VERSION } from '../protocol/constants.ts';
import { equalBytes } from '../security/reset-token.ts';
import { sipHash128 } from '../security/siphash.ts';
import type { Peer } from './io-types.ts';
import type { Random } from './random.ts';

/** Bytes of a cookie. */
export const COOKIE_BYTES = 20;

const KEY_BYTES = 16;
const MAC_AT = 4;
/** Longest address that the operating system prints, with its zone; what is longer gets no cookie that it could use. */
const ADDRESS_BYTES_MAX = 64;
const FIXED_BYTES = 4 + 1 + 2 + 8 + 1;

/**
 * Cookies: what a stranger must be able to read before it costs anything (docs/PROTOCOL.md, section 6). Nothing is kept of those
 * that were given.
 *
 *      0       1         4                                  20
 *     +-------+---------+----------------------------------+
 *     | epoch | seconds | MAC                              |
 *     +-------+---------+----------------------------------+
 *
 * The MAC is SipHash-2-4-128 over epoch, seconds, version, port, StreamId and address, under a key that is drawn anew each
 * minute, or made of a key that several endpoints share; the one before stays valid. Seconds are this endpoint's own, modulo 2^24.
 */
export class Cookies {
  readonly #random: Random;
  readonly #sharedKey: Uint8Array | undefined;
  readonly #text = new Uint8Array(FIXED_BYTES + ADDRESS_BYTES_MAX);
  readonly #view = new DataView(this.#text.buffer);
  readonly #mac = new Uint8Array(COOKIE_BYTES - MAC_AT);
  /** The newest two, by whether their epoch is odd; drawn when a cookie is first made in it. */
  readonly #keys: ({ readonly epoch: number; readonly key: Uint8Array } | undefined)[] = [];

  /**
   * @param sharedKey 16 bytes: a cookie of one endpoint is good for all that have it, if they have the same clock. Default: none,
   * keys are drawn.
   */
  constructor(random: Random, sharedKey?: Uint8Array) {
    this.#random = random;
    this.#sharedKey = sharedKey;
  }

  /** @returns 20 bytes of its own. */
  make(to: Peer, streamId: bigint, nowMs: number): Uint8Array {
    const nowS = Math.floor(nowMs / 1000);
    const epoch = Math.floor(nowS / COOKIE_KEY_S);
    const key = this.#keyOf(epoch) ?? this.#keep(epoch, this.#random.bytes(KEY_BYTES));
    const said = nowS & 0xff_ffff;
    this.#macOf(key, firstWord(epoch, said), to, streamId);
    // Byte by byte: a view of an array this small would take its buffer out of the heap first.
    const cookie = new Uint8Array(COOKIE_BYTES);
    cookie[0] = epoch;
    cookie[1] = said >>> 16;
    cookie[2] = said >>> 8;
    cookie[3] = said;
    cookie.set(this.#mac, MAC_AT);
    return cookie;
  }

  /** Whether it was made for this address, port and StreamId, at most 15 s ago. @param cookie 20 bytes. */
  valid(cookie: Uint8Array, from: Peer, streamId: bigint, nowMs: number): boolean {
    const nowS = Math.floor(nowMs / 1000);
    const said = ((cookie[1] ?? 0) << 16) | ((cookie[2] ?? 0) << 8) | (cookie[3] ?? 0);
    const ageS = (nowS - said) & 0xff_ffff;
    if (ageS > COOKIE_AGE_MAX_S) return false;
    const epoch = Math.floor((nowS - ageS) / COOKIE_KEY_S);
    const key = this.#keyOf(epoch);
    if (key === undefined || cookie[0] !== (epoch & 0xff)) return false;
    this.#macOf(key, firstWord(epoch, said), from, streamId);
    return equalBytes(this.#mac, cookie, MAC_AT);
  }

  #keyOf(epoch: number): Uint8Array | undefined {
    const known = this.#keys[epoch & 1];
    if (known?.epoch === epoch) return known.key;
    if (this.#sharedKey === undefined) return undefined;
    const key = new Uint8Array(KEY_BYTES);
    this.#view.setUint32(0, epoch);
    sipHash128(this.#sharedKey, this.#text, 4, key);
    return this.#keep(epoch, key);
  }

  #keep(epoch: number, key: Uint8Array): Uint8Array {
    this.#keys[epoch & 1] = { epoch, key };
    return key;
  }

  /** Leaves the MAC in its place. @param epochAndSeconds the cookie's first 4 bytes. */
  #macOf(key: Uint8Array, epochAndSeconds: number, { address, port }: Peer, streamId: bigint): void {
    const view = this.#view;
    view.setUint32(0, epochAndSeconds);
    view.setUint8(4, PROTOCOL_VERSION);
    view.setUint16(5, port);
    view.setBigUint64(7, streamId);
    // The length goes in, so that an address that is cut is none that fits.
    view.setUint8(15, address.length);
    const length = Math.min(address.length, ADDRESS_BYTES_MAX);
    for (let at = 0; at < length; at++) view.setUint8(FIXED_BYTES + at, address.charCodeAt(at));
    sipHash128(key, this.#text, FIXED_BYTES + length, this.#mac);
  }
}

/** The first 4 bytes of a cookie. */
function firstWord(epoch: number, seconds: number): number {
  return ((epoch << 24) | seconds) >>> 0;
}
