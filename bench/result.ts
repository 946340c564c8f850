import type { MachineDescription } from '../src/report/machine.ts';
import { type Percentiles, percentiles } from '../src/report/percentiles.ts';

/** Version of {@link BenchResult} as JSON; another number means that older files cannot be compared. */
export const RESULT_SCHEMA = 1;

/** Values of one kind, one for each repeat: a time for each viewer, a rate for each second. */
export interface Measure extends Percentiles {
  /** `ms`, `us`, `/s`, `B`. */
  readonly unit: string;
  readonly better: 'lower' | 'higher';
  /** The measure that this one is told as a multiple of: one of the same cell, else of the result's references. */
  readonly reference?: string;
  /** What theory expects, in the same unit. */
  readonly expected?: Omit<Percentiles, 'count' | 'max'>;
  readonly wanted?: Wanted;
}

/** What the project wants of a measure: no test, since machines differ, but printed beside it. */
export interface Wanted {
  readonly quantile: 'p50' | 'p99' | 'max';
  /** Of the value itself, or of its ratio to the {@link Measure.reference}. */
  readonly of: 'value' | 'reference';
  /** At most this where lower is better, at least this where higher is; in the measure's unit, or a ratio. */
  readonly bound: number;
}

/** What a process cost between the beginning and the end of a cell. */
export interface ProcessCost {
  readonly cpuUserMs: number;
  readonly cpuSystemMs: number;
  /** Resident memory at the end, in bytes. */
  readonly rssBytes: number;
  /** Its largest since the process began. */
  readonly rssMaxBytes: number;
}

/** How much later than meant timers were let go, in ms: what the machine adds by itself. */
export interface TimerLateness {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** One combination of what was varied. */
export interface BenchCell {
  /** Tells it apart from the others, and finds it again in a baseline. */
  readonly name: string;
  readonly parameters: Readonly<Record<string, number | string>>;
  /** Handshakes, sessions, seconds: whatever was tried. */
  readonly attempts: number;
  /** Of them those that failed, by reason; empty when none did. */
  readonly failures: Readonly<Record<string, number>>;
  readonly measures: Readonly<Record<string, Measure>>;
  /** Sums, by name, such as datagrams and bytes. */
  readonly totals: Readonly<Record<string, number>>;
  readonly processes: Readonly<Record<string, ProcessCost>>;
  readonly lateness: Readonly<Record<string, TimerLateness>>;
}

/** One run of one bench, as it is written down. */
export interface BenchResult {
  readonly schema: typeof RESULT_SCHEMA;
  readonly bench: string;
  /** The words after `firstframe`. */
  readonly command: string;
  /** ISO 8601, UTC. */
  readonly madeAt: string;
  readonly machine: MachineDescription;
  readonly seed: number;
  readonly options: Readonly<Record<string, unknown>>;
  /** See {@link BenchOutcome.limitsRaised}. */
  readonly limitsRaised: Readonly<Record<string, string>>;
  readonly skipped: readonly string[];
  readonly cells: readonly BenchCell[];
  readonly references: Readonly<Record<string, Measure>>;
  /** False: it was stopped before all was measured. */
  readonly complete: boolean;
}

/** How a {@link Measure} is meant. */
export interface MeasureMeaning {
  readonly unit: string;
  /** Default `lower`. */
  readonly better?: Measure['better'];
  readonly reference?: string | undefined;
  readonly expected?: Measure['expected'] | undefined;
  readonly wanted?: Wanted | undefined;
}

/** Values and what they mean. */
export function measure(values: readonly number[], meaning: MeasureMeaning): Measure {
  const { unit, better = 'lower', reference, expected, wanted } = meaning;
  return {
    ...percentiles(values),
    unit,
    better,
    ...(reference === undefined ? {} : { reference }),
    ...(expected === undefined ? {} : { expected }),
    ...(wanted === undefined ? {} : { wanted }),
  };
}

/** The measure that another one is a multiple of; `undefined` when it has none, or that was not measured. */
export function referenceOf(
  { measures }: BenchCell,
  { reference }: Measure,
  references: BenchResult['references'],
): Measure | undefined {
  if (reference === undefined) return undefined;
  const found = measures[reference] ?? references[reference];
  return found === undefined || found.count === 0 ? undefined : found;
}

/** Whether a measure is as it is wanted to be; `undefined` when nothing is wanted, or its reference was not measured. */
export function isMet(measure: Measure, reference: Measure | undefined): boolean | undefined {
  const { wanted, better } = measure;
  if (wanted === undefined || measure.count === 0) return undefined;
  if (wanted.of === 'reference' && reference === undefined) return undefined;
  const { quantile, bound } = wanted;
  const value = wanted.of === 'value' ? measure[quantile] : measure[quantile] / (reference?.[quantile] ?? Number.NaN);
  return better === 'lower' ? value <= bound : value >= bound;
}

/** A process's cost since `before`; all of it without. Of this process, in ms and bytes. */
export function processCost(before: NodeJS.CpuUsage = { user: 0, system: 0 }): ProcessCost {
  const { user, system } = process.cpuUsage(before);
  return {
    cpuUserMs: user / 1000,
    cpuSystemMs: system / 1000,
    rssBytes: process.memoryUsage.rss(),
    rssMaxBytes: process.resourceUsage().maxRSS * 1024,
  };
}

/** The later of two costs of one process, less the CPU time of the earlier one. */
export function costSince(now: ProcessCost, before: ProcessCost): ProcessCost {
  return { ...now, cpuUserMs: now.cpuUserMs - before.cpuUserMs, cpuSystemMs: now.cpuSystemMs - before.cpuSystemMs };
}

/** What several took, one after the other: CPU time of all, memory of the last, and at most. */
export function sumOfCosts(costs: readonly ProcessCost[]): ProcessCost {
  return costs.reduce((all, cost) => ({
    cpuUserMs: all.cpuUserMs + cost.cpuUserMs,
    cpuSystemMs: all.cpuSystemMs + cost.cpuSystemMs,
    rssBytes: cost.rssBytes,
    rssMaxBytes: Math.max(all.rssMaxBytes, cost.rssMaxBytes),
  }));
}

/** How many failed. */
export function failuresOf({ failures }: BenchCell): number {
  return Object.values(failures).reduce((sum, count) => sum + count, 0);
}

/** How many failed for each reason. */
export function failureCounts(samples: readonly { readonly failure?: string | undefined }[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { failure } of samples) if (failure !== undefined) counts[failure] = (counts[failure] ?? 0) + 1;
  return counts;
}
