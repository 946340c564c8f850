/**
 * A request that was sent: it ends once, by its answer, its time limit, a cancellation or the end of the connection.
 *
 * Theory of operation. One machine lives for one request id. It may be sent again under the same id when its time limit ends, as
 * often as the input says: the peer's answer keeper makes that safe. Nothing but Pending takes an answer, so that the
 * caller hears of each request once.
 *
 * Driven as machines/initiator.ts; src/neighbours/core/request-tracker.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** How a request ended. */
export type RequestOutcome = 'answered' | 'timedOut' | 'cancelled' | 'disconnected';

/** Timers of a request, in the order in which simultaneous ones expire. */
export const requestTimers = ['limit'] as const;

/** States of a request. */
export type RequestState = 'Idle' | 'Pending' | 'Closed';

/** What may happen to a request. */
export type RequestEvent =
  | { readonly type: 'app.send' }
  | { readonly type: 'frame.answer' }
  | { readonly type: 'timer.limit' }
  | { readonly type: 'app.cancel' }
  | { readonly type: 'app.disconnected' };

/** What must be known at the start. */
export interface RequestInput {
  /** Copies that are sent at most, with the first. */
  readonly attemptsMax: number;
}

/** What a request remembers besides its state. */
export interface RequestContext extends RequestInput {
  /** Copies sent. */
  readonly attempts: number;
  /** How it ended. */
  readonly outcome: RequestOutcome | '';
}

/** The machine of one request: docs/NEIGHBOURS.md. */
export const requestMachine = setup({
  types: { context: {} as RequestContext, events: {} as RequestEvent, input: {} as RequestInput },
  guards: {
    attemptsLeft: ({ context }) => context.attempts < context.attemptsMax,
  },
  actions: {
    countAttempt: assign({ attempts: ({ context }) => context.attempts + 1 }),
    noteAnswered: assign({ outcome: 'answered' }),
    noteTimedOut: assign({ outcome: 'timedOut' }),
    noteCancelled: assign({ outcome: 'cancelled' }),
    noteDisconnected: assign({ outcome: 'disconnected' }),

    sendRequest: () => {},
    armLimit: () => {},
    settle: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'request',
  context: ({ input }) => ({ attemptsMax: input.attemptsMax, attempts: 0, outcome: '' }),
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.send': { target: 'Pending', actions: ['countAttempt', 'armLimit', 'sendRequest'] },
        'app.cancel': { target: 'Closed', actions: ['noteCancelled', 'settle'] },
      },
    },
    Pending: {
      on: {
        'frame.answer': { target: 'Closed', actions: ['noteAnswered', 'settle'] },
        'timer.limit': [
          { guard: 'attemptsLeft', actions: ['countAttempt', 'armLimit', 'sendRequest'] },
          { target: 'Closed', actions: ['noteTimedOut', 'settle'] },
        ],
        'app.cancel': { target: 'Closed', actions: ['noteCancelled', 'settle'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'settle'] },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
