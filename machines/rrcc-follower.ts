/**
 * RRCC, the follower's side of one exchange.
 *
 * Theory of operation. The follower only answers. A message that was not seen before is confirmed and then executed; a copy of it is
 * confirmed and executed no second time, but for one case: when the worker that had it died, the copy restarts it. The answer is kept
 * for copies until the next round or the end. What the leader ended is remembered as ended for a while, so that a copy that comes late
 * does not begin it again. Every state with a record has a timer that ends it, and without a record there is neither.
 *
 * Driven as machines/initiator.ts; src/neighbours/rrcc/core/follower-exchange.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** Timers of a follower's exchange, in the order in which simultaneous ones expire. */
export const rrccFollowerTimers = ['deadline', 'keep'] as const;

/** States of a follower's exchange. */
export type RrccFollowerState = 'Idle' | 'Working' | 'Crashed' | 'Answered' | 'Ended' | 'Closed';

/** What may happen to a follower's exchange. */
export type RrccFollowerEvent =
  | {
      readonly type: 'frame.request' | 'frame.continue';
      /** Too many exchanges, an unknown method or bad parameters. */
      readonly refused: boolean;
    }
  | { readonly type: 'frame.copy' }
  | { readonly type: 'frame.stop' }
  | { readonly type: 'app.finished' }
  | { readonly type: 'app.died' }
  | { readonly type: 'app.forget' }
  | { readonly type: 'timer.deadline' }
  | { readonly type: 'timer.keep' };

/** What a follower's exchange remembers besides its state. */
export interface RrccFollowerContext {
  /** Also the id of the leader's message in this round. */
  readonly round: number;
  /** Workers that died in this round. */
  readonly deaths: number;
  /** The Response of this round is there. */
  readonly answered: boolean;
}

/** The machine of a follower's exchange: docs/RRCC.md, section 4. */
export const rrccFollowerMachine = setup({
  types: { context: {} as RrccFollowerContext, events: {} as RrccFollowerEvent },
  guards: {
    refused: ({ event }) => 'refused' in event && event.refused,
    answered: ({ context }) => context.answered,
  },
  actions: {
    countRound: assign({ round: ({ context }) => context.round + 1, deaths: 0, answered: false }),
    countDeath: assign({ deaths: ({ context }) => context.deaths + 1 }),
    noteAnswered: assign({ answered: true }),

    confirmAccepted: () => {},
    confirmRunning: () => {},
    confirmDone: () => {},
    confirmRefused: () => {},
    execute: () => {},
    abortWork: () => {},
    answerRefused: () => {},
    answerLate: () => {},
    sendResponse: () => {},
    forgetParams: () => {},
    armDeadline: () => {},
    disarmDeadline: () => {},
    armKeep: () => {},
    armCrashed: () => {},
    disarmKeep: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'rrccFollower',
  context: { round: 0, deaths: 0, answered: false },
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'frame.request': [
          {
            guard: 'refused',
            target: 'Closed',
            actions: ['countRound', 'confirmRefused', 'answerRefused', 'sendResponse'],
          },
          { target: 'Working', actions: ['countRound', 'confirmAccepted', 'armDeadline', 'execute'] },
        ],
      },
    },
    Working: {
      on: {
        'frame.copy': { actions: 'confirmRunning' },
        'frame.stop': { target: 'Ended', actions: ['disarmDeadline', 'abortWork', 'forgetParams', 'armKeep'] },
        'app.finished': { target: 'Answered', actions: ['noteAnswered', 'disarmDeadline', 'sendResponse', 'armKeep'] },
        'app.died': { target: 'Crashed', actions: ['countDeath', 'disarmDeadline', 'armCrashed'] },
        'timer.deadline': {
          target: 'Answered',
          actions: ['noteAnswered', 'abortWork', 'answerLate', 'sendResponse', 'armKeep'],
        },
        'app.forget': { target: 'Closed', actions: 'abortWork' },
      },
    },
    Crashed: {
      on: {
        'frame.copy': { target: 'Working', actions: ['disarmKeep', 'confirmAccepted', 'armDeadline', 'execute'] },
        'frame.stop': { target: 'Ended', actions: ['forgetParams', 'armKeep'] },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
      },
    },
    Answered: {
      on: {
        'frame.copy': { actions: ['confirmDone', 'sendResponse', 'armKeep'] },
        'frame.continue': [
          {
            guard: 'refused',
            actions: ['countRound', 'noteAnswered', 'confirmRefused', 'answerRefused', 'sendResponse', 'armKeep'],
          },
          { target: 'Working', actions: ['countRound', 'disarmKeep', 'confirmAccepted', 'armDeadline', 'execute'] },
        ],
        'frame.stop': { target: 'Ended', actions: ['forgetParams', 'armKeep'] },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
      },
    },
    Ended: {
      on: {
        'frame.copy': { guard: 'answered', actions: 'sendResponse' },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
