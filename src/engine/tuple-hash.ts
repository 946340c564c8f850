import { halfSipHash } from '../security/half-siphash.ts';

/** Of an IPv4 tuple's key: `255.255.255.255 65535`. */
const SHORT = 24;
/** Of an IPv6 one, unless the name of its zone is longer than such names are. */
const LONG = 72;
const TUPLE_LABELS = ['first half', 'second half'].map((half) => new TextEncoder().encode(`tuples, ${half}`));

/** Hashes of tuples' keys that nobody can choose to be equal who does not know the key. */
export class TupleHash {
  readonly #key: Uint8Array;
  readonly #short = new Uint8Array(SHORT);
  readonly #long = new Uint8Array(LONG);
  /** What was asked for last: a datagram's tuple is looked for several times. */
  #tupleKey: string | undefined;
  #hash = 0;

  /** @param key 8 secret bytes. */
  constructor(key: Uint8Array) {
    this.#key = key;
  }

  /** @param tupleKey of ASCII characters. @returns u32. */
  of(tupleKey: string): number {
    if (tupleKey === this.#tupleKey) return this.#hash;
    const bytes = tupleKey.length <= SHORT ? this.#short : this.#long;
    for (let at = 0; at < bytes.length; at++) bytes[at] = at < tupleKey.length ? tupleKey.charCodeAt(at) : 0;
    this.#tupleKey = tupleKey;
    this.#hash = halfSipHash(this.#key, bytes);
    return this.#hash;
  }
}

/**
 * The key of a camera's {@link TupleHash}. Made of a key that there is: to draw one more would change all that is drawn after it.
 *
 * @param resetKey secret bytes. @returns 8 bytes.
 */
export function tupleHashKey(resetKey: Uint8Array): Uint8Array {
  return new Uint8Array(Uint32Array.from(TUPLE_LABELS, (label) => halfSipHash(resetKey, label)).buffer);
}
