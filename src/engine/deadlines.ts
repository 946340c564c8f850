/** The timers of one machine as data: a deadline each, in ms on the monotonic clock, Infinity when not armed. */
export class Deadlines<Name extends string> {
  readonly #names: readonly Name[];
  readonly #atMs: number[];

  /** @param names in the order in which simultaneous ones expire. */
  constructor(names: readonly Name[]) {
    this.#names = names;
    this.#atMs = names.map(() => Number.POSITIVE_INFINITY);
  }

  /** Arms, or arms anew, one timer. */
  arm(name: Name, atMs: number): void {
    this.#atMs[this.#names.indexOf(name)] = atMs;
  }

  /** The timer will not expire. */
  disarm(name: Name): void {
    this.arm(name, Number.POSITIVE_INFINITY);
  }

  /** None will expire. */
  disarmAll(): void {
    this.#atMs.fill(Number.POSITIVE_INFINITY);
  }

  /** When the given timer expires. */
  at(name: Name): number {
    return this.#atMs[this.#names.indexOf(name)] ?? Number.POSITIVE_INFINITY;
  }

  /** When the first one expires. */
  earliestMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const atMs of this.#atMs) if (atMs < earliest) earliest = atMs;
    return earliest;
  }

  /** Disarms and returns the timer that expired first at or before `nowMs`; equal ones in the order of their names. */
  takeDue(nowMs: number): Name | undefined {
    const earliest = this.earliestMs();
    if (earliest > nowMs) return undefined;
    const index = this.#atMs.indexOf(earliest);
    this.#atMs[index] = Number.POSITIVE_INFINITY;
    return this.#names[index];
  }
}
