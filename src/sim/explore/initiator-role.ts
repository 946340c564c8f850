import {
  type InitiatorContext,
  type InitiatorEvent,
  type InitiatorInput,
  type InitiatorState,
  type TimerName,
  timerNames,
} from '../../../machines/index.ts';
import type { CompiledMachine } from '../../engine/compile.ts';
import { initiatorTimer } from '../../engine/initiator-timers.ts';
import { ATTEMPTS_MAX, BYE_SENDS_MAX, RESTARTS_MAX, RETRIES_MAX } from '../../protocol/constants.ts';
import { ErrorCode } from '../../protocol/error-code.ts';
import { profiles } from '../../protocol/profiles.ts';
import { attemptsMax, type Bounds } from './bounds.ts';
import type { LocalDraft, LocalEvent, LocalRole } from './local-machine.ts';
import { broken, Operation, withArgument } from './operations.ts';

/** The initiator's compiled table, or one with a design error in it. */
export type InitiatorTable = CompiledMachine<InitiatorState, InitiatorContext, InitiatorEvent, InitiatorInput>;

type Draft = LocalDraft<InitiatorContext>;

const timing = { profile: profiles.default, sends: 1, rtoInitialMs: undefined, rttMs: undefined, unit: () => 0 };

const fixed: readonly (readonly [name: string, event: InitiatorEvent])[] = [
  ['app.start', { type: 'app.start' }],
  ['app.close', { type: 'app.close', code: ErrorCode.NO_ERROR }],
  ['app.socketFailed', { type: 'app.socketFailed' }],
  ['START_ACK, same tag', { type: 'frame.START_ACK', sameTag: true, fastGranted: false }],
  ['START_ACK, other tag', { type: 'frame.START_ACK', sameTag: false, fastGranted: false }],
  ['ERROR, worth waiting', { type: 'frame.ERROR', code: ErrorCode.BUSY, sameTag: false, worthWaiting: true }],
  ['ERROR, final', { type: 'frame.ERROR', code: ErrorCode.POLICY, sameTag: false, worthWaiting: false }],
  ['media', { type: 'frame.media' }],
  ['READY', { type: 'frame.READY' }],
  ['PING', { type: 'frame.PING' }],
  ['PONG, known nonce', { type: 'frame.PONG', nonceKnown: true }],
  ['PONG, unknown nonce', { type: 'frame.PONG', nonceKnown: false }],
  ['BYE', { type: 'frame.BYE', code: ErrorCode.NO_ERROR }],
  ['BYE_ACK', { type: 'frame.BYE_ACK' }],
  ['RESET, right token', { type: 'frame.RESET', tokenValid: true }],
  ['RESET, wrong token', { type: 'frame.RESET', tokenValid: false }],
];

/** Index of each class of event; `retry1` and the ones after it are a RETRY that echoes attempt 1, 2, ... */
export const InitiatorClass = {
  start: 0,
  close: 1,
  socketFailed: 2,
  startAckSame: 3,
  startAckOther: 4,
  errorWait: 5,
  errorFinal: 6,
  media: 7,
  ready: 8,
  ping: 9,
  pongKnown: 10,
  pongUnknown: 11,
  bye: 12,
  byeAck: 13,
  resetRight: 14,
  resetWrong: 15,
  t1: 16,
  retry1: 16 + timerNames.length,
} as const;

function timerEvent(timer: TimerName): InitiatorEvent {
  return timer === 'deadline' ? { type: 'timer.deadline', nothingSent: false } : { type: `timer.${timer}` };
}

function eventsOf(bounds: Bounds): LocalEvent<InitiatorEvent, InitiatorContext>[] {
  const retries = Array.from({ length: attemptsMax(bounds) }, (_, i) => i + 1);
  return [
    ...fixed.map(([name, event]) => ({ name, of: () => event })),
    ...timerNames.map((timer) => ({ name: `timer.${timer}`, timer, of: () => timerEvent(timer) })),
    ...retries.map((attempt) => ({
      name: `RETRY to attempt ${attempt}`,
      of: ({ notes, context }: Draft): InitiatorEvent => ({
        type: 'frame.RETRY',
        fresh: attempt >= (notes['freshFrom'] ?? 1) && attempt <= context.attempt,
      }),
    })),
  ];
}

/** The initiator's session as the model sees it: what src/engine/initiator-session.ts does with outputs, without bytes. */
export function initiatorRole(
  machine: InitiatorTable,
  bounds: Bounds,
): LocalRole<InitiatorState, InitiatorContext, InitiatorEvent> {
  return {
    machine,
    context: {
      ...machine.initialContext({ sendsMax: bounds.sendsMax, fastAsked: false }),
      retries: RETRIES_MAX - bounds.retriesLeft,
      restarts: RESTARTS_MAX - bounds.restartsLeft,
      byes: BYE_SENDS_MAX - bounds.byesLeft,
    },
    notes: { sdp: 0, freshFrom: 1, cookie: 0 },
    events: eventsOf(bounds),
    visible: ['sdp'],
    perform,
    check: ({ context }) => {
      const within =
        context.sends <= context.sendsMax &&
        context.attempt <= ATTEMPTS_MAX &&
        context.retries <= RETRIES_MAX &&
        context.restarts <= RESTARTS_MAX &&
        context.byes <= BYE_SENDS_MAX;
      return within ? 0 : broken('S5');
    },
  };
}

function perform(output: string, draft: Draft, event: InitiatorEvent): number {
  const { armed, notes, context } = draft;
  const arm = (...timers: TimerName[]) => {
    for (const timer of timers) armed.add(timer);
    return 0;
  };
  switch (output) {
    case 'drawStreamId':
      notes['freshFrom'] = 1;
      notes['cookie'] = 0;
      return Operation.DRAW_STREAM_ID;
    case 'keepCookie':
      notes['freshFrom'] = context.attempt;
      notes['cookie'] = 1;
      return event.type === 'frame.RETRY' && event.fresh ? 0 : broken('rule 6');
    case 'sendStart':
      return withArgument(notes['cookie'] === 1 ? Operation.START_WITH_COOKIE : Operation.START, context.attempt);
    case 'adoptSession':
      return Operation.ADOPT_SESSION;
    case 'sendStartConfirm':
      return Operation.START_CONFIRM;
    case 'sendPing':
      return Operation.PING;
    case 'sendPong':
      return Operation.PONG;
    case 'sendBye':
      return Operation.BYE;
    case 'sendByeAck':
      return Operation.BYE_ACK;
    case 'deliverSdp':
      notes['sdp'] = 1;
      return 0;
    case 'reportStreaming':
      return Operation.REPORT_STREAMING;
    case 'disarmT1':
      armed.delete('T1');
      return 0;
    case 'disarmDeadline':
      armed.delete('deadline');
      return 0;
    case 'armLiveness':
      return arm('watchdog', 'dead');
    case 'armClosing':
      armed.clear();
      return arm('deadline', 'close');
    case 'armClose':
      return arm('close');
    case 'armDrain':
      armed.clear();
      return arm('drain');
    case 'release':
      armed.clear();
      notes['sdp'] = 0;
      return Operation.RELEASE;
    default: {
      const timer = initiatorTimer(output, timing)?.timer;
      return timer === undefined ? 0 : arm(timer);
    }
  }
}
