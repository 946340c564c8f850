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
type Assignment<Context, Event> = readonly [
  key: string,
  value: unknown | ((scope: Scope<Context, Event>) => unknown),
][];

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
  const table = new Map<string, Map<string, readonly Row<State, Context, Event>[]>>();
  for (const [state, { on = {} }] of Object.entries(states)) {
    const rows = new Map<string, readonly Row<State, Context, Event>[]>();
    for (const [type, defined] of Object.entries(on)) {
      rows.set(
        type,
        [defined].flat().map((row) => compileRow(state, row)),
      );
    }
    table.set(state, rows);
  }
  return {
    initialState: config.initial as State,
    initialContext: (input) => {
      const { context } = config;
      return (typeof context === 'function' ? context({ input } as never) : { ...context }) as Context;
    },
    step(state, context, event) {
      const rows = table.get(state)?.get(event.type);
      if (rows === undefined) return undefined;
      const row = rows.find(({ guard }) => guard === undefined || guard({ context, event }));
      if (row === undefined) return undefined;
      let next = context;
      for (const assignment of row.assignments) next = assign(assignment, next, event);
      return { state: row.target, context: next, outputs: row.outputs };
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
    return [Object.entries(assignment) as unknown as Assignment<Context, Event>];
  }
}

function actionNames(actions: string | readonly string[] | undefined): readonly string[] {
  if (actions === undefined) return [];
  return typeof actions === 'string' ? [actions] : actions;
}

/** All values of one assign see the context before it. */
function assign<Context extends object, Event>(
  assignment: Assignment<Context, Event>,
  context: Context,
  event: Event,
): Context {
  const changes = assignment.map(([key, value]) => [
    key,
    typeof value === 'function' ? value({ context, event }) : value,
  ]);
  return { ...context, ...Object.fromEntries(changes) };
}
