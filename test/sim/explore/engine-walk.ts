/**
 * The model and the real endpoints, side by side: each step is done to both, and afterwards states, ids and the frames that were
 * sent must agree. Time is that of the engine: a timer fires in the model when it fires there.
 */
import { expect } from 'vitest';
import { encodeFrame } from '../../../src/codec/encode.ts';
import { makeTestFrame } from '../../../src/media/test-frames.ts';
import { RETRY_AFTER_MIN_MS, TOMBSTONE_MS } from '../../../src/protocol/constants.ts';
import { ErrorCode } from '../../../src/protocol/error-code.ts';
import { FrameType } from '../../../src/protocol/frame.ts';
import type { Profile } from '../../../src/protocol/profiles.ts';
import { ALTERNATIVE, actionOf, Group, partsOf, STALE_COOKIE } from '../../../src/sim/explore/action.ts';
import { describeAction, describeState, frameName, toInitiator } from '../../../src/sim/explore/diagram.ts';
import { InitiatorClass } from '../../../src/sim/explore/initiator-role.ts';
import {
  Global,
  get,
  hasCookie,
  Session,
  SessionFrame,
  StreamFrame,
  stoneIn,
} from '../../../src/sim/explore/layout.ts';
import type { Model } from '../../../src/sim/explore/model.ts';
import { ResponderClass } from '../../../src/sim/explore/responder-role.ts';
import type { TestStream } from '../../support/camera-application.ts';
import { frameOf, rtpBytes, sessionFrame, startBytes } from '../../support/frames.ts';
import { attackerStreamId, RealPair, type RealSession } from './real-pair.ts';

interface Made {
  readonly sent: readonly number[];
  readonly after: Int32Array;
}

/** One walk. */
export class EngineWalk {
  /** What was done, for a failure. */
  readonly log: string[] = [];
  /** How often both did what: `initiator timer.T1`, `frame READY`. */
  readonly covered: Map<string, number>;
  state: Int32Array;
  readonly #model: Model;
  readonly #profile: Profile;
  readonly #real: RealPair;
  readonly #stonesUntilMs = new Map<number, number>();
  #startedAtMs = 0;

  constructor(model: Model, profile: Profile, seed: number, covered: Map<string, number>) {
    this.#model = model;
    this.#profile = profile;
    this.#real = new RealPair(model.layout, profile, seed);
    this.covered = covered;
    this.state = model.initialState();
  }

  /** The model has no session left, while the engine has. */
  get atBound(): boolean {
    return get(this.state[0] as number, Global.sessionsDrawn) === this.#model.bounds.sessionsMax;
  }

  /** Actions that can be done to both now. */
  actions(): number[] {
    const actions: number[] = [];
    this.#model.expand(this.state, 0, (action) => {
      if (this.#possible(action)) actions.push(action);
    });
    return actions;
  }

  /** Does one action to both. */
  perform(action: number): void {
    const made = this.#make(action, this.state);
    this.log.push(describeAction(this.#model, action, this.state));
    this.#real.begin();
    this.#perform(action, made);
    this.#cover(action);
    if (this.#givesWay(action, made)) this.#note('a candidate gives way');
    this.#compare(made);
  }

  /** Lets time pass to the next deadline of either end; false if there is none. */
  passTime(): boolean {
    this.#real.begin();
    if (!this.#real.passTime()) return false;
    this.log.push(`time passes to ${this.#real.nowMs.toFixed(1)} ms`);
    const { initiator, responder } = this.#model;
    let after = this.state;
    const sent: number[] = [];
    for (const { session, event } of this.#real.fired) {
      this.log.push(`  ${event} of ${session === 0 ? 'the initiator' : `T${session}`}`);
      const index = (session === 0 ? initiator : responder).eventNames.indexOf(event);
      const action = actionOf(session === 0 ? Group.INITIATOR : Group.RESPONDER, session, index);
      const armed = this.#armed(session, after);
      if (!armed.includes(index)) expect(armed, `${event} is armed in the model\n${this.#story()}`).toContain(index);
      const made = this.#make(action, after);
      this.#cover(action);
      sent.push(...made.sent);
      after = made.after;
    }
    this.#compare({ sent, after });
    return true;
  }

  #armed(session: number, state: Int32Array): number[] {
    const { initiator, responder, layout } = this.#model;
    if (session === 0) return [...(initiator.timers[get(state[0] as number, Global.initiator)] ?? [])];
    const word = state[layout.firstSession + session - 1] as number;
    return [...(responder.timers[get(word, Session.local)] ?? [])];
  }

  /** The step of an action in the model; one that changes nothing and sends nothing is none there. */
  #make(action: number, from: Int32Array): Made {
    const { step } = this.#model;
    let made: Made = { sent: [], after: from };
    this.#model.expand(from, 0, (each) => {
      if (each !== action) return;
      if (step.broken !== 0) expect(step.broken, `no rule is broken\n${this.#story()}`).toBe(0);
      this.#model.enough = true;
      made = { sent: [...step.sent.subarray(0, step.sentCount)], after: step.next.slice() };
    });
    return made;
  }

  #cover(action: number): void {
    const { group, subject, detail } = partsOf(action);
    const { initiator, responder } = this.#model;
    let name = `group ${group}`;
    if (group === Group.INITIATOR) name = `initiator ${initiator.eventNames[detail]}`;
    if (group === Group.RESPONDER) name = `responder ${responder.eventNames[detail]}`;
    if (group === Group.DELIVER) name = `frame ${this.#frameKind(subject, detail & 31)}`;
    this.#note(name);
  }

  #note(name: string): void {
    this.covered.set(name, (this.covered.get(name) ?? 0) + 1);
  }

  #frameKind(word: number, bit: number): string | undefined {
    if (word >= this.#model.layout.firstSession) return Object.keys(SessionFrame)[bit];
    return frameName(this.#model, 32 * word + bit, this.state).split(' ')[0];
  }

  #possible(action: number): boolean {
    const { group, subject, detail } = partsOf(action);
    if (group === Group.INITIATOR) return detail < InitiatorClass.startAckSame;
    if (group === Group.RESPONDER) return detail < ResponderClass.consentLapses;
    if (group !== Group.DELIVER) return group !== Group.TOMBSTONE_EXPIRES;
    const frame = detail & 31;
    const alternative = (detail & ALTERNATIVE) !== 0;
    if (subject < this.#model.layout.firstSession) {
      if ((frame & 15) < StreamFrame.RETRY)
        return this.#cookieHolds(32 * subject + frame) !== ((detail & STALE_COOKIE) !== 0);
      if ((frame & 15) !== StreamFrame.ERROR_FOR_NOW) return true;
      const worthWaiting = this.#real.nowMs + RETRY_AFTER_MIN_MS < this.#startedAtMs + this.#profile.handshakeMs;
      return alternative !== worthWaiting;
    }
    if (frame === SessionFrame.START_CONFIRM) return !alternative;
    if (frame !== SessionFrame.PONG_TO_INITIATOR && frame !== SessionFrame.PONG_TO_RESPONDER) return true;
    const { pings } = this.#real.sessions[subject - this.#model.layout.firstSession] as RealSession;
    const pong = frameOf(this.#bytesOf(32 * subject + frame));
    const asked = frame === SessionFrame.PONG_TO_INITIATOR ? pings.initiator : pings.responder;
    return alternative !== ('nonce' in pong && asked.slice(-8).includes(pong.nonce));
  }

  /** The cookie of a START on its way is good, or it has none, as in the model. */
  #cookieHolds(frame: number): boolean {
    const bytes = frameOf(this.#bytesOf(frame));
    const cookie = 'cookie' in bytes ? bytes.cookie : undefined;
    const word = frame >> 5;
    const stream = 2 * word - 1 + ((frame >> 4) & 1);
    const shown = hasCookie(this.state[word] as number, stream, bytes.attempt);
    if (shown !== (cookie !== undefined)) expect(cookie !== undefined, `a cookie\n${this.#story()}`).toBe(shown);
    return cookie === undefined || this.#real.cookieHolds(cookie, bytes.streamId);
  }

  /** A START ends another candidate. */
  #givesWay(action: number, { after }: Made): boolean {
    const { group, subject, detail } = partsOf(action);
    const { firstSession } = this.#model.layout;
    if (group !== Group.DELIVER || subject >= firstSession || (detail & 15) >= StreamFrame.RETRY) return false;
    return this.state.some((word, i) => {
      return i >= firstSession && get(word, Session.local) !== 0 && get(after[i] as number, Session.local) === 0;
    });
  }

  #perform(action: number, made: Made): void {
    const { group, subject, detail } = partsOf(action);
    const real = this.#real;
    switch (group) {
      case Group.INITIATOR:
        if (detail === InitiatorClass.start) this.#startedAtMs = real.nowMs;
        if (detail === InitiatorClass.start) real.toInitiator({ kind: 'start' });
        else if (detail === InitiatorClass.close) real.toInitiator({ kind: 'close', code: ErrorCode.NO_ERROR });
        else real.toInitiator({ kind: 'socketFailed' });
        break;
      case Group.RESPONDER:
        this.#application(real.sessions[subject - 1] as RealSession, detail);
        break;
      case Group.DELIVER:
        this.#deliver(32 * subject + (detail & 31), made, (detail & ALTERNATIVE) !== 0);
        break;
      case Group.FORGE:
        this.#forge(subject, detail);
        break;
      case Group.RESTART_RESPONDER:
        this.#stonesUntilMs.clear();
        real.restartResponder(detail === 1);
        break;
      case Group.RESTART_INITIATOR:
        real.restartInitiator();
        break;
      default:
        real.toResponder({ kind: 'socketFailed' });
    }
  }

  #application({ handle: session, stream }: RealSession, event: number): void {
    const real = this.#real;
    switch (event) {
      case ResponderClass.reserved:
        return real.toResponder({ kind: 'reserved', session, feed: stream.feed, sdp: 'v=0\r\n' });
      case ResponderClass.refusedForNow:
        return real.toResponder({ kind: 'refused', session, code: ErrorCode.RESOURCE });
      case ResponderClass.refused:
        return real.toResponder({ kind: 'refused', session, code: ErrorCode.POLICY });
      case ResponderClass.close:
        return real.toResponder({ kind: 'close', session, code: ErrorCode.SHUTDOWN });
      default:
        pushFrame(stream, real.nowMs);
        return real.toResponder({ kind: 'media', feed: stream.feed });
    }
  }

  #deliver(frame: number, made: Made, underLoad: boolean): void {
    const bytes = this.#bytesOf(frame);
    if (toInitiator(this.#model, frame)) return this.#real.datagramToInitiator(bytes);
    const retry = made.sent.find((each) => frameName(this.#model, each, made.after).startsWith('RETRY'));
    if (retry === undefined || !underLoad) {
      if (retry !== undefined) this.#note('RETRY of a full tuple');
      return this.#real.datagramToResponder(bytes);
    }
    // What a responder under load, which this package has none of, answers a new START with.
    const { streamId, attempt } = frameOf(bytes);
    const cookie = this.#real.cookie(streamId);
    const answer = encodeFrame({ type: FrameType.RETRY, flags: 0, streamId, sessionTag: 0n, attempt, cookie });
    this.#real.noteSent(answer, 'responder');
  }

  #forge(kind: number, frame: number): void {
    const ids = { streamId: attackerStreamId, sessionTag: 0x1234n };
    if (kind === 1) {
      const streamId = attackerStreamId + BigInt(frame - this.#model.layout.attacker);
      return this.#real.datagramToResponder(startBytes(streamId));
    }
    if (kind === 4) return this.#real.datagramToInitiator(sessionFrame('ERROR', { ...ids, sessionTag: 0n }));
    if (kind === 2) {
      const name = frame === SessionFrame.START_CONFIRM ? 'START_CONFIRM' : 'BYE';
      return this.#real.datagramToResponder(sessionFrame(name, ids));
    }
    if (frame === SessionFrame.MEDIA) return this.#real.datagramToInitiator(rtpBytes(0xbad));
    const name = frame === SessionFrame.RESET ? 'RESET' : 'BYE';
    return this.#real.datagramToInitiator(sessionFrame(name, ids));
  }

  /** Both ends are in the same states with the same ids, and sent the same frames. */
  #compare({ sent, after }: Made): void {
    const model = this.#model;
    const real = this.#real;
    this.state = this.#mediaThatFollows(after);
    this.#expireTombstones();
    const first = this.state[0] as number;
    const { layout, initiator, responder } = model;
    const stream = get(first, Global.stream);
    const tag = get(first, Global.tag);
    const closed = real.initiator.state === 'Closed';
    const media = (frame: number) => frame >> 5 >= layout.firstSession && (frame & 31) === SessionFrame.MEDIA;
    const expected = {
      initiator: initiator.states[initiator.stateOf[get(first, Global.initiator)] as number],
      streamId: stream === 0 ? 0n : real.streamIds[stream - 1],
      sessionTag: tag === 0 ? 0n : real.sessions[tag - 1]?.tag,
      sessions: Array.from({ length: get(first, Global.sessionsDrawn) }, (_, i) => {
        const local = get(this.state[layout.firstSession + i] as number, Session.local);
        return local === 0 ? undefined : responder.states[responder.stateOf[local] as number];
      }),
      count: this.#sessionsIn(this.state),
      sent: sent.filter((frame) => !media(frame)).sort((a, b) => a - b),
    };
    const seen = {
      initiator: real.initiator.state,
      streamId: closed ? 0n : real.initiator.streamId,
      sessionTag: closed ? 0n : real.initiator.sessionTag,
      sessions: real.sessions.map((_, i) => real.stateOf(i + 1)),
      count: real.sessionCount,
      sent: [...real.sent].sort((a, b) => a - b),
    };
    // Strings first: an expectation with a message costs more than all the rest of a step.
    if (textOf(seen) !== textOf(expected)) expect(seen, this.#story()).toEqual(expected);
  }

  #sessionsIn(state: Int32Array): number {
    const words = state.subarray(this.#model.layout.firstSession);
    return words.reduce((count, word) => count + (get(word, Session.local) === 0 ? 0 : 1), 0);
  }

  /** Media that left must be media that the model lets out. */
  #mediaThatFollows(after: Int32Array): Int32Array {
    let state = after;
    for (const session of this.#real.mediaOf) {
      const word = this.#model.layout.firstSession + session - 1;
      if (((state[word] as number) & (1 << SessionFrame.MEDIA)) !== 0) continue;
      state = this.#make(actionOf(Group.RESPONDER, session, ResponderClass.mediaDue), state).after;
      const left = ((state[word] as number) >> SessionFrame.MEDIA) & 1;
      if (left !== 1) expect(left, `media leaves in the model\n${this.#story()}`).toBe(1);
    }
    return state;
  }

  /** The model's tombstones have no time: they go when those of the engine are over. */
  #expireTombstones(): void {
    const { layout } = this.#model;
    const { nowMs } = this.#real;
    for (let stream = 1; stream <= layout.streams; stream++) {
      const stone = stoneIn(this.state[1 + ((stream - 1) >>> 1)] as number, stream);
      if (stone === 0) this.#stonesUntilMs.delete(stream);
      else if (!this.#stonesUntilMs.has(stream)) {
        this.#stonesUntilMs.set(stream, nowMs + (stone === 1 ? RETRY_AFTER_MIN_MS : TOMBSTONE_MS));
      } else if (nowMs >= (this.#stonesUntilMs.get(stream) ?? 0)) {
        this.state = this.#make(actionOf(Group.TOMBSTONE_EXPIRES, stream, 0), this.state).after;
        this.#stonesUntilMs.delete(stream);
      }
    }
  }

  #bytesOf(frame: number): Uint8Array {
    const bytes = this.#real.bytes.get(frame);
    if (bytes === undefined)
      throw new Error(`${frameName(this.#model, frame, this.state)} was never sent\n${this.#story()}`);
    return bytes;
  }

  #story(): string {
    return `after:\n${this.log.slice(-25).join('\n')}\nmodel: ${describeState(this.#model, this.state)}`;
  }
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (typeof part === 'bigint' ? String(part) : part));
}

function pushFrame(stream: TestStream, nowMs: number): void {
  const frameNumber = stream.frames++;
  const frame = makeTestFrame({ frameNumber, timestampMs: nowMs, bytes: 200, keyframe: true });
  stream.feed.push({ units: [frame], timestamp: frameNumber * 3600, keyframe: true }, nowMs, 40);
}
