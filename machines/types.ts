/**
 * Events of both machines. They carry no buffer and no 64-bit id: whoever drives a machine compares ids, nonces and
 * tokens and puts the outcome on the event as a boolean, so that a snapshot survives JSON.
 *
 * `frame.*` a datagram whose trailer and ids were right · `app.*` a decision on this end · `admission.*` the responder's
 * admission · `timer.*` a deadline that passed.
 */

/** Frames that every state may receive and that need no guard of their own. */
type PlainFrameEvent = {
  readonly type:
    | 'frame.START'
    | 'frame.READY'
    | 'frame.PING'
    | 'frame.BYE_ACK'
    | 'frame.PATH_CHALLENGE'
    | 'frame.PATH_RESPONSE'
    | 'frame.TOKEN'
    | 'frame.exchange';
};

/** Frames with what guards ask of them. */
type JudgedFrameEvent =
  | {
      readonly type: 'frame.START_CONFIRM';
      /** The viewer may have the stream. */
      readonly admitted: boolean;
      /** This READY is within the session's 50 a second. */
      readonly readyAllowed: boolean;
    }
  | { readonly type: 'frame.START_ACK'; readonly sameTag: boolean; readonly fastGranted: boolean }
  | { readonly type: 'frame.RETRY'; readonly fresh: boolean }
  | {
      readonly type: 'frame.ERROR';
      readonly code: number;
      /** Its SessionTag is this session's; never true for the tag 0. */
      readonly sameTag: boolean;
      /** RESOURCE or BUSY, and its retry-after ends before the handshake deadline. */
      readonly worthWaiting: boolean;
    }
  | { readonly type: 'frame.PONG'; readonly nonceKnown: boolean }
  | { readonly type: 'frame.BYE'; readonly code: number }
  | { readonly type: 'frame.RESET'; readonly tokenValid: boolean };

/** A timer of the table in docs/PROTOCOL.md, section 4. */
export type TimerName =
  | 'T1'
  | 'deadline'
  | 'reserve'
  | 'pending'
  | 'heartbeat'
  | 'watchdog'
  | 'dead'
  | 'consent'
  | 'close'
  | 'drain';

/** All timers, in the order in which simultaneous ones expire. */
export const timerNames: readonly TimerName[] = [
  'T1',
  'deadline',
  'reserve',
  'pending',
  'heartbeat',
  'watchdog',
  'dead',
  'consent',
  'close',
  'drain',
];

type TimerEvent = {
  readonly type: `timer.${Exclude<TimerName, 'deadline'>}`;
};

type DeadlineEvent = {
  readonly type: 'timer.deadline';
  /** Not one datagram of this session could be sent. */
  readonly nothingSent: boolean;
};

type SharedAppEvent = { readonly type: 'app.close'; readonly code: number } | { readonly type: 'app.socketFailed' };

/** What may happen to an initiator. */
export type InitiatorEvent =
  | PlainFrameEvent
  | JudgedFrameEvent
  | TimerEvent
  | DeadlineEvent
  | SharedAppEvent
  | { readonly type: 'app.start' }
  | { readonly type: 'frame.media' };

/** What may happen to a responder. */
export type ResponderEvent =
  | PlainFrameEvent
  | JudgedFrameEvent
  | TimerEvent
  | DeadlineEvent
  | SharedAppEvent
  | { readonly type: 'admission.admitted' }
  | { readonly type: 'app.reserved'; readonly fastGranted: boolean }
  | { readonly type: 'app.refused'; readonly code: number }
  | { readonly type: 'app.mediaDue'; readonly consentHolds: boolean }
  | { readonly type: 'app.superseded' };

/** States of an initiator. */
export type InitiatorState =
  | 'ReadyToStart'
  | 'AwaitingStartAck'
  | 'AwaitingStartConfirm'
  | 'Streaming'
  | 'Closing'
  | 'Draining'
  | 'Closed';

/** States of a responder. */
export type ResponderState =
  | 'Idle'
  | 'PendingStartRequest'
  | 'PendingConfirm'
  | 'Streaming'
  | 'Closing'
  | 'Draining'
  | 'Closed';
