/**
 * The initiator: a viewer or recorder that wants a stream.
 *
 * Theory of operation. One machine lives for one `initiate()`. It owns every retransmission of the handshake: the responder
 * only answers. It sends START until START_ACK names a SessionTag, then START_CONFIRM with that tag until there is evidence
 * that it arrived (READY, PING or media). Evidence moves it to Streaming, but START_CONFIRM goes on there until READY itself
 * is in hand, because READY carries the SDP. A responder that restarted shows itself by another tag or a RESET; the machine
 * then starts anew with a new StreamId, three times at most and within the same deadline. In Streaming it is kept alive by
 * anything valid that arrives; silence first asks (watchdog, PING), then ends (dead). A PATH_CHALLENGE is answered, and asked
 * back soon: the responder may send elsewhere, and needs news from here to find out. A close says BYE until it is
 * acknowledged (Closing); a peer's BYE is acknowledged for as long as copies may come (Draining).
 *
 * Driven by pure `transition()`: actions named here are either assigns or declared outputs whose bodies never run. Their
 * meaning, and the length of every timer, is the session's business (src/engine/initiator-session.ts). An event without a
 * row changes nothing and is counted by the session. The full table is the snapshot in test/machines.
 */
import { assign, setup } from 'xstate';
import { ATTEMPTS_MAX, BYE_SENDS_MAX, RESTARTS_MAX, RETRIES_MAX } from '../src/protocol/constants.ts';
import { ErrorCode, unansweredCode } from '../src/protocol/error-code.ts';
import type { InitiatorEvent } from './types.ts';

/** What an initiator remembers besides its state; plain numbers and booleans, so that a snapshot survives JSON. */
export interface InitiatorContext {
  /** The profile's cap on copies of one frame. */
  readonly sendsMax: number;
  /** FAST is set in START. */
  readonly fastAsked: boolean;
  /** The START_ACK granted FAST: media then proves nothing. */
  readonly fastGranted: boolean;
  /** STARTs sent with the current StreamId; the header's attempt field. */
  readonly attempt: number;
  /** Copies since T1 last began anew: the place in the backoff schedule. */
  readonly sends: number;
  /** Fresh RETRYs followed. */
  readonly retries: number;
  /** Times started anew after a responder's restart. */
  readonly restarts: number;
  /** BYEs sent. */
  readonly byes: number;
  /** What the session will have ended with. */
  readonly code: number;
}

/** What must be known at the start. */
export interface InitiatorInput {
  readonly sendsMax: number;
  readonly fastAsked: boolean;
}

/** The initiator's machine: docs/PROTOCOL.md, section 4, row by row. */
export const initiatorMachine = setup({
  types: {
    context: {} as InitiatorContext,
    events: {} as InitiatorEvent,
    input: {} as InitiatorInput,
  },
  guards: {
    startsLeft: ({ context }) => context.sends < context.sendsMax && context.attempt < ATTEMPTS_MAX,
    confirmsLeft: ({ context }) => context.sends < context.sendsMax,
    byesLeft: ({ context }) => context.byes < BYE_SENDS_MAX,
    freshRetry: ({ context, event }) =>
      event.type === 'frame.RETRY' && event.fresh && context.retries < RETRIES_MAX && context.attempt < ATTEMPTS_MAX,
    worthWaiting: ({ event }) => event.type === 'frame.ERROR' && event.worthWaiting,
    errorWithOurTag: ({ event }) => event.type === 'frame.ERROR' && event.sameTag,
    sameTag: ({ event }) => event.type === 'frame.START_ACK' && event.sameTag,
    otherTag: ({ context, event }) =>
      event.type === 'frame.START_ACK' && !event.sameTag && context.restarts < RESTARTS_MAX,
    resetWithRestartLeft: ({ context, event }) =>
      event.type === 'frame.RESET' && event.tokenValid && context.restarts < RESTARTS_MAX,
    tokenValid: ({ event }) => event.type === 'frame.RESET' && event.tokenValid,
    nonceKnown: ({ event }) => event.type === 'frame.PONG' && event.nonceKnown,
    fastAsked: ({ context }) => context.fastAsked,
    fastGranted: ({ context }) => context.fastGranted,
    nothingSent: ({ event }) => event.type === 'timer.deadline' && event.nothingSent,
  },
  actions: {
    countFirstStart: assign({ attempt: 1, sends: 1, fastGranted: false }),
    countStart: assign({
      attempt: ({ context }) => context.attempt + 1,
      sends: ({ context }) => context.sends + 1,
    }),
    countRetry: assign({
      attempt: ({ context }) => context.attempt + 1,
      sends: 1,
      retries: ({ context }) => context.retries + 1,
    }),
    countRestart: assign({
      attempt: 1,
      sends: 1,
      fastGranted: false,
      restarts: ({ context }) => context.restarts + 1,
    }),
    noteGrant: assign({
      sends: 1,
      fastGranted: ({ context, event }) => event.type === 'frame.START_ACK' && event.fastGranted && context.fastAsked,
    }),
    countConfirm: assign({ sends: ({ context }) => context.sends + 1 }),
    countBye: assign({ byes: ({ context }) => context.byes + 1 }),
    noteCode: assign({
      code: ({ context, event }) => ('code' in event ? event.code : context.code),
    }),
    noteCancelled: assign({ code: ErrorCode.CANCELLED }),
    noteHandshakeTimeout: assign({ code: ErrorCode.HANDSHAKE_TIMEOUT }),
    noteConfirmTimeout: assign({ code: ErrorCode.CONFIRM_TIMEOUT }),
    noteCloseTimeout: assign({ code: ({ context }) => unansweredCode(context.code) }),
    noteLocalNetwork: assign({ code: ErrorCode.LOCAL_NETWORK }),
    notePeerDead: assign({ code: ErrorCode.PEER_DEAD }),
    notePeerReset: assign({ code: ErrorCode.PEER_RESET }),

    drawStreamId: () => {},
    keepCookie: () => {},
    adoptSession: () => {},
    sendStart: () => {},
    sendStartConfirm: () => {},
    sendPing: () => {},
    sendPong: () => {},
    sendPathResponse: () => {},
    sendBye: () => {},
    sendByeAck: () => {},
    sampleRtt: () => {},
    delayT1: () => {},
    keepEarlyMedia: () => {},
    deliverMedia: () => {},
    deliverSdp: () => {},
    deliverExchange: () => {},
    reportStreaming: () => {},
    reportPeerBye: () => {},
    stopMedia: () => {},
    armT1: () => {},
    disarmT1: () => {},
    armDeadline: () => {},
    disarmDeadline: () => {},
    armLiveness: () => {},
    armWatchdogRepeat: () => {},
    armClosing: () => {},
    armClose: () => {},
    armDrain: () => {},
    release: () => {},
  },
}).createMachine({
  id: 'initiator',
  context: ({ input }) => ({
    sendsMax: input.sendsMax,
    fastAsked: input.fastAsked,
    fastGranted: false,
    attempt: 0,
    sends: 0,
    retries: 0,
    restarts: 0,
    byes: 0,
    code: ErrorCode.NO_ERROR,
  }),
  initial: 'ReadyToStart',
  states: {
    ReadyToStart: {
      on: {
        'app.start': {
          target: 'AwaitingStartAck',
          actions: ['drawStreamId', 'countFirstStart', 'sendStart', 'armT1', 'armDeadline'],
        },
        'app.close': { target: 'Closed', actions: 'noteCancelled' },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    AwaitingStartAck: {
      on: {
        'timer.T1': { guard: 'startsLeft', actions: ['countStart', 'sendStart', 'armT1'] },
        'frame.RETRY': { guard: 'freshRetry', actions: ['keepCookie', 'countRetry', 'sendStart', 'armT1'] },
        'frame.START_ACK': {
          target: 'AwaitingStartConfirm',
          actions: ['adoptSession', 'sampleRtt', 'noteGrant', 'sendStartConfirm', 'armT1'],
        },
        'frame.ERROR': [
          { guard: 'worthWaiting', actions: 'delayT1' },
          { target: 'Closed', actions: 'noteCode' },
        ],
        'frame.media': { guard: 'fastAsked', actions: 'keepEarlyMedia' },
        'app.close': { target: 'Closed', actions: 'noteCancelled' },
        'timer.deadline': [
          { guard: 'nothingSent', target: 'Closed', actions: 'noteLocalNetwork' },
          { target: 'Closed', actions: 'noteHandshakeTimeout' },
        ],
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    AwaitingStartConfirm: {
      on: {
        'frame.READY': {
          target: 'Streaming',
          actions: ['deliverSdp', 'disarmT1', 'disarmDeadline', 'reportStreaming', 'armLiveness'],
        },
        'frame.PING': { target: 'Streaming', actions: ['sendPong', 'reportStreaming', 'armLiveness'] },
        'frame.media': [
          { guard: 'fastGranted', actions: 'deliverMedia' },
          { target: 'Streaming', actions: ['reportStreaming', 'deliverMedia', 'armLiveness'] },
        ],
        'timer.T1': { guard: 'confirmsLeft', actions: ['countConfirm', 'sendStartConfirm', 'armT1'] },
        'frame.START_ACK': {
          guard: 'otherTag',
          target: 'AwaitingStartAck',
          actions: ['drawStreamId', 'countRestart', 'sendStart', 'armT1'],
        },
        'frame.RESET': {
          guard: 'resetWithRestartLeft',
          target: 'AwaitingStartAck',
          actions: ['drawStreamId', 'countRestart', 'sendStart', 'armT1'],
        },
        'frame.ERROR': { guard: 'errorWithOurTag', target: 'Closed', actions: 'noteCode' },
        'frame.BYE': { target: 'Draining', actions: ['noteCode', 'sendByeAck', 'reportPeerBye', 'armDrain'] },
        'app.close': { target: 'Closing', actions: ['noteCode', 'countBye', 'sendBye', 'armClosing'] },
        'timer.deadline': { target: 'Closed', actions: ['noteConfirmTimeout', 'sendBye'] },
        'app.socketFailed': { target: 'Closed', actions: 'noteLocalNetwork' },
      },
    },
    Streaming: {
      on: {
        'frame.media': { actions: ['deliverMedia', 'armLiveness'] },
        'frame.READY': { actions: ['deliverSdp', 'disarmT1', 'disarmDeadline', 'armLiveness'] },
        'frame.PING': { actions: ['sendPong', 'armLiveness'] },
        'frame.PONG': [{ guard: 'nonceKnown', actions: ['sampleRtt', 'armLiveness'] }, { actions: 'armLiveness' }],
        'frame.START_ACK': { guard: 'sameTag', actions: 'armLiveness' },
        'frame.PATH_CHALLENGE': { actions: ['sendPathResponse', 'armLiveness', 'armWatchdogRepeat'] },
        'frame.PATH_RESPONSE': { actions: 'armLiveness' },
        'frame.TOKEN': { actions: 'armLiveness' },
        'frame.exchange': { actions: ['deliverExchange', 'armLiveness'] },
        'timer.T1': { guard: 'confirmsLeft', actions: ['countConfirm', 'sendStartConfirm', 'armT1'] },
        'timer.deadline': { actions: 'disarmT1' },
        'timer.watchdog': { actions: ['sendPing', 'armWatchdogRepeat'] },
        'timer.dead': { target: 'Closed', actions: ['stopMedia', 'notePeerDead'] },
        'frame.RESET': { guard: 'tokenValid', target: 'Closed', actions: ['stopMedia', 'notePeerReset'] },
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
