import type { StreamLane } from './stream-lane.ts';

/** Runs remembered at most: a new one begins only with a jump, a new size, or a group sent again. */
export const SENT_RUNS_MAX = 64;

/** Datagrams of an earlier size stay available for repair for as many sequence numbers. */
const EARLIER_LANE_KEPT = 512;

interface Run {
  readonly sequence: number;
  readonly index: number;
  readonly lane: StreamLane;
}

/**
 * Which datagram a session sent under which sequence number. Sequence numbers and log indices run side by side, so one
 * entry per run is enough, however long it is.
 */
export class SentLog {
  #runs: Run[] = [];
  #next: number;

  /** @param firstSequence of the session, 0..65535. */
  constructor(firstSequence: number) {
    this.#next = firstSequence;
  }

  /** The next sequence number, not cut to 16 bits. */
  get next(): number {
    return this.#next;
  }

  /** From the next sequence number on, datagrams come from this index of a log, one by one. */
  begin(lane: StreamLane, index: number): void {
    this.#runs.push({ sequence: this.#next, index, lane });
    if (this.#runs.length > SENT_RUNS_MAX) this.#runs.shift();
  }

  /** One sequence number was used, or left out for a datagram that could not be sent. Returns it, not cut to 16 bits. */
  advance(): number {
    const [oldest, second] = this.#runs;
    if (second !== undefined && oldest?.lane !== second.lane && this.#next - second.sequence > EARLIER_LANE_KEPT) {
      this.#runs.shift();
    }
    return this.#next++;
  }

  /** The whole sequence number of the newest use of these 16 bits; it may lie before the session's first. */
  extend(sequence: number): number {
    return this.#next - 1 - ((this.#next - 1 - sequence) & 0xffff);
  }

  /** What was sent under a whole sequence number below {@link next}, if it is still kept. */
  find(sequence: number): Uint8Array | undefined {
    for (let position = this.#runs.length - 1; position >= 0; position--) {
      const run = this.#runs[position];
      if (run !== undefined && run.sequence <= sequence) return run.lane.at(run.index + sequence - run.sequence);
    }
    return undefined;
  }

  /** Nothing sent so far can be asked for any more. */
  forget(): void {
    this.#runs = [];
  }
}
