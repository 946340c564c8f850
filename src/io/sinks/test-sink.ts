import type { ReceivedFrame } from '../../media/access-unit.ts';
import { checkTestFrame } from '../../media/test-frames.ts';
import type { MediaSink, SinkReport } from '../media-sink.ts';
import { machineMs } from '../sources/machine-clock.ts';

/** How long frames were on their way, from being made to reaching the sink, in ms. */
export interface LatencyReport {
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** What became of the test frames. */
export interface TestSinkReport extends SinkReport {
  /** Not a test frame, or not what was sent. */
  readonly damaged: number;
  /** Numbers between the first and the highest that did not come. */
  readonly missing: number;
  /** Frames behind one of a higher number. */
  readonly outOfOrder: number;
  /** Frames of a number that had just come. */
  readonly duplicates: number;
  /** Absent without frames, and when the source's clock is not this machine's. */
  readonly latency?: LatencyReport;
}

/** Verifies test frames. */
export interface TestSink extends MediaSink {
  /** What was seen so far. */
  report(): TestSinkReport;
  close(): Promise<TestSinkReport>;
}

/** Settings of a test sink. */
export interface TestSinkOptions {
  /** The clock that the frames were stamped by; default that of `testSource`. */
  readonly nowMs?: () => number;
}

/** Of so many frames, the newest, the latencies are kept. */
const LATENCIES_MAX = 65_536;
/** A frame that seems this old was stamped by another machine's clock. */
const LATENCY_MS_MAX = 60_000;

/** Verifies the frames of `testSource`: whole and unchanged, all there, in order; and tells how long they were on their way. */
export function testSink(options: TestSinkOptions = {}): TestSink {
  return new FrameVerifier(options.nowMs ?? machineMs);
}

class FrameVerifier implements TestSink {
  readonly wants = 'frames';
  onFailure?: (error: Error) => void;
  readonly #nowMs: () => number;
  readonly #counts = { written: 0, bytes: 0, dropped: 0, damaged: 0, missing: 0, outOfOrder: 0, duplicates: 0 };
  readonly #latencies: number[] = [];
  #measured = 0;
  #maxMs = 0;
  #clockShared = true;
  #highest: number | undefined;

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  describe(): void {}

  frame({ payload }: ReceivedFrame): void {
    this.#counts.written++;
    this.#counts.bytes += payload.length;
    const check = checkTestFrame(payload);
    if (!check.ok) {
      this.#counts.damaged++;
      return;
    }
    this.#count(check.frameNumber);
    this.#measure(this.#nowMs() - check.timestampMs);
  }

  datagram(): void {}

  report(): TestSinkReport {
    const report = { target: 'test', ...this.#counts };
    if (!this.#clockShared || this.#measured === 0) return report;
    const sorted = Float64Array.from(this.#latencies).sort();
    const at = (part: number): number => sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * part) - 1)] ?? 0;
    return { ...report, latency: { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: this.#maxMs } };
  }

  async close(): Promise<TestSinkReport> {
    return this.report();
  }

  #count(frameNumber: number): void {
    const ahead = this.#highest === undefined ? 1 : (frameNumber - this.#highest) | 0;
    if (ahead > 0) {
      this.#counts.missing += ahead - 1;
      this.#highest = frameNumber;
    } else if (ahead === 0) {
      this.#counts.duplicates++;
    } else {
      // It was counted as missing when a later one came.
      this.#counts.missing = Math.max(0, this.#counts.missing - 1);
      this.#counts.outOfOrder++;
    }
  }

  #measure(latencyMs: number): void {
    if (!(latencyMs >= 0 && latencyMs < LATENCY_MS_MAX)) this.#clockShared = false;
    if (!this.#clockShared) return;
    this.#latencies[this.#measured++ % LATENCIES_MAX] = latencyMs;
    this.#maxMs = Math.max(this.#maxMs, latencyMs);
  }
}
