/**
 * Heartbeat: asks at a steady pace whether the peer still answers, and answers when it is asked.
 *
 * Theory of operation. One machine lives for one connection. It never waits for work: a ping is answered in the step in which it
 * came, whatever else is going on. The interval runs from ping to ping. A pong that does not come within the grace is asked for
 * again, as often as the input says, before the peer counts as dead; any ping of that series may be the one that is answered, as some
 * peers answer the last but one. While the driver excuses the peer, because it is known to answer nothing during work that it was
 * given, a grace that ends begins anew without a count.
 *
 * Driven as machines/initiator.ts; src/neighbours/core/heartbeat.ts gives outputs their meaning.
 */
import { assign, setup } from 'xstate';

/** Timers of a heartbeat, in the order in which simultaneous ones expire. */
export const heartbeatTimers = ['interval', 'grace'] as const;

/** States of a heartbeat. */
export type HeartbeatState = 'Idle' | 'Waiting' | 'AwaitingPong' | 'Closed';

/** What may happen to a heartbeat. */
export type HeartbeatEvent =
  | { readonly type: 'app.start' }
  | { readonly type: 'app.stop' }
  | { readonly type: 'frame.ping' }
  | {
      readonly type: 'frame.pong';
      /** It answers a ping of the series that is being asked. */
      readonly matches: boolean;
    }
  | { readonly type: 'timer.interval' }
  | {
      readonly type: 'timer.grace';
      /** The peer is at work that keeps it from answering. */
      readonly excused: boolean;
    };

/** What must be known at the start. */
export interface HeartbeatInput {
  /** Pings beyond the first before the peer counts as dead. */
  readonly retriesMax: number;
}

/** What a heartbeat remembers besides its state. */
export interface HeartbeatContext extends HeartbeatInput {
  /** Graces that ended in a row. */
  readonly missed: number;
}

/** The machine of one connection's heartbeat: docs/NEIGHBOURS.md. */
export const heartbeatMachine = setup({
  types: { context: {} as HeartbeatContext, events: {} as HeartbeatEvent, input: {} as HeartbeatInput },
  guards: {
    matches: ({ event }) => event.type === 'frame.pong' && event.matches,
    excused: ({ event }) => event.type === 'timer.grace' && event.excused,
    retriesLeft: ({ context }) => context.missed < context.retriesMax,
  },
  actions: {
    noteAnswered: assign({ missed: 0 }),
    countMissed: assign({ missed: ({ context }) => context.missed + 1 }),

    sendPing: () => {},
    sendPong: () => {},
    reportAlive: () => {},
    reportDead: () => {},
    armInterval: () => {},
    armGrace: () => {},
    disarmGrace: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'heartbeat',
  context: ({ input }) => ({ retriesMax: input.retriesMax, missed: 0 }),
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.start': { target: 'Waiting', actions: 'armInterval' },
        'frame.ping': { actions: 'sendPong' },
        'app.stop': { target: 'Closed' },
      },
    },
    Waiting: {
      on: {
        'timer.interval': { target: 'AwaitingPong', actions: ['armGrace', 'sendPing'] },
        'frame.ping': { actions: 'sendPong' },
        'app.stop': { target: 'Closed' },
      },
    },
    AwaitingPong: {
      on: {
        'frame.pong': {
          guard: 'matches',
          target: 'Waiting',
          actions: ['noteAnswered', 'disarmGrace', 'reportAlive', 'armInterval'],
        },
        'timer.grace': [
          { guard: 'excused', actions: 'armGrace' },
          { guard: 'retriesLeft', actions: ['countMissed', 'armGrace', 'sendPing'] },
          { target: 'Closed', actions: ['countMissed', 'reportDead'] },
        ],
        'frame.ping': { actions: 'sendPong' },
        'app.stop': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
