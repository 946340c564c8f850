import type { InvariantId } from '../../protocol/invariants.ts';

/** Violations of one promise that a watch keeps; what comes then is only counted. */
export const VIOLATIONS_PER_ID_MAX = 8;

/** A broken promise of docs/PROTOCOL.md, section 10, as it was seen. */
export interface Violation {
  readonly id: InvariantId;
  readonly detail: string;
  /** Time of the world in ms. */
  readonly atMs: number;
}

/** Where all checkers of one watch report. */
export class ViolationLog {
  readonly list: Violation[] = [];
  /** Time of the event that is being looked at, in ms. */
  atMs = 0;
  readonly #kept = new Map<InvariantId, number>();
  #count = 0;

  /** All that were reported, kept or not. */
  get count(): number {
    return this.#count;
  }

  report(id: InvariantId, detail: string): void {
    this.#count++;
    const kept = this.#kept.get(id) ?? 0;
    if (kept === VIOLATIONS_PER_ID_MAX) return;
    this.#kept.set(id, kept + 1);
    this.list.push({ id, detail, atMs: this.atMs });
  }
}
