/**
 * A request that came: it is executed once, and every copy of it gets the same answer.
 *
 * Theory of operation. One machine lives for one id of one peer. The first copy starts the work; those that come during it are
 * counted; those that come after it get the stored answer, until it is no longer kept. It knows no connection: the answer to work that
 * outlived one can be asked for on the next.
 *
 * Driven as machines/initiator.ts; src/neighbours/core/answer-keeper.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** Timers of a kept answer, in the order in which simultaneous ones expire. */
export const answerKeeperTimers = ['keep'] as const;

/** States of a request that came. */
export type AnswerKeeperState = 'New' | 'Working' | 'Answered' | 'Closed';

/** What may happen to a request that came. */
export type AnswerKeeperEvent =
  | { readonly type: 'frame.request' }
  | { readonly type: 'app.answer' }
  | { readonly type: 'app.forget' }
  | { readonly type: 'timer.keep' };

/** What a request that came remembers besides its state. */
export interface AnswerKeeperContext {
  /** Copies beyond the first. */
  readonly duplicates: number;
}

/** The machine of one request that came: docs/NEIGHBOURS.md. */
export const answerKeeperMachine = setup({
  types: { context: {} as AnswerKeeperContext, events: {} as AnswerKeeperEvent },
  actions: {
    countDuplicate: assign({ duplicates: ({ context }) => context.duplicates + 1 }),

    execute: () => {},
    sendAnswer: () => {},
    armKeep: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'answerKeeper',
  context: { duplicates: 0 },
  initial: 'New',
  states: {
    New: {
      on: {
        'frame.request': { target: 'Working', actions: 'execute' },
        'app.forget': { target: 'Closed' },
      },
    },
    Working: {
      on: {
        'frame.request': { actions: 'countDuplicate' },
        'app.answer': { target: 'Answered', actions: ['armKeep', 'sendAnswer'] },
        'app.forget': { target: 'Closed' },
      },
    },
    Answered: {
      on: {
        'frame.request': { actions: ['countDuplicate', 'sendAnswer'] },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
