/** Rejects when `promise` has not settled after `limitMs`: no test waits for ever, and none sleeps. */
export function soon<T>(promise: Promise<T>, limitMs: number, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`${what}: not within ${limitMs} ms`)), limitMs);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

const KEPT_MAX = 100_000;

interface Waiting<T> {
  readonly match: (item: T) => boolean;
  readonly found: (item: T) => void;
}

/** Remembers what happened, in order, and lets a test wait for what has not happened yet. */
export class Witness<T> {
  readonly seen: T[] = [];
  /** Items that came after the memory was full. */
  overflow = 0;
  readonly #waiting = new Set<Waiting<T>>();
  readonly #keptMax: number;

  /** @param keptMax items that are kept; more are counted only. Default 100,000. */
  constructor(keptMax = KEPT_MAX) {
    this.#keptMax = keptMax;
  }

  note(item: T): void {
    if (this.seen.length < this.#keptMax) this.seen.push(item);
    else this.overflow++;
    for (const waiting of this.#waiting) {
      if (!waiting.match(item)) continue;
      this.#waiting.delete(waiting);
      waiting.found(item);
    }
  }

  /**
   * The first item that matches, from the one numbered `from` on, whether it was seen already or is to come.
   */
  async when(match: (item: T) => boolean, limitMs: number, what: string, from = 0): Promise<T> {
    const index = this.seen.findIndex((item, at) => at >= from && match(item));
    if (index >= 0) return this.seen[index] as T;
    let waiting: Waiting<T> | undefined;
    const found = new Promise<T>((resolve) => {
      waiting = { match, found: resolve };
      this.#waiting.add(waiting);
    });
    try {
      return await soon(found, limitMs, what);
    } finally {
      if (waiting !== undefined) this.#waiting.delete(waiting);
    }
  }
}
