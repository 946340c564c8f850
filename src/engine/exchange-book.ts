/** What an {@link ExchangeBook} keeps. */
export interface BookEntry {
  deadlineMs(): number;
  timeout(): void;
  forget(): void;
}

/**
 * A request id as a key of a Map or Set. The other end chooses it, and V8 hashes a bigint without a key: of 4,096 that are chosen
 * to share a hash each look-up takes 30 us instead of 0.2. Strings are hashed under a seed of the process; one of digits alone may
 * not be.
 */
export function idKey(id: bigint): string {
  return `#${id}`;
}

/**
 * The exchanges of one session in one direction: a few that are open, and the ids of many that ended, each for the same time, so that
 * the one that ended first is forgotten first.
 */
export class ExchangeBook<Entry extends BookEntry> {
  readonly #open = new Map<string, Entry>();
  readonly #ended = new Map<string, Entry>();
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
    const key = idKey(id);
    return this.#open.get(key) ?? this.#ended.get(key);
  }

  /** Those that are open. */
  openOnes(): Entry[] {
    return [...this.#open.values()];
  }

  add(id: bigint, entry: Entry): void {
    this.#open.set(idKey(id), entry);
  }

  /** From now on only the id counts. */
  ended(id: bigint, entry: Entry): void {
    const key = idKey(id);
    this.#open.delete(key);
    this.#ended.set(key, entry);
    if (this.#ended.size <= this.#endedMax) return;
    const [oldest] = this.#ended.values();
    this.#evicted();
    oldest?.forget();
  }

  remove(id: bigint): void {
    const key = idKey(id);
    if (!this.#open.delete(key)) this.#ended.delete(key);
  }

  earliestMs(): number {
    const [firstEnded] = this.#ended.values();
    let earliest = firstEnded?.deadlineMs() ?? Number.POSITIVE_INFINITY;
    for (const entry of this.#open.values()) earliest = Math.min(earliest, entry.deadlineMs());
    return earliest;
  }

  timeout(nowMs: number): void {
    for (const entry of this.openOnes()) entry.timeout();
    for (const entry of this.#ended.values()) {
      if (entry.deadlineMs() > nowMs) break;
      entry.timeout();
    }
  }
}
