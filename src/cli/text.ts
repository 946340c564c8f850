import { formatBytes, formatDuration, formatPercent, formatRate } from '../config/units.ts';
import type { StreamEnd } from '../io/received-stream.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { errorCodeHelp, errorCodeName } from '../protocol/error-code.ts';

/** One line a second for a viewer: what came since the line before. */
export class ReceiveStatus {
  #before: ReceiveStats | undefined;
  #atMs = 0;

  /** @param nowMs monotonic. */
  line(stats: ReceiveStats, elapsedMs: number, rttMs: number | undefined, nowMs: number): string {
    const before = this.#before;
    const seconds = Math.max(0.001, (nowMs - this.#atMs) / 1000);
    const since = (count: (stats: ReceiveStats) => number): number =>
      count(stats) - (before === undefined ? 0 : count(before));
    this.#before = stats;
    this.#atMs = nowMs;
    if (before === undefined) return `${clock(elapsedMs)}  streaming`;
    const missing = since((s) => s.repaired) + since((s) => s.lost);
    const expected = since((s) => s.received - s.duplicated - s.late) + since((s) => s.lost);
    const percent = (part: number): string => formatPercent(expected > 0 ? part / expected : 0);
    return [
      clock(elapsedMs),
      `${(since((s) => s.framesComplete) / seconds).toFixed(0)} frames/s`,
      formatRate((8 * since((s) => s.bytes)) / seconds),
      `loss ${percent(missing)}, ${percent(since((s) => s.lost))} after repair`,
      ...(rttMs === undefined ? [] : [`RTT ${formatDuration(rttMs)}`]),
      `jitter ${formatDuration(stats.jitterMs)}`,
    ].join('  ');
  }
}

/** The last lines of a viewer. */
export interface ViewSummary {
  readonly end: StreamEnd;
  readonly timeToStreamMs: number | undefined;
  readonly timeToFirstFrameMs: number | undefined;
  readonly attempts: number;
  readonly stats: ReceiveStats | undefined;
}

/** What a viewer's session came to, for people. */
export function summaryLines({ end, timeToStreamMs, timeToFirstFrameMs, attempts, stats }: ViewSummary): string[] {
  const by = end.byPeer ? 'the camera' : 'this end';
  const lines = [`ended by ${by} after ${formatDuration(end.durationMs)}: ${codeText(end.code)}`];
  const row = (name: string, text: string): void => {
    lines.push(`  ${name.padEnd(20)} ${text}`);
  };
  const starts = attempts === 1 ? '1 START' : `${attempts} STARTs`;
  row(
    'time to stream',
    timeToStreamMs === undefined ? 'no media came' : `${formatDuration(timeToStreamMs)} (${starts})`,
  );
  row('time to first frame', timeToFirstFrameMs === undefined ? 'none' : formatDuration(timeToFirstFrameMs));
  if (stats !== undefined) {
    const { received, bytes, lost, repaired, duplicated, late } = stats;
    row(
      'datagrams',
      `${received} (${formatBytes(bytes)}); ${repaired} repaired, ${lost} lost, ${duplicated} twice, ${late} late`,
    );
    row(
      'frames',
      `${stats.framesComplete} whole, ${stats.framesDecodable} decodable, ${stats.framesIncomplete} incomplete`,
    );
  }
  if (end.sink !== undefined) {
    const { target, written, bytes, dropped } = end.sink;
    row('written', `${written} to ${target} (${formatBytes(bytes)})${dropped > 0 ? `, ${dropped} dropped` : ''}`);
  }
  return lines;
}

/** A code's name and meaning. */
export function codeText(code: number): string {
  const name = errorCodeName(code);
  if (name === 'APPLICATION' || name === 'UNKNOWN') return `${name} 0x${code.toString(16)}`;
  return `${errorCodeHelp[name].means} (${name})`;
}

/** `   3.0 s`. */
export function clock(ms: number): string {
  return `${(ms / 1000).toFixed(1).padStart(6)} s`;
}
