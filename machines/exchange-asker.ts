/**
 * One exchange on the side that asks: its message is repeated until it is known to be there, and each copy of the answer is answered.
 *
 * Theory of operation. One machine lives for one request id of one session. In Asking the message of the round (REQUEST, or CONTINUE
 * that opens the next round) goes out again and again, until a RECEIPT says that all of it arrived or a RESPONSE shows it. From
 * then on the other side repeats: in Waiting this one only answers, with a CONTINUE that tells how much of the RESPONSE is
 * there. A whole RESPONSE is given to the application once. Either that is the end (its exchange failed, or one round was all
 * that was asked for), or the application decides, and copies that come meanwhile are told that all is there. In Ended every
 * copy of a RESPONSE is answered by CONTINUE that stops, for as long as the id is remembered.
 *
 * Neither machines/request-tracker.ts nor machines/answer-keeper.ts does: they know no receipt, no rounds and no parts of messages, and
 * forget an id with its end.
 *
 * Driven as machines/initiator.ts; src/engine/exchange-asker.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** How an exchange that was asked for failed on this side. */
export type AskOutcome = '' | 'cancelled' | 'timedOut' | 'disconnected';

/** Timers of an exchange that was asked for, in the order in which simultaneous ones expire. */
export const askerTimers = ['repeat', 'limit', 'keep'] as const;

/** States of an exchange that was asked for. */
export type AskerState = 'Idle' | 'Asking' | 'Waiting' | 'Deciding' | 'Ended' | 'Closed';

/** What may happen to an exchange that was asked for. RECEIPT and RESPONSE are of the current round, but in Ended of any. */
export type AskerEvent =
  | { readonly type: 'app.ask' }
  | { readonly type: 'app.continue' }
  | { readonly type: 'app.stop' }
  | { readonly type: 'app.disconnected' }
  | { readonly type: 'app.forget' }
  | {
      readonly type: 'frame.RECEIPT';
      /** All of the message is there. */
      readonly whole: boolean;
    }
  | {
      readonly type: 'frame.RESPONSE';
      /** With this part all of it is here. */
      readonly whole: boolean;
      /** No round can follow. */
      readonly final: boolean;
    }
  | { readonly type: 'timer.repeat' }
  | { readonly type: 'timer.limit' }
  | { readonly type: 'timer.keep' };

/** What an exchange that was asked for remembers besides its state. */
export interface AskerContext {
  /** The current round, 0 before the first. */
  readonly round: number;
  /** Times that the message went out since something of it was last said to have arrived: the place in the schedule. */
  readonly sends: number;
  readonly outcome: AskOutcome;
}

/** The machine of one exchange that was asked for: docs/PROTOCOL.md, section 9. */
export const askerMachine = setup({
  types: { context: {} as AskerContext, events: {} as AskerEvent },
  guards: {
    receivedWhole: ({ event }) => event.type === 'frame.RECEIPT' && event.whole,
    answeredFinally: ({ event }) => event.type === 'frame.RESPONSE' && event.whole && event.final,
    answeredWhole: ({ event }) => event.type === 'frame.RESPONSE' && event.whole,
  },
  actions: {
    countRound: assign({ round: ({ context }) => context.round + 1, sends: 1 }),
    countSend: assign({ sends: ({ context }) => context.sends + 1 }),
    noteProgress: assign({ sends: 1 }),
    noteCancelled: assign({ outcome: 'cancelled' }),
    noteTimedOut: assign({ outcome: 'timedOut' }),
    noteDisconnected: assign({ outcome: 'disconnected' }),

    sendMessage: () => {},
    sendMore: () => {},
    repeatMessage: () => {},
    sendProgress: () => {},
    sendStop: () => {},
    armRepeat: () => {},
    disarmRepeat: () => {},
    armLimit: () => {},
    armKeep: () => {},
    deliverAnswer: () => {},
    reportFailure: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'exchangeAsker',
  context: { round: 0, sends: 0, outcome: '' },
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.ask': { target: 'Asking', actions: ['countRound', 'sendMessage', 'armRepeat', 'armLimit'] },
      },
    },
    Asking: {
      on: {
        'timer.repeat': { actions: ['countSend', 'repeatMessage', 'armRepeat'] },
        'frame.RECEIPT': [
          { guard: 'receivedWhole', target: 'Waiting', actions: 'disarmRepeat' },
          { actions: ['noteProgress', 'sendMore', 'armRepeat'] },
        ],
        'frame.RESPONSE': [
          { guard: 'answeredFinally', target: 'Ended', actions: ['sendStop', 'armKeep', 'deliverAnswer'] },
          { guard: 'answeredWhole', target: 'Deciding', actions: ['disarmRepeat', 'armLimit', 'deliverAnswer'] },
          { target: 'Waiting', actions: ['disarmRepeat', 'sendProgress'] },
        ],
        'app.stop': { target: 'Ended', actions: ['noteCancelled', 'sendStop', 'armKeep', 'reportFailure'] },
        'timer.limit': { target: 'Ended', actions: ['noteTimedOut', 'sendStop', 'armKeep', 'reportFailure'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'reportFailure'] },
      },
    },
    Waiting: {
      on: {
        'frame.RESPONSE': [
          { guard: 'answeredFinally', target: 'Ended', actions: ['sendStop', 'armKeep', 'deliverAnswer'] },
          { guard: 'answeredWhole', target: 'Deciding', actions: ['armLimit', 'deliverAnswer'] },
          { actions: 'sendProgress' },
        ],
        'app.stop': { target: 'Ended', actions: ['noteCancelled', 'sendStop', 'armKeep', 'reportFailure'] },
        'timer.limit': { target: 'Ended', actions: ['noteTimedOut', 'sendStop', 'armKeep', 'reportFailure'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'reportFailure'] },
      },
    },
    Deciding: {
      on: {
        'frame.RESPONSE': { actions: 'sendProgress' },
        'app.continue': { target: 'Asking', actions: ['countRound', 'sendMessage', 'armRepeat', 'armLimit'] },
        'app.stop': { target: 'Ended', actions: ['sendStop', 'armKeep'] },
        'timer.limit': { target: 'Ended', actions: ['sendStop', 'armKeep'] },
        'app.disconnected': { target: 'Closed' },
      },
    },
    Ended: {
      on: {
        'frame.RESPONSE': { actions: 'sendStop' },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
        'app.disconnected': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
