/**
 * Hello: two programs tell each other who they are and which version they speak, within a time limit, before anything else.
 *
 * Theory of operation. One machine lives for one connection, on either end. One end opens: it sends its hello at once and takes
 * the peer's as the answer. The other waits for that hello, has the application judge it (Judging: a password hash may take its
 * time), and answers with its own. Messages that come while the judgement is out are held, so that their order is kept and the peer
 * need not wait. Any other first message, a version that does not fit, or silence until the deadline ends the connection with a
 * refusal that the peer can read. A lenient opener lives with peers that never say hello: it counts what was wrong and goes on.
 *
 * Driven as machines/initiator.ts; src/neighbours/core/hello.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** Why a hello came to nothing, or its connection to an end. */
export type HelloFailure = 'timeout' | 'incompatible' | 'outOfOrder' | 'refused' | 'disconnected' | 'closed';

/** Timers of a hello, in the order in which simultaneous ones expire. */
export const helloTimers = ['deadline'] as const;

/** States of a hello. */
export type HelloState = 'Idle' | 'AwaitingHello' | 'Judging' | 'Established' | 'Closed';

/** What may happen to a hello. */
export type HelloEvent =
  | { readonly type: 'app.start' }
  | {
      readonly type: 'frame.hello';
      /** Its version can be spoken with. */
      readonly compatible: boolean;
    }
  | {
      readonly type: 'frame.other';
      /** One more message can be held. */
      readonly roomLeft: boolean;
    }
  | { readonly type: 'app.admitted' }
  | { readonly type: 'app.refused' }
  | { readonly type: 'app.close' }
  | { readonly type: 'app.disconnected' }
  | { readonly type: 'timer.deadline' };

/** What must be known at the start. */
export interface HelloInput {
  /** This end sends the first hello. */
  readonly opens: boolean;
  /** What is wrong with the peer's hello is counted and borne. */
  readonly lenient: boolean;
}

/** What a hello remembers besides its state. */
export interface HelloContext extends HelloInput {
  /** Why it is Closed. */
  readonly failure: HelloFailure | '';
}

/** The machine of one connection's hello: docs/NEIGHBOURS.md. */
export const helloMachine = setup({
  types: { context: {} as HelloContext, events: {} as HelloEvent, input: {} as HelloInput },
  guards: {
    opens: ({ context }) => context.opens,
    answersOurs: ({ context, event }) =>
      event.type === 'frame.hello' && context.opens && (event.compatible || context.lenient),
    worthJudging: ({ context, event }) => event.type === 'frame.hello' && (event.compatible || context.lenient),
    helloNotNeeded: ({ context }) => context.opens && context.lenient,
    lenient: ({ context }) => context.lenient,
    roomLeft: ({ event }) => event.type === 'frame.other' && event.roomLeft,
  },
  actions: {
    noteTimeout: assign({ failure: 'timeout' }),
    noteIncompatible: assign({ failure: 'incompatible' }),
    noteOutOfOrder: assign({ failure: 'outOfOrder' }),
    noteRefused: assign({ failure: 'refused' }),
    noteDisconnected: assign({ failure: 'disconnected' }),
    noteClosed: assign({ failure: 'closed' }),

    sendHello: () => {},
    sendRefusal: () => {},
    askJudgement: () => {},
    holdMessage: () => {},
    reportEstablished: () => {},
    reportLate: () => {},
    armDeadline: () => {},
    disarmDeadline: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'hello',
  context: ({ input }) => ({ opens: input.opens, lenient: input.lenient, failure: '' }),
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.start': [
          { guard: 'opens', target: 'AwaitingHello', actions: ['armDeadline', 'sendHello'] },
          { target: 'AwaitingHello', actions: 'armDeadline' },
        ],
        'app.close': { target: 'Closed', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    AwaitingHello: {
      on: {
        'frame.hello': [
          { guard: 'answersOurs', target: 'Established', actions: ['disarmDeadline', 'reportEstablished'] },
          { guard: 'worthJudging', target: 'Judging', actions: 'askJudgement' },
          { target: 'Closed', actions: ['noteIncompatible', 'sendRefusal'] },
        ],
        'frame.other': [
          { guard: 'helloNotNeeded', target: 'Established', actions: ['disarmDeadline', 'reportEstablished'] },
          { target: 'Closed', actions: ['noteOutOfOrder', 'sendRefusal'] },
        ],
        'timer.deadline': [
          { guard: 'lenient', actions: 'reportLate' },
          { target: 'Closed', actions: ['noteTimeout', 'sendRefusal'] },
        ],
        'app.close': { target: 'Closed', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    Judging: {
      on: {
        'frame.other': [
          { guard: 'roomLeft', actions: 'holdMessage' },
          { target: 'Closed', actions: ['noteOutOfOrder', 'sendRefusal'] },
        ],
        'app.admitted': { target: 'Established', actions: ['disarmDeadline', 'sendHello', 'reportEstablished'] },
        'app.refused': { target: 'Closed', actions: ['noteRefused', 'sendRefusal'] },
        'timer.deadline': { target: 'Closed', actions: ['noteTimeout', 'sendRefusal'] },
        'app.close': { target: 'Closed', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    Established: {
      on: {
        'app.close': { target: 'Closed', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: 'noteDisconnected' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
