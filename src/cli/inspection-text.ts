import { formatDuration } from '../config/units.ts';
import type { Inspection } from '../neighbours/procvision/inspect-sink.ts';
import { plainText } from '../observe/text.ts';
import { percentiles } from '../report/percentiles.ts';

/** `picture  37  NG  83.2 % of the picture changed (640x360 at 0,0)  12 ms`: what became of one picture, for people. */
export function inspectionLine({
  frame,
  result,
  ngReason = '',
  defectRects = [],
  error,
  latencyMs,
}: Inspection): string {
  const places = defectRects.map(({ x, y, width, height }) => `${width}x${height} at ${x},${y}`).join('; ');
  const what = error === undefined ? ngReason : `${error.errorCode ?? error.code}: ${error.message}`;
  return [
    `picture ${String(frame).padStart(4)}`,
    error === undefined ? (result ?? '-').padEnd(5) : 'ERROR',
    ...(what === '' ? [] : [plainText(what)]),
    ...(places === '' ? [] : [`(${places})`]),
    formatDuration(latencyMs),
  ].join('  ');
}

/** What all inspections of a run came to. */
export interface InspectionFigures {
  readonly ok: number;
  readonly ng: number;
  /** Judged neither OK nor NG: the algorithm did not work, or gave no verdict. */
  readonly errors: number;
  /** Pictures that were left out since the algorithm was at work. */
  readonly leftOut: number;
}

/** Counts what inspections brought. */
export class InspectionSummary {
  #ok = 0;
  #ng = 0;
  #errors = 0;
  #leftOut = 0;
  #last = '';
  /** A picture in a frame of 40 ms at the fastest, so that a session of an hour is 90,000 numbers. */
  readonly #latenciesMs: number[] = [];

  /** @returns whether the verdict is another than the one before. */
  add({ result, error, dropped, latencyMs }: Inspection): boolean {
    const verdict = error === undefined && result !== undefined ? result : 'error';
    if (verdict === 'OK') this.#ok++;
    else if (verdict === 'NG') this.#ng++;
    else this.#errors++;
    this.#leftOut += dropped;
    this.#latenciesMs.push(latencyMs);
    const changed = verdict !== this.#last;
    this.#last = verdict;
    return changed;
  }

  figures(): InspectionFigures {
    return { ok: this.#ok, ng: this.#ng, errors: this.#errors, leftOut: this.#leftOut };
  }

  /** For people. */
  lines(): string[] {
    const { p50, max } = percentiles(this.#latenciesMs);
    const judged = this.#latenciesMs.length;
    const took =
      judged === 0 ? '' : `; ${formatDuration(p50)} from picture to verdict (median), ${formatDuration(max)} at most`;
    const left = `${this.#leftOut} left out while the algorithm was at work`;
    return [
      `inspected ${judged} pictures, ${left}`,
      `  verdicts             ${this.#ok} OK, ${this.#ng} NG, ${this.#errors} errors${took}`,
    ];
  }
}
