import { type TimerName, timerNames } from '../../machines/types.ts';

const indexOf = new Map<TimerName, number>(timerNames.map((name, index) => [name, index]));

const NONE_ARMED: readonly number[] = timerNames.map(() => Number.POSITIVE_INFINITY);

/** The timers of one session as data: a deadline each, in ms on the monotonic clock, Infinity when not armed. */
export class Deadlines {
  readonly #atMs = NONE_ARMED.slice();

  /** Arms, or arms anew, one timer. */
  arm(name: TimerName, atMs: number): void {
    this.#atMs[indexOf.get(name) ?? 0] = atMs;
  }

  /** The timer will not expire. */
  disarm(name: TimerName): void {
    this.arm(name, Number.POSITIVE_INFINITY);
  }

  /** None will expire. */
  disarmAll(): void {
    this.#atMs.fill(Number.POSITIVE_INFINITY);
  }

  /** When the given timer expires. */
  at(name: TimerName): number {
    return this.#atMs[indexOf.get(name) ?? 0] ?? Number.POSITIVE_INFINITY;
  }

  /** When the first one expires. */
  earliestMs(): number {
    let earliest = Number.POSITIVE_INFINITY;
    for (const atMs of this.#atMs) if (atMs < earliest) earliest = atMs;
    return earliest;
  }

  /** Disarms and returns the timer that expired first at or before `nowMs`; equal ones in the order of `timerNames`. */
  takeDue(nowMs: number): TimerName | undefined {
    const earliest = this.earliestMs();
    if (earliest > nowMs) return undefined;
    const index = this.#atMs.indexOf(earliest);
    this.#atMs[index] = Number.POSITIVE_INFINITY;
    return timerNames[index];
  }
}
