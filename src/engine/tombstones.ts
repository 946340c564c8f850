import { TOMBSTONE_MS, TOMBSTONES_MAX } from '../protocol/constants.ts';

interface Tombstone {
  readonly expiresAtMs: number;
  /** Its place in the ring of keys. */
  readonly place: number;
  /** The ERROR that a refused START gets again; absent for a session that had reached Streaming, which is silent. */
  readonly error: Uint8Array | undefined;
}

/**
 * Remembers (tuple, StreamId) pairs that are over, so that a late copy of their START neither opens them again nor asks the
 * application again (docs/PROTOCOL.md, section 3). At most 4,096, oldest out; each for 5 s at most.
 */
export class Tombstones {
  readonly #stones = new Map<string, Tombstone>();
  /** The last keys that were added: the first key of a Map is found behind all that were deleted before it. */
  readonly #keys: string[] = [];
  #next = 0;

  /** Pairs kept now. */
  get size(): number {
    return this.#stones.size;
  }

  /**
   * @param error what copies of the START are answered with; `undefined` for silence.
   * @param keepMs at most 5,000.
   */
  add(tupleKey: string, streamId: bigint, error: Uint8Array | undefined, keepMs: number, nowMs: number): void {
    const key = stoneKey(tupleKey, streamId);
    const place = this.#next;
    this.#next = (place + 1) % TOMBSTONES_MAX;
    const oldest = this.#keys[place];
    // A key that was added again has another place.
    if (oldest !== undefined && this.#stones.get(oldest)?.place === place) this.#stones.delete(oldest);
    this.#keys[place] = key;
    this.#stones.set(key, { expiresAtMs: nowMs + Math.min(keepMs, TOMBSTONE_MS), place, error });
  }

  /** What is known of the pair: `undefined` nothing, `'silent'`, or the ERROR's bytes to answer with. */
  find(tupleKey: string, streamId: bigint, nowMs: number): Uint8Array | 'silent' | undefined {
    if (this.#stones.size === 0) return undefined;
    const key = stoneKey(tupleKey, streamId);
    const stone = this.#stones.get(key);
    if (stone === undefined) return undefined;
    if (nowMs >= stone.expiresAtMs) {
      this.#stones.delete(key);
      return undefined;
    }
    return stone.error ?? 'silent';
  }
}

const id = new BigUint64Array(1);
const units = new Uint16Array(id.buffer);

/** The tuple's key, and the StreamId as four characters: its digits would be half of what a tombstone costs. */
function stoneKey(tupleKey: string, streamId: bigint): string {
  id[0] = streamId;
  return tupleKey + String.fromCharCode(units[0] ?? 0, units[1] ?? 0, units[2] ?? 0, units[3] ?? 0);
}
