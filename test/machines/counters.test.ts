import { describe, expect, it } from 'vitest';
import type { InitiatorContext } from '../../machines/initiator.ts';
import type { InitiatorEvent, InitiatorState, ResponderEvent, ResponderState } from '../../machines/types.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { initiatorContexts, responderContexts } from '../support/event-classes.ts';
import { initiatorSubject, responderSubject, type Subject } from '../support/machine-table.ts';

interface Run<State, Context> {
  readonly state: State;
  readonly context: Context;
  readonly outputs: readonly string[];
}

function run<State extends string, Context extends object, Event extends { readonly type: string }>(
  subject: Subject<State, Context, Event>,
  from: { readonly state: State; readonly context: Context },
  events: readonly Event[],
): Run<State, Context> {
  let now: Run<State, Context> = { ...from, outputs: [] };
  for (const event of events) {
    const step = subject.step(now.state, now.context, event);
    now = { ...step, outputs: [...now.outputs, ...step.outputs] };
  }
  return now;
}

const times = <Event>(count: number, ...events: Event[]): Event[] => Array.from({ length: count }, () => events).flat();
const count = (outputs: readonly string[], name: string): number => outputs.filter((one) => one === name).length;

function initiator(input: Partial<InitiatorContext>, events: readonly InitiatorEvent[]) {
  const fresh = initiatorContexts('ReadyToStart')[0]?.context;
  if (fresh === undefined) throw new Error('no context for ReadyToStart');
  const state: InitiatorState = 'ReadyToStart';
  return run(initiatorSubject(), { state, context: { ...fresh, ...input } }, [{ type: 'app.start' }, ...events]);
}

function responder(events: readonly ResponderEvent[]) {
  const fresh = responderContexts('Idle')[0]?.context;
  if (fresh === undefined) throw new Error('no context for Idle');
  const state: ResponderState = 'Idle';
  return run(responderSubject(), { state, context: fresh }, [
    { type: 'admission.admitted' },
    { type: 'app.reserved', fastGranted: false },
    ...events,
  ]);
}

const t1: InitiatorEvent = { type: 'timer.T1' };
const freshRetry: InitiatorEvent = { type: 'frame.RETRY', fresh: true };
const startAck: InitiatorEvent = { type: 'frame.START_ACK', sameTag: true, fastGranted: false };
const otherAck: InitiatorEvent = { type: 'frame.START_ACK', sameTag: false, fastGranted: false };
const resetRight: InitiatorEvent = { type: 'frame.RESET', tokenValid: true };
const close = { type: 'app.close', code: ErrorCode.NO_ERROR } as const;
const closeTimer = { type: 'timer.close' } as const;
const confirm = { type: 'frame.START_CONFIRM', admitted: true, readyAllowed: true } as const;
const heartbeat = { type: 'timer.heartbeat' } as const;
const media: InitiatorEvent = { type: 'frame.media' };

describe('what an initiator counts', () => {
  it('the attempt never passes 255, however many copies the profile allows', () => {
    const { context, outputs, state } = initiator({ sendsMax: 10_000 }, times<InitiatorEvent>(1000, t1));
    expect([state, context.attempt, count(outputs, 'sendStart')]).toEqual(['AwaitingStartAck', 255, 255]);
  });

  it('a fresh RETRY at attempt 255 sends nothing', () => {
    const { context, outputs } = initiator({ sendsMax: 10_000 }, [...times(300, t1), freshRetry]);
    expect([context.attempt, context.retries, count(outputs, 'keepCookie')]).toEqual([255, 0, 0]);
  });

  it('at most 8 fresh RETRYs are followed', () => {
    const { context, outputs } = initiator({ sendsMax: 255 }, times<InitiatorEvent>(20, freshRetry));
    expect([context.retries, context.attempt, count(outputs, 'sendStart')]).toEqual([8, 9, 9]);
  });

  it('the 8 RETRYs are those of the whole handshake: a restart does not renew them', () => {
    const { context } = initiator({ sendsMax: 255 }, [
      ...times(6, freshRetry),
      startAck,
      otherAck,
      ...times(6, freshRetry),
    ]);
    expect([context.retries, context.restarts, context.attempt]).toEqual([8, 1, 3]);
  });

  it('a RETRY begins the backoff anew', () => {
    expect(initiator({ sendsMax: 255 }, [...times(5, t1), freshRetry]).context).toMatchObject({ attempt: 7, sends: 1 });
  });

  it('a responder that restarts for ever is followed 3 times, with a new StreamId and attempt 1 each time', () => {
    const { state, context, outputs } = initiator({ sendsMax: 255 }, times<InitiatorEvent>(10, t1, startAck, otherAck));
    expect([state, context.restarts, count(outputs, 'drawStreamId')]).toEqual(['AwaitingStartConfirm', 3, 4]);
  });

  it('restarts by RESET and by another tag are counted together', () => {
    const { context, outputs } = initiator(
      { sendsMax: 255 },
      times<InitiatorEvent>(10, startAck, resetRight, startAck, otherAck),
    );
    expect([context.restarts, count(outputs, 'drawStreamId')]).toEqual([3, 4]);
  });

  it('a restart keeps the deadline', () => {
    expect(
      count(initiator({ sendsMax: 255 }, times<InitiatorEvent>(3, startAck, otherAck)).outputs, 'armDeadline'),
    ).toBe(1);
  });

  it('profile seed sends START 3 times and then only waits', () => {
    const { context, outputs } = initiator({ sendsMax: profiles.seed.sendsMax }, times<InitiatorEvent>(10, t1));
    expect([context.attempt, count(outputs, 'sendStart'), outputs.at(-1)]).toEqual([3, 3, 'armT1']);
  });

  it('profile seed sends START_CONFIRM 3 times, counted on across the step to Streaming', () => {
    const { state, outputs } = initiator({ sendsMax: profiles.seed.sendsMax }, [
      ...times(2, t1),
      startAck,
      t1,
      media,
      ...times(5, t1),
    ]);
    expect([state, count(outputs, 'sendStartConfirm')]).toEqual(['Streaming', 3]);
  });

  it('START_CONFIRM begins its own backoff and leaves the attempt as it was', () => {
    expect(initiator({ sendsMax: 255 }, [...times(4, t1), startAck]).context).toMatchObject({ attempt: 5, sends: 1 });
  });

  it('BYE is sent 5 times at most', () => {
    const { context, outputs, state } = initiator({ sendsMax: 255 }, [startAck, media, close, ...times(9, closeTimer)]);
    expect([state, context.byes, count(outputs, 'sendBye')]).toEqual(['Closing', 5, 5]);
  });
});

describe('what a responder counts', () => {
  it('three probes go out, the first with the confirm; after them PINGs are repeated until a PONG', () => {
    const { context, outputs } = responder([confirm, ...times(4, heartbeat)]);
    const pings = outputs.filter((name) => ['sendPing', 'armProbe', 'armHeartbeatRepeat'].includes(name));
    expect(context.probes).toBe(3);
    expect(pings).toEqual([...times(3, 'sendPing', 'armProbe'), ...times(2, 'sendPing', 'armHeartbeatRepeat')]);
  });

  it('PONGs neither add nor save a probe', () => {
    const pong = { type: 'frame.PONG', nonceKnown: true } as const;
    const { context, outputs } = responder([confirm, pong, heartbeat, pong, heartbeat, pong, heartbeat]);
    expect([context.probes, count(outputs, 'armProbe'), count(outputs, 'armHeartbeat')]).toEqual([3, 3, 1]);
  });

  it('BYE is sent 5 times at most', () => {
    const { context, outputs, state } = responder([confirm, close, ...times(9, closeTimer)]);
    expect([state, context.byes, count(outputs, 'sendBye')]).toEqual(['Closing', 5, 5]);
  });

  it('BYE(CONSENT_EXPIRED) is sent once and not repeated', () => {
    const { state, outputs } = responder([confirm, { type: 'timer.consent' }, ...times(5, closeTimer)]);
    expect([state, count(outputs, 'sendBye')]).toEqual(['Closed', 1]);
  });

  it('duplicate STARTs ask the application once', () => {
    const start = { type: 'frame.START' } as const;
    const fresh = responderContexts('Idle')[0]?.context;
    if (fresh === undefined) throw new Error('no context for Idle');
    const { outputs } = run(responderSubject(), { state: 'Idle', context: fresh }, [
      { type: 'admission.admitted' },
      ...times(20, start),
      { type: 'app.reserved', fastGranted: false },
      ...times(20, start),
    ]);
    expect([count(outputs, 'askReservation'), count(outputs, 'drawSession')]).toEqual([1, 1]);
    // One answer to each START that came after the reservation, and one to those before it together.
    expect(count(outputs, 'sendStartAck')).toBe(21);
  });
});
