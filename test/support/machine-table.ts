/**
 * Drives a machine by pure `transition()` from any state and context, and prints its complete table as text to review.
 */
import { type AnyStateMachine, transition } from 'xstate';
import { type InitiatorContext, initiatorMachine } from '../../machines/initiator.ts';
import { type ResponderContext, responderMachine } from '../../machines/responder.ts';
import {
  type InitiatorEvent,
  type InitiatorState,
  type ResponderEvent,
  type ResponderState,
  timerNames,
} from '../../machines/types.ts';
import { ErrorCode, errorCodeName } from '../../src/protocol/error-code.ts';
import {
  type EventClass,
  initiatorClasses,
  initiatorContexts,
  initiatorStates,
  type NamedContext,
  responderClasses,
  responderContexts,
  responderStates,
} from './event-classes.ts';

/** What a machine did with one event. */
export interface Step<State, Context> {
  readonly state: State;
  readonly context: Context;
  /** Names of declared outputs, in order. */
  readonly outputs: readonly string[];
}

/** A machine under test with everything that can happen to it. */
export interface Subject<State extends string, Context extends object, Event extends { readonly type: string }> {
  readonly name: string;
  readonly machine: AnyStateMachine;
  readonly states: readonly State[];
  readonly classes: readonly EventClass<Event>[];
  /** Its timers, in the order in which simultaneous ones expire. */
  readonly timers: readonly string[];
  contexts(state: State): readonly NamedContext<Context>[];
  step(state: State, context: Context, event: Event): Step<State, Context>;
}

/** What happens to a machine, besides its definition. */
export type SubjectParts<State extends string, Context extends object, Event extends { readonly type: string }> = Omit<
  Subject<State, Context, Event>,
  'machine' | 'step'
>;

/** A machine as a subject, driven by XState. */
export function subjectOf<State extends string, Context extends object, Event extends { readonly type: string }>(
  machine: AnyStateMachine,
  parts: SubjectParts<State, Context, Event>,
): Subject<State, Context, Event> {
  return {
    ...parts,
    machine,
    step(state, context, event) {
      const [next, actions] = transition(machine, machine.resolveState({ value: state, context }), event);
      return { state: next.value, context: next.context, outputs: actions.map(({ type }) => type) };
    },
  };
}

/** The initiator's machine, or a changed copy of it, as a subject. */
export function initiatorSubject(
  machine: typeof initiatorMachine = initiatorMachine,
): Subject<InitiatorState, InitiatorContext, InitiatorEvent> {
  return subjectOf(machine, {
    name: 'initiator',
    states: initiatorStates,
    classes: initiatorClasses,
    timers: timerNames,
    contexts: initiatorContexts,
  });
}

/** The responder's machine, or a changed copy of it, as a subject. */
export function responderSubject(
  machine: typeof responderMachine = responderMachine,
): Subject<ResponderState, ResponderContext, ResponderEvent> {
  return subjectOf(machine, {
    name: 'responder',
    states: responderStates,
    classes: responderClasses,
    timers: timerNames,
    contexts: responderContexts,
  });
}

/**
 * What a step changed in the context, in words: `attempt+1, sends=1, code=BUSY`. A code that the event brought is
 * `code=event's`. Empty when nothing changed.
 */
export function remembered(before: object, after: object, event: object): string {
  const old = new Map<string, unknown>(Object.entries(before));
  const brought: unknown = 'code' in event ? event.code : undefined;
  const changes: string[] = [];
  for (const [key, value] of Object.entries(after)) {
    const was = old.get(key);
    if (Object.is(value, was)) continue;
    if (key === 'code') changes.push(value === brought ? "code=event's" : `code=${errorCodeName(Number(value))}`);
    else if (typeof was === 'number' && was !== 0 && value === was + 1) changes.push(`${key}+1`);
    else changes.push(`${key}=${String(value)}`);
  }
  return changes.join(', ');
}

/** True when a step did nothing at all. */
export function isNothing(step: Step<string, object>, state: string, context: object): boolean {
  return step.state === state && step.outputs.length === 0 && remembered(context, step.context, {}) === '';
}

interface Outcome {
  readonly next: string;
  readonly outputs: string;
  readonly remembers: string;
}

const NO_ROW: Outcome = { next: '—', outputs: '', remembers: '' };

function outcomeOf<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
  state: State,
  context: Context,
  event: Event,
): Outcome {
  const step = subject.step(state, context, event);
  if (isNothing(step, state, context)) return NO_ROW;
  return {
    next: step.state === state ? 'same' : step.state,
    outputs: step.outputs.join(', '),
    remembers: remembered(context, step.context, event),
  };
}

const textOf = (outcome: Outcome): string => JSON.stringify(outcome);

/** The fewest fields of a type's events that decide what happens; the others would only repeat rows. */
function decidingFields<Event>(classes: readonly EventClass<Event>[], resultOf: (one: EventClass<Event>) => string) {
  const fields = Object.keys(classes[0]?.outcomes ?? {});
  const subsets = fields.reduce<string[][]>((all, field) => all.concat(all.map((one) => [...one, field])), [[]]);
  subsets.sort((a, b) => a.length - b.length);
  const decides = (subset: readonly string[]): boolean => {
    const seen = new Map<string, string>();
    return classes.every((one) => {
      const key = subset.map((field) => one.outcomes[field]).join();
      const result = resultOf(one);
      const earlier = seen.get(key);
      seen.set(key, result);
      return earlier === undefined || earlier === result;
    });
  };
  return subsets.find(decides) ?? fields;
}

type Line = readonly [event: string, when: string, next: string, outputs: string, remembers: string];

function linesOf<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
  state: State,
): Line[] {
  const contexts = subject.contexts(state).filter(({ variants }) => variants.length <= 1);
  const lines: Line[] = [];
  for (const type of new Set(subject.classes.map((one) => one.type))) {
    const classes = subject.classes.filter((one) => one.type === type);
    const results = new Map(
      classes.map((one) => [one, contexts.map(({ context }) => outcomeOf(subject, state, context, one.event))]),
    );
    const resultsOf = (one: EventClass<Event>): readonly Outcome[] => results.get(one) ?? [];
    const fields = decidingFields(classes, (one) => resultsOf(one).map(textOf).join());
    const printed = new Set<string>();
    for (const one of classes) {
      const suffix = fields.map((field) => one.outcomes[field]).join(', ');
      if (printed.has(suffix)) continue;
      printed.add(suffix);
      const name = suffix === '' ? type : `${type} (${suffix})`;
      const usual = resultsOf(one)[0] ?? NO_ROW;
      resultsOf(one).forEach((outcome, index) => {
        if (index > 0 && textOf(outcome) === textOf(usual)) return;
        const when = contexts[index]?.variants.join() ?? '';
        lines.push([name, when, outcome.next, outcome.outputs, outcome.remembers]);
      });
    }
  }
  return lines;
}

/**
 * The whole table as aligned text: each state, each class of event, and each variant of the context in which something
 * else happens than usually.
 */
export function tableText<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
): string {
  const heading: Line = ['event', 'when', 'next', 'outputs in order', 'remembers'];
  const sections = subject.states.map((state) => ({ state, lines: linesOf(subject, state) }));
  const all = [heading, ...sections.flatMap(({ lines }) => lines)];
  const widths = heading.map((_, column) => Math.max(...all.map((line) => line[column]?.length ?? 0)));
  const text = (line: Line): string =>
    `  ${line.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  ')}`.trimEnd();
  const parts = sections.map(({ state, lines }) => [state, text(heading), ...lines.map(text)].join('\n'));
  return `The ${subject.name}: every state, every class of event. A dash: no row, counted, changes nothing.\n\n${parts.join('\n\n')}\n`;
}

/** Text of the constant for a code, as the table and the rows of the tests write it. */
export const codeText = (name: keyof typeof ErrorCode): string => `code=${errorCodeName(ErrorCode[name])}`;
