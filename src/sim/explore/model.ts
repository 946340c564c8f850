/**
 * The product that is explored: one viewer's process, one camera's process with all its sessions on the viewer's tuple, the
 * network between them, a blind attacker, and the ends of both processes.
 *
 * The machines are the engine's own (local-machine.ts). What is around them is written here and in the two sides, small and
 * without bytes, from docs/PROTOCOL.md; test/sim/explore walks this model and the real endpoints side by side. Time is left
 * out: a timer may fire whenever it is armed, a tombstone may expire at any moment. So a behaviour of the engine is one of the
 * model, and what holds here in every state holds there, within the bounds.
 */
import { initiatorTable, responderTable } from '../../engine/tables.ts';
import { ALTERNATIVE, actionOf, Group, KEEPS_COPY, STALE_COOKIE } from './action.ts';
import type { Bounds } from './bounds.ts';
import { InitiatorClass, type InitiatorTable, initiatorRole } from './initiator-role.ts';
import { InitiatorSide } from './initiator-side.ts';
import {
  Global,
  get,
  hasCookie,
  type Layout,
  layoutOf,
  put,
  Session,
  SessionFrame,
  StreamFrame,
  Way,
} from './layout.ts';
import { type LocalMachine, localMachine } from './local-machine.ts';
import { type ModelFaults, noFaults } from './model-faults.ts';
import { ResponderClass, type ResponderTable, responderRole } from './responder-role.ts';
import { ResponderSide } from './responder-side.ts';
import { type Checked, checkState, checkStep } from './safety.ts';
import { Cause, Step } from './step.ts';

/** Which steps {@link Model.expand} makes. */
export type Steps =
  /** All. */
  | 'all'
  /** Those that happen if nobody interferes and the network does not lose for ever: timers, deliveries, a reservation. */
  | 'fair'
  /** Those that need no timer but T1 and the responder's PINGs; a datagram may also be lost. */
  | 'progress';

/** A model: the machines, or machines with an error in them, and the rules around them. */
export interface ModelOptions {
  readonly bounds: Bounds;
  readonly initiator?: InitiatorTable;
  readonly responder?: ResponderTable;
  readonly faults?: Partial<ModelFaults>;
}

/** See the top of this file. */
export class Model {
  readonly bounds: Bounds;
  readonly layout: Layout;
  readonly initiator: LocalMachine;
  readonly responder: LocalMachine;
  readonly initiatorSide: InitiatorSide;
  readonly responderSide: ResponderSide;
  readonly step: Step;
  /** Set by whoever is visited, to end an expansion early. */
  enough = false;
  readonly #queue: boolean;
  readonly #checked: Checked;
  #visit: (action: number) => void = () => {};
  #states: Int32Array = new Int32Array(0);
  #offset = 0;

  constructor(options: ModelOptions) {
    const { bounds } = options;
    const faults = { ...noFaults, ...options.faults };
    this.bounds = bounds;
    this.layout = layoutOf(bounds);
    this.step = new Step(this.layout, bounds);
    this.initiator = localMachine(initiatorRole(options.initiator ?? initiatorTable, bounds));
    this.responder = localMachine(responderRole(options.responder ?? responderTable, bounds));
    if (this.initiator.size > Global.initiator.max || this.responder.size > Session.local.max) {
      throw new RangeError(`local states: ${this.initiator.size} and ${this.responder.size} do not fit`);
    }
    this.initiatorSide = new InitiatorSide(this.initiator, this.step, faults);
    this.responderSide = new ResponderSide(this.responder, this.step, faults, bounds.candidatesMax);
    const { step, initiatorSide, responderSide } = this;
    this.#checked = { step, initiatorSide, responderSide, candidatesMax: bounds.candidatesMax };
    this.#queue = bounds.network === 'queue';
  }

  /** Nothing has happened yet. */
  initialState(): Int32Array {
    const state = new Int32Array(this.layout.words);
    state[0] = put(0, Global.initiator, this.initiator.initial);
    return state;
  }

  /** Makes each step from a state: `visit` finds what it leads to in `step`. */
  expand(states: Int32Array, offset: number, visit: (action: number) => void, steps: Steps = 'all'): void {
    this.#states = states;
    this.#offset = offset;
    this.#visit = visit;
    this.enough = false;
    this.#deliveries();
    if (!this.enough) this.#initiatorSteps(steps);
    if (!this.enough) this.#responderSteps(steps);
    if (steps === 'progress' && this.#queue) this.#losses();
    if (steps !== 'all') return;
    if (this.#queue) this.#losses();
    this.#processSteps();
    if (this.bounds.attacker) this.#forgeries();
  }

  #begin(cause: number = Cause.LOCAL): Step {
    this.step.begin(this.#states, this.#offset, cause);
    return this.step;
  }

  #end(action: number): void {
    const { step } = this;
    step.compare(this.#states, this.#offset);
    checkStep(this.#checked, this.#states, this.#offset);
    if (step.changed) checkState(this.#checked);
    this.#visit(action);
  }

  #initiatorSteps(steps: Steps): void {
    const local = get(this.#states[this.#offset] as number, Global.initiator);
    this.#initiatorEvent(local, InitiatorClass.start);
    const timers = this.initiator.timers[local] as Int32Array;
    for (let i = 0; i < timers.length; i++) {
      const event = timers[i] as number;
      if (steps !== 'progress' || event === InitiatorClass.t1) this.#initiatorEvent(local, event);
    }
    if (steps !== 'all') return;
    if (this.bounds.closes) this.#initiatorEvent(local, InitiatorClass.close);
    if (this.bounds.socketFailures) this.#initiatorEvent(local, InitiatorClass.socketFailed);
  }

  #initiatorEvent(local: number, event: number): void {
    if (this.enough || !changes(this.initiator, local, event)) return;
    this.#begin();
    this.initiatorSide.event(event);
    this.#end(actionOf(Group.INITIATOR, 0, event));
  }

  #responderSteps(steps: Steps): void {
    const { layout, bounds } = this;
    for (let session = 1; session <= layout.sessions && !this.enough; session++) {
      const local = get(this.#states[this.#offset + layout.firstSession + session - 1] as number, Session.local);
      if (local === 0) continue;
      this.#responderEvent(session, local, ResponderClass.reserved);
      const timers = this.responder.timers[local] as Int32Array;
      for (let i = 0; i < timers.length; i++) {
        const event = timers[i] as number;
        if (steps !== 'progress' || event === HEARTBEAT) this.#responderEvent(session, local, event);
      }
      if (steps !== 'all') continue;
      this.#responderEvent(session, local, ResponderClass.mediaDue);
      this.#responderEvent(session, local, ResponderClass.consentLapses);
      if (!bounds.closes) continue;
      this.#responderEvent(session, local, ResponderClass.refusedForNow);
      this.#responderEvent(session, local, ResponderClass.refused);
      this.#responderEvent(session, local, ResponderClass.close);
    }
  }

  #responderEvent(session: number, local: number, event: number): void {
    if (this.enough || !changes(this.responder, local, event)) return;
    this.#begin();
    this.responderSide.event(session, event);
    this.#end(actionOf(Group.RESPONDER, session, event));
  }

  /** Every datagram on the way arrives; in a queue it goes, or a copy stays. */
  #deliveries(): void {
    const { firstSession, words } = this.layout;
    for (let word = 1; word < words && !this.enough; word++) {
      const mask = word < firstSession ? STREAM_FRAMES : SESSION_FRAMES;
      for (let bits = (this.#states[this.#offset + word] as number) & mask; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        this.#delivery(word, bit, KEEPS_COPY);
        if (this.#queue) this.#delivery(word, bit, 0);
        if (this.enough) return;
      }
    }
  }

  #delivery(word: number, bit: number, keeps: number): void {
    const { firstSession } = this.layout;
    const frame = word < firstSession ? bit & 15 : bit;
    this.#arrive(word, bit, frame, keeps);
    if (word < firstSession && frame < StreamFrame.RETRY && this.#showsCookie(word, bit)) {
      this.#arrive(word, bit, frame, keeps | STALE_COOKIE);
      return this.#arrive(word, bit, frame, keeps | STALE_COOKIE | ALTERNATIVE);
    }
    const judgedTwoWays =
      word < firstSession
        ? frame === StreamFrame.ERROR_FOR_NOW || (frame < StreamFrame.RETRY && this.bounds.retriesLeft > 0)
        : frame === SessionFrame.PONG_TO_INITIATOR ||
          frame === SessionFrame.PONG_TO_RESPONDER ||
          frame === SessionFrame.START_CONFIRM;
    if (judgedTwoWays) this.#arrive(word, bit, frame, keeps | ALTERNATIVE);
  }

  /** The START on its way carries a cookie. */
  #showsCookie(word: number, bit: number): boolean {
    const attempt = (bit & 15) - StreamFrame.START + 1;
    return hasCookie(this.#states[this.#offset + word] as number, 2 * word - 1 + (bit >> 4), attempt);
  }

  #arrive(word: number, bit: number, frame: number, how: number): void {
    const { firstSession } = this.layout;
    const step = this.#begin(Cause.FOREIGN);
    if ((how & KEEPS_COPY) === 0) step.next[word] = (step.next[word] as number) & ~(1 << bit);
    const alternative = (how & ALTERNATIVE) !== 0;
    if (word >= firstSession) {
      const session = word - firstSession + 1;
      if (frame < SessionFrame.START_CONFIRM) this.initiatorSide.frame(session, frame, alternative);
      else this.responderSide.frame(session, frame, alternative);
      if (ANSWERS[frame] === 1 && step.sentCount > 0 && !step.asksAnew) step.breaks('S12');
    } else {
      const stream = 2 * word - 1 + (bit >> 4);
      if (frame < StreamFrame.RETRY) {
        const proven = (how & STALE_COOKIE) === 0 && this.#showsCookie(word, bit);
        this.responderSide.start(stream, frame - StreamFrame.START + 1, alternative, proven);
      } else if (frame < StreamFrame.ERROR_FOR_NOW) this.initiatorSide.retry(stream, frame - StreamFrame.RETRY + 1);
      else this.initiatorSide.error(stream, frame === StreamFrame.ERROR_FOR_NOW && !alternative);
    }
    this.#end(actionOf(Group.DELIVER, word, bit | how));
  }

  #losses(): void {
    const { firstSession, words } = this.layout;
    for (let word = 1; word < words && !this.enough; word++) {
      const mask = word < firstSession ? STREAM_FRAMES : SESSION_FRAMES;
      for (let bits = (this.#states[this.#offset + word] as number) & mask; bits !== 0; bits &= bits - 1) {
        const bit = 31 - Math.clz32(bits & -bits);
        const step = this.#begin();
        step.next[word] = (step.next[word] as number) & ~(1 << bit);
        this.#end(actionOf(Group.LOSE, word, bit));
      }
    }
  }

  /** Processes end and begin again, tombstones expire, sockets fail. */
  #processSteps(): void {
    const { bounds, layout } = this;
    const first = this.#states[this.#offset] as number;
    if (get(first, Global.responderRestarts) < bounds.responderRestarts) {
      for (let keyKept = 0; keyKept <= 1; keyKept++) {
        this.#begin();
        this.responderSide.restart(keyKept === 1);
        this.#end(actionOf(Group.RESTART_RESPONDER, 0, keyKept));
      }
    }
    if (get(first, Global.initiatorRestarts) < bounds.initiatorRestarts) {
      const step = this.#begin();
      step.setGlobal(Global.initiator, this.initiator.initial);
      step.setGlobal(Global.stream, 0);
      step.setGlobal(Global.tag, 0);
      step.setGlobal(Global.initiatorRestarts, get(first, Global.initiatorRestarts) + 1);
      this.#end(actionOf(Group.RESTART_INITIATOR, 0, 0));
    }
    for (let stream = 1; stream <= layout.streams; stream++) {
      const step = this.#begin();
      if (step.stoneOf(stream) === 0) continue;
      step.setStone(stream, 0);
      this.#end(actionOf(Group.TOMBSTONE_EXPIRES, stream, 0));
    }
    if (!bounds.socketFailures) return;
    this.#begin();
    for (let session = 1; session <= layout.sessions; session++) {
      if (this.step.session(session, Session.local) !== 0)
        this.responderSide.event(session, ResponderClass.socketFailed);
    }
    this.#end(actionOf(Group.RESPONDER_SOCKET_FAILS, 0, 0));
  }

  /** What somebody can send who sees nothing: StreamIds of his own, guessed tags, and either end's address as the source. */
  #forgeries(): void {
    const { responderSide, initiatorSide, layout } = this;
    let anyUnknown = false;
    for (let stream = layout.attacker; stream <= layout.streams; stream++) {
      // Those that the responder knows nothing of are alike: one is enough.
      this.#begin(Cause.FOREIGN);
      const known = responderSide.knows(stream);
      if (!known && anyUnknown) continue;
      anyUnknown ||= !known;
      responderSide.start(stream, 1, false, false);
      this.#end(actionOf(Group.FORGE, 1, stream));
    }
    for (const frame of FORGED_TO_RESPONDER) {
      this.#begin(Cause.FOREIGN);
      responderSide.forged(frame);
      this.#end(actionOf(Group.FORGE, 2, frame));
    }
    for (const frame of FORGED_TO_INITIATOR) {
      this.#begin(Cause.FOREIGN);
      initiatorSide.forged(frame);
      this.#end(actionOf(Group.FORGE, 3, frame));
    }
    this.#begin(Cause.FOREIGN);
    initiatorSide.error(0, false);
    this.#end(actionOf(Group.FORGE, 4, 0));
  }
}

const STREAM_FRAMES = Way.streamToInitiator | Way.streamToResponder;
const SESSION_FRAMES = Way.sessionToInitiator | Way.sessionToResponder;
// Of the frames that are dropped by one and the same check, those that would do the most harm if it were missing.
const FORGED_TO_RESPONDER = [SessionFrame.START_CONFIRM, SessionFrame.BYE_TO_RESPONDER];
const FORGED_TO_INITIATOR = [SessionFrame.BYE_TO_INITIATOR, SessionFrame.RESET, SessionFrame.MEDIA];
/** The responder's heartbeat timer: the fourth after T1 in the machines' list of timers. */
const HEARTBEAT = ResponderClass.t1 + 4;

/** By {@link SessionFrame}: 1 for what must never be answered (rule 12). */
const ANSWERS = Uint8Array.from({ length: 14 }, (_, frame) =>
  frame === SessionFrame.READY ||
  frame === SessionFrame.PONG_TO_INITIATOR ||
  frame === SessionFrame.BYE_ACK_TO_INITIATOR ||
  frame === SessionFrame.RESET ||
  frame === SessionFrame.RESET_WRONG_TOKEN ||
  frame === SessionFrame.PONG_TO_RESPONDER ||
  frame === SessionFrame.BYE_ACK_TO_RESPONDER
    ? 1
    : 0,
);

/** Whether an event does anything in a local state. */
function changes(machine: LocalMachine, local: number, event: number): boolean {
  const at = local * machine.eventCount + event;
  return machine.next[at] !== local || machine.operationsAt[at] !== 0;
}
