import type { InvariantId } from '../protocol/invariants.ts';
import { drawPlan } from './draw-plan.ts';
import type { FaultPlan, RunMode } from './fault-plan.ts';
import { type PlanResult, runPlan } from './run-plan.ts';

/** Why a plan failed: a broken promise, or `threw` when an endpoint threw anything else. */
export type FailureKind = InvariantId | 'threw';

/** A plan that broke a promise. */
export interface Failure {
  /** The first that was broken. */
  readonly kind: FailureKind;
  readonly detail: string;
  readonly plan: FaultPlan;
}

/** What one seed came to. */
export interface SeedResult {
  /** Of the first of its two runs. */
  readonly result: PlanResult;
  readonly failure: Failure | undefined;
}

/** Everything that went wrong in a run, each kind once. */
export function kindsOf({ violations, threw }: PlanResult): readonly FailureKind[] {
  return [
    ...new Set<FailureKind>([...violations.map(({ id }) => id), ...(threw === undefined ? [] : ['threw' as const])]),
  ];
}

/** Whether a plan fails in the given way; S15 by running it twice. */
export function failsBy(kind: FailureKind, plan: FaultPlan, run: typeof runPlan = runPlan): boolean {
  const result = run(plan);
  return kind === 'S15' ? run(plan).traceHash !== result.traceHash : kindsOf(result).includes(kind);
}

/** Draws the plan of a seed and checks it. */
export function checkSeed(seed: number, mode: RunMode): SeedResult {
  return checkPlan(drawPlan(seed, mode));
}

/**
 * Runs a plan twice: it must keep every promise, and do the same both times (S15).
 *
 * @param run for tests of this function.
 */
export function checkPlan(plan: FaultPlan, run: typeof runPlan = runPlan): SeedResult {
  const result = run(plan);
  const [kind] = kindsOf(result);
  if (kind !== undefined) {
    const [first] = result.violations;
    const detail = first === undefined ? (result.threw ?? '') : `${first.detail}, at ${first.atMs} ms`;
    return { result, failure: { kind, detail, plan } };
  }
  const again = run(plan);
  if (again.traceHash === result.traceHash) return { result, failure: undefined };
  const detail = `one run gave ${result.traceHash}, the next ${again.traceHash}`;
  return { result, failure: { kind: 'S15', detail, plan } };
}
