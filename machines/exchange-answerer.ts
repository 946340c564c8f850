/**
 * One exchange on the side that answers: executed once in each round, answered until the other side says that it has the answer.
 *
 * Theory of operation. One machine lives for one request id of one session. Each part of a round's message is answered by a RECEIPT
 * that tells how much is there without a gap; with the last part the application is asked, once, and the state is what
 * keeps a copy from asking it again. In Responding the stored answer goes out until a CONTINUE comes: one that tells how
 * much of it arrived brings more of it, one that opens the next round begins anew, one that stops ends the exchange. In Ended
 * nothing of the id executes any more, for as long as it is remembered. A CONTINUE without its REQUEST reaches no machine.
 *
 * Driven as machines/initiator.ts; src/engine/exchange-answerer.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** How an exchange that came ended on this side. */
export type AnswerOutcome = '' | 'delivered' | 'cancelled' | 'refused' | 'timedOut' | 'disconnected';

/** Timers of an exchange that came, in the order in which simultaneous ones expire. */
export const answererTimers = ['repeat', 'limit', 'keep'] as const;

/** States of an exchange that came. */
export type AnswererState = 'New' | 'Receiving' | 'Working' | 'Responding' | 'Ended' | 'Closed';

/** What may happen to an exchange that came. */
export type AnswererEvent =
  | {
      /** A part of the round that is due: REQUEST for the first, CONTINUE that goes on for each other. */
      readonly type: 'frame.message';
      /** With this part all of it is here. */
      readonly whole: boolean;
      /** It cannot be taken. */
      readonly refused: boolean;
    }
  /** A part of a round that is whole already, or of an ended exchange. */
  | { readonly type: 'frame.copy' }
  | {
      /** CONTINUE of the round that is being answered. */
      readonly type: 'frame.progress';
      /** All of the answer is there. */
      readonly whole: boolean;
    }
  /** CONTINUE that stops. */
  | { readonly type: 'frame.stop' }
  | { readonly type: 'app.answer' }
  | { readonly type: 'app.forget' }
  | { readonly type: 'app.disconnected' }
  | { readonly type: 'timer.repeat' }
  | { readonly type: 'timer.limit' }
  | { readonly type: 'timer.keep' };

/** What an exchange that came remembers besides its state. */
export interface AnswererContext {
  /** The current round, 0 before the first. */
  readonly round: number;
  /** Times that the answer went out since something of it was last said to have arrived: the place in the schedule. */
  readonly sends: number;
  readonly outcome: AnswerOutcome;
}

/** The machine of one exchange that came: docs/PROTOCOL.md, section 9. */
export const answererMachine = setup({
  types: { context: {} as AnswererContext, events: {} as AnswererEvent },
  guards: {
    refused: ({ event }) => event.type === 'frame.message' && event.refused,
    messageWhole: ({ event }) => event.type === 'frame.message' && event.whole,
    answerWhole: ({ event }) => event.type === 'frame.progress' && event.whole,
    wasRefused: ({ context }) => context.outcome === 'refused',
  },
  actions: {
    countRound: assign({ round: ({ context }) => context.round + 1, sends: 0 }),
    countSend: assign({ sends: ({ context }) => context.sends + 1 }),
    noteProgress: assign({ sends: 1 }),
    noteDelivered: assign({ outcome: 'delivered' }),
    noteCancelled: assign({ outcome: 'cancelled' }),
    noteRefused: assign({ outcome: 'refused' }),
    noteTimedOut: assign({ outcome: 'timedOut' }),
    noteDisconnected: assign({ outcome: 'disconnected' }),

    sendReceipt: () => {},
    execute: () => {},
    sendMessage: () => {},
    sendMore: () => {},
    repeatMessage: () => {},
    sendCopy: () => {},
    sendRefusal: () => {},
    armRepeat: () => {},
    disarmRepeat: () => {},
    armLimit: () => {},
    armKeep: () => {},
    reportEnd: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'exchangeAnswerer',
  context: { round: 0, sends: 0, outcome: '' },
  initial: 'New',
  states: {
    New: {
      on: {
        'frame.message': [
          { guard: 'refused', target: 'Ended', actions: ['noteRefused', 'sendRefusal', 'armKeep'] },
          { guard: 'messageWhole', target: 'Working', actions: ['countRound', 'sendReceipt', 'armLimit', 'execute'] },
          { target: 'Receiving', actions: ['countRound', 'sendReceipt', 'armLimit'] },
        ],
      },
    },
    Receiving: {
      on: {
        'frame.message': [
          { guard: 'messageWhole', target: 'Working', actions: ['sendReceipt', 'armLimit', 'execute'] },
          { actions: 'sendReceipt' },
        ],
        'frame.stop': { target: 'Ended', actions: ['noteCancelled', 'armKeep', 'reportEnd'] },
        'timer.limit': { target: 'Ended', actions: ['noteTimedOut', 'armKeep', 'reportEnd'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'reportEnd'] },
      },
    },
    Working: {
      on: {
        'frame.copy': { actions: 'sendReceipt' },
        'app.answer': { target: 'Responding', actions: ['countSend', 'sendMessage', 'armRepeat', 'armLimit'] },
        'frame.stop': { target: 'Ended', actions: ['noteCancelled', 'armKeep', 'reportEnd'] },
        'timer.limit': { target: 'Ended', actions: ['noteTimedOut', 'armKeep', 'reportEnd'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'reportEnd'] },
      },
    },
    Responding: {
      on: {
        'timer.repeat': { actions: ['countSend', 'repeatMessage', 'armRepeat'] },
        'frame.copy': { actions: 'sendCopy' },
        'frame.progress': [{ guard: 'answerWhole' }, { actions: ['noteProgress', 'sendMore', 'armRepeat'] }],
        'frame.message': [
          {
            guard: 'messageWhole',
            target: 'Working',
            actions: ['countRound', 'disarmRepeat', 'sendReceipt', 'armLimit', 'execute'],
          },
          { target: 'Receiving', actions: ['countRound', 'disarmRepeat', 'sendReceipt', 'armLimit'] },
        ],
        'frame.stop': { target: 'Ended', actions: ['noteDelivered', 'armKeep', 'reportEnd'] },
        'timer.limit': { target: 'Ended', actions: ['noteTimedOut', 'armKeep', 'reportEnd'] },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'reportEnd'] },
      },
    },
    Ended: {
      on: {
        'frame.copy': { guard: 'wasRefused', actions: 'sendRefusal' },
        'timer.keep': { target: 'Closed' },
        'app.forget': { target: 'Closed' },
        'app.disconnected': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
