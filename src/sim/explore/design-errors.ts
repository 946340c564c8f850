/**
 * Errors that somebody could make, each as a small change of a machine's table or of the rules around it. They test the
 * explorer: each must be found, by the rule that it breaks. The first of them was the protocol until an exploration found it.
 */
import { initiatorTable, responderTable } from '../../engine/tables.ts';
import type { Bounds } from './bounds.ts';
import type { ModelOptions } from './model.ts';
import type { RuleId } from './rules.ts';
import { oneMore, rewritten, withOutput, withoutOutput, withoutRow, withRow } from './table-rewrites.ts';

/** One error. */
export interface DesignError {
  /** What is wrong, as a phrase. */
  readonly name: string;
  /** The rule that an exploration must report. */
  readonly breaks: RuleId;
  /** What differs from {@link errorBounds}: the smallest bounds in which the error shows. */
  readonly bounds?: Partial<Bounds>;
  readonly model: Omit<ModelOptions, 'bounds'>;
}

/** Small bounds in which most errors show. */
export const errorBounds: Bounds = {
  network: 'set',
  inFlightMax: 2,
  sessionsMax: 2,
  candidatesMax: 2,
  sendsMax: 2,
  retriesLeft: 0,
  restartsLeft: 0,
  byesLeft: 1,
  probesLeft: 1,
  responderRestarts: 0,
  initiatorRestarts: 0,
  attacker: false,
  attackerStreams: 1,
  closes: false,
  socketFailures: false,
};

const again = { initiatorRestarts: 1 } as const;
const crowded = {
  network: 'queue',
  inFlightMax: 1,
  attacker: true,
  sessionsMax: 3,
  retriesLeft: 1,
  sendsMax: 1,
} as const;
const lossy = { network: 'queue', sessionsMax: 1 } as const;

/** See the top of this file. */
export const designErrors: readonly DesignError[] = [
  {
    name: 'a confirm leaves the older candidates of its tuple: a late confirm of theirs takes the tuple back',
    breaks: 'S4',
    bounds: again,
    model: { faults: { olderCandidatesStay: true } },
  },
  {
    name: 'START_CONFIRM without SessionTag: a blind spoofer confirms in a victim’s name',
    breaks: 'S1',
    bounds: { attacker: true },
    model: { faults: { confirmWithoutTag: true } },
  },
  {
    name: 'SessionTags are used again after a restart: a START_CONFIRM from before opens the gate',
    breaks: 'S1',
    bounds: { responderRestarts: 1 },
    model: { faults: { tagsReused: true } },
  },
  {
    name: 'media leaves before the confirm',
    breaks: 'S1',
    model: { responder: withRow(responderTable, 'PendingConfirm', 'app.mediaDue', 'PendingConfirm', ['sendMedia']) },
  },
  {
    name: 'START_ACK is sent by a timer of its own before the confirm',
    breaks: 'S2',
    model: { responder: withOutput(responderTable, 'PendingConfirm', 'timer.pending', 'sendStartAck') },
  },
  {
    name: 'a START that joins a reservation is answered as well as the reservation: two answers to one START',
    breaks: 'S2',
    model: { responder: withOutput(responderTable, 'PendingStartRequest', 'app.reserved', 'sendStartAck') },
  },
  {
    name: 'media with any SSRC is evidence: media of an earlier session completes the handshake',
    breaks: 'S3',
    bounds: again,
    model: { faults: { ssrcUnchecked: true } },
  },
  {
    name: 'START_ACK itself is evidence of the confirm',
    breaks: 'S3',
    model: {
      initiator: rewritten(initiatorTable, (step, state, event) =>
        step !== undefined && state === 'AwaitingStartAck' && event.type === 'frame.START_ACK'
          ? { ...step, state: 'Streaming', outputs: [...step.outputs, 'reportStreaming', 'armLiveness'] }
          : step,
      ),
    },
  },
  {
    name: 'one candidate more than the cap',
    breaks: 'S5',
    bounds: { attacker: true, candidatesMax: 1 },
    model: { faults: { oneCandidateMore: true } },
  },
  {
    name: 'one restart of the handshake more than the cap',
    breaks: 'S5',
    bounds: { responderRestarts: 1, restartsLeft: 0 },
    model: { initiator: oneMore(initiatorTable, 'frame.RESET', 'restarts') },
  },
  {
    name: 'one START more than the cap on copies',
    breaks: 'S5',
    model: { initiator: oneMore(initiatorTable, 'timer.T1', 'sends') },
  },
  {
    name: 'one BYE more than the cap, of an initiator',
    breaks: 'S5',
    bounds: { closes: true },
    model: { initiator: oneMore(initiatorTable, 'timer.close', 'byes') },
  },
  {
    name: 'one BYE more than the cap, of a responder',
    breaks: 'S5',
    bounds: { closes: true },
    model: { responder: oneMore(responderTable, 'timer.close', 'byes') },
  },
  {
    name: 'one RETRY is followed more than the cap allows',
    breaks: 'S5',
    bounds: { retriesLeft: 1 },
    model: { initiator: oneMore(initiatorTable, 'frame.RETRY', 'retries') },
  },
  {
    name: 'the confirmed session leaves the older one live',
    breaks: 'S6',
    bounds: again,
    model: { responder: withoutOutput(responderTable, 'PendingConfirm', 'frame.START_CONFIRM', 'supersede') },
  },
  {
    name: 'a copy of a START opens a second session beside its own',
    breaks: 'S6',
    model: { faults: { duplicateAdmitted: true } },
  },
  {
    name: 'START replaces the live session: a spoofer ends it blind',
    breaks: 'S8',
    bounds: { attacker: true },
    model: { faults: { startReplacesLive: true } },
  },
  {
    name: 'the reservation of a newer candidate ends the live session before its confirm',
    breaks: 'S8',
    bounds: { attacker: true, candidatesMax: 1 },
    model: { responder: withOutput(responderTable, 'PendingConfirm', 'frame.START', 'supersede') },
  },
  {
    name: 'a copy of its START shuts the gate of a live session',
    breaks: 'S7',
    model: { responder: withOutput(responderTable, 'Streaming', 'frame.START', 'stopMedia') },
  },
  {
    name: 'the responder takes BYE without ids',
    breaks: 'S8',
    bounds: { attacker: true },
    model: { faults: { byeByTuple: true } },
  },
  {
    name: 'the initiator takes BYE without ids',
    breaks: 'S8',
    bounds: { attacker: true },
    model: { faults: { byeUnchecked: true } },
  },
  {
    name: 'the initiator takes RESET without comparing the token',
    breaks: 'S8',
    bounds: { responderRestarts: 1 },
    model: { faults: { resetTokenUnchecked: true } },
  },
  {
    name: 'an ERROR with any ids ends a live session',
    breaks: 'S8',
    bounds: { attacker: true },
    model: {
      faults: { errorUnchecked: true },
      initiator: withRow(initiatorTable, 'Streaming', 'frame.ERROR', 'Closed', ['release']),
    },
  },
  {
    name: 'media goes on after consent ended, until its timer is served',
    breaks: 'S9',
    model: {
      responder: rewritten(responderTable, (step, state, event, context) =>
        state === 'Streaming' && event.type === 'app.mediaDue' ? { state, context, outputs: ['sendMedia'] } : step,
      ),
    },
  },
  {
    name: 'media goes on in Closing, after BYE',
    breaks: 'S9',
    bounds: { closes: true },
    model: { responder: withRow(responderTable, 'Closing', 'app.mediaDue', 'Closing', ['sendMedia']) },
  },
  {
    name: 'BYE_ACK is answered by BYE_ACK',
    breaks: 'S12',
    bounds: { closes: true },
    model: { faults: { byeAckAnswered: true } },
  },
  {
    name: 'PONG is answered by PING',
    breaks: 'S12',
    model: { responder: withOutput(responderTable, 'Streaming', 'frame.PONG', 'sendPing') },
  },
  {
    name: 'a stale RETRY is followed, back to an older cookie',
    breaks: 'rule 6',
    bounds: { retriesLeft: 2, sendsMax: 1 },
    model: {
      initiator: rewritten(initiatorTable, (step, state, event, context) =>
        event.type === 'frame.RETRY' ? initiatorTable.step(state, context, { ...event, fresh: true }) : step,
      ),
    },
  },
  {
    name: 'no tombstone: a late START opens a session again that is over',
    breaks: 'rule 9',
    model: { faults: { tombstoneIgnored: true } },
  },
  {
    name: 'on a full tuple any START takes a candidate’s place: a blind spoofer drives a viewer out',
    breaks: 'rule 10',
    bounds: { ...crowded, candidatesMax: 1 },
    model: { faults: { givesWayUnasked: true } },
  },
  {
    name: 'a candidate that showed a cookie gives way',
    breaks: 'rule 10',
    bounds: { ...crowded, ...again, candidatesMax: 1 },
    model: { faults: { provenGivesWay: true } },
  },
  {
    name: 'the newest candidate without a cookie gives way, not the oldest',
    breaks: 'rule 10',
    bounds: { ...crowded, attackerStreams: 2 },
    model: { faults: { newestGivesWay: true } },
  },
  {
    name: 'a full tuple lets nobody in: a blind spoofer keeps out a viewer that shows a cookie',
    breaks: 'rule 10',
    bounds: { ...crowded, attackerStreams: 2 },
    model: { faults: { nobodyGivesWay: true } },
  },
  {
    name: 'a candidate is to give way while the application is being asked: it stays, and there is one too many',
    breaks: 'S5',
    bounds: { ...crowded, candidatesMax: 1 },
    model: { faults: { reservationGivesWay: true } },
  },
  {
    name: 'a full tuple asks for no cookie: a blind spoofer keeps a viewer out that has none yet',
    breaks: 'L2',
    bounds: { ...crowded, sessionsMax: 2, sendsMax: 2, candidatesMax: 1 },
    model: { faults: { fullTupleSilent: true } },
  },
  {
    name: 'START is sent once',
    breaks: 'L2',
    bounds: lossy,
    model: { initiator: withoutOutput(initiatorTable, 'AwaitingStartAck', 'timer.T1', 'sendStart') },
  },
  {
    name: 'START_CONFIRM is sent once',
    breaks: 'L2',
    bounds: lossy,
    model: { initiator: withoutOutput(initiatorTable, 'AwaitingStartConfirm', 'timer.T1', 'sendStartConfirm') },
  },
  {
    name: 'READY is not repeated for a repeated START_CONFIRM',
    breaks: 'L2',
    bounds: lossy,
    model: { responder: withoutOutput(responderTable, 'Streaming', 'frame.START_CONFIRM', 'sendReady') },
  },
  {
    name: 'a repeated START is not answered again',
    breaks: 'L2',
    bounds: lossy,
    model: { responder: withoutOutput(responderTable, 'PendingConfirm', 'frame.START', 'sendStartAck') },
  },
  {
    name: 'START is dropped while the tuple has a live session',
    breaks: 'L2',
    bounds: { ...again, network: 'queue', inFlightMax: 1 },
    model: { faults: { startBesideLiveDropped: true } },
  },
  {
    name: 'ids that nobody has are met with silence: a restarted responder is not told of',
    breaks: 'L2',
    bounds: { responderRestarts: 1, restartsLeft: 1 },
    model: { faults: { noReset: true } },
  },
  {
    name: 'a candidate that nobody confirms stays for ever',
    breaks: 'L4',
    bounds: { sessionsMax: 1 },
    model: { responder: withoutRow(responderTable, 'PendingConfirm', 'timer.pending') },
  },
  {
    name: 'Draining never ends',
    breaks: 'L4',
    bounds: { sessionsMax: 1, closes: true },
    model: { initiator: withoutRow(initiatorTable, 'Draining', 'timer.drain') },
  },
  {
    name: 'Closing waits for BYE_ACK for ever',
    breaks: 'L4',
    bounds: { ...lossy, closes: true },
    model: { initiator: withoutRow(initiatorTable, 'Closing', 'timer.deadline') },
  },
  {
    name: 'neither silence nor the end of consent ends a responder’s session',
    breaks: 'L4',
    bounds: { ...lossy, closes: true },
    model: {
      responder: withoutRow(withoutRow(responderTable, 'Streaming', 'timer.dead'), 'Streaming', 'timer.consent'),
    },
  },
];
