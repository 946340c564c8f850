/** Messages between the main thread and a worker that come as often as others like, and may not pile up. */
export const CrossingKind = {
  /** Outputs, to the main thread. */
  TRACE: 0,
  /** What a viewer asks for or tells, to the main thread. What follows is bounded by the exchanges that are open. */
  ASKED: 1,
  /** What the application asks for or tells, to the worker; again what follows is not counted. */
  ASK: 2,
} as const;

/** One of {@link CrossingKind}. */
export type CrossingKind = (typeof CrossingKind)[keyof typeof CrossingKind];

/** How many of each kind may be on their way. */
const most: Readonly<Record<CrossingKind, number>> = {
  /** Each has up to 64 outputs. */
  [CrossingKind.TRACE]: 64,
  /** Of at most 16 KiB each. */
  [CrossingKind.ASKED]: 256,
  [CrossingKind.ASK]: 256,
};

/** Counts the messages of one worker that are on their way, in memory that both threads have. */
export class Crossings {
  readonly #words: Int32Array;

  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory);
  }

  /** Memory of one worker. */
  static allocate(): SharedArrayBuffer {
    return new SharedArrayBuffer(Object.keys(CrossingKind).length * Int32Array.BYTES_PER_ELEMENT);
  }

  /** Call before a message is sent, by the one thread that sends this kind. @returns false when there are too many. */
  enter(kind: CrossingKind): boolean {
    if (Atomics.load(this.#words, kind) >= most[kind]) return false;
    Atomics.add(this.#words, kind, 1);
    return true;
  }

  /** Call when one has come. */
  leave(kind: CrossingKind): void {
    Atomics.sub(this.#words, kind, 1);
  }
}
