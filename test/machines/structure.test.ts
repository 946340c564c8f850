import { describe, expect, it, vi } from 'vitest';
import { initiatorMachine, responderMachine } from '../../machines/index.ts';
import { timerNames } from '../../machines/types.ts';
import { exchangeSubjects } from '../support/exchange-subjects.ts';
import {
  boundaryActions,
  definedRows,
  definedStates,
  finalStates,
  initialState,
} from '../support/machine-definition.ts';
import { initiatorSubject, responderSubject, type Subject } from '../support/machine-table.ts';
import { neighbourSubjects } from '../support/neighbour-subjects.ts';

const isAssign = (action: unknown): boolean =>
  typeof action === 'function' && 'type' in action && action.type === 'xstate.assign';

/** Keys of all objects inside a definition, however deep. */
function keysWithin(value: unknown): Set<string> {
  if (typeof value !== 'object' || value === null) return new Set();
  const inner = Object.entries(value).map(([key, one]) => [key, ...keysWithin(one)]);
  return new Set(Array.isArray(value) ? inner.flatMap(([, ...keys]) => keys) : inner.flat());
}

function reachable(from: string, arrows: readonly (readonly [from: string, to: string])[]): Set<string> {
  const seen = new Set([from]);
  // A Set's iterator also visits what is added while it runs.
  for (const state of seen) {
    for (const [source, target] of arrows) if (source === state) seen.add(target);
  }
  return seen;
}

function suite<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
): void {
  const { machine } = subject;
  const rows = definedRows(machine);
  const states = definedStates(machine);
  const declared: [string, unknown][] = Object.entries(machine.implementations.actions);
  const used = new Set([
    ...rows.flatMap(({ actions }) => actions),
    ...states.flatMap((state) => boundaryActions(machine, state)),
  ]);

  describe(`the definition of the ${subject.name}`, () => {
    it('has the states of the protocol, in its order', () => {
      expect(states).toEqual(subject.states);
    });

    it('names no event that is not among the classes', () => {
      const known = new Set(subject.classes.map(({ type }) => type));
      expect(rows.map(({ event }) => event).filter((event) => !known.has(event))).toEqual([]);
    });

    it('declares every action that it uses, and uses every action that it declares', () => {
      expect([...used].sort()).toEqual(declared.map(([name]) => name).sort());
    });

    it('declares every guard that it uses, and uses every guard that it declares', () => {
      const guards = new Set(rows.flatMap(({ guard }) => (guard === undefined ? [] : [guard])));
      expect([...guards].sort()).toEqual(Object.keys(machine.implementations.guards).sort());
    });

    it('has only assigns and outputs with an empty body', () => {
      const bodies = declared.filter(([, action]) => !isAssign(action)).map(([, action]) => String(action));
      expect(new Set(bodies.map((body) => body.replaceAll(/\s/g, '')))).toEqual(new Set(['()=>{}']));
    });

    it('calls assigns note, count and nothing else', () => {
      for (const [name, action] of declared)
        expect([name, /^(?:note|count)/.test(name)]).toEqual([name, isAssign(action)]);
    });

    // Outputs are interpreted after the step, so this order is invisible to it; a reader would be misled by any other.
    it('counts and notes before it sends what carries the count or the code', () => {
      const carriers = /^send(?:Start|StartConfirm|Ping|Bye|Error)$/;
      for (const { from, event, actions } of rows) {
        const firstSend = actions.findIndex((name) => carriers.test(name));
        if (firstSend < 0) continue;
        const late = actions.slice(firstSend).filter((name) => /^(?:note|count)/.test(name));
        expect([from, event, late]).toEqual([from, event, []]);
      }
    });

    it('has no delays, invocations, actors, eventless rows or spawned children', () => {
      const keys = keysWithin(machine.config);
      expect(['after', 'invoke', 'always', 'onDone', 'spawn', 'exit'].filter((key) => keys.has(key))).toEqual([]);
      expect(machine.implementations.actors).toEqual({});
      expect(machine.implementations.delays).toEqual({});
    });

    it('has one final state, Closed', () => {
      expect(finalStates(machine)).toEqual(['Closed']);
    });

    it('reaches every state from the first, and Closed from every state', () => {
      const arrows = rows.map(({ from, to }) => [from, to] as const);
      expect([...reachable(initialState(machine), arrows)].sort()).toEqual([...states].sort());
      for (const state of states) expect([state, reachable(state, arrows).has('Closed')]).toEqual([state, true]);
    });

    it('takes every row of its definition on some class of event', () => {
      const taken = new Set<string>();
      for (const state of subject.states) {
        for (const { context } of subject.contexts(state)) {
          for (const { type, event } of subject.classes) {
            const { state: next, outputs } = subject.step(state, context, event);
            taken.add([state, type, next, ...outputs].join(' '));
          }
        }
      }
      const isOutput = (name: string) => !isAssign(new Map(declared).get(name));
      const missing = rows
        .map(({ from, event, to, actions }) => {
          const entry = to === from ? [] : boundaryActions(machine, to);
          return [from, event, to, ...actions.filter(isOutput), ...entry].join(' ');
        })
        .filter((row) => !taken.has(row));
      expect(missing).toEqual([]);
    });

    it('has rows for each of its timers and for no other', () => {
      const timers = rows.map(({ event }) => event).filter((event) => event.startsWith('timer.'));
      const known = new Set(subject.timers.map((name) => `timer.${name}`));
      expect(timers.filter((event) => !known.has(event))).toEqual([]);
      if (subject.timers !== timerNames) expect(new Set(timers)).toEqual(known);
    });
  });
}

suite(initiatorSubject());
suite(responderSubject());
for (const { subject } of [...neighbourSubjects, ...exchangeSubjects]) suite(subject);

/** Takes every step there is. */
function takeAllSteps<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
): number {
  let outputs = 0;
  for (const state of subject.states) {
    for (const { context } of subject.contexts(state)) {
      for (const { event } of subject.classes) outputs += subject.step(state, context, event).outputs.length;
    }
  }
  return outputs;
}

describe('the bodies of declared outputs', () => {
  const spied = (actions: object, body: () => void): Record<string, () => void> =>
    Object.fromEntries(Object.entries(actions).flatMap(([name, action]) => (isAssign(action) ? [] : [[name, body]])));

  it('of the initiator never run, whatever happens', () => {
    const body = vi.fn();
    const machine = initiatorMachine.provide({ actions: spied(initiatorMachine.implementations.actions, body) });
    expect(takeAllSteps(initiatorSubject(machine))).toBeGreaterThan(1000);
    expect(body).not.toHaveBeenCalled();
  });

  it('of the responder never run, whatever happens', () => {
    const body = vi.fn();
    const machine = responderMachine.provide({ actions: spied(responderMachine.implementations.actions, body) });
    expect(takeAllSteps(responderSubject(machine))).toBeGreaterThan(100);
    expect(body).not.toHaveBeenCalled();
  });
});

describe('the timers', () => {
  it('expire in the order in which the protocol lists them', () => {
    expect(timerNames).toEqual([
      'T1',
      'deadline',
      'reserve',
      'pending',
      'heartbeat',
      'watchdog',
      'dead',
      'consent',
      'close',
      'drain',
    ]);
  });
});
