import type { Tuple } from './camera-record.ts';

/** Challenges of one session that are remembered. */
const CHALLENGES_MAX = 64;

interface Challenge {
  readonly nonce: bigint;
  readonly tuple: Tuple;
  /** The camera's own time, in ms. */
  readonly atMs: number;
  answered: boolean;
}

/** What a watch knows of a session's other tuples: who was asked, and who has answered. */
export class PathRecord {
  readonly #challenges: Challenge[] = [];
  readonly #responded = new Set<Tuple>();

  /** The camera asks a tuple. */
  asked(nonce: bigint, tuple: Tuple, atMs: number): void {
    if (this.#challenges.push({ nonce, tuple, atMs, answered: false }) > CHALLENGES_MAX) this.#challenges.shift();
  }

  /** A PATH_RESPONSE that the viewer sent reaches the camera from a tuple. */
  responded(tuple: Tuple): void {
    this.#responded.add(tuple);
  }

  /** What is in a PATH_RESPONSE, as the camera reads it. */
  read(nonce: bigint, tuple: Tuple): void {
    for (const challenge of this.#challenges) {
      if (challenge.nonce === nonce && challenge.tuple === tuple) challenge.answered = true;
    }
  }

  /** When the challenge was sent that this tuple answered first; `undefined` if it did not. */
  answered(tuple: Tuple): number | undefined {
    if (!this.#responded.has(tuple)) return undefined;
    return this.#challenges.find((challenge) => challenge.answered && challenge.tuple === tuple)?.atMs;
  }

  clear(): void {
    this.#challenges.length = 0;
    this.#responded.clear();
  }
}
