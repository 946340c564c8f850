import { Global, get, Session, SessionFrame, SILENT, StreamFrame } from './layout.ts';
import type { LocalMachine } from './local-machine.ts';
import type { ModelFaults } from './model-faults.ts';
import { Operation } from './operations.ts';
import { ResponderClass } from './responder-role.ts';
import { ruleIds } from './rules.ts';
import { Cause, type Step } from './step.ts';

/** No session: the machine's initial state, which a session leaves as soon as it is made. */
const NONE = 0;

/**
 * The camera's process: routes and admits as src/engine/responder-endpoint.ts does, and carries out the outputs of each
 * session's machine.
 */
export class ResponderSide {
  readonly machine: LocalMachine;
  readonly #step: Step;
  readonly #faults: ModelFaults;
  readonly #candidatesMax: number;
  /** By local state: 1 half-open, 2 live, 0 any other. */
  readonly stage: Uint8Array;
  readonly #pendingStartRequest: number;
  /** By local state: 1 in PendingConfirm. */
  readonly unconfirmed: Uint8Array;

  constructor(machine: LocalMachine, step: Step, faults: ModelFaults, candidatesMax: number) {
    this.machine = machine;
    this.#step = step;
    this.#faults = faults;
    this.#candidatesMax = candidatesMax;
    this.#pendingStartRequest = machine.states.indexOf('PendingStartRequest');
    this.unconfirmed = machine.stateOf.map((state) => (machine.states[state] === 'PendingConfirm' ? 1 : 0));
    this.stage = machine.stateOf.map((state) => {
      const name = machine.states[state];
      if (name === 'PendingStartRequest' || name === 'PendingConfirm') return 1;
      return name === 'Streaming' ? 2 : 0;
    });
  }

  /**
   * A START arrives: section 6 of docs/PROTOCOL.md.
   *
   * @param underLoad a new one without a good cookie is answered with RETRY.
   * @param proven it shows a cookie that is good.
   */
  start(stream: number, attempt: number, underLoad: boolean, proven: boolean): void {
    const step = this.#step;
    const faults = this.#faults;
    step.cause = Cause.FOREIGN;
    step.startOf = stream;
    step.startProven = proven;
    if (faults.startReplacesLive) this.#endLive(stream);
    const known = this.#byStream(stream);
    if (known !== 0 && !faults.duplicateAdmitted) return this.event(known, ResponderClass.start);
    const stone = step.stoneOf(stream);
    if (stone !== 0 && !faults.tombstoneIgnored) {
      if (stone !== SILENT) step.sendOfStream(stream, stone === 1 ? StreamFrame.ERROR_FOR_NOW : StreamFrame.ERROR);
      return;
    }
    if (faults.startBesideLiveDropped && this.#count(2) > 0) return;
    const full = this.#count(1) >= this.#candidatesMax + (faults.oneCandidateMore ? 1 : 0);
    if (full && faults.fullTupleSilent && !proven) return;
    if (!proven && (underLoad || (full && !faults.givesWayUnasked))) {
      return step.sendOfStream(stream, StreamFrame.RETRY + attempt - 1);
    }
    const drawn = step.global(Global.sessionsDrawn) + 1;
    if (drawn > step.layout.sessions) {
      step.blocked++;
      return;
    }
    if (full && !this.#makeRoom()) return;
    if (stone !== 0) step.breaks('rule 9');
    if (known !== 0) step.breaks('S6');
    step.setGlobal(Global.sessionsDrawn, drawn);
    step.setSession(drawn, Session.stream, stream);
    step.setSession(drawn, Session.proven, proven ? 1 : 0);
    this.event(drawn, ResponderClass.admitted);
  }

  /** Whether the responder has a session or a tombstone of a StreamId. */
  knows(stream: number): boolean {
    return this.#byStream(stream) !== 0 || this.#step.stoneOf(stream) !== 0;
  }

  /** A frame with both ids arrives. @param alternative a PONG of a forgotten nonce, or a START_CONFIRM above the rate. */
  frame(session: number, frame: number, alternative: boolean): void {
    const step = this.#step;
    const faults = this.#faults;
    step.cause = Cause.OWN;
    const target = faults.tagsReused ? this.#withSameIds(session) : session;
    if (step.session(target, Session.local) === NONE) {
      step.cause = Cause.FOREIGN;
      if (faults.byeByTuple && frame === SessionFrame.BYE_TO_RESPONDER) return this.#byeOfTuple();
      if (frame === SessionFrame.PONG_TO_RESPONDER || frame === SessionFrame.BYE_ACK_TO_RESPONDER || faults.noReset)
        return;
      const keyLost = step.session(session, Session.keyLost) === 1;
      return step.sendOfSession(session, keyLost ? SessionFrame.RESET_WRONG_TOKEN : SessionFrame.RESET);
    }
    switch (frame) {
      case SessionFrame.START_CONFIRM:
        step.cause = Cause.ENDING;
        return this.event(target, alternative ? ResponderClass.confirmAboveRate : ResponderClass.confirm);
      case SessionFrame.PING_TO_RESPONDER:
        return this.event(target, ResponderClass.ping);
      case SessionFrame.PONG_TO_RESPONDER:
        return this.event(target, alternative ? ResponderClass.pongUnknown : ResponderClass.pongKnown);
      case SessionFrame.BYE_TO_RESPONDER:
        step.cause = Cause.ENDING;
        return this.event(target, ResponderClass.bye);
      default:
        return this.event(target, ResponderClass.byeAck);
    }
  }

  /** A frame with the attacker's StreamId and a guessed SessionTag, which is wrong. */
  forged(frame: number): void {
    const step = this.#step;
    step.cause = Cause.FOREIGN;
    const known = this.#byStream(step.layout.attacker);
    if (frame === SessionFrame.START_CONFIRM && this.#faults.confirmWithoutTag && known !== 0) {
      return this.event(known, ResponderClass.confirm);
    }
    if (frame === SessionFrame.BYE_TO_RESPONDER && this.#faults.byeByTuple) return this.#byeOfTuple();
    step.sendToNobody();
  }

  /** Gives a session's machine an event and carries out what it asks for. */
  event(session: number, event: number): void {
    const { machine } = this;
    const step = this.#step;
    const local = step.session(session, Session.local);
    if (machine.stateOf[local] === this.#pendingStartRequest) step.startUnanswered = true;
    const at = local * machine.eventCount + event;
    step.setSession(session, Session.local, machine.next[at] as number);
    if (this.stage[machine.next[at] as number] !== 1) step.setSession(session, Session.proven, 0);
    const operations = machine.operations[machine.operationsAt[at] as number] as Int32Array;
    for (let i = 0; i < operations.length; i++) this.#operate(session, operations[i] as number);
  }

  /** The process ends, and another one begins on the same address. @param keyKept the reset key is. */
  restart(keyKept: boolean): void {
    const step = this.#step;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      step.setSession(session, Session.local, NONE);
      if (!keyKept) step.setSession(session, Session.keyLost, 1);
    }
    for (let stream = 1; stream <= step.layout.streams; stream++) step.setStone(stream, 0);
    if (this.#faults.tagsReused) step.setGlobal(Global.drawnBefore, step.global(Global.sessionsDrawn));
    step.setGlobal(Global.responderRestarts, step.global(Global.responderRestarts) + 1);
  }

  /** The oldest in PendingConfirm that came without a cookie leaves. @returns false if there is none. */
  #makeRoom(): boolean {
    const step = this.#step;
    const faults = this.#faults;
    if (faults.nobodyGivesWay) return false;
    let leaving = 0;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      const local = step.session(session, Session.local);
      const may = faults.reservationGivesWay ? this.stage[local] === 1 : this.unconfirmed[local] === 1;
      if (!may || (step.session(session, Session.proven) === 1 && !faults.provenGivesWay)) continue;
      leaving = session;
      if (!faults.newestGivesWay) break;
    }
    if (leaving === 0) return false;
    this.event(leaving, ResponderClass.superseded);
    return true;
  }

  /** Sessions of the tuple by {@link stage}. */
  #count(stage: number): number {
    const { next, layout } = this.#step;
    let count = 0;
    for (let word = layout.firstSession; word < layout.words; word++) {
      if (this.stage[get(next[word] as number, Session.local)] === stage) count++;
    }
    return count;
  }

  #byStream(stream: number): number {
    const step = this.#step;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      if (step.session(session, Session.stream) === stream && step.session(session, Session.local) !== NONE)
        return session;
    }
    return 0;
  }

  #operate(session: number, operation: number): void {
    const step = this.#step;
    const argument = operation >> 8;
    switch (operation & 0xff) {
      case Operation.BROKEN:
        step.breaks(ruleIds[argument - 1] ?? 'S5');
        break;
      case Operation.START_ACK:
        step.sendOfSession(session, SessionFrame.START_ACK);
        break;
      case Operation.ERROR:
        step.sendOfStream(
          step.session(session, Session.stream),
          argument === 1 ? StreamFrame.ERROR_FOR_NOW : StreamFrame.ERROR,
        );
        break;
      case Operation.TOMBSTONE:
        step.setStone(step.session(session, Session.stream), argument);
        break;
      case Operation.SUPERSEDE:
        this.#supersede(session);
        break;
      case Operation.READY:
        step.sendOfSession(session, SessionFrame.READY);
        break;
      case Operation.OPEN_GATE:
        if (step.session(session, Session.confirmed) === 0) step.breaks('S1');
        break;
      case Operation.REPORT_STREAMING:
        step.setSession(session, Session.streamed, 1);
        break;
      case Operation.PING:
        step.sendOfSession(session, SessionFrame.PING_TO_INITIATOR);
        break;
      case Operation.PONG:
        step.sendOfSession(session, SessionFrame.PONG_TO_INITIATOR);
        break;
      case Operation.BYE:
        step.sendOfSession(session, SessionFrame.BYE_TO_INITIATOR);
        break;
      case Operation.BYE_ACK:
        step.sendOfSession(session, SessionFrame.BYE_ACK_TO_INITIATOR);
        break;
      case Operation.MEDIA:
        this.#media(session, argument === 1);
        break;
      case Operation.RELEASE:
        if (step.session(session, Session.streamed) === 1) step.setStone(step.session(session, Session.stream), SILENT);
        step.setSession(session, Session.local, NONE);
        break;
      default:
        break;
    }
  }

  #media(session: number, shut: boolean): void {
    const step = this.#step;
    if (step.session(session, Session.streamed) === 0) step.breaks('S1');
    else if (shut || this.stage[step.session(session, Session.local)] !== 2) step.breaks('S9');
    step.sendOfSession(session, SessionFrame.MEDIA);
  }

  /** Whatever of the tuple is live, and every candidate that is older than the confirmed one. */
  #supersede(confirmed: number): void {
    const step = this.#step;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      if (session === confirmed) continue;
      const stage = this.stage[step.session(session, Session.local)];
      if (stage === 2 || (stage === 1 && session < confirmed && !this.#faults.olderCandidatesStay)) {
        this.event(session, ResponderClass.superseded);
      }
    }
  }

  /** Design error: what a START does where it replaces the live session. */
  #endLive(stream: number): void {
    const step = this.#step;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      const live = this.stage[step.session(session, Session.local)] === 2;
      if (live && step.session(session, Session.stream) !== stream) this.event(session, ResponderClass.superseded);
    }
  }

  /** Design error: BYE without ids. */
  #byeOfTuple(): void {
    const step = this.#step;
    for (let session = 1; session <= step.global(Global.sessionsDrawn); session++) {
      if (this.stage[step.session(session, Session.local)] === 2) return this.event(session, ResponderClass.bye);
    }
  }

  /** Design error: the n-th session after a restart has the tag of the n-th before. */
  #withSameIds(session: number): number {
    const step = this.#step;
    const before = step.global(Global.drawnBefore);
    if (session > before || step.session(session, Session.local) !== NONE) return session;
    const twin = session + before;
    const drawn = twin <= step.global(Global.sessionsDrawn);
    return drawn && step.session(twin, Session.stream) === step.session(session, Session.stream) ? twin : session;
  }
}
