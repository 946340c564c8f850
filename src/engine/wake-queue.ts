import { type Sleeper, SleeperWheel, WHEEL_SLOTS } from './sleeper-wheel.ts';

/** Time that one tick stands for. Sleepers of the tick that has come are sorted, all others are not. */
const TICK_MS = 16;

/**
 * Which of many sessions must be woken next: hierarchical timing wheels (Varghese and Lauck, 1987, scheme 7). One has the ticks of this
 * era, 4.1 s; the other has the eras after it, each of whose sleepers goes into the first wheel when it begins, so that nobody is looked
 * at again and again while his time is far. To sleep, and to sleep again, takes the same short time whether 100 or 100,000 do, and makes nothing.
 * Who moves its deadline to later is left where it is, and noticed when its old one comes up. Woken in the order of deadlines, equal ones in
 * the order in which they were queued.
 */
export class WakeQueue {
  readonly #ticks = new SleeperWheel();
  readonly #eras = new SleeperWheel();
  /** Those whose tick has come, the next at the end. */
  #near: Sleeper[] = [];
  /** The tick that has come, counted from time 0. */
  #tick = Number.NaN;
  /** Whose ticks the wheel of ticks has. */
  #era = Number.NaN;
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
    if (Number.isNaN(this.#tick)) this.#beginAt(eraOf(tick) - 1);
    if (tick > this.#tick) return this.#link(sleeper, tick);
    let [low, high] = [0, this.#near.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#near[middle]?.queuedAtMs ?? 0) > atMs) low = middle + 1;
      else high = middle;
    }
    this.#near.splice(low, 0, sleeper);
  }

  #link(sleeper: Sleeper, tick: number): void {
    const era = eraOf(tick);
    if (era === this.#era) this.#ticks.link(sleeper, tick);
    else this.#eras.link(sleeper, era);
  }

  #unlink(sleeper: Sleeper): void {
    const tick = tickOf(sleeper.queuedAtMs);
    const era = eraOf(tick);
    if (era === this.#era) this.#ticks.unlink(sleeper, tick);
    else this.#eras.unlink(sleeper, era);
  }

  /** Goes on to the next tick that has come and has somebody, at most to this one. @returns false for none. */
  #turn(nowTick: number): boolean {
    while (this.#tick < nowTick) {
      const end = Math.min(nowTick, lastTickOf(this.#era));
      const tick = this.#ticks.occupiedAfter(this.#tick, end);
      this.#tick = Math.min(tick, end);
      if (tick <= end) {
        this.#collect(tick);
        return true;
      }
      if (end < nowTick) this.#begin(this.#eraUpTo(eraOf(nowTick)));
    }
    return false;
  }

  /** The next era that may have somebody, at most this one. */
  #eraUpTo(last: number): number {
    if (this.#eras.size === 0) return last;
    return Math.min(last, this.#eras.occupiedAfter(this.#era, this.#era + WHEEL_SLOTS));
  }

  /** Its sleepers go into the wheel of ticks, which is empty, in the order in which they came. */
  #begin(era: number): void {
    this.#beginAt(era);
    let sleeper = this.#eras.first(era);
    while (sleeper !== undefined) {
      const after: Sleeper | undefined = sleeper.queuedAfter;
      const tick = tickOf(sleeper.queuedAtMs);
      if (eraOf(tick) === era) {
        this.#eras.unlink(sleeper, era);
        this.#ticks.link(sleeper, tick);
      }
      sleeper = after;
    }
  }

  #beginAt(era: number): void {
    this.#era = era;
    this.#tick = lastTickOf(era - 1);
  }

  #collect(tick: number): void {
    for (let first = this.#ticks.first(tick); first !== undefined; first = this.#ticks.first(tick)) {
      this.#ticks.unlink(first, tick);
      this.#near.push(first);
    }
    // Stable: equal ones stay in their order.
    if (this.#near.length > 1) this.#near.sort((a, b) => a.queuedAtMs - b.queuedAtMs).reverse();
  }

  #find(): number {
    const next = this.#near[this.#near.length - 1];
    if (next !== undefined) return next.queuedAtMs;
    const end = lastTickOf(this.#era);
    const tick = this.#ticks.occupiedAfter(this.#tick, end);
    if (tick > end) return this.#beginsMs();
    let earliestMs = Number.POSITIVE_INFINITY;
    for (let sleeper = this.#ticks.first(tick); sleeper !== undefined; sleeper = sleeper.queuedAfter) {
      if (sleeper.queuedAtMs < earliestMs) earliestMs = sleeper.queuedAtMs;
    }
    return earliestMs;
  }

  /** When the first era begins that may have somebody: early, and looked at again then. */
  #beginsMs(): number {
    if (this.#eras.size === 0) return Number.POSITIVE_INFINITY;
    const era = this.#eras.occupiedAfter(this.#era, this.#era + WHEEL_SLOTS);
    return (lastTickOf(era - 1) + 1) * TICK_MS;
  }
}

function tickOf(atMs: number): number {
  return Math.floor(atMs / TICK_MS);
}

function eraOf(tick: number): number {
  return Math.floor(tick / WHEEL_SLOTS);
}

function lastTickOf(era: number): number {
  return (era + 1) * WHEEL_SLOTS - 1;
}
