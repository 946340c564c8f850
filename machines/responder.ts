/**
 * The responder: one viewer's session on a camera.
 *
 * Theory of operation. One machine is made for each START that passed admission; no stranger ever costs one. Until it is
 * confirmed it is purely reactive: one answer at most to a datagram, none larger than its cause, and no timer of its own
 * sends anything. It asks the application to reserve the stream, answers START_ACK with a SessionTag that only the true
 * address can read, and waits. START_CONFIRM with that tag is the only event that leads to Streaming, and entering Streaming
 * is the only place where the media gate opens. There the viewer's PONGs are its consent: PINGs go out at once (three
 * probes, which also measure the path), then as a heartbeat, and media stops before anything else when consent runs out.
 * A close says BYE until it is acknowledged (Closing); a viewer's BYE is acknowledged for as long as copies may come
 * (Draining).
 *
 * Driven by pure `transition()`: actions named here are either assigns or declared outputs whose bodies never run. Their
 * meaning, and the length of every timer, is the session's business (src/engine/responder-session.ts). An event without a
 * row changes nothing and is counted by the session. The full table is the snapshot in test/machines.
 */
import { assign, setup } from 'xstate';
import { BYE_SENDS_MAX, PROBES } from '../src/protocol/constants.ts';
import { ErrorCode, unansweredCode } from '../src/protocol/error-code.ts';
import type { ResponderEvent } from './types.ts';

/** What a responder's session remembers besides its state; survives JSON. */
export interface ResponderContext {
  /** Media may leave before the confirm, within the token's budget. */
  readonly fastGranted: boolean;
  /** PINGs of the three after the confirm that were sent. */
  readonly probes: number;
  /** BYEs sent. */
  readonly byes: number;
  /** What the session will have ended with. */
  readonly code: number;
}

/** The responder's machine: docs/PROTOCOL.md, section 4, row by row. */
export const responderMachine = setup({
  types: {
    context: {} as ResponderContext,
    events: {} as ResponderEvent,
  },
  guards: {
    admitted: ({ event }) => event.type === 'frame.START_CONFIRM' && event.admitted,
    readyAllowed: ({ event }) => event.type === 'frame.START_CONFIRM' && event.readyAllowed,
    fastGranted: ({ context }) => context.fastGranted,
    consentHolds: ({ event }) => event.type === 'app.mediaDue' && event.consentHolds,
    probing: ({ context }) => context.probes < PROBES,
    nonceKnownWhileProbing: ({ context, event }) =>
      event.type === 'frame.PONG' && event.nonceKnown && context.probes < PROBES,
    nonceKnown: ({ event }) => event.type === 'frame.PONG' && event.nonceKnown,
    tokenValid: ({ event }) => event.type === 'frame.RESET' && event.tokenValid,
    byesLeft: ({ context }) => context.byes < BYE_SENDS_MAX,
  },
  actions: {
    noteGrant: assign({ fastGranted: ({ event }) => event.type === 'app.reserved' && event.fastGranted }),
    countProbe: assign({ probes: ({ context }) => context.probes + 1 }),
    countBye: assign({ byes: ({ context }) => context.byes + 1 }),
    noteCode: assign({
      code: ({ context, event }) => ('code' in event ? event.code : context.code),
    }),
    noteBusy: assign({ code: ErrorCode.BUSY }),
    noteShutdown: assign({ code: ErrorCode.SHUTDOWN }),
    noteAuthFailed: assign({ code: ErrorCode.AUTH_FAILED }),
    noteConfirmTimeout: assign({ code: ErrorCode.CONFIRM_TIMEOUT }),
    noteConsentExpired: assign({ code: ErrorCode.CONSENT_EXPIRED }),
    noteSuperseded: assign({ code: ErrorCode.SUPERSEDED }),
    notePeerDead: assign({ code: ErrorCode.PEER_DEAD }),
    noteCloseTimeout: assign({ code: ({ context }) => unansweredCode(context.code) }),
    noteLocalNetwork: assign({ code: ErrorCode.LOCAL_NETWORK }),

    askReservation: () => {},
    joinReservation: () => {},
    drawSession: () => {},
    sendStartAck: () => {},
    sendError: () => {},
    leaveTombstone: () => {},
    supersede: () => {},
    openGate: () => {},
    sendReady: () => {},
    deliverExchange: () => {},
    sendMedia: () => {},
    stopMedia: () => {},
    sendPing: () => {},
    sendPong: () => {},
    sendBye: () => {},
    sendByeAck: () => {},
    sampleRtt: () => {},
    refreshConsent: () => {},
    reportStreaming: () => {},
    reportPeerBye: () => {},
    armReserve: () => {},
    armPending: () => {},
    armProbe: () => {},
    armHeartbeat: () => {},
    armHeartbeatRepeat: () => {},
    armDead: () => {},
    armClosing: () => {},
    armClose: () => {},
    armDrain: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'responder',
  context: { fastGranted: false, probes: 0, byes: 0, code: ErrorCode.NO_ERROR },
  initial: 'Idle',
  states: {
    Idle: {
      on: {
        'admission.admitted': { target: 'PendingStartRequest', actions: ['askReservation', 'armReserve'] },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    PendingStartRequest: {
      on: {
        'frame.START': { actions: 'joinReservation' },
        'app.reserved': {
          target: 'PendingConfirm',
          actions: ['noteGrant', 'drawSession', 'sendStartAck', 'armPending'],
        },
        'app.refused': { target: 'Closed', actions: ['noteCode', 'sendError', 'leaveTombstone'] },
        'timer.reserve': { target: 'Closed', actions: ['noteBusy', 'sendError', 'leaveTombstone'] },
        'app.close': { target: 'Closed', actions: ['noteShutdown', 'sendError', 'leaveTombstone'] },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    PendingConfirm: {
      on: {
        'frame.START': { actions: ['sendStartAck', 'armPending'] },
        'frame.START_CONFIRM': [
          {
            guard: 'admitted',
            target: 'Streaming',
            actions: [
              'supersede',
              'sendReady',
              'openGate',
              'reportStreaming',
              'countProbe',
              'sendPing',
              'armProbe',
              'refreshConsent',
              'armDead',
            ],
          },
          { target: 'Closed', actions: ['noteAuthFailed', 'sendError'] },
        ],
        'app.mediaDue': { guard: 'fastGranted', actions: 'sendMedia' },
        'frame.BYE': { target: 'Draining', actions: ['noteCode', 'stopMedia', 'sendByeAck', 'armDrain'] },
        'app.superseded': { target: 'Closed', actions: 'noteSuperseded' },
        'timer.pending': { target: 'Closed', actions: 'noteConfirmTimeout' },
        'app.close': { target: 'Closed', actions: 'noteShutdown' },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    Streaming: {
      on: {
        'frame.START_CONFIRM': [{ guard: 'readyAllowed', actions: ['sendReady', 'armDead'] }, { actions: 'armDead' }],
        'app.mediaDue': { guard: 'consentHolds', actions: 'sendMedia' },
        'frame.PONG': [
          { guard: 'nonceKnownWhileProbing', actions: ['refreshConsent', 'sampleRtt', 'armDead'] },
          { guard: 'nonceKnown', actions: ['refreshConsent', 'sampleRtt', 'armHeartbeat', 'armDead'] },
          { actions: 'armDead' },
        ],
        'frame.PING': { actions: ['sendPong', 'armDead'] },
        'frame.PATH_CHALLENGE': { actions: 'armDead' },
        'frame.PATH_RESPONSE': { actions: 'armDead' },
        'frame.exchange': { actions: ['deliverExchange', 'armDead'] },
        'timer.heartbeat': [
          { guard: 'probing', actions: ['countProbe', 'sendPing', 'armProbe'] },
          { actions: ['sendPing', 'armHeartbeatRepeat'] },
        ],
        'timer.consent': { target: 'Closed', actions: ['stopMedia', 'noteConsentExpired', 'sendBye'] },
        'app.superseded': { target: 'Closed', actions: ['stopMedia', 'noteSuperseded'] },
        'timer.dead': { target: 'Closed', actions: ['stopMedia', 'notePeerDead'] },
        'frame.BYE': {
          target: 'Draining',
          actions: ['stopMedia', 'noteCode', 'sendByeAck', 'reportPeerBye', 'armDrain'],
        },
        'app.close': { target: 'Closing', actions: ['stopMedia', 'noteCode', 'countBye', 'sendBye', 'armClosing'] },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    Closing: {
      on: {
        'timer.close': { guard: 'byesLeft', actions: ['countBye', 'sendBye', 'armClose'] },
        'frame.BYE_ACK': { target: 'Closed' },
        'frame.RESET': { guard: 'tokenValid', target: 'Closed' },
        'frame.BYE': { target: 'Draining', actions: ['noteCode', 'sendByeAck', 'armDrain'] },
        'timer.deadline': { target: 'Closed', actions: 'noteCloseTimeout' },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    Draining: {
      on: {
        'frame.BYE': { actions: 'sendByeAck' },
        'timer.drain': { target: 'Closed' },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    Closed: { type: 'final', entry: 'release' },
  },
});
