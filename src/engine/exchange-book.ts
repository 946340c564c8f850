/** What an {@link ExchangeBook} keeps. */
export interface BookEntry {
  deadlineMs(): number;
  timeout(): void;
  forget(): void;
}

/**
 * The exchanges of one session in one direction: a few that are open, and the ids of many that ended, each for the same time, so that
 * the one that ended first is forgotten first.
 */
export class ExchangeBook<Entry extends BookEntry> {
  readonly #open = new Map<bigint, Entry>();
  readonly #ended = new Map<bigint, Entry>();
  readonly #endedMax: number;
  readonly #evicted: () => void;

  /** @param evicted one was forgotten before its time. */
  constructor(endedMax: number, evicted: () => void) {
    this.#endedMax = endedMax;
    this.#evicted = evicted;
  }

  get open(): number {
    return this.#open.size;
  }

  /** Open or ended. */
  get(id: bigint): Entry | undefined {
    return this.#open.get(id) ?? this.#ended.get(id);
  }

  /** Those that are open. */
  openOnes(): Entry[] {
    return [...this.#open.values()];
  }

  add(id: bigint, entry: Entry): void {
    this.#open.set(id, entry);
  }

  /** From now on only the id counts. */
  ended(id: bigint, entry: Entry): void {
    this.#open.delete(id);
    this.#ended.set(id, entry);
    if (this.#ended.size <= this.#endedMax) return;
    const [oldest] = this.#ended.values();
    this.#evicted();
    oldest?.forget();
  }

  remove(id: bigint): void {
    if (!this.#open.delete(id)) this.#ended.delete(id);
  }

  earliestMs(): number {
    const [firstEnded] = this.#ended.values();
    let earliest = firstEnded?.deadlineMs() ?? Number.POSITIVE_INFINITY;
    for (const entry of this.#open.values()) earliest = Math.min(earliest, entry.deadlineMs());
    return earliest;
  }

  timeout(nowMs: number): void {
    for (const entry of this.openOnes()) if (entry.deadlineMs() <= nowMs) entry.timeout();
    for (const entry of this.#ended.values()) {
      if (entry.deadlineMs() > nowMs) break;
      entry.timeout();
    }
  }
}
