import type { AllowedViewers } from '../../security/credentials.ts';

/** How long a worker waits for the main thread's answer, in ms. No answer is a no. */
const ANSWER_MS = 1000;

/**
 * A camera's list of viewers, in a worker: it asks the main thread, which has the list and may change it, and stands still until the
 * answer is there. The word in memory that both have says which question was answered, and how.
 */
export class AskedViewers implements AllowedViewers {
  readonly #word: Int32Array;
  readonly #ask: (question: number, publicKey: Uint8Array) => void;
  #question = 0;

  constructor(memory: SharedArrayBuffer, ask: (question: number, publicKey: Uint8Array) => void) {
    this.#word = new Int32Array(memory);
    this.#ask = ask;
  }

  /** Memory of one worker. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  }

  /** The main thread's answer. */
  static answer(memory: SharedArrayBuffer, question: number, allowed: boolean): void {
    const word = new Int32Array(memory);
    Atomics.store(word, 0, answerOf(question, allowed));
    Atomics.notify(word, 0);
  }

  allows(publicKey: Uint8Array): boolean {
    this.#question = (this.#question + 1) & 0x3fff_ffff;
    const before = Atomics.load(this.#word, 0);
    this.#ask(this.#question, publicKey);
    // A late answer to an earlier question may come first, and is none to this one.
    for (let seen = before; Atomics.wait(this.#word, 0, seen, ANSWER_MS) !== 'timed-out'; ) {
      seen = Atomics.load(this.#word, 0);
      if (seen === answerOf(this.#question, true)) return true;
      if (seen === answerOf(this.#question, false)) return false;
    }
    return false;
  }
}

function answerOf(question: number, allowed: boolean): number {
  return (question << 1) | (allowed ? 1 : 0);
}
