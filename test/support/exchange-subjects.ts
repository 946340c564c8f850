/**
 * Both machines of an exchange with everything that can happen to them, for the same tests as all other machines.
 */
import {
  type AnswererContext,
  type AnswererEvent,
  type AnswererState,
  type AskerContext,
  type AskerEvent,
  type AskerState,
  answererMachine,
  answererTimers,
  askerMachine,
  askerTimers,
} from '../../machines/index.ts';
import { answererTable, askerTable } from '../../src/engine/tables.ts';
import { type ContextVariant, classesOf, combinations } from './event-classes.ts';
import { subjectOf } from './machine-table.ts';
import type { NeighbourSubject } from './neighbour-subjects.ts';

// No counter is 0 or 1 where it may be more: a counter set to 1 is told from one that was raised by 1.

const askerStates = Object.keys({
  Idle: 0,
  Asking: 0,
  Waiting: 0,
  Deciding: 0,
  Ended: 0,
  Closed: 0,
} satisfies Record<AskerState, 0>) as AskerState[];

/** The side that asks. */
export const askerSubject = subjectOf<AskerState, AskerContext, AskerEvent>(askerMachine, {
  name: 'exchange asker',
  states: askerStates,
  timers: askerTimers,
  classes: classesOf<AskerEvent>(
    {
      'app.ask': {},
      'app.continue': {},
      'app.stop': {},
      'app.disconnected': {},
      'app.forget': {},
      'frame.RECEIPT': { whole: [true, false] },
      'frame.RESPONSE': { whole: [true, false], final: [true, false] },
      'timer.repeat': {},
      'timer.limit': {},
      'timer.keep': {},
    },
    { whole: ['all of it', 'a part'], final: ['no round follows', 'a round may follow'] },
  ),
  contexts: (state) =>
    combinations(
      state === 'Idle' ? { round: 0, sends: 0, outcome: '' } : { round: 3, sends: 7, outcome: '' },
      state,
      [],
    ),
});

const answererStates = Object.keys({
  New: 0,
  Receiving: 0,
  Working: 0,
  Responding: 0,
  Ended: 0,
  Closed: 0,
} satisfies Record<AnswererState, 0>) as AnswererState[];
const answererVariants: readonly ContextVariant<AnswererState, AnswererContext>[] = [
  { name: 'refused', states: ['Ended'], change: { outcome: 'refused' } },
];

/** The side that answers. */
export const answererSubject = subjectOf<AnswererState, AnswererContext, AnswererEvent>(answererMachine, {
  name: 'exchange answerer',
  states: answererStates,
  timers: answererTimers,
  classes: classesOf<AnswererEvent>(
    {
      'frame.message': { whole: [true, false], refused: [true, false] },
      'frame.copy': {},
      'frame.progress': { whole: [true, false] },
      'frame.stop': {},
      'app.answer': {},
      'app.forget': {},
      'app.disconnected': {},
      'timer.repeat': {},
      'timer.limit': {},
      'timer.keep': {},
    },
    { whole: ['all of it', 'a part'], refused: ['refused', 'not refused'] },
  ),
  contexts: (state) =>
    combinations(
      state === 'New' ? { round: 0, sends: 0, outcome: '' } : { round: 3, sends: 7, outcome: '' },
      state,
      answererVariants,
    ),
});

/** Both. */
export const exchangeSubjects: readonly NeighbourSubject[] = [
  { file: 'exchange-asker', subject: askerSubject, table: askerTable },
  { file: 'exchange-answerer', subject: answererSubject, table: answererTable },
];
