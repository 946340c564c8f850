import {
  type ResponderContext,
  type ResponderEvent,
  type ResponderState,
  type TimerName,
  timerNames,
} from '../../../machines/index.ts';
import type { CompiledMachine } from '../../engine/compile.ts';
import { responderTimer } from '../../engine/responder-timers.ts';
import { BYE_SENDS_MAX, PENDING_MS, PROBES } from '../../protocol/constants.ts';
import { ErrorCode, isTransient } from '../../protocol/error-code.ts';
import { profiles } from '../../protocol/profiles.ts';
import type { Bounds } from './bounds.ts';
import type { LocalDraft, LocalEvent, LocalRole } from './local-machine.ts';
import { broken, Operation, withArgument } from './operations.ts';

/** The responder's compiled table, or one with a design error in it. */
export type ResponderTable = CompiledMachine<ResponderState, ResponderContext, ResponderEvent, undefined>;

type Draft = LocalDraft<ResponderContext>;

const timing = {
  profile: profiles.default,
  probes: PROBES,
  suspicious: false,
  rttMs: undefined,
  pendingMs: PENDING_MS,
  unit: () => 0,
};

const fixed: readonly (readonly [name: string, event: ResponderEvent])[] = [
  ['admission.admitted', { type: 'admission.admitted' }],
  ['app.reserved', { type: 'app.reserved', fastGranted: false }],
  ['app.refused for a moment', { type: 'app.refused', code: ErrorCode.RESOURCE }],
  ['app.refused', { type: 'app.refused', code: ErrorCode.POLICY }],
  ['app.close', { type: 'app.close', code: ErrorCode.SHUTDOWN }],
  ['app.socketFailed', { type: 'app.socketFailed' }],
  ['app.superseded', { type: 'app.superseded' }],
  ['START', { type: 'frame.START' }],
  ['START_CONFIRM', { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: true }],
  ['START_CONFIRM above 50 a second', { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: false }],
  ['PING', { type: 'frame.PING' }],
  ['PONG, known nonce', { type: 'frame.PONG', nonceKnown: true }],
  ['PONG, unknown nonce', { type: 'frame.PONG', nonceKnown: false }],
  ['BYE', { type: 'frame.BYE', code: ErrorCode.NO_ERROR }],
  ['BYE_ACK', { type: 'frame.BYE_ACK' }],
];

/** Index of each class of event. */
export const ResponderClass = {
  admitted: 0,
  reserved: 1,
  refusedForNow: 2,
  refused: 3,
  close: 4,
  socketFailed: 5,
  superseded: 6,
  start: 7,
  confirm: 8,
  confirmAboveRate: 9,
  ping: 10,
  pongKnown: 11,
  pongUnknown: 12,
  bye: 13,
  byeAck: 14,
  mediaDue: 15,
  consentLapses: 16,
  t1: 17,
} as const;

function timerEvent(timer: TimerName): ResponderEvent {
  return timer === 'deadline' ? { type: 'timer.deadline', nothingSent: false } : { type: `timer.${timer}` };
}

const events: readonly LocalEvent<ResponderEvent, ResponderContext>[] = [
  ...fixed.map(([name, event]) => ({ name, of: () => event })),
  {
    name: 'app.mediaDue',
    of: ({ notes }: Draft): ResponderEvent => ({ type: 'app.mediaDue', consentHolds: notes['lapsed'] === 0 }),
  },
  {
    // Between the end of consent and the moment at which its timer is served, other events may come: a host can stand still.
    name: 'time passes the end of consent',
    of: ({ armed, notes }: Draft) => {
      if (armed.has('consent')) notes['lapsed'] = 1;
      return undefined;
    },
  },
  ...timerNames.map((timer) => ({ name: `timer.${timer}`, timer, of: () => timerEvent(timer) })),
];

/** A responder's session as the model sees it: what src/engine/responder-session.ts does with outputs, without bytes. */
export function responderRole(
  machine: ResponderTable,
  bounds: Bounds,
): LocalRole<ResponderState, ResponderContext, ResponderEvent> {
  return {
    machine,
    context: {
      ...machine.initialContext(undefined),
      probes: PROBES - bounds.probesLeft,
      byes: BYE_SENDS_MAX - bounds.byesLeft,
    },
    notes: { gate: 0, lapsed: 0 },
    events,
    visible: [],
    perform,
    check: ({ context }) => (context.byes <= BYE_SENDS_MAX && context.probes <= PROBES ? 0 : broken('S5')),
  };
}

function perform(output: string, draft: Draft, event: ResponderEvent): number {
  const { armed, notes } = draft;
  const arm = (...timers: TimerName[]) => {
    for (const timer of timers) armed.add(timer);
    return 0;
  };
  switch (output) {
    case 'drawSession':
      armed.delete('reserve');
      return 0;
    case 'sendStartAck':
      return Operation.START_ACK;
    case 'sendError':
      return withArgument(Operation.ERROR, refusalOf(event));
    case 'leaveTombstone':
      return withArgument(Operation.TOMBSTONE, refusalOf(event));
    case 'supersede':
      return Operation.SUPERSEDE;
    case 'sendReady':
      return Operation.READY;
    case 'openGate':
      armed.delete('pending');
      notes['gate'] = 1;
      return Operation.OPEN_GATE;
    case 'stopMedia':
      notes['gate'] = 0;
      return 0;
    case 'sendMedia':
      return withArgument(Operation.MEDIA, notes['gate'] === 1 && notes['lapsed'] === 0 ? 0 : 1);
    case 'sendPing':
      return Operation.PING;
    case 'sendPong':
      return Operation.PONG;
    case 'sendBye':
      return Operation.BYE;
    case 'sendByeAck':
      return Operation.BYE_ACK;
    case 'refreshConsent':
      notes['lapsed'] = 0;
      return arm('consent');
    case 'reportStreaming':
      return Operation.REPORT_STREAMING;
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
      notes['gate'] = 0;
      notes['lapsed'] = 0;
      return Operation.RELEASE;
    default: {
      const timer = responderTimer(output, timing)?.timer;
      return timer === undefined ? 0 : arm(timer);
    }
  }
}

/** 1 for a refusal of the moment (RESOURCE, BUSY), which is worth waiting for, 2 for a final one. */
function refusalOf(event: ResponderEvent): number {
  if (event.type === 'timer.reserve') return 1;
  return event.type === 'app.refused' && isTransient(event.code) ? 1 : 2;
}
