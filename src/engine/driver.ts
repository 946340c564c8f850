import type { CompiledMachine } from './compile.ts';

/** Drives one machine on its table and hands every declared output, in order, to `perform`. */
export class MachineDriver<State extends string, Context, Event extends { readonly type: string }, Input> {
  readonly #machine: CompiledMachine<State, Context, Event, Input>;
  readonly #perform: (output: string) => void;
  #state: State;
  #context: Context;

  constructor(machine: CompiledMachine<State, Context, Event, Input>, input: Input, perform: (output: string) => void) {
    this.#machine = machine;
    this.#perform = perform;
    this.#state = machine.initialState;
    this.#context = machine.initialContext(input);
  }

  /** After the last event, also while its outputs are performed. */
  get state(): State {
    return this.#state;
  }

  /** As {@link state}. */
  get context(): Context {
    return this.#context;
  }

  /** Takes an event; false when the state has no row for it, and nothing changed. */
  send(event: Event): boolean {
    const step = this.#machine.step(this.#state, this.#context, event);
    if (step === undefined) return false;
    this.#state = step.state;
    this.#context = step.context;
    for (const output of step.outputs) this.#perform(output);
    return true;
  }
}
