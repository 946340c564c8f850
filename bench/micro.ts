import { parseDuration } from '../src/config/units.ts';
import { Child } from './child.ts';
import { microGroups } from './micro/row.ts';
import { listed, oneOf, option, type ValuesOf, whole } from './options.ts';
import { onCore, twoCores } from './pin.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import type { MicroEntry, MicroOptions, MicroRound } from './processes/micro.ts';
import { type BenchCell, measure, type ProcessCost } from './result.ts';

const options = {
  only: option('list', microGroups.join(', '), listed(oneOf(microGroups), microGroups.length), microGroups.join(',')),
  repeats: option('number', 'batches of each operation', whole(1, 10_000), '50'),
  batch: option('time', 'how long a batch takes, about', parseDuration, '5ms'),
};

type Context = BenchContext<ValuesOf<typeof options>>;

/** `firstframe bench micro`. */
export const micro = benchPlan({
  name: 'micro',
  summary: 'What codec, machines, crypto, timers and admission take for one operation.',
  description:
    'Small operations in a process of its own, in batches that take turns in an order that the seed decides. A value is the mean of a batch: ' +
    'p50 to max tell how batches differ, not single operations. It is CPU time, since others may use the core. Beside ns of one operation, how many a second that is at p50. ' +
    'References are rows of the same group: XState beside the table, binary-parser beside the header, X25519 alone beside a secured handshake.',
  options,
  takesLink: false,
  async run(context: Context): Promise<BenchOutcome> {
    const { only: groups, repeats, batch: batchMs } = context.options;
    const chosen = await twoCores();
    const asked: MicroOptions = { groups, batchMs, seed: context.seed };
    const core = typeof chosen === 'string' ? undefined : chosen.measured;
    context.progress('batches', 0, repeats);
    await using child = await Child.start<readonly MicroEntry[], MicroRound>('micro', asked, onCore(core));
    const rounds: MicroRound[] = [];
    let cost: ProcessCost | undefined;
    while (rounds.length < repeats && !context.signal.aborted) {
      const { report, cost: sofar } = await child.report();
      rounds.push(report);
      cost = sofar;
      context.progress('batches', rounds.length, repeats);
    }
    const cells = groups.map((group) => cellOf(group, child.ready, rounds, cost));
    const skipped = typeof chosen === 'string' ? [chosen] : [];
    return { cells: rounds.length === 0 ? [] : cells, references: {}, limitsRaised: {}, skipped, figures: [] };
  },
});

function cellOf(
  group: MicroEntry['group'],
  entries: readonly MicroEntry[],
  rounds: readonly MicroRound[],
  cost: ProcessCost | undefined,
): BenchCell {
  const measures = entries.flatMap((entry, index) => {
    if (entry.group !== group) return [];
    const values = rounds.map((round) => round[index] ?? Number.NaN);
    const { name, reference, wanted } = entry;
    return [[name, measure(values, { unit: 'ns', reference, wanted })] as const];
  });
  const times = entries.reduce((sum, entry) => sum + (entry.group === group ? entry.times : 0), 0);
  return {
    name: group,
    parameters: { group },
    attempts: times * rounds.length,
    failures: {},
    measures: Object.fromEntries(measures),
    totals: {},
    processes: cost === undefined || group !== entries.at(-1)?.group ? {} : { 'all rows': { ...cost } },
    lateness: {},
  };
}
