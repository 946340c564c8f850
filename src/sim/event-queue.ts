interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

/** Virtual time: events run in order of their time, equal ones in the order in which they were added. */
export class EventQueue {
  readonly #heap: Event[] = [];
  #order = 0;
  #nowMs = 0;

  /** Virtual monotonic time in ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Runs `run` at `atMs`, or now if that has passed. */
  at(atMs: number, run: () => void): void {
    const event = { atMs: Math.max(atMs, this.#nowMs), order: this.#order++, run };
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || !isBefore(event, above)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = event;
  }

  /** Runs the next event if it is due by `untilMs`; false when none is. */
  runNext(untilMs: number): boolean {
    const next = this.#heap[0];
    if (next === undefined || next.atMs > untilMs) return false;
    this.#pop();
    this.#nowMs = next.atMs;
    next.run();
    return true;
  }

  /** Runs everything that is due by `untilMs` and lets time pass until then. */
  runUntil(untilMs: number): void {
    while (this.runNext(untilMs));
    this.#nowMs = Math.max(this.#nowMs, untilMs);
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      const left = heap[child];
      if (left === undefined) break;
      const right = heap[child + 1];
      const smaller = right !== undefined && isBefore(right, left) ? right : left;
      if (smaller === right) child++;
      if (!isBefore(smaller, last)) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}
