import type { HandshakeOutcome, HandshakeResult } from './handshake-result.ts';

/** Runs that are named beside a count: the first failures, the first violations. */
export const NAMED_RUNS_MAX = 10;

/** A broken promise and the seed of the run that broke it. */
export interface SeededViolation {
  readonly seed: number;
  readonly text: string;
}

/** Counts over runs. Sums of datagrams and bytes are over the runs that saw media, until its first datagram. */
export interface HandshakeCounts {
  runs: number;
  /** Runs that saw media before the deadline. */
  media: number;
  /** STARTs of those. */
  attempts: number;
  datagramsToCamera: number;
  bytesToCamera: number;
  datagramsToViewer: number;
  bytesToViewer: number;
  /** Runs in which media left the camera before a START_CONFIRM had come (S1). */
  mediaBeforeConfirm: number;
  /** All broken promises. */
  violations: number;
}

/** What some runs in a row came to; its arrays can be transferred between threads. */
export interface HandshakeChunk {
  /** Place of its first run among all. */
  readonly first: number;
  /** One for each run, in their order; ms, Infinity for never. */
  readonly timesToStreamMs: Float64Array<ArrayBuffer>;
  /** The same for the first decodable frame; empty unless it was asked for. */
  readonly timesToFirstFrameMs: Float64Array<ArrayBuffer>;
  readonly counts: HandshakeCounts;
  readonly outcomes: Partial<Record<HandshakeOutcome, number>>;
  /** The first ones, in order, {@link NAMED_RUNS_MAX} at most. */
  readonly failedSeeds: readonly number[];
  /** The first ones, in order, {@link NAMED_RUNS_MAX} at most. */
  readonly firstViolations: readonly SeededViolation[];
}

/** No runs yet. */
export function noCounts(): HandshakeCounts {
  return {
    runs: 0,
    media: 0,
    attempts: 0,
    datagramsToCamera: 0,
    bytesToCamera: 0,
    datagramsToViewer: 0,
    bytesToViewer: 0,
    mediaBeforeConfirm: 0,
    violations: 0,
  };
}

/** Collects the results of some runs in a row. */
export class HandshakeTally {
  readonly #first: number;
  readonly #timesToStreamMs: Float64Array<ArrayBuffer>;
  readonly #timesToFirstFrameMs: Float64Array<ArrayBuffer>;
  readonly #counts = noCounts();
  readonly #outcomes: Partial<Record<HandshakeOutcome, number>> = {};
  readonly #failedSeeds: number[] = [];
  readonly #violations: SeededViolation[] = [];

  constructor(first: number, count: number, untilFirstFrame: boolean) {
    this.#first = first;
    this.#timesToStreamMs = new Float64Array(count);
    this.#timesToFirstFrameMs = new Float64Array(untilFirstFrame ? count : 0);
  }

  /** @param index of the run in this chunk; each once, ascending. */
  add(index: number, result: HandshakeResult): void {
    const counts = this.#counts;
    const { seed, outcome, violations } = result;
    this.#timesToStreamMs[index] = result.timeToStreamMs;
    if (this.#timesToFirstFrameMs.length > 0) this.#timesToFirstFrameMs[index] = result.timeToFirstFrameMs;
    counts.runs++;
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    if (outcome !== 'ok' && this.#failedSeeds.length < NAMED_RUNS_MAX) this.#failedSeeds.push(seed);
    if (result.mediaBeforeConfirm) counts.mediaBeforeConfirm++;
    counts.violations += violations.length;
    for (const text of violations) if (this.#violations.length < NAMED_RUNS_MAX) this.#violations.push({ seed, text });
    if (result.timeToStreamMs === Number.POSITIVE_INFINITY) return;
    counts.media++;
    counts.attempts += result.attempts;
    counts.datagramsToCamera += result.datagramsToCamera;
    counts.bytesToCamera += result.bytesToCamera;
    counts.datagramsToViewer += result.datagramsToViewer;
    counts.bytesToViewer += result.bytesToViewer;
  }

  get chunk(): HandshakeChunk {
    return {
      first: this.#first,
      timesToStreamMs: this.#timesToStreamMs,
      timesToFirstFrameMs: this.#timesToFirstFrameMs,
      counts: this.#counts,
      outcomes: this.#outcomes,
      failedSeeds: this.#failedSeeds,
      firstViolations: this.#violations,
    };
  }
}
