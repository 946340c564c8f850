/**
 * Distinct states, packed one behind the other, found by an open-addressed table. A slot holds a state's number and, beside
 * it, 32 bits of its hash: only where those agree are the states themselves compared, so two states are never taken for one
 * and the probability of a missed state is 0. The hash is murmur3's mixing of each word and its final avalanche (Appleby,
 * public domain), chosen because it needs 32-bit multiplications only.
 */
export class StateStore {
  readonly words: number;
  /** States at most. */
  readonly capacity: number;
  /** All states, `words` each. */
  readonly states: Int32Array;
  /** State that each one was first reached from. */
  readonly parents: Int32Array;
  /** Two words a slot: a state's number + 1, or 0, and its hash. */
  readonly #slots: Int32Array;
  #count = 0;

  constructor(words: number, capacity: number) {
    this.words = words;
    this.capacity = capacity;
    this.states = new Int32Array(words * capacity);
    this.parents = new Int32Array(capacity);
    // At most three quarters of the slots are taken.
    const slots = 2 ** (32 - Math.clz32(Math.ceil(Math.max(capacity, 8) / 0.75)));
    this.#slots = new Int32Array(2 * slots);
  }

  /** Distinct states. */
  get count(): number {
    return this.#count;
  }

  /** Bytes of all tables when every state is there. */
  get bytesMax(): number {
    return this.states.byteLength + this.parents.byteLength + this.#slots.byteLength;
  }

  /** Adds a state. @returns its number if it is new, -1 if it is known, -2 if there is no room. */
  add(state: Int32Array, parent: number): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    const hash = this.#hash(state);
    for (let slot = (2 * hash) & mask; ; slot = (slot + 2) & mask) {
      const entry = slots[slot] as number;
      if (entry === 0) {
        if (this.#count === this.capacity) return -2;
        const number = this.#count++;
        slots[slot] = number + 1;
        slots[slot + 1] = hash;
        const { states, words } = this;
        for (let i = 0, at = number * words; i < words; i++, at++) states[at] = state[i] as number;
        this.parents[number] = parent;
        return number;
      }
      if (slots[slot + 1] === hash && this.#equals(entry - 1, state)) return -1;
    }
  }

  /** A state's number, -1 if it is not there. */
  find(state: Int32Array): number {
    const slots = this.#slots;
    const mask = slots.length - 2;
    const hash = this.#hash(state);
    for (let slot = (2 * hash) & mask; ; slot = (slot + 2) & mask) {
      const entry = slots[slot] as number;
      if (entry === 0) return -1;
      if (slots[slot + 1] === hash && this.#equals(entry - 1, state)) return entry - 1;
    }
  }

  #hash(state: Int32Array): number {
    let hash = 0x2b5d_31f7;
    for (let i = 0; i < state.length; i++) {
      let word = Math.imul(state[i] as number, 0xcc9e_2d51);
      word = (word << 15) | (word >>> 17);
      hash ^= Math.imul(word, 0x1b87_3593);
      hash = (hash << 13) | (hash >>> 19);
      hash = (Math.imul(hash, 5) + 0xe654_6b64) | 0;
    }
    hash ^= hash >>> 16;
    hash = Math.imul(hash, 0x85eb_ca6b);
    hash ^= hash >>> 13;
    hash = Math.imul(hash, 0xc2b2_ae35);
    return hash ^ (hash >>> 16);
  }

  #equals(number: number, state: Int32Array): boolean {
    const { states, words } = this;
    const offset = number * words;
    for (let i = 0; i < words; i++) if (states[offset + i] !== state[i]) return false;
    return true;
  }
}
