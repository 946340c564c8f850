import { describe, expect, it } from 'vitest';
import { type AnyStateMachine, initialTransition, transition } from 'xstate';
import { initiatorMachine, responderMachine } from '../../machines/index.ts';
import { exchangeSubjects } from '../support/exchange-subjects.ts';
import { initiatorSubject, responderSubject, type Subject } from '../support/machine-table.ts';
import { neighbourSubjects } from '../support/neighbour-subjects.ts';

/** Paths to values that JSON would lose or change. */
function unsafePaths(value: unknown, path = '$'): string[] {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return [];
  if (typeof value === 'number') return Number.isFinite(value) ? [] : [path];
  if (typeof value !== 'object') return [path];
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype) return [path];
  return Object.entries(value).flatMap(([key, inner]) => unsafePaths(inner, `${path}.${key}`));
}

const throughJson = <Value>(value: Value): Value => JSON.parse(JSON.stringify(value));

function suite<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
): void {
  describe(`a snapshot of the ${subject.name}`, () => {
    for (const state of subject.states) {
      it(`in ${state} survives JSON and goes on identically on every event`, () => {
        for (const { context } of subject.contexts(state)) {
          const thawed = throughJson({ value: state, context });
          expect(thawed).toEqual({ value: state, context });
          for (const { event } of subject.classes) {
            expect(subject.step(thawed.value, thawed.context, throughJson(event))).toEqual(
              subject.step(state, context, event),
            );
          }
        }
      });

      it(`in ${state}, as XState persists it, survives JSON and goes on identically`, () => {
        const machine: AnyStateMachine = subject.machine;
        const [usual] = subject.contexts(state);
        const before = machine.resolveState({ value: state, context: usual?.context });
        const persisted: { value: string; context: object } = JSON.parse(
          JSON.stringify(machine.getPersistedSnapshot(before)),
        );
        const after = machine.resolveState({ value: persisted.value, context: persisted.context });
        for (const { event } of subject.classes) {
          const [nextBefore, didBefore] = transition(machine, before, event);
          const [nextAfter, didAfter] = transition(machine, after, event);
          expect(JSON.stringify(nextAfter)).toBe(JSON.stringify(nextBefore));
          expect(didAfter.map(({ type }) => type)).toEqual(didBefore.map(({ type }) => type));
        }
      });
    }

    it('holds no buffer, bigint or anything else that JSON would change, in any context that can follow', () => {
      for (const state of subject.states) {
        for (const { context } of subject.contexts(state)) {
          for (const { event } of subject.classes) {
            expect(unsafePaths([event, context, subject.step(state, context, event).context])).toEqual([]);
          }
        }
      }
    });
  });

  describe(`the end of the ${subject.name}`, () => {
    it('nothing moves Closed', () => {
      for (const { context } of subject.contexts('Closed' as State)) {
        for (const { event } of subject.classes) {
          expect(subject.step('Closed' as State, context, event)).toEqual({ state: 'Closed', context, outputs: [] });
        }
      }
    });

    it('every way into Closed releases everything, as the last output and once', () => {
      for (const state of subject.states.filter((one) => one !== 'Closed')) {
        for (const { context } of subject.contexts(state)) {
          for (const { event } of subject.classes) {
            const step = subject.step(state, context, event);
            const releases = step.outputs.filter((name) => name === 'release').length;
            expect([releases, step.outputs.at(-1) === 'release']).toEqual(
              step.state === 'Closed' ? [1, true] : [0, false],
            );
          }
        }
      }
    });
  });
}

suite(initiatorSubject());
suite(responderSubject());
for (const { subject } of [...neighbourSubjects, ...exchangeSubjects]) suite(subject);

describe('the first snapshot', () => {
  it('of an initiator is ReadyToStart with what it was told and nothing done', () => {
    const [snapshot, outputs] = initialTransition(initiatorMachine, { sendsMax: 3, fastAsked: true });
    expect(outputs).toEqual([]);
    expect([snapshot.value, snapshot.context]).toEqual([
      'ReadyToStart',
      {
        sendsMax: 3,
        fastAsked: true,
        fastGranted: false,
        attempt: 0,
        sends: 0,
        retries: 0,
        restarts: 0,
        byes: 0,
        code: 0,
      },
    ]);
  });

  it('of a responder is Idle with nothing done', () => {
    const [snapshot, outputs] = initialTransition(responderMachine);
    expect(outputs).toEqual([]);
    expect([snapshot.value, snapshot.context]).toEqual(['Idle', { fastGranted: false, probes: 0, byes: 0, code: 0 }]);
  });
});

describe('the check for what JSON would change', () => {
  it.each([
    ['a bigint', { id: 1n }],
    ['bytes', { bytes: new Uint8Array(2) }],
    ['undefined', { code: undefined }],
    ['NaN', { code: Number.NaN }],
    ['a Map', [new Map()]],
    ['a Date', { at: new Date(0) }],
  ])('finds %s', (_, value) => {
    expect(unsafePaths(value)).toHaveLength(1);
  });
});
