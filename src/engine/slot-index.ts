const NONE = -1;
const SLOTS_AT_FIRST = 8;

/**
 * Finds slots, small whole numbers, by a 32-bit hash of what is in them: three arrays of numbers, which cost an entry 16 bytes where a Map
 * costs it 40 and its key besides. Whoever can choose what is hashed must not know how.
 */
export class SlotIndex {
  /** Of each bucket the first slot. As many as slots: a power of two. */
  #heads = new Int32Array(SLOTS_AT_FIRST).fill(NONE);
  /** Of each slot the next one in its bucket. */
  #next = new Int32Array(SLOTS_AT_FIRST);
  #hashes = new Uint32Array(SLOTS_AT_FIRST);

  /** @param slot that is not in it. @param hash u32. */
  add(slot: number, hash: number): void {
    if (slot >= this.#heads.length) this.#grow(slot);
    this.#hashes[slot] = hash;
    this.#link(slot);
  }

  /** @param slot that may be in it. */
  remove(slot: number): void {
    const bucket = this.#bucketOf(this.#hashes[slot] ?? 0);
    const after = this.#next[slot] ?? NONE;
    let at = this.#heads[bucket] ?? NONE;
    if (at === slot) {
      this.#heads[bucket] = after;
      return;
    }
    for (; at !== NONE; at = this.#next[at] ?? NONE) if (this.#next[at] === slot) this.#next[at] = after;
  }

  /** One of the slots with this hash; -1 for none. */
  first(hash: number): number {
    return this.#from(this.#heads[this.#bucketOf(hash)] ?? NONE, hash);
  }

  /** A further slot with the same hash; -1 for none. */
  after(slot: number): number {
    return this.#from(this.#next[slot] ?? NONE, this.#hashes[slot] ?? 0);
  }

  #from(first: number, hash: number): number {
    let at = first;
    while (at !== NONE && this.#hashes[at] !== hash) at = this.#next[at] ?? NONE;
    return at;
  }

  #bucketOf(hash: number): number {
    return hash & (this.#heads.length - 1);
  }

  #link(slot: number): void {
    const bucket = this.#bucketOf(this.#hashes[slot] ?? 0);
    this.#next[slot] = this.#heads[bucket] ?? NONE;
    this.#heads[bucket] = slot;
  }

  #grow(slot: number): void {
    const linked = [...this.#heads].flatMap((head) => this.#chain(head));
    let length = this.#heads.length;
    while (length <= slot) length *= 2;
    this.#heads = new Int32Array(length).fill(NONE);
    this.#next = grown(this.#next, new Int32Array(length));
    this.#hashes = grown(this.#hashes, new Uint32Array(length));
    for (const each of linked) this.#link(each);
  }

  #chain(head: number): number[] {
    const slots: number[] = [];
    for (let at = head; at !== NONE; at = this.#next[at] ?? NONE) slots.push(at);
    return slots;
  }
}

function grown<Numbers extends Int32Array | Uint32Array>(from: Numbers, to: Numbers): Numbers {
  to.set(from);
  return to;
}
