import type { AnyStateMachine } from 'xstate';

/** What a machine does with an event. */
export interface CompiledStep<State, Context> {
  readonly state: State;
  readonly context: Context;
  /** Names of declared outputs, in order. */
  readonly outputs: readonly string[];
}

/** A machine as a table: the same answers as XState's `transition()`, without its cost. */
export interface CompiledMachine<State extends string, Context, Event extends { readonly type: string }, Input> {
  readonly initialState: State;
  initialContext(input: Input): Context;
  /** `undefined`: the state has no row for the event, and nothing changes. */
  step(state: State, context: Context, event: Event): CompiledStep<State, Context> | undefined;
}

/** What guards and assigns are given. */
interface Scope<Context, Event> {
  readonly context: Context;
  readonly event: Event;
}

type Guard<Context, Event> = (scope: Scope<Context, Event>) => boolean;
/** Writes one field of a context that is still being made; what it reads is the context before. */
type Setter<Context, Event> = (next: Context, before: Scope<Context, Event>) => void;
/** What one `assign` sets. */
type Assignment<Context, Event> = readonly Setter<Context, Event>[];

interface Row<State, Context, Event> {
  readonly guard: Guard<Context, Event> | undefined;
  readonly target: State;
  readonly assignments: readonly Assignment<Context, Event>[];
  readonly outputs: readonly string[];
}

interface DefinedRow {
  readonly target?: string;
  readonly guard?: string;
  readonly actions?: string | readonly string[];
}

interface DefinedState {
  readonly on?: Readonly<Record<string, DefinedRow | readonly DefinedRow[]>>;
  readonly entry?: string | readonly string[];
}

const NO_OUTPUTS: readonly string[] = [];

/**
 * Turns a machine's definition into a table, once: state and event type to rows, each with its guard, the state that it leads to,
 * what it assigns, and its declared outputs. It knows the few features that the machines of this package use (test/machines
 * checks that they use no others); test/engine/compile proves it equal to XState over every state, event and guard outcome.
 *
 * @throws TypeError when the definition has something that the table cannot express.
 */
export function compileMachine<
  State extends string,
  Context extends object,
  Event extends { readonly type: string },
  Input,
>(machine: AnyStateMachine): CompiledMachine<State, Context, Event, Input> {
  const { config, implementations } = machine;
  const states = config.states as Readonly<Record<string, DefinedState>>;
  const stateIndex = new Map<string, number>(Object.keys(states).map((state, index) => [state, index]));
  const types = new Set(Object.values(states).flatMap(({ on = {} }) => Object.keys(on)));
  const typeIndex = new Map<string, number>([...types].map((type, index) => [type, index]));
  /** All rows in one list: those of a state side by side, by the event's type. */
  const cells = Object.entries(states).flatMap(([state, { on = {} }]) =>
    [...types].map((type) => [on[type] ?? []].flat().map((row) => compileRow(state, row))),
  );
  return {
    initialState: config.initial as State,
    initialContext: (input) => {
      const { context } = config;
      return (typeof context === 'function' ? context({ input } as never) : { ...context }) as Context;
    },
    step(state, context, event) {
      const [row, column] = [stateIndex.get(state), typeIndex.get(event.type)];
      if (row === undefined || column === undefined) return undefined;
      const candidates = cells[row * typeIndex.size + column];
      if (candidates === undefined || candidates.length === 0) return undefined;
      const scope = { context, event };
      for (const { guard, target, assignments, outputs } of candidates) {
        if (guard !== undefined && !guard(scope)) continue;
        return { state: target, context: assigned(assignments, scope), outputs };
      }
      return undefined;
    },
  };

  function compileRow(state: string, row: DefinedRow): Row<State, Context, Event> {
    const target = row.target ?? state;
    const entered = row.target === undefined ? [] : actionNames(states[target]?.entry);
    const actions = [...actionNames(row.actions), ...entered];
    const assignments = actions.flatMap((name) => assignmentOf(name) ?? []);
    const outputs = actions.filter((name) => assignmentOf(name) === undefined);
    return {
      guard: row.guard === undefined ? undefined : guardOf(row.guard),
      target: target as State,
      assignments,
      outputs: outputs.length === 0 ? NO_OUTPUTS : outputs,
    };
  }

  function guardOf(name: string): Guard<Context, Event> {
    const guard: unknown = implementations.guards[name];
    if (typeof guard !== 'function') throw new TypeError(`guard ${name} is no function`);
    return guard as Guard<Context, Event>;
  }

  /** XState's `assign` is a function that carries what it assigns; any other action is a declared output. */
  function assignmentOf(name: string): [Assignment<Context, Event>] | undefined {
    const action: unknown = implementations.actions[name];
    if (typeof action !== 'function') throw new TypeError(`action ${name} is no function`);
    if (!('assignment' in action)) return undefined;
    const { assignment } = action;
    if (typeof assignment !== 'object' || assignment === null) throw new TypeError(`${name} assigns by a function`);
    return [Object.entries(assignment).map(([key, value]) => setter<Context, Event>(key, value))];
  }
}

function actionNames(actions: string | readonly string[] | undefined): readonly string[] {
  if (actions === undefined) return [];
  return typeof actions === 'string' ? [actions] : actions;
}

function setter<Context extends object, Event>(key: string, value: unknown): Setter<Context, Event> {
  const field = key as keyof Context;
  if (typeof value !== 'function') {
    return (next) => {
      next[field] = value as Context[keyof Context];
    };
  }
  const read = value as (scope: Scope<Context, Event>) => Context[keyof Context];
  return (next, before) => {
    next[field] = read(before);
  };
}

/** The context after some assigns, one after the other: all values of one see the context before it. */
function assigned<Context extends object, Event>(
  assignments: readonly Assignment<Context, Event>[],
  scope: Scope<Context, Event>,
): Context {
  let { context } = scope;
  for (const setters of assignments) {
    const before = { context, event: scope.event };
    context = { ...context };
    for (const set of setters) set(context, before);
  }
  return context;
}
