/** What a wheel holds. All but the deadline belongs to the queue that the wheel is part of. */
export interface Sleeper {
  /** When it wants to be woken, monotonic ms; Infinity for never. */
  deadlineMs(): number;
  /** When the queue looks at it; Infinity at first. */
  queuedAtMs: number;
  /** Its neighbours in a slot; absent at first. The first one's `queuedBefore` is the last one. */
  queuedBefore: Sleeper | undefined;
  queuedAfter: Sleeper | undefined;
}

/** Slots of a wheel, a power of two. */
export const WHEEL_SLOTS = 256;

/**
 * Sleepers in slots by a whole number, which may be less than 0: all numbers that are a turn apart share a slot. To put one in and to take
 * it out takes the same short time however many there are, and makes nothing. A slot keeps the order in which they came.
 */
export class SleeperWheel {
  readonly #slots = new Array<Sleeper | undefined>(WHEEL_SLOTS).fill(undefined);
  /** A bit for each slot that is not empty. */
  readonly #occupied = new Int32Array(WHEEL_SLOTS / 32);
  #size = 0;

  /** Sleepers in all slots. */
  get size(): number {
    return this.#size;
  }

  /** The first one of a number's slot; the others follow by `queuedAfter`. */
  first(at: number): Sleeper | undefined {
    return this.#slots[slotOf(at)];
  }

  /** Puts it behind the others of the slot. @param sleeper that is in no wheel. */
  link(sleeper: Sleeper, at: number): void {
    const slot = slotOf(at);
    const first = this.#slots[slot];
    this.#size++;
    if (first === undefined) {
      this.#slots[slot] = sleeper;
      this.#occupied[slot >> 5] = (this.#occupied[slot >> 5] ?? 0) | (1 << (slot & 31));
      sleeper.queuedBefore = sleeper;
      return;
    }
    const last = first.queuedBefore ?? first;
    last.queuedAfter = sleeper;
    sleeper.queuedBefore = last;
    first.queuedBefore = sleeper;
  }

  /** @param at the number that it was put in with. */
  unlink(sleeper: Sleeper, at: number): void {
    const slot = slotOf(at);
    const { queuedBefore: before, queuedAfter: after } = sleeper;
    const first = this.#slots[slot];
    if (first !== sleeper) {
      if (before !== undefined) before.queuedAfter = after;
      if (after !== undefined) after.queuedBefore = before;
      else if (first !== undefined) first.queuedBefore = before;
    } else {
      this.#slots[slot] = after;
      if (after !== undefined) after.queuedBefore = before;
      else this.#occupied[slot >> 5] = (this.#occupied[slot >> 5] ?? 0) & ~(1 << (slot & 31));
    }
    this.#size--;
    sleeper.queuedBefore = undefined;
    sleeper.queuedAfter = undefined;
  }

  /** The first number after `from` whose slot is not empty; beyond `end` when there is none up to there. */
  occupiedAfter(from: number, end: number): number {
    let at = from + 1;
    while (at <= end) {
      const slot = slotOf(at);
      const rest = (this.#occupied[slot >> 5] ?? 0) >>> (slot & 31);
      if (rest !== 0) return at + 31 - Math.clz32(rest & -rest);
      at += 32 - (slot & 31);
    }
    return end + 1;
  }
}

/** Clocks may begin before 0. */
function slotOf(at: number): number {
  return at & (WHEEL_SLOTS - 1);
}
