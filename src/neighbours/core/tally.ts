/** Counters by name: a closed set, each of them there from the start. */
export class Tally<Name extends string> {
  readonly #counts: Map<Name, number>;

  constructor(names: readonly Name[]) {
    this.#counts = new Map(names.map((name) => [name, 0]));
  }

  add(name: Name): void {
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  /** The count of one name. */
  of(name: Name): number {
    return this.#counts.get(name) ?? 0;
  }

  /** A copy of all. */
  snapshot(): Readonly<Record<Name, number>> {
    return Object.fromEntries(this.#counts) as Record<Name, number>;
  }
}
