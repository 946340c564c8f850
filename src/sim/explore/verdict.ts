import { Exploration, type ExplorationCounts, type ExplorationOptions, type Violation } from './exploration.ts';
import { Model, type ModelOptions } from './model.ts';
import { agreementOrClosed, type Reachability, streamStillPossible } from './reachability.ts';

/** All that one exploration found. */
export interface Verdict {
  readonly exploration: Exploration;
  readonly counts: ExplorationCounts;
  /** The first violation of all rules, one of the shortest for safety; `undefined` for none. */
  readonly violation: Violation | undefined;
  /** Absent where a safety rule is broken or not every state was expanded: then nothing is known. */
  readonly liveness?: { readonly l4: Reachability; readonly l2: Reachability };
}

/** Explores a model: safety in every state and step, then L4 and L2 from every state. */
export function verdictOf(options: ModelOptions, exploring: ExplorationOptions): Verdict {
  const exploration = new Exploration(new Model(options), exploring.statesMax);
  exploration.run(exploring);
  exploring.onSearched?.();
  const { counts } = exploration;
  const [broken] = exploration.violations;
  if (broken !== undefined || !counts.complete) return { exploration, counts, violation: broken };
  const l4 = agreementOrClosed(exploration);
  const l2 = streamStillPossible(exploration);
  let violation: Violation | undefined;
  if (l2.firstLost >= 0) violation = { rule: 'L2', state: l2.firstLost, action: undefined };
  if (l4.firstLost >= 0) violation = { rule: 'L4', state: l4.firstLost, action: undefined };
  return { exploration, counts, violation, liveness: { l4, l2 } };
}
