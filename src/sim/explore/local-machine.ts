/**
 * One machine of the product as dense integer tables. The rows are those of the engine's own compiled table
 * (src/engine/tables.ts), asked once for every state, context and class of event that can be reached; on top of a machine's
 * state and context a local state has the timers that are armed and a few notes of the session around it. States that no
 * sequence of events can tell apart are merged (Moore, 1956), so that a counter which nobody asks any more costs nothing.
 */
import type { TimerName } from '../../../machines/index.ts';
import type { CompiledMachine } from '../../engine/compile.ts';

/** A class of events of one role. */
export interface LocalEvent<Event, Context> {
  /** In words, for diagrams. */
  readonly name: string;
  /** The timer that this is; it can then only happen while the timer is armed, and disarms it. */
  readonly timer?: TimerName;
  /** The event as the machine sees it; `undefined` when only the notes change. */
  of(draft: LocalDraft<Context>): Event | undefined;
}

/** A local state while it is being changed. */
export interface LocalDraft<Context> {
  state: string;
  context: Context;
  readonly armed: Set<TimerName>;
  /** Small whole numbers that the session keeps beside the machine. */
  readonly notes: Record<string, number>;
}

/** What the session around a machine does with its events and declared outputs. */
export interface LocalRole<State extends string, Context extends object, Event extends { readonly type: string }> {
  readonly machine: Pick<CompiledMachine<State, Context, Event, never>, 'step' | 'initialState'>;
  readonly context: Context;
  readonly notes: Readonly<Record<string, number>>;
  readonly events: readonly LocalEvent<Event, Context>[];
  /** Notes that the rest of the model asks for: states that differ in them are never merged. */
  readonly visible: readonly string[];
  /** Changes timers and notes; returns an operation for the model, 0 for none. */
  perform(output: string, draft: LocalDraft<Context>, event: Event): number;
  /** An operation that reports a broken cap or rule, 0 for none. */
  check(draft: LocalDraft<Context>): number;
}

/** See the top of this file. Tables are indexed by `local * eventCount + event`. */
export interface LocalMachine {
  readonly size: number;
  /** Local states before the merge. */
  readonly enumerated: number;
  readonly eventCount: number;
  readonly eventNames: readonly string[];
  readonly states: readonly string[];
  /** Index into `states`, by local state. */
  readonly stateOf: Uint8Array;
  /** A visible note by local state. */
  readonly notes: Readonly<Record<string, Uint8Array>>;
  /** Local state afterwards. */
  readonly next: Uint16Array;
  /** Whether the event can happen and has a row. */
  readonly handled: Uint8Array;
  /** Index into `operations`. */
  readonly operationsAt: Uint16Array;
  /** Lists of operations; the first is empty. */
  readonly operations: readonly Int32Array[];
  /** Events of armed timers, by local state. */
  readonly timers: readonly Int32Array[];
  /** The initial local state. */
  readonly initial: number;
}

interface Enumerated<Context> {
  readonly draft: LocalDraft<Context>;
  readonly next: number[];
  readonly handled: boolean[];
  readonly operations: number[];
}

/** Local states of one machine at most. */
const LOCAL_STATES_MAX = 60_000;

/** Enumerates what `role` can reach and merges what cannot be told apart. @throws RangeError when there is no end to it. */
export function localMachine<State extends string, Context extends object, Event extends { readonly type: string }>(
  role: LocalRole<State, Context, Event>,
): LocalMachine {
  const lists = new Lists();
  const all = enumerate(role, lists);
  const classes = mergeClasses(all, role);
  const representatives = classes
    .map((of, local) => [of, local] as const)
    .filter(([of, local]) => classes.indexOf(of) === local);
  const { events } = role;
  const size = representatives.length;
  const states = [...new Set(all.map(({ draft }) => draft.state))];
  const table = {
    next: new Uint16Array(size * events.length),
    handled: new Uint8Array(size * events.length),
    operationsAt: new Uint16Array(size * events.length),
  };
  const stateOf = new Uint8Array(size);
  const notes = Object.fromEntries(role.visible.map((name) => [name, new Uint8Array(size)]));
  const timers: Int32Array[] = [];
  for (const [of, local] of representatives) {
    const { draft, next, handled, operations } = at(all, local);
    stateOf[of] = states.indexOf(draft.state);
    for (const name of role.visible) (notes[name] as Uint8Array)[of] = draft.notes[name] ?? 0;
    timers[of] = Int32Array.from(
      events.flatMap(({ timer }, i) => (timer !== undefined && draft.armed.has(timer) ? [i] : [])),
    );
    for (let event = 0; event < events.length; event++) {
      const index = of * events.length + event;
      table.next[index] = at(classes, at(next, event));
      table.handled[index] = handled[event] === true ? 1 : 0;
      table.operationsAt[index] = at(operations, event);
    }
  }
  return {
    size,
    enumerated: all.length,
    eventCount: events.length,
    eventNames: events.map(({ name }) => name),
    states,
    stateOf,
    notes,
    ...table,
    operations: lists.all,
    timers,
    initial: at(classes, 0),
  };
}

/** Every local state in the order in which it is first reached. */
function enumerate<State extends string, Context extends object, Event extends { readonly type: string }>(
  role: LocalRole<State, Context, Event>,
  lists: Lists,
): Enumerated<Context>[] {
  const { machine, events } = role;
  const found: Enumerated<Context>[] = [];
  const indexOf = new Map<string, number>();
  add({ state: machine.initialState, context: role.context, armed: new Set(), notes: { ...role.notes } });
  for (let index = 0; index < found.length; index++) {
    const { draft, next, handled, operations } = at(found, index);
    for (const { timer, of } of events) {
      if (timer !== undefined && !draft.armed.has(timer)) {
        next.push(index);
        handled.push(false);
        operations.push(0);
        continue;
      }
      const after = { ...draft, armed: new Set(draft.armed), notes: { ...draft.notes } };
      if (timer !== undefined) after.armed.delete(timer);
      const event = of(after);
      const step = event === undefined ? undefined : machine.step(draft.state as State, draft.context, event);
      const done: number[] = [];
      if (step !== undefined && event !== undefined) {
        after.state = step.state;
        after.context = 'code' in step.context ? { ...step.context, code: 0 } : step.context;
        for (const output of step.outputs) {
          const operation = role.perform(output, after, event);
          if (operation !== 0) done.push(operation);
        }
      }
      const broken = role.check(after);
      if (broken !== 0) done.push(broken);
      next.push(broken === 0 ? add(after) : index);
      handled.push(step !== undefined);
      operations.push(lists.add(done));
    }
  }
  return found;

  function add(draft: LocalDraft<Context>): number {
    const key = JSON.stringify([draft.state, draft.context, [...draft.armed].sort(), draft.notes]);
    const known = indexOf.get(key);
    if (known !== undefined) return known;
    if (found.length === LOCAL_STATES_MAX) throw new RangeError(`more than ${LOCAL_STATES_MAX} local states`);
    indexOf.set(key, found.length);
    return found.push({ draft, next: [], handled: [], operations: [] }) - 1;
  }
}

/** Class of each state: as coarse as it can be while states of one class answer every sequence of events alike. */
function mergeClasses<Context>(
  all: readonly Enumerated<Context>[],
  role: { readonly visible: readonly string[] },
): number[] {
  let classes = numbered(
    all.map(({ draft, handled, operations }) => {
      const seen = role.visible.map((name) => draft.notes[name]);
      return `${draft.state} ${seen.join()} ${[...draft.armed].sort().join()} ${handled.map(Number).join('')} ${operations.join()}`;
    }),
  );
  for (let count = 0; count !== new Set(classes).size; ) {
    count = new Set(classes).size;
    classes = numbered(all.map(({ next }, index) => `${classes[index]}>${next.map((to) => classes[to]).join()}`));
  }
  return classes;
}

/** The same number for the same key; numbers ascend from 0. */
function numbered(keys: readonly string[]): number[] {
  const numbers = new Map<string, number>();
  return keys.map((key) => {
    if (!numbers.has(key)) numbers.set(key, numbers.size);
    return numbers.get(key) ?? 0;
  });
}

/** Each list of operations once. */
class Lists {
  readonly all: Int32Array[] = [new Int32Array(0)];
  readonly #indexOf = new Map<string, number>([['', 0]]);

  add(list: readonly number[]): number {
    const key = list.join();
    const known = this.#indexOf.get(key);
    if (known !== undefined) return known;
    this.#indexOf.set(key, this.all.length);
    return this.all.push(Int32Array.from(list)) - 1;
  }
}

function at<T>(list: readonly T[], index: number): T {
  return list[index] as T;
}
