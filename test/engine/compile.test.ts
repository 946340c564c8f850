import { describe, expect, it } from 'vitest';
import { assign, createMachine, initialTransition, setup } from 'xstate';
import { initiatorMachine, responderMachine } from '../../machines/index.ts';
import { type CompiledMachine, compileMachine } from '../../src/engine/compile.ts';
import { initiatorTable, responderTable } from '../../src/engine/tables.ts';
import { exchangeSubjects } from '../support/exchange-subjects.ts';
import { definedRows } from '../support/machine-definition.ts';
import { initiatorSubject, responderSubject, type Subject } from '../support/machine-table.ts';
import { neighbourSubjects } from '../support/neighbour-subjects.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';

/** Compares every state, class of event and outcome of the guards. @returns how many of them have a row. */
function compare<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
  table: Pick<CompiledMachine<State, Context, Event, never>, 'step'>,
): number {
  let rows = 0;
  for (const state of subject.states) {
    for (const { context, variants } of subject.contexts(state)) {
      for (const { name, event } of subject.classes) {
        const expected = subject.step(state, context, event);
        const step = table.step(state, context, event);
        expect(step ?? { state, context, outputs: [] }, `${state}, ${name}, ${variants.join()}`).toEqual(expected);
        if (step !== undefined) rows++;
      }
    }
  }
  return rows;
}

/** Follows both through many events in a row, each from where the one before led. @returns how many of them had a row. */
function walk<State extends string, Context extends object, Event extends { readonly type: string }, Input>(
  subject: Subject<State, Context, Event>,
  table: CompiledMachine<State, Context, Event, Input>,
  input: Input,
): number {
  const { below } = seeded(seedFromEnv('engine/compile'));
  let rows = 0;
  for (let round = 0; round < 300; round++) {
    let state = table.initialState;
    let context: Context = Object.freeze(table.initialContext(input));
    const way: string[] = [];
    for (let events = 0; events < 60; events++) {
      const chosen = subject.classes[below(subject.classes.length)];
      if (chosen === undefined) continue;
      const step = table.step(state, context, chosen.event);
      // Most ways would be over at once otherwise.
      if (step?.state === 'Closed' && below(10) > 0) continue;
      way.push(chosen.name);
      const expected = subject.step(state, context, chosen.event);
      expect(step ?? { state, context, outputs: [] }, way.join(', ')).toEqual(expected);
      if (step === undefined) continue;
      rows++;
      state = step.state;
      context = Object.freeze(step.context);
    }
  }
  return rows;
}

describe('the compiled table', () => {
  it('of the initiator does what XState does, for every state, class of event and outcome of the guards', () => {
    expect(compare(initiatorSubject(), initiatorTable)).toBeGreaterThan(100);
  });

  it('of the responder does what XState does, for every state, class of event and outcome of the guards', () => {
    expect(compare(responderSubject(), responderTable)).toBeGreaterThan(60);
  });

  it('does what XState does over many events in a row, and writes to no context that it was given', () => {
    expect(walk(initiatorSubject(), initiatorTable, { sendsMax: 3, fastAsked: true })).toBeGreaterThan(500);
    expect(walk(responderSubject(), responderTable, undefined)).toBeGreaterThan(500);
  });

  for (const { subject, table } of [...neighbourSubjects, ...exchangeSubjects]) {
    it(`of the ${subject.name} does what XState does, for every state, class of event and outcome of the guards`, () => {
      expect(compare(subject, table)).toBeGreaterThanOrEqual(definedRows(subject.machine).length);
    });
  }

  it('begins where XState begins', () => {
    const input = { sendsMax: 3, fastAsked: true };
    const [initiator] = initialTransition(initiatorMachine, input);
    expect([initiatorTable.initialState, initiatorTable.initialContext(input)]).toEqual([
      initiator.value,
      initiator.context,
    ]);
    const [responder] = initialTransition(responderMachine);
    expect([responderTable.initialState, responderTable.initialContext(undefined)]).toEqual([
      responder.value,
      responder.context,
    ]);
  });

  it('gives every session a context of its own', () => {
    expect(responderTable.initialContext(undefined)).not.toBe(responderTable.initialContext(undefined));
  });

  it('refuses a definition that it cannot express', () => {
    const unknownAction = createMachine({ initial: 'a', states: { a: { on: { go: { actions: 'nowhere' } } } } });
    const unknownGuard = createMachine({ initial: 'a', states: { a: { on: { go: { guard: 'nowhere' } } } } });
    expect(() => compileMachine(unknownAction)).toThrow(/nowhere/);
    expect(() => compileMachine(unknownGuard)).toThrow(/nowhere/);
    const byFunction = setup({ actions: { note: assign(() => ({})) } }).createMachine({
      initial: 'a',
      states: { a: { on: { go: { actions: 'note' } } } },
    });
    expect(() => compileMachine(byFunction)).toThrow(new TypeError('note assigns by a function'));
  });
});
