/**
 * Reconnection: a connection, or a process, that is had again after every end, never at once.
 *
 * Theory of operation. One machine lives as long as the connection is wanted. Every end is a failure for it, also an orderly one: it
 * waits before the next try, and longer from failure to failure. Only a connection that lived a while forgives the failures before
 * it, so that a peer that accepts and hangs up is not asked in a loop. A try that takes too long is given up like one that failed.
 *
 * Driven as machines/initiator.ts; src/neighbours/core/reconnect.ts gives outputs their meaning and draws the jitter.
 */
import { assign, setup } from 'xstate';

/** Timers of a reconnection, in the order in which simultaneous ones expire. */
export const reconnectTimers = ['limit', 'lived', 'backoff'] as const;

/** States of a reconnection. */
export type ReconnectState = 'Idle' | 'Connecting' | 'Connected' | 'Waiting' | 'Closed';

/** What may happen to a reconnection. */
export type ReconnectEvent =
  | { readonly type: 'app.start' }
  | { readonly type: 'app.stop' }
  | { readonly type: 'app.connected' }
  | { readonly type: 'app.disconnected' }
  | { readonly type: 'timer.limit' }
  | { readonly type: 'timer.lived' }
  | { readonly type: 'timer.backoff' };

/** What must be known at the start. */
export interface ReconnectInput {
  /** Failures in a row after which it gives up. */
  readonly failuresMax: number;
}

/** What a reconnection remembers besides its state. */
export interface ReconnectContext extends ReconnectInput {
  /** Failures since a connection last lived a while: the place in the backoff schedule. */
  readonly failures: number;
}

/** The machine of one connection that is wanted: docs/NEIGHBOURS.md. */
export const reconnectMachine = setup({
  types: { context: {} as ReconnectContext, events: {} as ReconnectEvent, input: {} as ReconnectInput },
  guards: {
    triesLeft: ({ context }) => context.failures + 1 < context.failuresMax,
  },
  actions: {
    countFailure: assign({ failures: ({ context }) => context.failures + 1 }),
    noteLived: assign({ failures: 0 }),

    connect: () => {},
    abandon: () => {},
    reportGaveUp: () => {},
    armLimit: () => {},
    disarmLimit: () => {},
    armLived: () => {},
    disarmLived: () => {},
    armBackoff: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'reconnect',
  context: ({ input }) => ({ failuresMax: input.failuresMax, failures: 0 }),
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.start': { target: 'Connecting', actions: ['armLimit', 'connect'] },
        'app.stop': { target: 'Closed' },
      },
    },
    Connecting: {
      on: {
        'app.connected': { target: 'Connected', actions: ['disarmLimit', 'armLived'] },
        'app.disconnected': [
          { guard: 'triesLeft', target: 'Waiting', actions: ['countFailure', 'disarmLimit', 'armBackoff'] },
          { target: 'Closed', actions: ['countFailure', 'reportGaveUp'] },
        ],
        'timer.limit': [
          { guard: 'triesLeft', target: 'Waiting', actions: ['countFailure', 'abandon', 'armBackoff'] },
          { target: 'Closed', actions: ['countFailure', 'abandon', 'reportGaveUp'] },
        ],
        'app.stop': { target: 'Closed', actions: 'abandon' },
      },
    },
    Connected: {
      on: {
        'timer.lived': { actions: 'noteLived' },
        'app.disconnected': [
          { guard: 'triesLeft', target: 'Waiting', actions: ['countFailure', 'disarmLived', 'armBackoff'] },
          { target: 'Closed', actions: ['countFailure', 'reportGaveUp'] },
        ],
        'app.stop': { target: 'Closed', actions: 'abandon' },
      },
    },
    Waiting: {
      on: {
        'timer.backoff': { target: 'Connecting', actions: ['armLimit', 'connect'] },
        'app.stop': { target: 'Closed' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
