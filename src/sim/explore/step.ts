import type { Bounds } from './bounds.ts';
import {
  cookieAfter,
  fieldOfStream,
  Global,
  get,
  hasCookie,
  type Layout,
  put,
  Session,
  SessionFrame,
  StreamFrame,
  stoneIn,
  tombstone,
  Way,
} from './layout.ts';
import { type RuleId, ruleNumber } from './rules.ts';

/** Why a step happens, which decides what it may do to a live session (S7, S8). */
export const Cause = {
  /** A timer, an application, the end of a process. */
  LOCAL: 0,
  /** A frame of the peer with all ids of the session. */
  OWN: 1,
  /** As OWN, and it may end a session: BYE, RESET with the right token, START_CONFIRM of a candidate. */
  ENDING: 2,
  /** Everything else that arrives: START, RETRY, ERROR, frames of other sessions, forgeries. */
  FOREIGN: 3,
} as const;

/** Datagrams that one step sends at most. */
const SENT_MAX = 16;

/** The state that one step leads to, while it is made, and what the step did besides. */
export class Step {
  readonly layout: Layout;
  readonly next: Int32Array;
  /** Number of the first rule that this step breaks, 0 for none. */
  broken = 0;
  cause = 0;
  /** Datagrams that were sent, as `32 * word + bit`, whether or not they fit into the network. */
  readonly sent = new Int32Array(SENT_MAX);
  sentCount = 0;
  /** Of these, those of a responder to an address that has not confirmed. */
  sentUnproven = 0;
  /** A responder may send one datagram, since a START still has no answer. */
  startUnanswered = false;
  /** The initiator drew a StreamId: what it sends now begins anew, and answers nothing. */
  asksAnew = false;
  /** StreamId of the START that arrived, 0 in any other step; and whether it showed a good cookie. */
  startOf = 0;
  startProven = false;
  /** The state is another one than before. */
  changed = false;
  /** Steps that a bound stopped. */
  blocked = 0;
  readonly #inFlightMax: number;

  constructor(layout: Layout, bounds: Bounds) {
    this.layout = layout;
    this.next = new Int32Array(layout.words);
    this.#inFlightMax = bounds.network === 'queue' ? bounds.inFlightMax : 0;
  }

  /** Begins from a state. */
  begin(states: Int32Array, offset: number, cause: number): void {
    const { next } = this;
    for (let word = 0; word < next.length; word++) next[word] = states[offset + word] as number;
    this.broken = 0;
    this.cause = cause;
    this.sentCount = 0;
    this.sentUnproven = 0;
    this.startUnanswered = false;
    this.asksAnew = false;
    this.startOf = 0;
    this.startProven = false;
  }

  /** Finds out whether the step changed anything. */
  compare(states: Int32Array, offset: number): void {
    const { next } = this;
    this.changed = true;
    for (let word = 0; word < next.length; word++) if (next[word] !== states[offset + word]) return;
    this.changed = false;
  }

  /** Notes a broken rule; the first one counts. */
  breaks(id: RuleId): void {
    if (this.broken === 0) this.broken = ruleNumber(id);
  }

  /** A field of word 0. */
  global(field: { readonly shift: number; readonly max: number }): number {
    return get(this.next[0] as number, field);
  }

  setGlobal(field: { readonly shift: number; readonly max: number }, value: number): void {
    this.next[0] = put(this.next[0] as number, field, value);
  }

  /** A field of a session's word. @param session from 1. */
  session(session: number, field: { readonly shift: number; readonly max: number }): number {
    return get(this.next[this.layout.firstSession + session - 1] as number, field);
  }

  setSession(session: number, field: { readonly shift: number; readonly max: number }, value: number): void {
    const word = this.layout.firstSession + session - 1;
    this.next[word] = put(this.next[word] as number, field, value);
  }

  /** See layout.ts. @param stream from 1. */
  stoneOf(stream: number): number {
    return stoneIn(this.next[1 + ((stream - 1) >>> 1)] as number, stream);
  }

  setStone(stream: number, value: number): void {
    const word = 1 + ((stream - 1) >>> 1);
    this.next[word] = put(this.next[word] as number, fieldOfStream(tombstone, stream), value);
  }

  /** Sends a START. @param attempt from 1. @param withCookie the first attempt with one is never the first of all. */
  sendStart(stream: number, attempt: number, withCookie: boolean): void {
    const word = 1 + ((stream - 1) >>> 1);
    const now = this.next[word] as number;
    if (withCookie && !hasCookie(now, stream, attempt)) {
      this.next[word] = put(now, fieldOfStream(cookieAfter, stream), attempt - 1);
    }
    this.sendOfStream(stream, StreamFrame.START + attempt - 1);
  }

  /** Sends a frame with both ids. @param frame of {@link SessionFrame}. */
  sendOfSession(session: number, frame: number): void {
    const toInitiator = frame < SessionFrame.START_CONFIRM;
    if (toInitiator && this.session(session, Session.streamed) === 0) this.sentUnproven++;
    // The initiator never has the attacker's StreamId: it drops what carries it.
    const deaf = toInitiator && this.session(session, Session.stream) >= this.layout.attacker;
    this.#send(this.layout.firstSession + session - 1, frame, toInitiator, deaf);
  }

  /** Sends a frame with a StreamId alone. @param frame of {@link StreamFrame}, plus attempt - 1 where there is one. */
  sendOfStream(stream: number, frame: number): void {
    const toInitiator = frame >= StreamFrame.RETRY;
    if (toInitiator) this.sentUnproven++;
    const deaf = toInitiator && stream >= this.layout.attacker;
    this.#send(1 + ((stream - 1) >>> 1), frame + 16 * ((stream - 1) & 1), toInitiator, deaf);
  }

  /** An answer that nobody on this tuple can take for its own. */
  sendToNobody(): void {
    this.sentUnproven++;
  }

  #send(word: number, bit: number, toInitiator: boolean, deaf: boolean): void {
    if (this.sentCount < SENT_MAX) this.sent[this.sentCount++] = 32 * word + bit;
    const now = this.next[word] as number;
    if (deaf || (now & (1 << bit)) !== 0) return;
    if (this.#inFlightMax > 0 && this.#inFlight(toInitiator) >= this.#inFlightMax) return;
    this.next[word] = now | (1 << bit);
  }

  #inFlight(toInitiator: boolean): number {
    const { layout, next } = this;
    const ofStreams = toInitiator ? Way.streamToInitiator : Way.streamToResponder;
    const ofSessions = toInitiator ? Way.sessionToInitiator : Way.sessionToResponder;
    let count = 0;
    for (let word = 1; word < layout.words; word++) {
      const mask = word < layout.firstSession ? ofStreams : ofSessions;
      for (let bits = (next[word] as number) & mask; bits !== 0; bits &= bits - 1) count++;
    }
    return count;
  }
}

/** The local state of the initiator in a state. */
export function initiatorOf(states: Int32Array, offset: number): number {
  return get(states[offset] as number, Global.initiator);
}
