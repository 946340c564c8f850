import { MinHeap } from './min-heap.ts';

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
  readonly #heap = new MinHeap<Entry>((a, b) => a.atMs < b.atMs);

  /** Call after anything that may have changed the sleeper's deadline. */
  update(sleeper: Sleeper): void {
    const atMs = sleeper.deadlineMs();
    if (atMs >= sleeper.queuedAtMs) return;
    sleeper.queuedAtMs = atMs;
    this.#heap.push({ atMs, sleeper });
  }

  /** No sleeper wants to be woken before this time; it may be early, never late. */
  earliestMs(): number {
    return this.#heap.peek()?.atMs ?? Number.POSITIVE_INFINITY;
  }

  /** Removes and returns a sleeper whose deadline has passed. Call {@link update} after waking it. */
  takeDue(nowMs: number): Sleeper | undefined {
    for (;;) {
      const top = this.#heap.peek();
      if (top === undefined || top.atMs > nowMs) return undefined;
      this.#heap.pop();
      if (top.atMs !== top.sleeper.queuedAtMs) continue;
      top.sleeper.queuedAtMs = Number.POSITIVE_INFINITY;
      if (top.sleeper.deadlineMs() <= nowMs) return top.sleeper;
      this.update(top.sleeper);
    }
  }
}
