import { monotonicMs } from '../src/io/clock.ts';

/** Measures, while it exists, how late the timers of this process are, which has nothing else to do: what the machine adds by itself. */
export class TimerWatch implements Disposable {
  readonly #everyMs: number;
  readonly #lateMs: number[] = [];
  #timer: NodeJS.Timeout;

  /** @param everyMs one timer after the other, each so long. */
  constructor(everyMs: number) {
    this.#everyMs = everyMs;
    this.#timer = this.#next();
  }

  /** How late each was, in ms; never below 0. */
  get lateMs(): readonly number[] {
    return this.#lateMs;
  }

  #next(): NodeJS.Timeout {
    const dueMs = monotonicMs() + this.#everyMs;
    return setTimeout(() => {
      this.#lateMs.push(Math.max(0, monotonicMs() - dueMs));
      this.#timer = this.#next();
    }, this.#everyMs);
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
  }
}
