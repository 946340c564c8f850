import { DatagramSlab } from '../protocol/datagram-slab.ts';

/** Bytes of media datagrams that have memory of their own here; larger ones, of pass-through, get theirs anew. */
const SLOT_BYTES = 1536;

/** Memory for the copies of media datagrams that leave. */
export interface DatagramMemory {
  /** A copy of the first `length` bytes. */
  copy(bytes: Uint8Array, length: number): Uint8Array;
}

/** Of those that are kept by whoever gets them: all senders' copies, some 50 in a piece. */
export const freshMemory: DatagramMemory = new DatagramSlab(65_536);

/** Datagrams that a {@link ReusedMemory} has place for. */
export const REUSED_DATAGRAMS_MAX = 1024;

/**
 * Of those that have left soon: the same memory again and again, so that the collector has nothing to do with them. When all of it is in use,
 * it gives fresh memory.
 */
export class ReusedMemory implements DatagramMemory {
  #memory: ArrayBuffer | undefined;
  /** What each place held last: most datagrams have one size, so that nothing is made for them. */
  readonly #copies: Uint8Array[] = [];
  #next = 0;
  #inUse = 0;

  copy(bytes: Uint8Array, length: number): Uint8Array {
    if (this.#inUse === REUSED_DATAGRAMS_MAX || length > SLOT_BYTES) return freshMemory.copy(bytes, length);
    const copy = this.#place(length);
    copy.set(length === bytes.length ? bytes : bytes.subarray(0, length));
    this.#next = (this.#next + 1) % REUSED_DATAGRAMS_MAX;
    this.#inUse++;
    return copy;
  }

  #place(length: number): Uint8Array {
    const before = this.#copies[this.#next];
    if (before?.length === length) return before;
    this.#memory ??= new ArrayBuffer(REUSED_DATAGRAMS_MAX * SLOT_BYTES);
    const place = new Uint8Array(this.#memory, this.#next * SLOT_BYTES, length);
    this.#copies[this.#next] = place;
    return place;
  }

  /** Of all that was copied nobody needs anything any more. */
  release(): void {
    this.#inUse = 0;
  }
}
