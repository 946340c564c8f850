import { MinHeap } from '../engine/min-heap.ts';

interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: events run in order of their time, equal ones in the order in which they were added. */
export class EventQueue {
  readonly #heap = new MinHeap<Event>(isBefore);
  #order = 0;
  #nowMs = 0;
  #turn = 0;

  /** Events run so far: what happens in one turn has one cause. */
  get turn(): number {
    return this.#turn;
  }

  /** Virtual monotonic time in ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` at `atMs`, or now if that has passed. */
  at(atMs: number, run: () => void): void {
    this.#heap.push({ atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run });
  }

  /** Runs the next event if it is due by `untilMs`; false when none is. */
  runNext(untilMs: number): boolean {
    const next = this.#heap.peek();
    if (next === undefined || next.atMs > untilMs) return false;
    this.#heap.pop();
    this.#nowMs = next.atMs;
    this.#turn++;
    next.run();
    return true;
  }

  /** Runs everything that is due by `untilMs` and lets time pass until then. */
  runUntil(untilMs: number): void {
    while (this.runNext(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
