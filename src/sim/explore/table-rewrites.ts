import type { CompiledMachine, CompiledStep } from '../../engine/compile.ts';

type Step<State, Context> = CompiledStep<State, Context> | undefined;

/** A machine's table with another answer in some places; `undefined` is no row. */
export function rewritten<State extends string, Context extends object, Event extends { readonly type: string }, Input>(
  machine: CompiledMachine<State, Context, Event, Input>,
  change: (step: Step<State, Context>, state: State, event: Event, context: Context) => Step<State, Context>,
): CompiledMachine<State, Context, Event, Input> {
  return {
    ...machine,
    step: (state, context, event) => change(machine.step(state, context, event), state, event, context),
  };
}

/** Without the rows for one type of event in one state. */
export function withoutRow<
  State extends string,
  Context extends object,
  Event extends { readonly type: string },
  Input,
>(
  machine: CompiledMachine<State, Context, Event, Input>,
  inState: State,
  type: Event['type'],
): CompiledMachine<State, Context, Event, Input> {
  return rewritten(machine, (step, state, event) => (state === inState && event.type === type ? undefined : step));
}

/** One output less in one state, for one type of event. */
export function withoutOutput<
  State extends string,
  Context extends object,
  Event extends { readonly type: string },
  Input,
>(
  machine: CompiledMachine<State, Context, Event, Input>,
  inState: State,
  type: Event['type'],
  output: string,
): CompiledMachine<State, Context, Event, Input> {
  return rewritten(machine, (step, state, event) =>
    step !== undefined && state === inState && event.type === type
      ? { ...step, outputs: step.outputs.filter((name) => name !== output) }
      : step,
  );
}

/** One more output in one state, for one type of event, and a row for it where there was none. */
export function withOutput<
  State extends string,
  Context extends object,
  Event extends { readonly type: string },
  Input,
>(
  machine: CompiledMachine<State, Context, Event, Input>,
  inState: State,
  type: Event['type'],
  output: string,
): CompiledMachine<State, Context, Event, Input> {
  return rewritten(machine, (step, state, event, context) =>
    state === inState && event.type === type
      ? { state: step?.state ?? state, context: step?.context ?? context, outputs: [...(step?.outputs ?? []), output] }
      : step,
  );
}

/** A row for one type of event in one state, whatever its guards say. */
export function withRow<State extends string, Context extends object, Event extends { readonly type: string }, Input>(
  machine: CompiledMachine<State, Context, Event, Input>,
  inState: State,
  type: Event['type'],
  target: State,
  outputs: readonly string[],
): CompiledMachine<State, Context, Event, Input> {
  return rewritten(machine, (step, state, event, context) =>
    state === inState && event.type === type ? { state: target, context, outputs } : step,
  );
}

/** A cap that lets a counter go one further: where there is no row, the row of one less. */
export function oneMore<State extends string, Context extends object, Event extends { readonly type: string }, Input>(
  machine: CompiledMachine<State, Context, Event, Input>,
  type: Event['type'],
  counter: keyof Context & string,
): CompiledMachine<State, Context, Event, Input> {
  return rewritten(machine, (step, state, event, context) => {
    const used = context[counter];
    if (step !== undefined || event.type !== type || typeof used !== 'number') return step;
    const more = machine.step(state, { ...context, [counter]: used - 1 }, event);
    return more === undefined ? undefined : { ...more, context: { ...more.context, [counter]: used + 1 } };
  });
}
