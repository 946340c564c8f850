/**
 * RedPepper's session: what holds hello, heartbeat and requests of one connection together, and sees to it that nobody is left
 * without a reason.
 *
 * Theory of operation. One machine lives for one connection, on either end. machines/hello.ts decides when Greeting is over,
 * machines/heartbeat.ts when the peer is dead; both are told here as events. Every end that this side chooses goes through Leaving: Bye
 * with the reason takes its place behind what waits to be sent, and the connection is closed when it has left, or after a while. A Bye
 * of the peer is not answered. A message of an unknown type is refused as long as nobody knows who talks, and counted afterwards, so
 * that later versions may have more of them.
 *
 * Driven as machines/initiator.ts; src/neighbours/redpepper/core/session.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** Why a session is over. */
export type RedPepperEnding =
  /** The peer said Bye. */
  | 'bye'
  /** The hello came to nothing: see the reason. */
  | 'refused'
  /** The peer sent what cannot be understood. */
  | 'malformed'
  /** Another connection proved the same identity. */
  | 'superseded'
  /** The peer answers no pings. */
  | 'dead'
  | 'closed'
  | 'disconnected';

/** Timers of a session, in the order in which simultaneous ones expire. */
export const redPepperSessionTimers = ['linger'] as const;

/** States of a session. */
export type RedPepperSessionState = 'Greeting' | 'Open' | 'Leaving' | 'Closed';

/** What may happen to a session. */
export type RedPepperSessionEvent =
  | { readonly type: 'app.established' }
  | { readonly type: 'app.refused' }
  | { readonly type: 'app.superseded' }
  | { readonly type: 'app.dead' }
  | { readonly type: 'app.close' }
  | { readonly type: 'app.drained' }
  | { readonly type: 'app.disconnected' }
  | { readonly type: 'frame.bye' }
  | { readonly type: 'frame.malformed' }
  | { readonly type: 'frame.unknown' }
  | { readonly type: 'timer.linger' };

/** What a session remembers besides its state. */
export interface RedPepperSessionContext {
  /** Why it is Leaving or Closed. */
  readonly ending: RedPepperEnding | '';
}

/** The machine of one connection: docs/REDPEPPER.md, section 3. */
export const redPepperSessionMachine = setup({
  types: { context: {} as RedPepperSessionContext, events: {} as RedPepperSessionEvent },
  actions: {
    noteBye: assign({ ending: 'bye' }),
    noteRefused: assign({ ending: 'refused' }),
    noteMalformed: assign({ ending: 'malformed' }),
    noteSuperseded: assign({ ending: 'superseded' }),
    noteDead: assign({ ending: 'dead' }),
    noteClosed: assign({ ending: 'closed' }),
    noteDisconnected: assign({ ending: 'disconnected' }),

    startHeartbeat: () => {},
    reportOpen: () => {},
    reportUnknown: () => {},
    endParts: () => {},
    sendBye: () => {},
    armLinger: () => {},
    disconnect: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'redPepperSession',
  context: { ending: '' },
  initial: 'Greeting',
  states: {
    Greeting: {
      on: {
        'app.established': { target: 'Open', actions: ['startHeartbeat', 'reportOpen'] },
        'app.refused': { target: 'Leaving', actions: 'noteRefused' },
        'app.close': { target: 'Leaving', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'endParts'] },
        'frame.bye': { target: 'Closed', actions: ['noteBye', 'endParts', 'disconnect'] },
        'frame.malformed': { target: 'Leaving', actions: 'noteMalformed' },
        'frame.unknown': { target: 'Leaving', actions: 'noteMalformed' },
      },
    },
    Open: {
      on: {
        'app.superseded': { target: 'Leaving', actions: 'noteSuperseded' },
        'app.dead': { target: 'Leaving', actions: 'noteDead' },
        'app.close': { target: 'Leaving', actions: 'noteClosed' },
        'app.disconnected': { target: 'Closed', actions: ['noteDisconnected', 'endParts'] },
        'frame.bye': { target: 'Closed', actions: ['noteBye', 'endParts', 'disconnect'] },
        'frame.malformed': { target: 'Leaving', actions: 'noteMalformed' },
        'frame.unknown': { actions: 'reportUnknown' },
      },
    },
    Leaving: {
      entry: ['endParts', 'armLinger', 'sendBye'],
      on: {
        'app.drained': { target: 'Closed', actions: 'disconnect' },
        'app.disconnected': { target: 'Closed' },
        'timer.linger': { target: 'Closed', actions: 'disconnect' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
