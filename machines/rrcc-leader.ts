/**
 * RRCC, the leader's side of one exchange: a Request, and a ConfirmContinue for each further round.
 *
 * Theory of operation. The leader owns every retransmission. It sends a message until a Confirm says that it came (timer C, doubled
 * from copy to copy), then waits for the Response (timer R). A Response that does not come has the same message sent again, which
 * shows whether the worker, the follower or the way is to blame, and restarts a worker that died; for the Confirm of that copy timer C
 * begins anew. A Response counts as Confirm too, as the two may overtake each other. It is delivered once, and then the caller decides:
 * one more round, or the end, or nothing until the follower has forgotten the exchange anyway.
 *
 * Driven as machines/initiator.ts; src/neighbours/rrcc/core/leader-exchange.ts gives outputs their meaning. Names of states are those of
 * docs/RRCC.md; Failed and Ended are both Closed, with their outcome.
 */
import { assign, setup } from 'xstate';

/** Copies of a message that are sent while no Confirm comes. */
export const CONFIRM_ATTEMPTS_MAX = 5;
/** Times that a message is sent again because no Response came. */
export const RESPONSE_RETRIES_MAX = 3;

/** How an exchange ended, seen from the leader. */
export type RrccOutcome = 'finished' | 'noConfirm' | 'noResponse' | 'cancelled' | 'disconnected' | 'expired';

/** Timers of a leader's exchange, in the order in which simultaneous ones expire. */
export const rrccLeaderTimers = ['C', 'R', 'evaluate'] as const;

/** States of a leader's exchange. */
export type RrccLeaderState = 'Idle' | 'AwaitConfirm' | 'AwaitResponse' | 'Evaluate' | 'Closed';

/** What may happen to a leader's exchange. */
export type RrccLeaderEvent =
  | { readonly type: 'app.call' }
  | { readonly type: 'app.continue' }
  | { readonly type: 'app.finish' }
  | { readonly type: 'app.cancel' }
  | { readonly type: 'app.disconnected' }
  | {
      readonly type: 'frame.confirm' | 'frame.response';
      /** It answers the message of this round. */
      readonly current: boolean;
    }
  | { readonly type: 'timer.C' }
  | { readonly type: 'timer.R' }
  | { readonly type: 'timer.evaluate' };

/** What a leader's exchange remembers besides its state. */
export interface RrccLeaderContext {
  /** Also the id of the message of this round. */
  readonly round: number;
  /** Copies of this round's message. */
  readonly attempt: number;
  /** Copies since timer C last began anew. */
  readonly sends: number;
  /** Times that timer R expired in this round. */
  readonly timeouts: number;
  /** How it ended. */
  readonly outcome: RrccOutcome | '';
}

/** The machine of a leader's exchange: docs/RRCC.md, section 3. */
export const rrccLeaderMachine = setup({
  types: { context: {} as RrccLeaderContext, events: {} as RrccLeaderEvent },
  guards: {
    copiesLeft: ({ context }) => context.sends < CONFIRM_ATTEMPTS_MAX,
    retriesLeft: ({ context }) => context.timeouts < RESPONSE_RETRIES_MAX,
    current: ({ event }) => 'current' in event && event.current,
  },
  actions: {
    countRound: assign({ round: ({ context }) => context.round + 1, attempt: 1, sends: 1, timeouts: 0 }),
    countCopy: assign({
      attempt: ({ context }) => context.attempt + 1,
      sends: ({ context }) => context.sends + 1,
    }),
    countTimeout: assign({
      attempt: ({ context }) => context.attempt + 1,
      sends: 1,
      timeouts: ({ context }) => context.timeouts + 1,
    }),
    noteFinished: assign({ outcome: 'finished' }),
    noteNoConfirm: assign({ outcome: 'noConfirm' }),
    noteNoResponse: assign({ outcome: 'noResponse' }),
    noteCancelled: assign({ outcome: 'cancelled' }),
    noteDisconnected: assign({ outcome: 'disconnected' }),
    noteExpired: assign({ outcome: 'expired' }),

    sendMessage: () => {},
    sendStop: () => {},
    deliver: () => {},
    armC: () => {},
    disarmC: () => {},
    armR: () => {},
    disarmR: () => {},
    armEvaluate: () => {},
    disarmEvaluate: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'rrccLeader',
  context: { round: 0, attempt: 0, sends: 0, timeouts: 0, outcome: '' },
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.call': { target: 'AwaitConfirm', actions: ['countRound', 'sendMessage', 'armC'] },
      },
    },
    AwaitConfirm: {
      on: {
        'frame.confirm': { guard: 'current', target: 'AwaitResponse', actions: ['disarmC', 'armR'] },
        'frame.response': { guard: 'current', target: 'Evaluate', actions: ['disarmC', 'armEvaluate', 'deliver'] },
        'timer.C': [
          { guard: 'copiesLeft', actions: ['countCopy', 'sendMessage', 'armC'] },
          { target: 'Closed', actions: 'noteNoConfirm' },
        ],
        'app.cancel': { target: 'Closed', actions: ['noteCancelled', 'sendStop'] },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    AwaitResponse: {
      on: {
        'frame.response': { guard: 'current', target: 'Evaluate', actions: ['disarmR', 'armEvaluate', 'deliver'] },
        'timer.R': [
          { guard: 'retriesLeft', target: 'AwaitConfirm', actions: ['countTimeout', 'sendMessage', 'armC'] },
          { target: 'Closed', actions: 'noteNoResponse' },
        ],
        'app.cancel': { target: 'Closed', actions: ['noteCancelled', 'sendStop'] },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    Evaluate: {
      on: {
        'app.continue': {
          target: 'AwaitConfirm',
          actions: ['countRound', 'disarmEvaluate', 'sendMessage', 'armC'],
        },
        'app.finish': { target: 'Closed', actions: ['noteFinished', 'sendStop'] },
        'app.cancel': { target: 'Closed', actions: ['noteCancelled', 'sendStop'] },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
        'timer.evaluate': { target: 'Closed', actions: 'noteExpired' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
