/** What can be fuzzed, and how the run of it talks to the one who runs it. */

import type { MetricsSnapshot } from '../../engine/counters.ts';

/** Names of what can be fuzzed. */
export const fuzzTargets = ['decoder', 'admission', 'session', 'blind'] as const;

/** One of {@link fuzzTargets}. */
export type FuzzTargetName = (typeof fuzzTargets)[number];

/** One input as it is written down: bytes in hex, and where and when it came. */
export type FuzzStep = Readonly<Record<string, string | number>>;

/** Everything that a failure needs to happen again; also what a file of regressions holds. */
export interface FuzzCase {
  readonly target: FuzzTargetName;
  /** What the subject was: its mode, its own randomness. */
  readonly settings: Readonly<Record<string, string | number>>;
  readonly steps: readonly FuzzStep[];
}

/** A failed check; what an endpoint throws is one as well. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
}

/** What was done, by names: reasons of refusals, inputs that were taken. */
export type FuzzTally = Map<string, number>;

/** A subject from its beginning on, with inputs drawn for it. */
export interface FuzzLife {
  readonly settings: FuzzCase['settings'];
  /** Nothing more is to be done. */
  readonly over: boolean;
  /** Lets time pass until the next input, and draws it. @throws FuzzFailure, or whatever the subject throws. */
  draw(): void;
  /** Executes what was drawn; what is timed. @throws FuzzFailure, or whatever the subject throws. */
  execute(): void;
  /** Looks once more at all of it; call it when it is over. @throws FuzzFailure */
  finish(): void;
  /** The last input, if it was refused without an answer. */
  rejected(): Rejected | undefined;
}

/** An input that was refused. */
export interface Rejected {
  readonly step: FuzzStep;
  /** Does it again. */
  readonly again: () => void;
  /** Its Noise message was tried, which takes an agreement of keys and some ten hashes; default false. */
  readonly tried?: boolean;
}

/** Something that can be fuzzed. Lives are told apart by numbers: the same seed and number are the same life. */
export interface FuzzTarget {
  readonly name: FuzzTargetName;
  /** No input depends on those before it. */
  readonly stateless: boolean;
  /** Its steps are single executions, whose time is looked at; default true. */
  readonly timed?: boolean;
  readonly tally: FuzzTally;
  /** Inputs and their bytes so far. */
  readonly done: { executions: number; bytes: number };
  /**
   * A new life.
   *
   * @param record is given every input before it is executed.
   */
  begin(seed: number, life: number, record?: (step: FuzzStep) => void): FuzzLife;
  /** Does given inputs to a new subject. @throws FuzzFailure, or whatever the subject throws. */
  replay(given: FuzzCase): void;
}

/** Adds to a tally. */
export function count(tally: FuzzTally, name: string, amount = 1): void {
  tally.set(name, (tally.get(name) ?? 0) + amount);
}

/** Adds what an endpoint did in one life: handshakes that were completed, datagrams that were dropped. */
export function countAll(tally: FuzzTally, who: string, { drops, counters }: MetricsSnapshot): void {
  for (const [reason, times] of Object.entries(drops)) if (times > 0) count(tally, `${who} ${reason}`, times);
  if (counters.handshakesCompleted > 0) count(tally, `${who} handshakes`, counters.handshakesCompleted);
}

/** Bytes as they are written down. */
export function toHex(bytes: Uint8Array): string {
  let hex = '';
  for (const byte of bytes) hex += byte.toString(16).padStart(2, '0');
  return hex;
}

/** The bytes of a text with nothing but pairs of hex digits. @throws RangeError for another text. */
export function fromHex(hex: string): Uint8Array {
  if (hex.length % 2 !== 0 || !/^[\da-f]*$/i.test(hex)) throw new RangeError(`not hex: ${hex.slice(0, 40)}`);
  return Uint8Array.from({ length: hex.length / 2 }, (_, at) => Number.parseInt(hex.slice(2 * at, 2 * at + 2), 16));
}
