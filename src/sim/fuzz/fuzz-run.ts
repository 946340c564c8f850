import { minimised } from './minimise.ts';
import type { FuzzCase, FuzzStep, FuzzTarget, Rejected } from './target.ts';

/** No execution may take longer, in ms. */
export const EXECUTION_MS_MAX = 10;
/** What seemed to take longer is timed so often again, by CPU time: the collector and other programs take time as well. */
const RETIMES = 3;
/** Refusing an input may allocate at most so many bytes. */
export const REJECT_BYTES_MAX = 4096;
/** A refusal is repeated so often between two readings of the heap. */
const REJECT_REPEATS = 32;
/** Where that is rare: so many more before it is measured again, and so often at most. */
const RARE_REPEATS = 300;
const RARE_READINGS_MAX = 30;
/** One of so many lives has a refusal measured. */
const LIVES_PER_HEAP_SAMPLE = 31;

/** Where time and memory are read; a pure layer has none of its own. */
export interface FuzzProbe {
  /** Monotonic, in ms. */
  nowMs(): number;
  /** Time that this process has had a processor, in ms: other programs do not count. */
  cpuMs(): number;
  /** Bytes in use of everything that the collector looks after. */
  heapBytes(): number;
}

/** What was found, and all that it takes to find it again. */
export interface FuzzFinding {
  /** What was thrown, or what took too long or too much. */
  readonly what: string;
  readonly life: number;
  readonly found: FuzzCase;
  /** The fewest and shortest inputs that were found to do the same. */
  readonly smallest: FuzzCase;
}

/** How a run goes on. */
export interface FuzzProgress {
  /** Lives that are over. */
  readonly lives: number;
  /** The longest step, in ms, as first seen: it may be the collector's. */
  readonly longestMs: number;
  /** Steps that seemed too slow, and were not when they were tried again. */
  readonly retimed: number;
  /** Most bytes that refusing one input allocated, and where a Noise message was tried; how many refusals were measured. */
  readonly rejectBytes: number;
  readonly triedBytes: number;
  readonly rejectsMeasured: number;
}

/** Runs lives of a target one after the other, and checks time and memory on the way. */
export class FuzzRun {
  readonly #target: FuzzTarget;
  readonly #seed: number;
  readonly #probe: FuzzProbe;
  #life: number;
  #lives = 0;
  #longestMs = 0;
  #retimed = 0;
  #rejectBytes = 0;
  #triedBytes = 0;
  #rejectsMeasured = 0;

  /** @param life the first one's number. */
  constructor(target: FuzzTarget, seed: number, probe: FuzzProbe, life = 0) {
    this.#target = target;
    this.#seed = seed;
    this.#probe = probe;
    this.#life = life;
  }

  get progress(): FuzzProgress {
    const [lives, longestMs, retimed] = [this.#lives, this.#longestMs, this.#retimed];
    const [rejectBytes, triedBytes, rejectsMeasured] = [this.#rejectBytes, this.#triedBytes, this.#rejectsMeasured];
    return { lives, longestMs, retimed, rejectBytes, triedBytes, rejectsMeasured };
  }

  /** One more life. @returns what was found in it, if anything; the run is over then. */
  next(): FuzzFinding | undefined {
    const number = this.#life++;
    const life = this.#target.begin(this.#seed, number);
    const slow: number[] = [];
    let step = 0;
    try {
      for (; !life.over; step++) {
        life.draw();
        const beganMs = this.#probe.nowMs();
        life.execute();
        const ms = this.#probe.nowMs() - beganMs;
        if (ms > this.#longestMs) this.#longestMs = ms;
        if (ms > EXECUTION_MS_MAX && this.#target.timed !== false) slow.push(step);
      }
      life.finish();
    } catch (error) {
      return this.#find(number, textOf(error));
    }
    for (const place of slow) {
      const finding = this.#retime(number, place);
      if (finding !== undefined) return finding;
    }
    const rejected = number % LIVES_PER_HEAP_SAMPLE === 0 ? life.rejected() : undefined;
    if (rejected !== undefined) {
      const bytes = this.#measure(rejected);
      if (bytes > REJECT_BYTES_MAX) {
        return this.#whole(number, `refusing the last input allocated ${bytes} bytes`, rejected.step);
      }
    }
    this.#lives++;
    return undefined;
  }

  /** A step that seemed to take too long, again from the life's beginning. It did only if it does so every time. */
  #retime(number: number, place: number): FuzzFinding | undefined {
    let shortestMs = Number.POSITIVE_INFINITY;
    for (let attempt = 0; attempt < RETIMES && shortestMs > EXECUTION_MS_MAX; attempt++) {
      const life = this.#target.begin(this.#seed, number);
      for (let step = 0; step < place; step++) {
        life.draw();
        life.execute();
      }
      life.draw();
      const beganMs = this.#probe.cpuMs();
      life.execute();
      shortestMs = Math.min(shortestMs, this.#probe.cpuMs() - beganMs);
    }
    this.#retimed++;
    if (shortestMs <= EXECUTION_MS_MAX) return undefined;
    return this.#whole(number, `step ${place} took ${shortestMs.toFixed(1)} ms of CPU time each of ${RETIMES} times`);
  }

  #measure({ again, tried = false }: Rejected): number {
    const measured = tried ? steadyBytes : allocatedBytes;
    const bytes = measured(again, () => this.#probe.heapBytes());
    if (bytes === undefined) return 0;
    this.#rejectsMeasured++;
    if (tried) this.#triedBytes = Math.max(this.#triedBytes, bytes);
    else this.#rejectBytes = Math.max(this.#rejectBytes, bytes);
    return bytes;
  }

  #record(number: number): FuzzCase {
    const steps: FuzzStep[] = [];
    const life = this.#target.begin(this.#seed, number, (step) => steps.push(step));
    try {
      while (!life.over) {
        life.draw();
        life.execute();
      }
      life.finish();
    } catch {
      // That is what is being recorded.
    }
    return { target: this.#target.name, settings: life.settings, steps };
  }

  #find(number: number, what: string): FuzzFinding {
    const found = this.#record(number);
    const smallest = minimised(found, (candidate) => kindOf(failureOf(this.#target, candidate)) === kindOf(what));
    return { what, life: number, found, smallest };
  }

  /** Of what shows only by time or memory no smaller one is looked for. @param step the one that did it, if that is known. */
  #whole(number: number, what: string, step?: FuzzStep): FuzzFinding {
    const found = this.#record(number);
    const alone = step !== undefined && this.#target.stateless;
    return { what, life: number, found, smallest: alone ? { ...found, steps: [step] } : found };
  }
}

/**
 * Bytes that doing something once allocates: the least of three readings.
 *
 * @returns `undefined` where the collector ran in between, each time.
 */
export function allocatedBytes(again: () => void, heapBytes: () => number): number | undefined {
  // What is made once, such as machine code, is none of it.
  for (let warm = 0; warm < REJECT_REPEATS; warm++) again();
  let least = Number.POSITIVE_INFINITY;
  for (let reading = 0; reading < 3; reading++) {
    const before = heapBytes();
    for (let repeat = 0; repeat < REJECT_REPEATS; repeat++) again();
    const grown = heapBytes() - before;
    if (grown >= 0) least = Math.min(least, grown / REJECT_REPEATS);
  }
  return least === Number.POSITIVE_INFINITY ? undefined : Math.round(least);
}

/**
 * The same for what happens too seldom for its machine code to be made already: interpreted code allocates more. It is done over
 * and over until refusing may allocate so many bytes, or it cannot be the code.
 */
export function steadyBytes(again: () => void, heapBytes: () => number): number | undefined {
  let least: number | undefined;
  for (let reading = 0; reading < RARE_READINGS_MAX; reading++) {
    for (let repeat = 0; repeat < RARE_REPEATS; repeat++) again();
    const bytes = allocatedBytes(again, heapBytes);
    if (bytes !== undefined) least = Math.min(least ?? bytes, bytes);
    if (least !== undefined && least <= REJECT_BYTES_MAX) break;
  }
  return least;
}

/** What replaying a case throws, as a text; `undefined` if it throws nothing. */
export function failureOf(target: FuzzTarget, given: FuzzCase): string | undefined {
  try {
    target.replay(given);
    return undefined;
  } catch (error) {
    return textOf(error);
  }
}

/** What two failures of one cause have in common: the id of the promise, or the beginning of the message. */
function kindOf(what: string | undefined): string | undefined {
  return what
    ?.replaceAll(/(?<![A-Z])\d+/g, '0')
    .split(':', 2)
    .join(':')
    .slice(0, 60);
}

function textOf(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error);
}
