/**
 * Rows of the protocol's tables, written by hand from docs/PROTOCOL.md, and the tests that hold a machine against them.
 */
import { describe, expect, it } from 'vitest';
import type { EventClass, NamedContext } from './event-classes.ts';
import { isNothing, remembered, type Subject } from './machine-table.ts';

/** One row: what the protocol says about a class of events in a state. */
export interface ProtocolRow<State extends string, Type extends string> {
  /** The row as a sentence: the test's name. */
  readonly says: string;
  readonly in: State;
  readonly on: Type;
  /** Outcomes that the event must have; it may have any other. */
  readonly having?: Readonly<Record<string, boolean | number>>;
  /** Variants of the context that must all hold. */
  readonly only?: readonly string[];
  /** Variants of the context of which none may hold. */
  readonly unless?: readonly string[];
  readonly to: State;
  /** Outputs in order. */
  readonly does: readonly string[];
  /** Changes of the context, as `remembered` writes them. */
  readonly remembers?: string;
}

function claims(row: ProtocolRow<string, string>, state: string, one: EventClass<object>, variants: readonly string[]) {
  if (row.in !== state || row.on !== one.type) return false;
  const event = new Map<string, unknown>(Object.entries(one.event));
  return (
    Object.entries(row.having ?? {}).every(([field, value]) => event.get(field) === value) &&
    (row.only ?? []).every((name) => variants.includes(name)) &&
    !(row.unless ?? []).some((name) => variants.includes(name))
  );
}

interface Meeting<State, Context, Event> {
  readonly state: State;
  readonly one: EventClass<Event>;
  readonly named: NamedContext<Context>;
}

const smallest = (all: readonly NamedContext<object>[]): string => {
  const size = Math.min(...all.map(({ variants }) => variants.length));
  return all
    .filter(({ variants }) => variants.length === size)
    .map(({ variants }) => variants.join(' and '))
    .join(' or ');
};

/** Tests every row, and that every class of event that no row claims changes nothing. */
export function testRows<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
  rows: readonly ProtocolRow<State, Event['type']>[],
): void {
  const meetings = subject.states.flatMap((state) =>
    subject.classes.flatMap((one) => subject.contexts(state).map((named) => ({ state, one, named }))),
  );
  const claimed = (row: ProtocolRow<State, Event['type']>, { state, one, named }: Meeting<State, Context, Event>) =>
    claims(row, state, one, named.variants);

  describe(`the rows of the ${subject.name}`, () => {
    for (const row of rows) {
      it(`in ${row.in}, ${row.says}`, () => {
        const mine = meetings.filter((meeting) => claimed(row, meeting));
        expect(mine, 'a row that no event can reach').not.toEqual([]);
        for (const { state, one, named } of mine) {
          const step = subject.step(state, named.context, one.event);
          expect({
            state: step.state,
            outputs: step.outputs,
            remembers: remembered(named.context, step.context, one.event),
          }).toEqual({ state: row.to, outputs: row.does, remembers: row.remembers ?? '' });
        }
      });
    }

    it('no two rows claim the same', () => {
      const contested = meetings.filter((meeting) => rows.filter((row) => claimed(row, meeting)).length > 1);
      expect(contested.map(({ state, one, named }) => `${state} ${one.name} ${named.variants.join()}`)).toEqual([]);
    });
  });

  describe(`what has no row in the table of the ${subject.name}`, () => {
    for (const state of subject.states) {
      for (const one of subject.classes) {
        const contexts = subject.contexts(state);
        const isFree = (named: NamedContext<Context>) => !rows.some((row) => claimed(row, { state, one, named }));
        const free = contexts.filter(isFree);
        if (free.length === 0) continue;
        const taken = contexts.filter((named) => !isFree(named));
        const [usual] = contexts;
        const usuallyFree = usual !== undefined && isFree(usual);
        const condition = usuallyFree ? ` unless ${smallest(taken)}` : ` with ${smallest(free)}`;
        it(`in ${state}, ${one.name} changes nothing${taken.length === 0 ? '' : condition}`, () => {
          for (const { context } of free) {
            const step = subject.step(state, context, one.event);
            expect(isNothing(step, state, context), JSON.stringify({ context, step })).toBe(true);
          }
        });
      }
    }
  });
}
