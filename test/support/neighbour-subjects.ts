/**
 * The machines of the neighbour protocols with everything that can happen to them, for the same tests as the two of the engine. A new
 * machine is one more entry of {@link neighbourSubjects}.
 */
import {
  type AnswerKeeperContext,
  type AnswerKeeperEvent,
  type AnswerKeeperState,
  answerKeeperMachine,
  answerKeeperTimers,
  CONFIRM_ATTEMPTS_MAX,
  type HeartbeatContext,
  type HeartbeatEvent,
  type HeartbeatState,
  type HelloContext,
  type HelloEvent,
  type HelloState,
  heartbeatMachine,
  heartbeatTimers,
  helloMachine,
  helloTimers,
  type ProcvisionRunnerContext,
  type ProcvisionRunnerEvent,
  type ProcvisionRunnerState,
  procvisionRunnerMachine,
  procvisionRunnerTimers,
  RESPONSE_RETRIES_MAX,
  type ReconnectContext,
  type ReconnectEvent,
  type ReconnectState,
  type RedPepperSessionContext,
  type RedPepperSessionEvent,
  type RedPepperSessionState,
  type RequestContext,
  type RequestEvent,
  type RequestState,
  type RrccFollowerContext,
  type RrccFollowerEvent,
  type RrccFollowerState,
  type RrccLeaderContext,
  type RrccLeaderEvent,
  type RrccLeaderState,
  reconnectMachine,
  reconnectTimers,
  redPepperSessionMachine,
  redPepperSessionTimers,
  requestMachine,
  requestTimers,
  rrccFollowerMachine,
  rrccFollowerTimers,
  rrccLeaderMachine,
  rrccLeaderTimers,
} from '../../machines/index.ts';
import type { CompiledMachine } from '../../src/engine/compile.ts';
import {
  answerKeeperTable,
  heartbeatTable,
  helloTable,
  reconnectTable,
  requestTable,
} from '../../src/neighbours/core/tables.ts';
import { procvisionRunnerTable } from '../../src/neighbours/procvision/core/tables.ts';
import { redPepperSessionTable } from '../../src/neighbours/redpepper/core/tables.ts';
import { rrccFollowerTable, rrccLeaderTable } from '../../src/neighbours/rrcc/core/tables.ts';
import { type ContextVariant, classesOf, combinations } from './event-classes.ts';
import { type Subject, subjectOf } from './machine-table.ts';

/** A subject of any machine. */
export type AnySubject = Subject<string, object, { readonly type: string }>;

/** A machine under test. */
export interface NeighbourSubject {
  /** Name of the files that show it. */
  readonly file: string;
  readonly subject: AnySubject;
  /** What it was compiled to. */
  readonly table: Pick<CompiledMachine<string, object, { readonly type: string }, never>, 'step'>;
}

// No counter is 0 or 1 where it may be more: a counter set to 1 is told from one that was raised by 1.

const helloStates = Object.keys({
  Idle: 0,
  AwaitingHello: 0,
  Judging: 0,
  Established: 0,
  Closed: 0,
} satisfies Record<HelloState, 0>) as HelloState[];
const helloVariants: readonly ContextVariant<HelloState, HelloContext>[] = [
  { name: 'opens', states: ['Idle', 'AwaitingHello', 'Established'], change: { opens: true } },
  { name: 'lenient', states: ['Idle', 'AwaitingHello', 'Judging', 'Established'], change: { lenient: true } },
];

const hello = subjectOf<HelloState, HelloContext, HelloEvent>(helloMachine, {
  name: 'hello',
  states: helloStates,
  timers: helloTimers,
  classes: classesOf<HelloEvent>(
    {
      'app.start': {},
      'frame.hello': { compatible: [true, false] },
      'frame.other': { roomLeft: [true, false] },
      'app.admitted': {},
      'app.refused': {},
      'app.close': {},
      'app.disconnected': {},
      'timer.deadline': {},
    },
    { compatible: ['compatible', 'incompatible'], roomLeft: ['room left', 'no room left'] },
  ),
  contexts: (state) =>
    combinations({ opens: false, lenient: false, failure: state === 'Closed' ? 'closed' : '' }, state, helloVariants),
});

const heartbeatStates = Object.keys({
  Idle: 0,
  Waiting: 0,
  AwaitingPong: 0,
  Closed: 0,
} satisfies Record<HeartbeatState, 0>) as HeartbeatState[];
const RETRIES_MAX = 5;
const heartbeatVariants: readonly ContextVariant<HeartbeatState, HeartbeatContext>[] = [
  { name: 'retries used up', states: ['AwaitingPong'], change: { missed: RETRIES_MAX } },
];

const heartbeat = subjectOf<HeartbeatState, HeartbeatContext, HeartbeatEvent>(heartbeatMachine, {
  name: 'heartbeat',
  states: heartbeatStates,
  timers: heartbeatTimers,
  classes: classesOf<HeartbeatEvent>(
    {
      'app.start': {},
      'app.stop': {},
      'frame.ping': {},
      'frame.pong': { matches: [true, false] },
      'timer.interval': {},
      'timer.grace': { excused: [true, false] },
    },
    { matches: ['asked for', 'not asked for'], excused: ['excused', 'not excused'] },
  ),
  contexts: (state) =>
    combinations({ retriesMax: RETRIES_MAX, missed: state === 'AwaitingPong' ? 3 : 0 }, state, heartbeatVariants),
});

const requestStates = Object.keys({ Idle: 0, Pending: 0, Closed: 0 } satisfies Record<
  RequestState,
  0
>) as RequestState[];
const ATTEMPTS_MAX = 5;
const requestVariants: readonly ContextVariant<RequestState, RequestContext>[] = [
  { name: 'attempts used up', states: ['Pending'], change: { attempts: ATTEMPTS_MAX } },
];

const request = subjectOf<RequestState, RequestContext, RequestEvent>(requestMachine, {
  name: 'request',
  states: requestStates,
  timers: requestTimers,
  classes: classesOf<RequestEvent>(
    { 'app.send': {}, 'frame.answer': {}, 'timer.limit': {}, 'app.cancel': {}, 'app.disconnected': {} },
    {},
  ),
  contexts: (state) =>
    combinations(
      { attemptsMax: ATTEMPTS_MAX, attempts: state === 'Idle' ? 0 : 3, outcome: state === 'Closed' ? 'answered' : '' },
      state,
      requestVariants,
    ),
});

const answerKeeperStates = Object.keys({ New: 0, Working: 0, Answered: 0, Closed: 0 } satisfies Record<
  AnswerKeeperState,
  0
>) as AnswerKeeperState[];

const answerKeeper = subjectOf<AnswerKeeperState, AnswerKeeperContext, AnswerKeeperEvent>(answerKeeperMachine, {
  name: 'answer keeper',
  states: answerKeeperStates,
  timers: answerKeeperTimers,
  classes: classesOf<AnswerKeeperEvent>(
    { 'frame.request': {}, 'app.answer': {}, 'app.forget': {}, 'timer.keep': {} },
    {},
  ),
  contexts: (state) => combinations({ duplicates: state === 'New' ? 0 : 3 }, state, []),
});

const reconnectStates = Object.keys({
  Idle: 0,
  Connecting: 0,
  Connected: 0,
  Waiting: 0,
  Closed: 0,
} satisfies Record<ReconnectState, 0>) as ReconnectState[];
const FAILURES_MAX = 9;
const reconnectVariants: readonly ContextVariant<ReconnectState, ReconnectContext>[] = [
  { name: 'last try', states: ['Connecting', 'Connected'], change: { failures: FAILURES_MAX - 1 } },
];

const reconnect = subjectOf<ReconnectState, ReconnectContext, ReconnectEvent>(reconnectMachine, {
  name: 'reconnection',
  states: reconnectStates,
  timers: reconnectTimers,
  classes: classesOf<ReconnectEvent>(
    {
      'app.start': {},
      'app.stop': {},
      'app.connected': {},
      'app.disconnected': {},
      'timer.limit': {},
      'timer.lived': {},
      'timer.backoff': {},
    },
    {},
  ),
  contexts: (state) =>
    combinations({ failuresMax: FAILURES_MAX, failures: state === 'Idle' ? 0 : 3 }, state, reconnectVariants),
});

const rrccLeaderStates = Object.keys({
  Idle: 0,
  AwaitConfirm: 0,
  AwaitResponse: 0,
  Evaluate: 0,
  Closed: 0,
} satisfies Record<RrccLeaderState, 0>) as RrccLeaderState[];
const rrccLeaderVariants: readonly ContextVariant<RrccLeaderState, RrccLeaderContext>[] = [
  { name: 'copies used up', states: ['AwaitConfirm'], change: { sends: CONFIRM_ATTEMPTS_MAX } },
  { name: 'retries used up', states: ['AwaitResponse'], change: { timeouts: RESPONSE_RETRIES_MAX } },
];

const rrccLeader = subjectOf<RrccLeaderState, RrccLeaderContext, RrccLeaderEvent>(rrccLeaderMachine, {
  name: 'RRCC leader',
  states: rrccLeaderStates,
  timers: rrccLeaderTimers,
  classes: classesOf<RrccLeaderEvent>(
    {
      'app.call': {},
      'app.continue': {},
      'app.finish': {},
      'app.cancel': {},
      'app.disconnected': {},
      'frame.confirm': { current: [true, false] },
      'frame.response': { current: [true, false] },
      'timer.C': {},
      'timer.R': {},
      'timer.evaluate': {},
    },
    { current: ['of this round', 'of another message'] },
  ),
  contexts: (state) =>
    combinations(
      state === 'Idle'
        ? { round: 0, attempt: 0, sends: 0, timeouts: 0, outcome: '' }
        : { round: 3, attempt: 7, sends: 3, timeouts: 2, outcome: state === 'Closed' ? 'finished' : '' },
      state,
      rrccLeaderVariants,
    ),
});

const rrccFollowerStates = Object.keys({
  Idle: 0,
  Working: 0,
  Crashed: 0,
  Answered: 0,
  Ended: 0,
  Closed: 0,
} satisfies Record<RrccFollowerState, 0>) as RrccFollowerState[];
const rrccFollowerVariants: readonly ContextVariant<RrccFollowerState, RrccFollowerContext>[] = [
  { name: 'answered', states: ['Ended'], change: { answered: true } },
];

const rrccFollower = subjectOf<RrccFollowerState, RrccFollowerContext, RrccFollowerEvent>(rrccFollowerMachine, {
  name: 'RRCC follower',
  states: rrccFollowerStates,
  timers: rrccFollowerTimers,
  classes: classesOf<RrccFollowerEvent>(
    {
      'frame.request': { refused: [true, false] },
      'frame.continue': { refused: [true, false] },
      'frame.copy': {},
      'frame.stop': {},
      'app.finished': {},
      'app.died': {},
      'app.forget': {},
      'timer.deadline': {},
      'timer.keep': {},
    },
    { refused: ['refused', 'not refused'] },
  ),
  contexts: (state) =>
    combinations(
      { round: state === 'Idle' ? 0 : 3, deaths: state === 'Idle' ? 0 : 2, answered: state === 'Answered' },
      state,
      rrccFollowerVariants,
    ),
});

const redPepperSessionStates = Object.keys({
  Greeting: 0,
  Open: 0,
  Leaving: 0,
  Closed: 0,
} satisfies Record<RedPepperSessionState, 0>) as RedPepperSessionState[];

const redPepperSession = subjectOf<RedPepperSessionState, RedPepperSessionContext, RedPepperSessionEvent>(
  redPepperSessionMachine,
  {
    name: 'RedPepper session',
    states: redPepperSessionStates,
    timers: redPepperSessionTimers,
    classes: classesOf<RedPepperSessionEvent>(
      {
        'app.established': {},
        'app.refused': {},
        'app.superseded': {},
        'app.dead': {},
        'app.close': {},
        'app.drained': {},
        'app.disconnected': {},
        'frame.bye': {},
        'frame.malformed': {},
        'frame.unknown': {},
        'timer.linger': {},
      },
      {},
    ),
    contexts: (state) => combinations({ ending: state === 'Leaving' || state === 'Closed' ? 'closed' : '' }, state, []),
  },
);

const procvisionRunnerStates = Object.keys({
  Idle: 0,
  AwaitingHello: 0,
  Ready: 0,
  Busy: 0,
  Stopping: 0,
  Ending: 0,
  Terminating: 0,
  Killing: 0,
  Restarting: 0,
  Closed: 0,
} satisfies Record<ProcvisionRunnerState, 0>) as ProcvisionRunnerState[];
const procvisionRunnerVariants: readonly ContextVariant<ProcvisionRunnerState, ProcvisionRunnerContext>[] = [
  { name: 'closing', states: ['Ending', 'Terminating', 'Killing'], change: { closing: true } },
];
const withFault: readonly ProcvisionRunnerState[] = ['Ending', 'Terminating', 'Killing', 'Restarting'];

const procvisionRunner = subjectOf<ProcvisionRunnerState, ProcvisionRunnerContext, ProcvisionRunnerEvent>(
  procvisionRunnerMachine,
  {
    name: 'ProcVision runner',
    states: procvisionRunnerStates,
    timers: procvisionRunnerTimers,
    classes: classesOf<ProcvisionRunnerEvent>(
      {
        'app.start': {},
        'app.call': {},
        'app.close': {},
        'app.restart': {},
        'app.gaveUp': {},
        'peer.hello': {},
        'peer.answer': {},
        'peer.shutdown': {},
        'peer.fault': { fault: ['protocol'] },
        'peer.ended': { fault: ['exited'] },
        'process.exited': { fault: ['exited'] },
        'timer.shutdown': {},
        'timer.exit': {},
        'timer.kill': {},
      },
      { fault: ['with what is wrong'] },
    ),
    contexts: (state) =>
      combinations(
        {
          fault: withFault.includes(state) ? 'heartbeat' : '',
          closing: state === 'Stopping' || state === 'Closed',
          acknowledged: state === 'Closed',
          failed: false,
        },
        state,
        procvisionRunnerVariants,
      ),
  },
);

/** Every machine of the neighbours. */
export const neighbourSubjects: readonly NeighbourSubject[] = [
  { file: 'hello', subject: hello, table: helloTable },
  { file: 'heartbeat', subject: heartbeat, table: heartbeatTable },
  { file: 'request-tracker', subject: request, table: requestTable },
  { file: 'answer-keeper', subject: answerKeeper, table: answerKeeperTable },
  { file: 'reconnect', subject: reconnect, table: reconnectTable },
  { file: 'procvision-runner', subject: procvisionRunner, table: procvisionRunnerTable },
  { file: 'rrcc-leader', subject: rrccLeader, table: rrccLeaderTable },
  { file: 'rrcc-follower', subject: rrccFollower, table: rrccFollowerTable },
  { file: 'redpepper-session', subject: redPepperSession, table: redPepperSessionTable },
];
