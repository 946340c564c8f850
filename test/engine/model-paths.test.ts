import { describe, expect, it } from 'vitest';
import { type InitiatorContext, initiatorMachine } from '../../machines/initiator.ts';
import { type ResponderContext, responderMachine } from '../../machines/responder.ts';
import type { InitiatorEvent, ResponderEvent } from '../../machines/types.ts';
import { type Profile, profiles } from '../../src/protocol/profiles.ts';
import {
  type EventClass,
  initiatorClasses,
  initiatorStates,
  responderClasses,
  responderStates,
} from '../support/event-classes.ts';
import { InitiatorRig } from '../support/initiator-rig.ts';
import { allRows, type Walk, type Walked, walkPaths } from '../support/model-walk.ts';
import { ResponderRig } from '../support/responder-rig.ts';

/** Few copies, short waits, and each timer able to come before the next: paths stay short. */
const profile: Profile = {
  ...profiles.seed,
  rtoInitialMs: 10,
  rtoMaxMs: 50,
  handshakeMs: 400,
  heartbeatMs: 300,
  pingRepeatMs: 100,
  watchdogMs: 600,
  deadMs: 1000,
  consentMs: 1500,
};

const nothingSeen = (): Walked => ({ states: new Set(), rows: new Set(), steps: 0 });

/** Names of the classes that the engine produces in no state. */
function never<Event extends { readonly type: string }>(
  classes: readonly EventClass<Event>[],
  states: readonly string[],
  canProduce: (state: string, event: Event) => boolean,
): string[] {
  return classes.filter(({ event }) => !states.some((state) => canProduce(state, event))).map(({ name }) => name);
}

describe('the real initiator', () => {
  const seen = nothingSeen();
  const canProduce = (state: string, event: InitiatorEvent, ready = false): boolean => {
    // READY is the end of START_CONFIRM and of the handshake's deadline.
    if (ready && state === 'Streaming') return event.type !== 'timer.T1' && event.type !== 'timer.deadline';
    // A nonce is known once the watchdog has sent a PING, which it does in Streaming only.
    if (event.type === 'frame.PONG') return !event.nonceKnown || state === 'Streaming';
    // Before START_ACK there is no tag that a frame could have.
    const hasTag = state !== 'ReadyToStart' && state !== 'AwaitingStartAck';
    return hasTag || !('sameTag' in event) || !event.sameTag;
  };
  const walk = (fastAsked: boolean, ready: boolean): Walk<InitiatorEvent> => ({
    machine: initiatorMachine,
    input: { sendsMax: profile.sendsMax, fastAsked },
    events: initiatorClasses.map(({ event }) => event).filter(({ type }) => ready || type !== 'frame.READY'),
    canProduce: (state, event) => canProduce(state, event, ready),
    placeOf(state, context) {
      const { sends, retries, restarts, byes, fastGranted } = context as InitiatorContext;
      const counts: Readonly<Record<string, readonly unknown[]>> = {
        AwaitingStartAck: sends > 1 ? ['sends', sends] : restarts > 0 ? ['restarts', restarts] : ['retries', retries],
        AwaitingStartConfirm: sends > 1 ? ['sends', sends] : ['restarts', restarts, fastGranted],
        Streaming: [sends],
        Closing: [byes],
      };
      return [state, ...(counts[state] ?? [])].join(' ');
    },
    rig: () => new InitiatorRig(profile, fastAsked),
  });

  it.each([
    { fastAsked: false, ready: true },
    { fastAsked: false, ready: false },
    { fastAsked: true, ready: true },
  ])('does on every path what its machine does (fast asked: $fastAsked, READY comes: $ready)', (options) => {
    walkPaths(walk(options.fastAsked, options.ready), seen);
  });

  it('was in every state and took every row', () => {
    expect([...seen.states].sort()).toEqual([...initiatorStates].sort());
    expect(allRows(initiatorMachine).filter((row) => !seen.rows.has(row))).toEqual([]);
  });

  it('produces every class of event', () => {
    expect(never(initiatorClasses, initiatorStates, canProduce)).toEqual([]);
  });
});

describe('the real responder', () => {
  const seen = nothingSeen();
  const canProduce = (state: string, event: ResponderEvent): boolean => {
    // A session is made by the START that is admitted, which no other event can come before or after.
    if (state === 'Idle' || event.type === 'admission.admitted') {
      return state === 'Idle' && event.type === 'admission.admitted';
    }
    switch (event.type) {
      case 'app.reserved':
        return !event.fastGranted;
      case 'frame.START_CONFIRM':
        // The first is always within the 50 READYs of a second.
        return event.admitted && (event.readyAllowed || state !== 'PendingConfirm');
      case 'app.mediaDue':
        // The end of consent ends the session in the same instant.
        return event.consentHolds;
      case 'frame.PONG':
        return !event.nonceKnown || state === 'Streaming';
      default:
        return true;
    }
  };
  const walk: Walk<ResponderEvent> = {
    machine: responderMachine,
    events: responderClasses.map(({ event }) => event),
    canProduce,
    placeOf(state, context) {
      const { probes, byes } = context as ResponderContext;
      return `${state} ${state === 'Streaming' ? probes : ''}${state === 'Closing' ? byes : ''}`;
    },
    rig: () => new ResponderRig(profile),
  };

  it('does on every path what its machine does', () => {
    walkPaths(walk, seen);
  });

  it('was in every state and took every row but those of what this version does not do', () => {
    expect([...seen.states].sort()).toEqual([...responderStates].sort());
    expect(allRows(responderMachine).filter((row) => !seen.rows.has(row))).toEqual([
      // The session begins with the START that was admitted: there is no socket that could fail before.
      'Idle: app.socketFailed -> Closed',
      // Keys of viewers are not there yet: a START_CONFIRM with both ids is always admitted.
      'PendingConfirm: frame.START_CONFIRM -> Closed',
      // Fast mode is never granted.
      'PendingConfirm: app.mediaDue [fastGranted] -> PendingConfirm',
    ]);
  });

  it('produces every class of event but these', () => {
    expect(never(responderClasses, responderStates, canProduce)).toEqual([
      'frame.START_CONFIRM (not admitted, READY allowed)',
      'frame.START_CONFIRM (not admitted, READY not allowed)',
      'app.reserved (fast granted)',
      'app.mediaDue (consent does not hold)',
    ]);
  });
});
