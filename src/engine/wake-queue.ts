/** What a {@link WakeQueue} orders. All but the deadline belongs to the queue. */
export interface Sleeper {
  /** When it wants to be woken, monotonic ms; Infinity for never. */
  deadlineMs(): number;
  /** When the queue looks at it; Infinity at first. */
  queuedAtMs: number;
  /** Its neighbours in a slot; absent at first. The first one's `queuedBefore` is the last one. */
  queuedBefore: Sleeper | undefined;
  queuedAfter: Sleeper | undefined;
}

/** Time that one slot stands for. Sleepers of the slot that has come are sorted, all others are not. */
const SLOT_MS = 16;
/** A turn of the wheel takes 4.1 s, which most timers do not exceed; those of later turns wait in the same slots. */
const SLOTS = 256;
const WORDS = SLOTS / 32;

/**
 * Which of many sessions must be woken next: a hashed timing wheel (Varghese and Lauck, 1987, scheme 6). To sleep, and to sleep
 * again, takes the same short time whether 100 or 100,000 do, and makes nothing. Who moves its deadline to later is left where it
 * is, and noticed when its old one comes up. Woken in the order of deadlines, equal ones in the order in which they were queued.
 */
export class WakeQueue {
  readonly #slots = new Array<Sleeper | undefined>(SLOTS).fill(undefined);
  /** A bit for each slot that is not empty. */
  readonly #occupied = new Int32Array(WORDS);
  /** Those whose slot has come, the next at the end. */
  #near: Sleeper[] = [];
  /** The slot that has come, counted from time 0. */
  #tick = Number.NaN;
  #inSlots = 0;
  /** Absent: to be found. */
  #earliestMs: number | undefined = Number.POSITIVE_INFINITY;

  /** Call after anything that may have changed the sleeper's deadline. */
  update(sleeper: Sleeper): void {
    const atMs = sleeper.deadlineMs();
    const { queuedAtMs } = sleeper;
    const never = atMs === Number.POSITIVE_INFINITY;
    // What is over is not to be held until its time would have come.
    if (never ? queuedAtMs === atMs : atMs >= queuedAtMs) return;
    if (sleeper.queuedBefore !== undefined) this.#unlink(sleeper);
    else if (queuedAtMs !== Number.POSITIVE_INFINITY) this.#near.splice(this.#near.indexOf(sleeper), 1);
    sleeper.queuedAtMs = atMs;
    if (never) return;
    this.#queue(sleeper, atMs);
    if (this.#earliestMs !== undefined && atMs < this.#earliestMs) this.#earliestMs = atMs;
  }

  /** No sleeper wants to be woken before this time; it may be early, never late. */
  earliestMs(): number {
    this.#earliestMs ??= this.#find();
    return this.#earliestMs;
  }

  /** Removes and returns a sleeper whose deadline has passed. Call {@link update} after waking it. */
  takeDue(nowMs: number): Sleeper | undefined {
    if (this.#earliestMs !== undefined && this.#earliestMs > nowMs) return undefined;
    this.#earliestMs = undefined;
    for (;;) {
      const next = this.#near[this.#near.length - 1];
      if (next === undefined) {
        if (this.#turn(tickOf(nowMs))) continue;
        return undefined;
      }
      if (next.queuedAtMs > nowMs) return undefined;
      this.#near.pop();
      next.queuedAtMs = Number.POSITIVE_INFINITY;
      if (next.deadlineMs() <= nowMs) return next;
      this.update(next);
    }
  }

  #queue(sleeper: Sleeper, atMs: number): void {
    const tick = tickOf(atMs);
    if (Number.isNaN(this.#tick)) this.#tick = tick - SLOTS;
    if (tick > this.#tick) return this.#link(sleeper, slotOf(tick));
    let [low, high] = [0, this.#near.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#near[middle]?.queuedAtMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.#near.splice(low, 0, sleeper);
  }

  #link(sleeper: Sleeper, slot: number): void {
    const first = this.#slots[slot];
    this.#inSlots++;
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

  #unlink(sleeper: Sleeper): void {
    const slot = slotOf(tickOf(sleeper.queuedAtMs));
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
    this.#inSlots--;
    sleeper.queuedBefore = undefined;
    sleeper.queuedAfter = undefined;
  }

  /** Goes on to the next slot that has come and has somebody of this turn, at most to this one. @returns false for none. */
  #turn(nowTick: number): boolean {
    while (this.#inSlots > 0 && this.#tick < nowTick) {
      const end = Math.min(nowTick, this.#tick + SLOTS);
      for (let tick = this.#occupiedAfter(this.#tick, end); tick <= end; tick = this.#occupiedAfter(tick, end)) {
        this.#collect(tick);
        if (this.#near.length === 0) continue;
        this.#tick = tick;
        return true;
      }
      this.#tick = end;
    }
    if (this.#tick < nowTick) this.#tick = nowTick;
    return false;
  }

  #collect(tick: number): void {
    let sleeper = this.#slots[slotOf(tick)];
    while (sleeper !== undefined) {
      const after: Sleeper | undefined = sleeper.queuedAfter;
      if (tickOf(sleeper.queuedAtMs) === tick) {
        this.#unlink(sleeper);
        this.#near.push(sleeper);
      }
      sleeper = after;
    }
    // Stable: equal ones stay in their order.
    if (this.#near.length > 1) this.#near.sort((a, b) => a.queuedAtMs - b.queuedAtMs).reverse();
  }

  #find(): number {
    const next = this.#near[this.#near.length - 1];
    if (next !== undefined) return next.queuedAtMs;
    if (this.#inSlots === 0) return Number.POSITIVE_INFINITY;
    const end = this.#tick + SLOTS;
    for (let tick = this.#occupiedAfter(this.#tick, end); tick <= end; tick = this.#occupiedAfter(tick, end)) {
      let earliestMs = Number.POSITIVE_INFINITY;
      for (let sleeper = this.#slots[slotOf(tick)]; sleeper !== undefined; sleeper = sleeper.queuedAfter) {
        if (sleeper.queuedAtMs < earliestMs && tickOf(sleeper.queuedAtMs) === tick) earliestMs = sleeper.queuedAtMs;
      }
      if (earliestMs !== Number.POSITIVE_INFINITY) return earliestMs;
    }
    // Nobody of this turn: early, and looked at again then.
    return (end + 1) * SLOT_MS;
  }

  /** The first slot after `tick` that is not empty; beyond `end` when there is none up to there. */
  #occupiedAfter(tick: number, end: number): number {
    let at = tick + 1;
    while (at <= end) {
      const slot = slotOf(at);
      const rest = (this.#occupied[slot >> 5] ?? 0) >>> (slot & 31);
      if (rest !== 0) return at + 31 - Math.clz32(rest & -rest);
      at += 32 - (slot & 31);
    }
    return end + 1;
  }
}

function tickOf(atMs: number): number {
  return Math.floor(atMs / SLOT_MS);
}

/** Clocks may begin before 0. */
function slotOf(tick: number): number {
  return tick & (SLOTS - 1);
}
