/** What a {@link MediaWheel} orders. */
export interface Paced {
  /** Says when its next datagram is due, monotonic ms, Infinity for never; absent while it has none. */
  readonly outlet: { deadlineMs(nowMs: number): number } | undefined;
  /** The slot in which it waits; owned by the wheel, {@link NO_SLOT} at first. */
  mediaSlot: number;
}

/** What waits in no slot. */
export const NO_SLOT = -1;

const NEVER = Number.POSITIVE_INFINITY;

/** What was put off until the next slot. */
const PUT_OFF = -2;

/** Slots of a {@link MediaWheel}, of 1 ms each: longer than a frame lasts. */
export const WHEEL_SLOTS = 256;

/**
 * Which of many sessions have media due: a ring of slots of 1 ms, so that to wait for the next burst costs the same whether ten
 * sessions do or ten thousand. Whoever has nothing due within the ring waits in its last slot and is looked at again then.
 *
 * What was put off comes first in the next slot, in the order in which it was put off, so that nobody waits twice because of those who came later.
 */
export class MediaWheel<Item extends Paced> {
  /** Made when something waits for the first time: many endpoints of a simulation live for one handshake. */
  #slots: Item[][] = [];
  /** Of each slot, when the first in it is due; Infinity when it is empty. */
  #dueMs: number[] = [];
  /** All slots before it are empty. */
  #first = 0;
  #entries = 0;
  #putOff: Item[] = [];
  #putOffUntilMs = NEVER;

  /** Call after anything that may have changed when an item is due. */
  update(item: Item, nowMs: number): void {
    const dueMs = item.outlet?.deadlineMs(nowMs) ?? NEVER;
    if (dueMs === NEVER) item.mediaSlot = NO_SLOT;
    else this.#place(item, dueMs, nowMs);
  }

  /** The item waits for the next slot, whatever is due. */
  putOff(item: Item, nowMs: number): void {
    if (item.mediaSlot === PUT_OFF) return;
    if (this.#putOff.length === 0) this.#putOffUntilMs = Math.floor(nowMs) + 1;
    item.mediaSlot = PUT_OFF;
    this.#putOff.push(item);
  }

  /** Nothing is due before this time; it may be early, never late. */
  earliestMs(): number {
    return Math.min(this.#putOffUntilMs, this.#earliestOfSlots());
  }

  /** Takes out all that is due, and appends it to `due` in the order of slots. Call {@link update} or {@link putOff} for each. */
  takeDue(nowMs: number, due: Item[]): void {
    if (this.#putOffUntilMs <= nowMs) this.#takePutOff(due);
    const nowSlot = Math.floor(nowMs);
    while (this.#earliestOfSlots() <= nowMs) {
      const slot = this.#first;
      this.#takeSlot(slot, nowMs, due);
      if (slot >= nowSlot) break;
    }
  }

  #takePutOff(due: Item[]): void {
    for (const item of this.#putOff) {
      if (item.mediaSlot !== PUT_OFF) continue;
      item.mediaSlot = NO_SLOT;
      due.push(item);
    }
    this.#putOff = [];
    this.#putOffUntilMs = NEVER;
  }

  #takeSlot(slot: number, nowMs: number, due: Item[]): void {
    const index = slot % WHEEL_SLOTS;
    const items = this.#slots[index] ?? [];
    const count = items.length;
    this.#slots[index] = [];
    this.#dueMs[index] = NEVER;
    this.#entries -= count;
    for (const item of items) {
      if (item.mediaSlot !== slot) continue;
      item.mediaSlot = NO_SLOT;
      const dueMs = item.outlet?.deadlineMs(nowMs) ?? NEVER;
      if (dueMs <= nowMs) due.push(item);
      else if (dueMs < NEVER) this.#place(item, dueMs, nowMs);
    }
  }

  #earliestOfSlots(): number {
    if (this.#entries === 0) return NEVER;
    for (;;) {
      const dueMs = this.#dueMs[this.#first % WHEEL_SLOTS] ?? 0;
      if (dueMs < NEVER) return dueMs;
      this.#first++;
    }
  }

  #place(item: Item, dueMs: number, nowMs: number): void {
    const nowSlot = Math.floor(nowMs);
    if (this.#dueMs.length === 0) this.#dueMs = new Array<number>(WHEEL_SLOTS).fill(NEVER);
    if (this.#entries === 0) this.#first = nowSlot;
    const last = Math.min(this.#first, nowSlot) + WHEEL_SLOTS - 1;
    const slot = Math.min(Math.max(Math.floor(dueMs), nowSlot), last);
    // It is looked at before, and moved then.
    if (item.mediaSlot !== NO_SLOT && item.mediaSlot < slot) return;
    const index = slot % WHEEL_SLOTS;
    if (item.mediaSlot !== slot) {
      item.mediaSlot = slot;
      const items = this.#slots[index];
      if (items === undefined) this.#slots[index] = [item];
      else items.push(item);
      this.#entries++;
      if (slot < this.#first) this.#first = slot;
    }
    this.#dueMs[index] = Math.min(this.#dueMs[index] ?? 0, Math.max(slot, Math.min(dueMs, slot + 1)));
  }
}
