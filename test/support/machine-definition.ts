/**
 * A machine's definition as plain rows, read from XState's own parsed state nodes rather than from the literal.
 */
import type { AnyStateMachine, AnyTransitionDefinition } from 'xstate';

/** One row of a definition. */
export interface DefinedRow {
  readonly from: string;
  readonly event: string;
  readonly guard: string | undefined;
  /** The same as `from` when the row has no target. */
  readonly to: string;
  readonly actions: readonly string[];
}

function nameOf(reference: unknown): string {
  if (typeof reference === 'string') return reference;
  if (typeof reference === 'object' && reference !== null && 'type' in reference) return String(reference.type);
  throw new Error(`not referenced by name: ${String(reference)}`);
}

/** Names of a machine's states in the order of its definition. */
export function definedStates(machine: AnyStateMachine): string[] {
  return Object.keys(machine.root.states);
}

/** Name of the first state. */
export function initialState(machine: AnyStateMachine): string {
  const [target] = machine.root.initial.target;
  if (target === undefined) throw new Error('a machine without an initial state');
  return target.key;
}

/** Names of the states that are final. */
export function finalStates(machine: AnyStateMachine): string[] {
  return definedStates(machine).filter((name) => machine.root.states[name]?.type === 'final');
}

/** Names of all actions on entry to or exit from `state`. */
export function boundaryActions(machine: AnyStateMachine, state: string): string[] {
  const node = machine.root.states[state];
  return [...(node?.entry ?? []), ...(node?.exit ?? [])].map(nameOf);
}

/** All rows, in the order of the definition. */
export function definedRows(machine: AnyStateMachine): DefinedRow[] {
  return definedStates(machine).flatMap((from) => {
    const transitions = machine.root.states[from]?.transitions ?? new Map<string, AnyTransitionDefinition[]>();
    return [...transitions].flatMap(([event, candidates]) =>
      candidates.map((candidate: AnyTransitionDefinition) => ({
        from,
        event,
        guard: candidate.guard === undefined ? undefined : nameOf(candidate.guard),
        to: candidate.target?.[0]?.key ?? from,
        actions: candidate.actions.map(nameOf),
      })),
    );
  });
}
