import { Distribution } from './distribution.ts';
import type { HandshakeOutcome } from './handshake-result.ts';
import {
  type HandshakeChunk,
  type HandshakeCounts,
  NAMED_RUNS_MAX,
  noCounts,
  type SeededViolation,
} from './handshake-tally.ts';

/** Runs of one simulation at most: their times are kept, 8 bytes each. */
export const RUNS_MAX = 20_000_000;

/**
 * What many runs came to. Chunks may come in any order and from any thread: the result is that of their runs in the order of their
 * seeds.
 */
export class HandshakeStats {
  readonly counts: HandshakeCounts = noCounts();
  readonly outcomes: Partial<Record<HandshakeOutcome, number>> = {};
  /** Seeds of the first runs that did not succeed, {@link NAMED_RUNS_MAX} at most. */
  failedSeeds: readonly number[] = [];
  /** The first broken promises, {@link NAMED_RUNS_MAX} at most. */
  firstViolations: readonly SeededViolation[] = [];
  readonly #timesToStreamMs: Float64Array;
  readonly #timesToFirstFrameMs: Float64Array;
  readonly #named: {
    readonly first: number;
    readonly chunk: Pick<HandshakeChunk, 'failedSeeds' | 'firstViolations'>;
  }[] = [];

  /** @param runs all that will come, 1..{@link RUNS_MAX} (else RangeError). */
  constructor(runs: number, untilFirstFrame: boolean) {
    if (!(runs >= 1 && runs <= RUNS_MAX)) throw new RangeError(`${runs} runs; at most ${RUNS_MAX} at a time`);
    this.#timesToStreamMs = new Float64Array(runs).fill(Number.NaN);
    this.#timesToFirstFrameMs = new Float64Array(untilFirstFrame ? runs : 0).fill(Number.NaN);
  }

  /** Takes a chunk; each once. */
  add(chunk: HandshakeChunk): void {
    this.#timesToStreamMs.set(chunk.timesToStreamMs, chunk.first);
    if (this.#timesToFirstFrameMs.length > 0) this.#timesToFirstFrameMs.set(chunk.timesToFirstFrameMs, chunk.first);
    for (const name of Object.keys(this.counts) as (keyof HandshakeCounts)[]) this.counts[name] += chunk.counts[name];
    for (const [outcome, count] of Object.entries(chunk.outcomes) as [HandshakeOutcome, number][]) {
      this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + count;
    }
    if (chunk.failedSeeds.length === 0 && chunk.firstViolations.length === 0) return;
    this.#named.push({ first: chunk.first, chunk });
    this.#named.sort((a, b) => a.first - b.first).splice(NAMED_RUNS_MAX);
    this.failedSeeds = this.#named.flatMap((entry) => entry.chunk.failedSeeds).slice(0, NAMED_RUNS_MAX);
    this.firstViolations = this.#named.flatMap((entry) => entry.chunk.firstViolations).slice(0, NAMED_RUNS_MAX);
  }

  /** Share of the runs that got what was asked for before the deadline, 0..1. */
  get success(): number {
    return (this.outcomes.ok ?? 0) / this.counts.runs;
  }

  /** Times to stream of all runs so far. */
  timesToStream(): Distribution {
    return new Distribution(this.#timesToStreamMs.filter((ms) => !Number.isNaN(ms)));
  }

  /** Times to the first decodable frame of all runs so far; none unless they were asked for. */
  timesToFirstFrame(): Distribution {
    return new Distribution(this.#timesToFirstFrameMs.filter((ms) => !Number.isNaN(ms)));
  }
}
