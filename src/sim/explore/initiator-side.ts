import { InitiatorClass } from './initiator-role.ts';
import { Global, Session, SessionFrame } from './layout.ts';
import type { LocalMachine } from './local-machine.ts';
import type { ModelFaults } from './model-faults.ts';
import { Operation } from './operations.ts';
import { ruleIds } from './rules.ts';
import { Cause, type Step } from './step.ts';

/** Events of the initiator by frame that carries both ids; START_ACK and media have a check of their own. */
const classOfFrame: readonly number[] = [
  InitiatorClass.startAckOther,
  InitiatorClass.ready,
  InitiatorClass.ping,
  InitiatorClass.pongKnown,
  InitiatorClass.bye,
  InitiatorClass.byeAck,
  InitiatorClass.resetRight,
  InitiatorClass.resetWrong,
  InitiatorClass.media,
];

/** The viewer's process: checks what arrives as src/engine/initiator-session.ts does, and carries out its machine's outputs. */
export class InitiatorSide {
  readonly machine: LocalMachine;
  /** By local state: 1 in Streaming. */
  readonly live: Uint8Array;
  readonly #step: Step;
  readonly #faults: ModelFaults;
  readonly #awaitingStartAck: number;
  /** Session of the START_ACK that is being handled. */
  #adopting = 0;

  constructor(machine: LocalMachine, step: Step, faults: ModelFaults) {
    this.machine = machine;
    this.#step = step;
    this.#faults = faults;
    this.live = machine.stateOf.map((state) => (machine.states[state] === 'Streaming' ? 1 : 0));
    this.#awaitingStartAck = machine.states.indexOf('AwaitingStartAck');
  }

  /** A frame with both ids arrives. @param unknownNonce of a PONG. */
  frame(session: number, frame: number, unknownNonce: boolean): void {
    const step = this.#step;
    const ownTag = step.global(Global.tag) === session;
    if (step.session(session, Session.stream) !== step.global(Global.stream)) return this.#foreign(frame);
    if (frame === SessionFrame.START_ACK) {
      step.cause = Cause.OWN;
      this.#adopting = session;
      return this.event(ownTag ? InitiatorClass.startAckSame : InitiatorClass.startAckOther);
    }
    if (!ownTag) return this.#foreign(frame);
    step.cause = Cause.OWN;
    if (frame === SessionFrame.BYE_TO_INITIATOR || frame === SessionFrame.RESET) step.cause = Cause.ENDING;
    if (frame === SessionFrame.RESET_WRONG_TOKEN) {
      step.cause = Cause.FOREIGN;
      if (this.#faults.resetTokenUnchecked) return this.event(InitiatorClass.resetRight);
    }
    if (frame === SessionFrame.PONG_TO_INITIATOR && unknownNonce) return this.event(InitiatorClass.pongUnknown);
    this.event(classOfFrame[frame] as number);
    if (frame === SessionFrame.BYE_ACK_TO_INITIATOR && this.#faults.byeAckAnswered) {
      step.sendOfSession(session, SessionFrame.BYE_ACK_TO_RESPONDER);
    }
  }

  /** A frame with other ids, or an attacker's: dropped, unless a check is missing. */
  #foreign(frame: number): void {
    const faults = this.#faults;
    this.#step.cause = Cause.FOREIGN;
    if (frame === SessionFrame.BYE_TO_INITIATOR && faults.byeUnchecked) this.event(InitiatorClass.bye);
    if (frame === SessionFrame.MEDIA && faults.ssrcUnchecked) this.event(InitiatorClass.media);
  }

  /** A frame in the responder's name with ids that are wrong. */
  forged(frame: number): void {
    this.#foreign(frame);
  }

  /** An ERROR to a START arrives. @param stream 0 for one that an attacker made up. */
  error(stream: number, worthWaiting: boolean): void {
    const step = this.#step;
    step.cause = Cause.FOREIGN;
    const local = step.global(Global.initiator);
    const fits =
      this.machine.stateOf[local] === this.#awaitingStartAck && stream === step.global(Global.stream) && stream !== 0;
    if (!fits && !this.#faults.errorUnchecked) return;
    this.event(worthWaiting ? InitiatorClass.errorWait : InitiatorClass.errorFinal);
  }

  /** A RETRY arrives. @param attempt that it echoes. */
  retry(stream: number, attempt: number): void {
    this.#step.cause = Cause.FOREIGN;
    if (stream !== this.#step.global(Global.stream)) return;
    this.event(InitiatorClass.retry1 + attempt - 1);
  }

  /** Gives the machine an event and carries out what it asks for. */
  event(event: number): void {
    const { machine } = this;
    const step = this.#step;
    const at = step.global(Global.initiator) * machine.eventCount + event;
    step.setGlobal(Global.initiator, machine.next[at] as number);
    const operations = machine.operations[machine.operationsAt[at] as number] as Int32Array;
    for (let i = 0; i < operations.length; i++) this.#operate(operations[i] as number);
  }

  #operate(operation: number): void {
    const step = this.#step;
    const tag = step.global(Global.tag);
    switch (operation & 0xff) {
      case Operation.BROKEN:
        step.breaks(ruleIds[(operation >> 8) - 1] ?? 'S5');
        break;
      case Operation.DRAW_STREAM_ID: {
        const drawn = step.global(Global.streamsDrawn) + 1;
        step.setGlobal(Global.streamsDrawn, drawn);
        step.setGlobal(Global.stream, drawn);
        step.setGlobal(Global.tag, 0);
        step.asksAnew = true;
        break;
      }
      case Operation.START:
        step.sendStart(step.global(Global.stream), operation >> 8, false);
        break;
      case Operation.START_WITH_COOKIE:
        step.sendStart(step.global(Global.stream), operation >> 8, true);
        break;
      case Operation.ADOPT_SESSION:
        step.setGlobal(Global.tag, this.#adopting);
        break;
      case Operation.START_CONFIRM:
        step.setSession(tag, Session.confirmed, 1);
        step.sendOfSession(tag, SessionFrame.START_CONFIRM);
        break;
      case Operation.PING:
        step.sendOfSession(tag, SessionFrame.PING_TO_RESPONDER);
        break;
      case Operation.PONG:
        step.sendOfSession(tag, SessionFrame.PONG_TO_RESPONDER);
        break;
      case Operation.BYE:
        step.sendOfSession(tag, SessionFrame.BYE_TO_RESPONDER);
        break;
      case Operation.BYE_ACK:
        step.sendOfSession(tag, SessionFrame.BYE_ACK_TO_RESPONDER);
        break;
      case Operation.REPORT_STREAMING:
        if (step.session(tag, Session.streamed) === 0) step.breaks('S3');
        break;
      case Operation.RELEASE:
        step.setGlobal(Global.stream, 0);
        step.setGlobal(Global.tag, 0);
        break;
      default:
        break;
    }
  }
}
