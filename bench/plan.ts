import type { LinkModel } from '../src/sim/link-model.ts';
import type { BenchOption, ValuesOf } from './options.ts';
import type { BenchCell, Measure } from './result.ts';

/** The options of a bench, by name as it stands in code: `warmUp` is typed `--warm-up`. */
export type BenchOptions = Readonly<Record<string, BenchOption<unknown>>>;

/** A link that was asked for. */
export interface BenchLink {
  readonly toCamera: LinkModel;
  readonly toViewer: LinkModel;
  /** In words. */
  readonly text: string;
}

/** What a bench is given when it runs. */
export interface BenchContext<Values> {
  readonly options: Values;
  /** What `--loss`, `--rtt` and the others ask for, each way; empty models for a bench that takes no link. */
  readonly link: BenchLink;
  /** u32; everything that chance decides follows from it. */
  readonly seed: number;
  /** Aborted by Ctrl-C: `run` then resolves soon, with what was measured so far. */
  readonly signal: AbortSignal;
  /** How far it is, such as 120 of 1,000 viewers; may be called as often as one likes. */
  progress(what: string, done: number, total: number): void;
  /** A line for people, while it runs. */
  say(line: string): void;
}

/** What a bench gives back; the shell adds when, where, by which command, and writes it down. */
export interface BenchOutcome {
  readonly cells: readonly BenchCell[];
  /** Measured in the same run on the same machine, for ratios; named by {@link Measure.reference}. */
  readonly references: Readonly<Record<string, Measure>>;
  /** Limits that stand between a load test and the product, and were raised for it: by name, to what. */
  readonly limitsRaised: Readonly<Record<string, string>>;
  /** What was left out, and why, a sentence each. */
  readonly skipped: readonly string[];
  /** HTML of figures for the report, beside the table that every report has. */
  readonly figures: readonly string[];
}

/** One bench: what it is called, what can be set, and how it is run. */
export interface BenchPlan<Options extends BenchOptions = BenchOptions> {
  /** As it is typed: `firstframe bench NAME`. */
  readonly name: string;
  /** One sentence for the list of all benches. */
  readonly summary: string;
  /** What is measured and how, for its help. */
  readonly description: string;
  readonly options: Options;
  /** It takes the options that describe a link, and `--rtt`. */
  readonly takesLink: boolean;
  /** Why these options do not go together; absent when any do. */
  conflict?(options: ValuesOf<Options>, given: (name: string) => boolean): string | undefined;
  /** Whether failures in this cell make the command fail; absent: in every cell. */
  judges?(cell: BenchCell): boolean;
  run(context: BenchContext<ValuesOf<Options>>): Promise<BenchOutcome>;
}

/** A plan, with the types of its options found by the compiler. */
export function benchPlan<Options extends BenchOptions>(plan: BenchPlan<Options>): BenchPlan<Options> {
  return plan;
}
