/**
 * Walks paths that `xstate/graph` finds through a machine on the real engine: the machine is the model, a rig makes its events
 * happen to an endpoint, and after each of them both must be in the same state and have done the same.
 */
import { expect } from 'vitest';
import { type AnyMachineSnapshot, type AnyStateMachine, type EventObject, initialTransition, transition } from 'xstate';
import { getShortestPaths } from 'xstate/graph';
import { type DefinedRow, definedRows } from './machine-definition.ts';

/** Something that happened to the engine, whether it was asked for or came on the way (a T1 before the deadline). */
export interface Happening<Event> {
  readonly event: Event;
  /** The engine's state afterwards. */
  readonly state: string;
  /** What left the endpoint because of it, in order, in the words of {@link Rig.effectsOf}. */
  readonly effects: readonly string[];
}

/** A real endpoint with hands that make a machine's events happen to it. */
export interface Rig<Event> {
  readonly state: string;
  /**
   * Makes the event happen now. Timers are waited for, with all that happens meanwhile.
   *
   * @returns what happened; the event itself is the last. `undefined` when it cannot happen here.
   */
  produce(event: Event): readonly Happening<Event>[] | undefined;
  /** What the machine's outputs must look like from outside. */
  effectsOf(outputs: readonly string[], context: unknown): readonly string[];
}

/** A machine with the events that are tried in each of its states. */
export interface Walk<Event extends EventObject> {
  readonly machine: AnyStateMachine;
  readonly input?: object;
  readonly events: readonly Event[];
  /** Contexts with the same key are the same place: counters that no guard asks for are left out. */
  placeOf(state: string, context: unknown): string;
  /** Whether the engine can produce the event in that state at all. */
  canProduce(state: string, event: Event): boolean;
  rig(): Rig<Event>;
}

/** What a walk has seen. */
export interface Walked {
  /** States that the engine was in. */
  readonly states: Set<string>;
  /** Rows of the definition that the engine took, as {@link allRows} writes them. */
  readonly rows: Set<string>;
  /** Steps that the engine made in agreement with the machine. */
  steps: number;
}

function rowName(row: DefinedRow): string {
  return `${row.from}: ${row.event}${row.guard === undefined ? '' : ` [${row.guard}]`} -> ${row.to}`;
}

/** Names of all rows of a definition. */
export function allRows(machine: AnyStateMachine): string[] {
  return definedRows(machine).map(rowName);
}

/** The machine beside the engine. */
class Lockstep<Event extends EventObject> {
  readonly #walk: Walk<Event>;
  readonly #rig: Rig<Event>;
  readonly #seen: Walked;
  readonly #rows: readonly DefinedRow[];
  readonly #said: string[] = [];
  #snapshot: AnyMachineSnapshot;

  constructor(walk: Walk<Event>, rows: readonly DefinedRow[], seen: Walked) {
    this.#walk = walk;
    this.#rows = rows;
    this.#seen = seen;
    this.#rig = walk.rig();
    [this.#snapshot] = initialTransition(walk.machine, walk.input);
    seen.states.add(this.#rig.state);
    expect(this.#rig.state).toBe(this.#snapshot.value);
  }

  /** Makes the event happen, and everything on its way; it must be possible. */
  take(event: Event): void {
    const happened = this.#rig.produce(event);
    if (happened === undefined) throw new Error(`cannot happen: ${[...this.#said, JSON.stringify(event)].join(' ')}`);
    for (const one of happened) this.#follow(one);
  }

  #follow({ event, state, effects }: Happening<Event>): void {
    const { machine } = this.#walk;
    const row = this.#rowOf(event);
    const [next, actions] = transition(machine, this.#snapshot, event);
    this.#said.push(JSON.stringify(event));
    const outputs = actions.map(({ type }) => type);
    const expected = { state: next.value, effects: this.#rig.effectsOf(outputs, next.context) };
    const seen = { state, effects };
    if (JSON.stringify(seen) !== JSON.stringify(expected)) expect(seen, this.#said.join(' ')).toEqual(expected);
    this.#snapshot = next;
    this.#seen.states.add(state);
    this.#seen.steps++;
    if (row !== undefined) this.#seen.rows.add(rowName(row));
  }

  #rowOf(event: Event): DefinedRow | undefined {
    const { value, context } = this.#snapshot;
    return this.#rows.find((row) => {
      if (row.from !== value || row.event !== event.type) return false;
      if (row.guard === undefined) return true;
      const guard: unknown = this.#walk.machine.implementations.guards[row.guard];
      if (typeof guard !== 'function') throw new Error(`no guard ${row.guard}`);
      return guard({ context, event });
    });
  }
}

/** Goes the shortest way to each place of the machine, and from there takes each of the events, each time with a new endpoint. */
export function walkPaths<Event extends EventObject>(walk: Walk<Event>, seen: Walked): void {
  const { machine, events, input } = walk;
  // A timer that changes nothing, because it is not armed or no copy is left, cannot be seen from outside.
  const isTried = (snapshot: AnyMachineSnapshot, event: Event): boolean =>
    walk.canProduce(String(snapshot.value), event) && (!event.type.startsWith('timer.') || snapshot.can(event));
  const paths = getShortestPaths(machine, {
    ...(input === undefined ? {} : { input }),
    events: [...events],
    serializeState: (snapshot) => walk.placeOf(String(snapshot.value), snapshot.context),
    filterEvents: (snapshot, event) => isTried(snapshot, event as Event),
    stopWhen: (snapshot) => snapshot.status === 'done',
  });
  const rows = definedRows(machine);
  for (const { state: end, steps } of paths) {
    const way = steps.map(({ event }) => event as Event).filter(({ type }) => type !== 'xstate.init');
    const last = end.status === 'done' ? [] : events.filter((event) => isTried(end, event));
    for (const path of [way, ...last.map((event) => [...way, event])]) {
      const lockstep = new Lockstep(walk, rows, seen);
      for (const event of path) lockstep.take(event);
    }
  }
}
