import { type BenchCell, type BenchResult, type Measure, RESULT_SCHEMA, referenceOf } from './result.ts';

/** A file of results to compare with, one for each bench: `bench/baseline.json`. */
export interface Baseline {
  readonly schema: typeof RESULT_SCHEMA;
  readonly results: readonly BenchResult[];
}

/** One measure beside the same one of a baseline. */
export interface BaselineRatio {
  readonly cell: string;
  readonly measure: string;
  /**
   * `relative`: both were divided by their own reference first, so that the machines may differ. `raw`: there is none, and the machines must be
   * the same for it to mean anything.
   */
  readonly kind: 'relative' | 'raw';
  /** Now over then. Which way is better says the measure. */
  readonly p50: number;
  readonly p99: number;
}

/** Reads what `--json` or `--save-baseline` wrote. @throws Error that says what is wrong with it. */
export function parseBaseline(text: string): Baseline {
  // JSON has no Infinity: what never came was written as null.
  const parsed = JSON.parse(text, (_, value) => value ?? Number.POSITIVE_INFINITY) as Partial<Baseline & BenchResult>;
  const results = parsed.results ?? (parsed.bench === undefined ? undefined : [parsed as BenchResult]);
  if (parsed.schema !== RESULT_SCHEMA) throw new Error(`it has schema ${parsed.schema}, this is ${RESULT_SCHEMA}`);
  if (!Array.isArray(results)) throw new Error('it has no results');
  return { schema: RESULT_SCHEMA, results };
}

/** The file with this result in it, in place of those of the same bench that have one of its cells. Results are in order of their names. */
export function withResult({ results }: Baseline, result: BenchResult): Baseline {
  const cells = new Set(result.cells.map(({ name }) => name));
  const others = results.filter((old) => old.bench !== result.bench || !old.cells.some(({ name }) => cells.has(name)));
  const all = [...others, result].sort((a, b) => (a.bench < b.bench ? -1 : 1));
  return { schema: RESULT_SCHEMA, results: all };
}

/** Ratios of every measure that both have; references themselves are left out, since they say how fast the machine was. */
export function compareWithBaseline(now: BenchResult, { results }: Baseline): readonly BaselineRatio[] {
  const ofBench = results.filter(({ bench }) => bench === now.bench);
  return now.cells.flatMap((cell) => {
    const named = ({ name }: BenchCell): boolean => name === cell.name;
    const then = ofBench.find(({ cells }) => cells.some(named));
    const before = then?.cells.find(named);
    if (then === undefined || before === undefined) return [];
    const own = new Set(Object.values(cell.measures).map(({ reference }) => reference));
    return Object.entries(cell.measures).flatMap(([name, measure]) => {
      const old = before.measures[name];
      if (old === undefined || own.has(name)) return [];
      return [{ cell: cell.name, measure: name, ...ratioOf([cell, measure, now], [before, old, then]) }];
    });
  });
}

type Place = readonly [cell: BenchCell, measure: Measure, result: BenchResult];

function ratioOf(now: Place, then: Place): Pick<BaselineRatio, 'kind' | 'p50' | 'p99'> {
  const [nowReference, thenReference] = [now, then].map(([cell, measure, { references }]) =>
    referenceOf(cell, measure, references),
  );
  if (nowReference === undefined || thenReference === undefined || now[1].reference !== then[1].reference) {
    return { kind: 'raw', p50: now[1].p50 / then[1].p50, p99: now[1].p99 / then[1].p99 };
  }
  const machines = thenReference.p50 / nowReference.p50;
  return { kind: 'relative', p50: (machines * now[1].p50) / then[1].p50, p99: (machines * now[1].p99) / then[1].p99 };
}
