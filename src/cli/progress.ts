import { formatDuration } from '../config/units.ts';
import { monotonicMs } from '../io/clock.ts';

const BAR = 24;
/** Without a terminal a line each so many ms. */
const LINE_EVERY_MS = 5000;
/** On one, this often. */
const DRAW_EVERY_MS = 100;

/** How far a long piece of work is, on stderr: a bar on a terminal, else a line every few seconds. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #startedAtMs = monotonicMs();
  #toldAtMs = monotonicMs();
  #shown = false;

  /** @param what such as `handshakes`. */
  constructor(what: string, total: number) {
    this.#what = what;
    this.#total = total;
  }

  /** @param done of the total. */
  update(done: number): void {
    const nowMs = monotonicMs();
    const { isTTY } = process.stderr;
    if (nowMs - this.#toldAtMs < (isTTY ? DRAW_EVERY_MS : LINE_EVERY_MS)) return;
    this.#toldAtMs = nowMs;
    const text = progressText(this.#what, done, this.#total, nowMs - this.#startedAtMs);
    if (!isTTY) process.stderr.write(`${text}\n`);
    else process.stderr.write(`\r\x1b[K${text.slice(0, Math.max(1, (process.stderr.columns ?? 80) - 1))}`);
    this.#shown = true;
  }

  /** Takes the bar away. */
  finish(): void {
    if (this.#shown && process.stderr.isTTY) process.stderr.write('\r\x1b[K');
    this.#shown = false;
  }
}

/** `[=====>     ]  42 %  420,000 of 1,000,000 handshakes, 20,120 a second, 29.0 s left`. */
export function progressText(what: string, done: number, total: number, elapsedMs: number): string {
  const share = Math.min(1, done / total);
  const filled = Math.floor(share * BAR);
  const bar = `${'='.repeat(filled)}${filled < BAR ? '>' : ''}`.padEnd(BAR);
  const perMs = done / Math.max(1, elapsedMs);
  const left = done === 0 ? '' : `, ${formatDuration((total - done) / perMs)} left`;
  const counts = `${count(done)} of ${count(total)} ${what}, ${count(1000 * perMs)} a second`;
  return `[${bar}] ${Math.floor(100 * share)
    .toString()
    .padStart(3)} %  ${counts}${left}`;
}

/** `1,234,567`. */
export function count(number: number): string {
  return Math.round(number).toLocaleString('en-US');
}
