/** What a {@link WakeQueue} orders. */
export interface Sleeper {
  /** When it wants to be woken, monotonic ms; Infinity for never. */
  deadlineMs(): number;
  /** The entry of the queue that counts; owned by the queue, Infinity at first. */
  queuedAtMs: number;
}

interface Entry {
  readonly atMs: number;
  readonly sleeper: Sleeper;
}

/**
 * Which of many sessions must be woken next: a binary heap whose entries are not moved when a deadline moves. A later
 * deadline is noticed when the old entry comes up, an earlier one gets a second entry.
 */
export class WakeQueue {
  readonly #heap: Entry[] = [];

  /** Call after anything that may have changed the sleeper's deadline. */
  update(sleeper: Sleeper): void {
    const atMs = sleeper.deadlineMs();
    if (atMs >= sleeper.queuedAtMs) return;
    sleeper.queuedAtMs = atMs;
    this.#push({ atMs, sleeper });
  }

  /** No sleeper wants to be woken before this time; it may be early, never late. */
  earliestMs(): number {
    return this.#heap[0]?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns a sleeper whose deadline has passed. Call {@link update} after waking it. */
  takeDue(nowMs: number): Sleeper | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.atMs > nowMs) return undefined;
      this.#pop();
      if (top.atMs !== top.sleeper.queuedAtMs) continue;
      top.sleeper.queuedAtMs = Number.POSITIVE_INFINITY;
      if (top.sleeper.deadlineMs() <= nowMs) return top.sleeper;
      this.update(top.sleeper);
    }
  }

  #push(entry: Entry): void {
    const heap = this.#heap;
    let index = heap.length;
    heap.push(entry);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.atMs <= entry.atMs) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = entry;
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
      let smaller = left;
      if (right !== undefined && right.atMs < left.atMs) {
        smaller = right;
        child++;
      }
      if (smaller.atMs >= last.atMs) break;
      heap[index] = smaller;
      index = child;
    }
    heap[index] = last;
  }
}
