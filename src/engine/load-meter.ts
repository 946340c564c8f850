import { LOAD_CALM_MS } from '../protocol/constants.ts';

/** From where on a responder is under load (docs/PROTOCOL.md, section 6). */
export interface LoadThresholds {
  /** Half-open sessions. Default 128. */
  readonly pending: number;
  /** STARTs in a second that are no copies, above this. Default 500. */
  readonly startsPerSecond: number;
  /** How late the event loop is, twice in a row, in ms, above this. Default 50. */
  readonly lateMs: number;
}

/** What a responder can be overloaded by. */
export type LoadCause = 'pending' | 'starts' | 'late';

/** STARTs are counted by tenths of a second, of which ten are a second. */
const SLOT_MS = 100;
const SLOTS = 10;

/** Tells whether a responder is under load: at once when a threshold is passed, and until all has been below half of it for 5 s. */
export class LoadMeter {
  readonly #thresholds: LoadThresholds;
  readonly #starts = new Uint32Array(SLOTS);
  #slot = 0;
  #startsInSecond = 0;
  #lastLateMs = 0;
  #calmAtMs = Number.POSITIVE_INFINITY;

  constructor(thresholds: LoadThresholds) {
    this.#thresholds = thresholds;
  }

  get under(): boolean {
    return this.#calmAtMs !== Number.POSITIVE_INFINITY;
  }

  /** When load mode ends if nothing more happens; Infinity while there is none. */
  get calmAtMs(): number {
    return this.#calmAtMs;
  }

  /** A START that is no copy. @returns what makes this the beginning of load, if anything does. */
  start(nowMs: number): LoadCause | undefined {
    this.#advance(nowMs);
    this.#starts[this.#slot % SLOTS] = (this.#starts[this.#slot % SLOTS] ?? 0) + 1;
    this.#startsInSecond++;
    const { startsPerSecond } = this.#thresholds;
    return this.#sign(
      'starts',
      this.#startsInSecond > startsPerSecond,
      2 * this.#startsInSecond > startsPerSecond,
      nowMs,
    );
  }

  /** So many sessions are half-open now. */
  pending(count: number, nowMs: number): LoadCause | undefined {
    const { pending } = this.#thresholds;
    return this.#sign('pending', count >= pending, 2 * count >= pending, nowMs);
  }

  /** The event loop was so late. Once alone says nothing: a collection of garbage, or a machine that gave its core away. */
  late(lateMs: number, nowMs: number): LoadCause | undefined {
    const { lateMs: most } = this.#thresholds;
    const twice = Math.min(lateMs, this.#lastLateMs);
    this.#lastLateMs = lateMs;
    return this.#sign('late', twice > most, 2 * twice > most, nowMs);
  }

  /** Time has passed. @returns whether this was the end of load. */
  calm(nowMs: number): boolean {
    if (nowMs < this.#calmAtMs) return false;
    this.#calmAtMs = Number.POSITIVE_INFINITY;
    return true;
  }

  #sign(cause: LoadCause, above: boolean, aboveHalf: boolean, nowMs: number): LoadCause | undefined {
    if (!above && !(aboveHalf && this.under)) return undefined;
    const begins = !this.under;
    this.#calmAtMs = nowMs + LOAD_CALM_MS;
    return begins ? cause : undefined;
  }

  #advance(nowMs: number): void {
    const slot = Math.floor(nowMs / SLOT_MS);
    for (let passed = Math.min(slot - this.#slot, SLOTS); passed > 0; passed--) {
      const oldest = (slot - passed + 1) % SLOTS;
      this.#startsInSecond -= this.#starts[oldest] ?? 0;
      this.#starts[oldest] = 0;
    }
    this.#slot = slot;
  }
}
