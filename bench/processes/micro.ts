/** Small operations in a process of their own, which runs them all once more each time it is asked for its figures. */
import { Prng } from '../../src/sim/prng.ts';
import type { MicroGroup, MicroRow } from '../micro/row.ts';
import { microRows } from '../micro/rows.ts';
import { serve } from './serve.ts';

/** What is to be timed. */
export interface MicroOptions {
  readonly groups: readonly MicroGroup[];
  /** Each operation is done so often at a time that it takes about as long, ms. */
  readonly batchMs: number;
  /** Of the order in which they take turns. */
  readonly seed: number;
}

/** A row as it can be told of. */
export interface MicroEntry extends Omit<MicroRow, 'run'> {
  readonly group: MicroGroup;
  /** How often it is done at a time. */
  readonly times: number;
}

/** ns of one operation of each row, in the order of the entries. */
export type MicroRound = readonly number[];

const NS_PER_MS = 1e6;
/** Batches before those that count, so that the compiler has seen them. */
const WARM_UP_BATCHES = 10;
const TIMES_MAX = 1e7;

/** Warms a row up. @returns how many fill a batch, by the fastest seen: a collection, or others on the core, must not make batches small. */
function timesFor({ run }: MicroRow, batchMs: number): number {
  let times = 1;
  let fastestNs = Number.POSITIVE_INFINITY;
  const look = (): number => {
    fastestNs = Math.min(fastestNs, Math.max(run(times), 1) / times);
    return Math.min(TIMES_MAX, Math.ceil((batchMs * NS_PER_MS) / fastestNs));
  };
  // Twice as many at most: the first ones are slow, and clocks count in steps.
  for (let enough = look(); enough > 2 * times; enough = look()) times *= 2;
  for (let batch = 0; batch < WARM_UP_BATCHES; batch++) times = look();
  return times;
}

serve<MicroOptions, readonly MicroEntry[], MicroRound>(async ({ groups, batchMs, seed }) => {
  const prng = new Prng(seed);
  const rows = groups.flatMap((group) =>
    microRows[group]().map((row) => {
      const { run, ...told } = row;
      return { run, entry: { ...told, group, times: timesFor(row, batchMs) } };
    }),
  );
  return {
    ready: rows.map(({ entry }) => entry),
    report: () => {
      const round = new Array<number>(rows.length);
      const order = rows.map((_, index) => ({ index, at: prng.unit() })).sort((a, b) => a.at - b.at);
      for (const { index } of order) {
        const row = rows[index];
        if (row !== undefined) round[index] = row.run(row.entry.times) / row.entry.times;
      }
      return round;
    },
  };
});
