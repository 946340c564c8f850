import {
  type AnyMachineSnapshot,
  type AnyStateMachine,
  type EventFromLogic,
  type InputFrom,
  initialTransition,
  type SnapshotFrom,
  transition,
} from 'xstate';

/**
 * Drives one machine by pure transitions and hands every declared output, in order, to `perform`. Holds no other state, so
 * that a compiled table can take its place.
 */
export class MachineDriver<Machine extends AnyStateMachine> {
  readonly #machine: Machine;
  readonly #perform: (output: string) => void;
  #snapshot: SnapshotFrom<Machine>;

  constructor(machine: Machine, input: InputFrom<Machine>, perform: (output: string) => void) {
    this.#machine = machine;
    this.#perform = perform;
    const [snapshot] = initialTransition(machine, input as never);
    this.#snapshot = snapshot as SnapshotFrom<Machine>;
  }

  /** State and context after the last event. */
  get snapshot(): SnapshotFrom<Machine> {
    return this.#snapshot;
  }

  /** Takes an event; false when the state has no row for it, and nothing changed. */
  send(event: EventFromLogic<Machine>): boolean {
    const before = this.#snapshot;
    const [after, actions] = transition(this.#machine, before as never, event);
    this.#snapshot = after as SnapshotFrom<Machine>;
    for (const action of actions) this.#perform(action.type);
    return actions.length > 0 || (after as AnyMachineSnapshot).value !== (before as AnyMachineSnapshot).value;
  }
}
