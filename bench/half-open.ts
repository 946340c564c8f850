import { Child } from './child.ts';
import { raisedLimits } from './handshake-cell.ts';
import { cameraLimitsText } from './limits-text.ts';
import { option, type ValuesOf, whole } from './options.ts';
import { onCore, twoCores } from './pin.ts';
import { type BenchContext, type BenchOutcome, benchPlan } from './plan.ts';
import type { Beside, Memory, SessionsTask, Weights } from './processes/sessions.ts';
import { type BenchCell, type Measure, measure, type ProcessCost, type Wanted } from './result.ts';

/** Bytes of a MB. */
const MB = 1e6;
/** Wanted for so many sessions: at most so many MB of heap and buffers. */
const WANTED_SESSIONS = 100_000;
const wantedMb = { pending: 40, live: 200 } as const;
/** CPU of a handshake among many sessions, as a multiple of one among few. */
const WANTED_GROWTH = 1.3;
const FEW = 100;
const growth = 'CPU of a handshake';

const options = {
  sessions: option('number', 'pending, then live ones', whole(1000, 1_000_000), String(WANTED_SESSIONS)),
  handshakes: option('number', 'beside many sessions, and beside few', whole(1000, 1_000_000), '20000'),
};

type Context = BenchContext<ValuesOf<typeof options>>;

/** `firstframe bench half-open`. */
export const halfOpen = benchPlan({
  name: 'half-open',
  summary: 'Memory and CPU time of many pending and many live sessions of one camera.',
  description:
    'The engine alone in a process of its own: no sockets, no source, nothing of respond(), and a clock that is moved by hand, so that nothing ' +
    'expires while it is measured. All sessions are made, then weighed after a collection; heap and buffers are heapUsed and external, which has ' +
    'arrayBuffers in it; resident memory has garbage and code too. Live ones have had their PINGs answered for 7 s. CPU time is that of all ' +
    'threads of the process, collections among them, in batches of 1,000. Last, handshakes from START to BYE and until they are forgotten, beside ' +
    `that many sessions that live, and beside ${FEW} in another process.`,
  options,
  takesLink: false,
  async run(context: Context): Promise<BenchOutcome> {
    const { sessions, handshakes } = context.options;
    const chosen = await twoCores();
    const core = typeof chosen === 'string' ? undefined : chosen.measured;
    const cells: BenchCell[] = [];
    const run = async <Result>(step: number, task: SessionsTask): Promise<[Result, ProcessCost] | undefined> => {
      context.progress('processes', step, 3);
      if (context.signal.aborted) return undefined;
      await using child = await Child.start<Result, undefined>('sessions', task, onCore(core));
      return [child.ready, (await child.report()).cost];
    };
    const weighed = await run<Weights>(0, { task: 'weigh', sessions });
    if (weighed !== undefined) cells.push(...weightCells(sessions, ...weighed));
    const few = await run<Beside>(1, { task: 'beside', sessions: FEW, handshakes });
    const many = await run<Beside>(2, { task: 'beside', sessions, handshakes });
    if (few !== undefined && many !== undefined) cells.push(growthCell(sessions, few, many));
    return {
      cells,
      references: {},
      limitsRaised: cameraLimitsText(raisedLimits(sessions, 0).camera),
      skipped: typeof chosen === 'string' ? [chosen] : [],
      figures: [],
    };
  },
});

function weightCells(sessions: number, weights: Weights, cost: ProcessCost): readonly BenchCell[] {
  const { empty, pending, live, startUs, confirmUs, pingUs, counts } = weights;
  const us = (values: readonly number[]): Measure => measure(values, { unit: 'us' });
  return [
    {
      name: `${sessions.toLocaleString('en-US')} pending`,
      parameters: { sessions, state: 'pending' },
      attempts: sessions,
      failures: missing(sessions - counts.pending),
      measures: { ...weightOf('pending', sessions, empty, pending), 'CPU of a START': us(startUs) },
      totals: {},
      processes: {},
      lateness: {},
    },
    {
      name: `${sessions.toLocaleString('en-US')} live`,
      parameters: { sessions, state: 'live' },
      attempts: sessions,
      failures: missing(sessions - counts.live),
      measures: {
        ...weightOf('live', sessions, empty, live),
        'CPU of a START_CONFIRM': us(confirmUs),
        'CPU of a PING and its PONG': us(pingUs),
      },
      totals: {},
      // Of both: it is one process.
      processes: { engine: cost },
      lateness: {},
    },
  ];
}

function weightOf(
  state: keyof typeof wantedMb,
  sessions: number,
  empty: Memory,
  full: Memory,
): Readonly<Record<string, Measure>> {
  const bytes = full.heap + full.external - empty.heap - empty.external;
  const bound = (wantedMb[state] * sessions) / WANTED_SESSIONS;
  const wanted: Wanted = { quantile: 'p50', of: 'value', bound };
  const mb = (value: number, meaning: { readonly wanted?: Wanted } = {}): Measure =>
    measure([value / MB], { unit: 'MB', ...meaning });
  return {
    'heap and buffers': mb(bytes, { wanted }),
    'of that outside the heap': mb(full.external - empty.external),
    'heap and buffers of one': measure([bytes / sessions], { unit: 'B' }),
    'resident memory': mb(full.rss - empty.rss),
  };
}

function growthCell(
  sessions: number,
  [few, fewCost]: readonly [Beside, ProcessCost],
  [many, manyCost]: readonly [Beside, ProcessCost],
): BenchCell {
  const reference = `${growth} beside ${FEW}`;
  const wanted: Wanted = { quantile: 'p50', of: 'reference', bound: WANTED_GROWTH };
  return {
    name: 'handshakes beside live sessions',
    parameters: { sessions, few: FEW },
    attempts: sessions + FEW,
    failures: missing(sessions + FEW - few.live - many.live),
    measures: {
      [reference]: measure(few.handshakeUs, { unit: 'us' }),
      [`${growth} beside ${sessions.toLocaleString('en-US')}`]: measure(many.handshakeUs, {
        unit: 'us',
        reference,
        wanted,
      }),
    },
    totals: {},
    processes: { few: fewCost, many: manyCost },
    lateness: {},
  };
}

/** Sessions that should be there, and are not. */
function missing(count: number): Readonly<Record<string, number>> {
  return count === 0 ? {} : { missing: count };
}
