/**
 * ProcVision, the runner's side: one algorithm process that is wanted, from its start over its restarts to its end.
 *
 * Theory of operation. One machine lives as long as the algorithm is wanted; processes come and go in it. A process counts as there
 * (Ready) after its hello, and takes one call at a time (Busy). Whatever is wrong with it ends it: politely first, then not. When its
 * output ends, or it reports that it cannot go on, it is given a moment to end by itself (Ending), so that its exit code is its own.
 * The next process is never begun before the last one is gone, and the restart is asked for of the reconnection, which waits and
 * counts. A wish to close is remembered in every state, and answered by Closed once there is no process any more; only a process that
 * is well is asked to shut down. Failed, in docs/PROCVISION.md, is Closed with `failed`.
 *
 * Driven as machines/initiator.ts; src/neighbours/procvision/core/runner-core.ts gives outputs their meaning. Deadlines of the hello, of
 * pings and of calls are those of machines/hello.ts, heartbeat.ts and request-tracker.ts, whose verdicts come as `peer.fault`.
 */
import { assign, setup } from 'xstate';

/** What is wrong with a process. A closed set. */
export const runnerFaults = [
  'helloTimeout',
  'badHello',
  'outOfOrder',
  'protocol',
  'heartbeat',
  'timeout',
  'startup',
  'exited',
  'notStarted',
] as const;

/** See {@link runnerFaults}. */
export type RunnerFault = (typeof runnerFaults)[number];

/** Timers of a runner, in the order in which simultaneous ones expire. */
export const procvisionRunnerTimers = ['shutdown', 'exit', 'kill'] as const;

/** States of a runner. */
export type ProcvisionRunnerState =
  | 'Idle'
  | 'AwaitingHello'
  | 'Ready'
  | 'Busy'
  | 'Stopping'
  | 'Ending'
  | 'Terminating'
  | 'Killing'
  | 'Restarting'
  | 'Closed';

/** What may happen to a runner. */
export type ProcvisionRunnerEvent =
  | { readonly type: 'app.start' }
  | { readonly type: 'app.call' }
  | { readonly type: 'app.close' }
  | { readonly type: 'app.restart' }
  | { readonly type: 'app.gaveUp' }
  | { readonly type: 'peer.hello' }
  | { readonly type: 'peer.answer' }
  | { readonly type: 'peer.shutdown' }
  | {
      readonly type: 'peer.fault';
      readonly fault: RunnerFault;
    }
  | {
      readonly type: 'peer.ended';
      /** `startup` when it said why, `exited` when its output ended. */
      readonly fault: RunnerFault;
    }
  | {
      readonly type: 'process.exited';
      readonly fault: RunnerFault;
    }
  | { readonly type: 'timer.shutdown' }
  | { readonly type: 'timer.exit' }
  | { readonly type: 'timer.kill' };

/** What a runner remembers besides its state. */
export interface ProcvisionRunnerContext {
  /** What was wrong first with the process that is there, or with the last one. */
  readonly fault: RunnerFault | '';
  /** It is not wanted any more. */
  readonly closing: boolean;
  /** The process said that it shuts down. */
  readonly acknowledged: boolean;
  /** Closed because too many processes in a row went wrong. */
  readonly failed: boolean;
}

/** The machine of one algorithm that is wanted: docs/PROCVISION.md, section 2. */
export const procvisionRunnerMachine = setup({
  types: { context: {} as ProcvisionRunnerContext, events: {} as ProcvisionRunnerEvent },
  guards: {
    closing: ({ context }) => context.closing,
  },
  actions: {
    noteFault: assign({
      fault: ({ context, event }) => ('fault' in event ? event.fault : context.fault),
    }),
    noteClosing: assign({ closing: true }),
    noteAcknowledged: assign({ acknowledged: true }),
    noteNewProcess: assign({ fault: '' }),
    noteGaveUp: assign({ failed: true }),

    spawn: () => {},
    reportReady: () => {},
    sendCall: () => {},
    failCalls: () => {},
    sendShutdown: () => {},
    closeInput: () => {},
    terminate: () => {},
    kill: () => {},
    askRestart: () => {},
    armShutdown: () => {},
    armExit: () => {},
    armKill: () => {},
    disarm: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'procvisionRunner',
  context: { fault: '', closing: false, acknowledged: false, failed: false },
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'app.start': { target: 'AwaitingHello', actions: 'spawn' },
        'app.close': { target: 'Closed', actions: 'noteClosing' },
      },
    },
    AwaitingHello: {
      on: {
        'peer.hello': { target: 'Ready', actions: 'reportReady' },
        'peer.fault': { target: 'Terminating', actions: ['noteFault', 'failCalls', 'terminate', 'armKill'] },
        'peer.ended': { target: 'Ending', actions: ['noteFault', 'armExit'] },
        'process.exited': { target: 'Restarting', actions: ['noteFault', 'failCalls', 'askRestart'] },
        'app.close': { target: 'Stopping', actions: ['noteClosing', 'sendShutdown', 'armShutdown'] },
      },
    },
    Ready: {
      on: {
        'app.call': { target: 'Busy', actions: 'sendCall' },
        'peer.fault': { target: 'Terminating', actions: ['noteFault', 'failCalls', 'terminate', 'armKill'] },
        'peer.ended': { target: 'Ending', actions: ['noteFault', 'armExit'] },
        'process.exited': { target: 'Restarting', actions: ['noteFault', 'failCalls', 'askRestart'] },
        'app.close': { target: 'Stopping', actions: ['noteClosing', 'sendShutdown', 'armShutdown'] },
      },
    },
    Busy: {
      on: {
        'peer.answer': { target: 'Ready' },
        'peer.fault': { target: 'Terminating', actions: ['noteFault', 'failCalls', 'terminate', 'armKill'] },
        'peer.ended': { target: 'Ending', actions: ['noteFault', 'armExit'] },
        'process.exited': { target: 'Restarting', actions: ['noteFault', 'failCalls', 'askRestart'] },
        'app.close': { target: 'Stopping', actions: ['noteClosing', 'sendShutdown', 'armShutdown'] },
      },
    },
    Stopping: {
      on: {
        'peer.shutdown': { actions: ['noteAcknowledged', 'closeInput'] },
        'peer.fault': {
          target: 'Terminating',
          actions: ['noteFault', 'failCalls', 'disarm', 'terminate', 'armKill'],
        },
        'timer.shutdown': { target: 'Terminating', actions: ['failCalls', 'terminate', 'armKill'] },
        'process.exited': { target: 'Closed', actions: ['noteFault', 'failCalls'] },
      },
    },
    Ending: {
      on: {
        'timer.exit': { target: 'Terminating', actions: ['failCalls', 'terminate', 'armKill'] },
        'process.exited': [
          { guard: 'closing', target: 'Closed', actions: 'failCalls' },
          { target: 'Restarting', actions: ['failCalls', 'disarm', 'askRestart'] },
        ],
        'app.close': { actions: 'noteClosing' },
      },
    },
    Terminating: {
      on: {
        'timer.kill': { target: 'Killing', actions: 'kill' },
        'process.exited': [
          { guard: 'closing', target: 'Closed' },
          { target: 'Restarting', actions: ['disarm', 'askRestart'] },
        ],
        'app.close': { actions: 'noteClosing' },
      },
    },
    Killing: {
      on: {
        'process.exited': [
          { guard: 'closing', target: 'Closed' },
          { target: 'Restarting', actions: 'askRestart' },
        ],
        'app.close': { actions: 'noteClosing' },
      },
    },
    Restarting: {
      on: {
        'app.restart': { target: 'AwaitingHello', actions: ['noteNewProcess', 'spawn'] },
        'app.gaveUp': { target: 'Closed', actions: 'noteGaveUp' },
        'app.close': { target: 'Closed', actions: 'noteClosing' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
