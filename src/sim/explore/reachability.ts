import type { Exploration } from './exploration.ts';
import { InitiatorClass } from './initiator-role.ts';
import { Global, get, Session, stoneIn } from './layout.ts';
import type { Model, Steps } from './model.ts';
import { Operation } from './operations.ts';

/** States from which a goal can no longer be reached. */
export interface Reachability {
  /** Number of the first such state in the order of exploration, -1 for none. */
  readonly firstLost: number;
  /** How many there are. */
  readonly lost: number;
  /** How many states the question was asked of. */
  readonly asked: number;
  /** Passes over all states. */
  readonly passes: number;
}

/**
 * Which states can reach a goal by steps of one kind, as a backward fixpoint. Edges are not kept: a state is marked when one of
 * its steps leads to a marked one, and passes over the unmarked ones, backwards and forwards in turn, go on until none is marked
 * anew.
 *
 * @param asked which states must be able to.
 * @param over a state that cannot, nor any after it by such steps; it is not expanded.
 */
export function reachability(
  exploration: Exploration,
  steps: Steps,
  goal: (states: Int32Array, offset: number) => boolean,
  asked: (states: Int32Array, offset: number) => boolean,
  over: (states: Int32Array, offset: number) => boolean = () => false,
): Reachability {
  const { model, store } = exploration;
  const { count, states, words } = store;
  const marked = new Uint8Array(count);
  for (let number = 0; number < count; number++) {
    const offset = number * words;
    if (goal(states, offset)) marked[number] = 1;
    else if (over(states, offset)) marked[number] = 2;
  }
  const { step } = model;
  const visit = () => {
    if (!step.changed) return;
    const to = store.find(step.next);
    if (to >= 0 && marked[to] === 1) model.enough = true;
  };
  let passes = 0;
  for (let more = true; more; passes++) {
    more = false;
    for (let i = 0; i < count; i++) {
      const number = (passes & 1) === 0 ? count - 1 - i : i;
      if (marked[number] !== 0) continue;
      model.expand(states, number * words, visit, steps);
      if (!model.enough) continue;
      marked[number] = 1;
      more = true;
    }
  }
  let firstLost = -1;
  let lost = 0;
  let askedCount = 0;
  for (let number = 0; number < count; number++) {
    if (!asked(states, number * words)) continue;
    askedCount++;
    if (marked[number] === 1) continue;
    lost++;
    if (firstLost < 0) firstLost = number;
  }
  return { firstLost, lost, asked: askedCount, passes };
}

/** L4: from every state, agreement or both closed. */
export function agreementOrClosed(exploration: Exploration): Reachability {
  const { model } = exploration;
  const ends = new Ends(model);
  return reachability(
    exploration,
    'fair',
    (states, offset) => ends.agree(states, offset) || ends.bothClosed(states, offset),
    () => true,
  );
}

/**
 * L2 as reachability: while the initiator still waits, has copies left, and its session is there or can be made, a stream with
 * its SDP can come about without any timer but T1.
 */
export function streamStillPossible(exploration: Exploration): Reachability {
  const ends = new Ends(exploration.model);
  return reachability(
    exploration,
    'progress',
    (states, offset) => ends.agree(states, offset) && ends.described(states, offset),
    (states, offset) => ends.maySucceed(states, offset),
    (states, offset) => ends.gaveUp(states, offset),
  );
}

/** Questions about both ends of a state. */
class Ends {
  readonly #model: Model;
  /** By local state: timer T1 is armed and has a row. */
  readonly #sendsAgain: Uint8Array;
  /** By local state: RESET has a row. */
  readonly #restartLeft: Uint8Array;
  /** By local state: timer T1 sends a START with a cookie, or a RETRY may still be followed, so that a later one has it. */
  readonly #mayShowCookie: Uint8Array;
  readonly #described: Uint8Array;
  readonly #name: (local: number) => string;

  constructor(model: Model) {
    const { initiator } = model;
    this.#model = model;
    this.#described = initiator.notes['sdp'] as Uint8Array;
    this.#name = (local) => initiator.states[initiator.stateOf[local] as number] as string;
    const handled = (event: string) => {
      const index = initiator.eventNames.indexOf(event);
      return initiator.stateOf.map((_, local) => initiator.handled[local * initiator.eventCount + index] as number);
    };
    this.#sendsAgain = handled('timer.T1');
    this.#restartLeft = handled('RESET, right token');
    const followed = initiator.eventNames.filter((name) => name.startsWith('RETRY')).map(handled);
    this.#mayShowCookie = initiator.stateOf.map((_, local) => {
      const list = initiator.operationsAt[local * initiator.eventCount + InitiatorClass.t1] as number;
      const sent = initiator.operations[list]?.some((operation) => (operation & 0xff) === Operation.START_WITH_COOKIE);
      return sent === true || followed.some((byLocal) => byLocal[local] === 1) ? 1 : 0;
    });
  }

  agree(states: Int32Array, offset: number): boolean {
    const first = states[offset] as number;
    const tag = get(first, Global.tag);
    return this.#model.initiatorSide.live[get(first, Global.initiator)] === 1 && this.#stage(states, offset, tag) === 2;
  }

  /** The initiator has the SDP. */
  described(states: Int32Array, offset: number): boolean {
    return this.#described[get(states[offset] as number, Global.initiator)] === 1;
  }

  /** No end has anything left: an initiator that has not begun counts as closed. */
  bothClosed(states: Int32Array, offset: number): boolean {
    const name = this.#name(get(states[offset] as number, Global.initiator));
    if (name !== 'Closed' && name !== 'ReadyToStart') return false;
    const { layout } = this.#model;
    for (let word = layout.firstSession; word < layout.words; word++) {
      if (get(states[offset + word] as number, Session.local) !== 0) return false;
    }
    return true;
  }

  /** No step but a restart of a process leads to a stream: the initiator ends, or its session is over and cannot be replaced. */
  gaveUp(states: Int32Array, offset: number): boolean {
    const first = states[offset] as number;
    const local = get(first, Global.initiator);
    const name = this.#name(local);
    if (name === 'Closing' || name === 'Draining' || name === 'Closed') return true;
    if (name !== 'Streaming' && name !== 'AwaitingStartConfirm') return false;
    const mayRestart = name === 'AwaitingStartConfirm' && this.#restartLeft[local] === 1;
    return !mayRestart && this.#stage(states, offset, get(first, Global.tag)) === 0;
  }

  maySucceed(states: Int32Array, offset: number): boolean {
    const first = states[offset] as number;
    const local = get(first, Global.initiator);
    if (this.#sendsAgain[local] === 0) return false;
    const name = this.#name(local);
    if (name === 'AwaitingStartAck') return this.#startMaySucceed(states, offset, get(first, Global.stream));
    const stage = this.#stage(states, offset, get(first, Global.tag));
    return name === 'AwaitingStartConfirm' ? stage !== 0 || this.#mayRestart(states, offset) : stage === 2;
  }

  /** By tag: 1 half-open, 2 live, 0 anything else. */
  #stage(states: Int32Array, offset: number, tag: number): number {
    if (tag === 0) return 0;
    const { layout, responderSide } = this.#model;
    const word = states[offset + layout.firstSession + tag - 1] as number;
    return responderSide.stage[get(word, Session.local)] as number;
  }

  /** A START of this StreamId finds its candidate, room for one, or one that gives way. */
  #startMaySucceed(states: Int32Array, offset: number, stream: number): boolean {
    const { layout, responderSide } = this.#model;
    for (let word = layout.firstSession; word < layout.words; word++) {
      const session = states[offset + word] as number;
      const local = get(session, Session.local);
      if (local !== 0 && get(session, Session.stream) === stream) return responderSide.stage[local] === 1;
    }
    const stone = stoneIn(states[offset + 1 + ((stream - 1) >>> 1)] as number, stream);
    const local = get(states[offset] as number, Global.initiator);
    return stone === 0 && this.#roomForOne(states, offset, this.#mayShowCookie[local] === 1);
  }

  /** @param showsCookie a candidate that came without one counts as room. */
  #roomForOne(states: Int32Array, offset: number, showsCookie: boolean): boolean {
    const { layout, responderSide, bounds } = this.#model;
    let candidates = 0;
    for (let word = layout.firstSession; word < layout.words; word++) {
      const session = states[offset + word] as number;
      if (responderSide.stage[get(session, Session.local)] !== 1) continue;
      if (!showsCookie || get(session, Session.proven) === 1) candidates++;
    }
    const drawn = get(states[offset] as number, Global.sessionsDrawn);
    return candidates < bounds.candidatesMax && drawn < layout.sessions;
  }

  /** The responder forgot the session, can prove it, and a restart is left. */
  #mayRestart(states: Int32Array, offset: number): boolean {
    const first = states[offset] as number;
    const { layout } = this.#model;
    const session = states[offset + layout.firstSession + get(first, Global.tag) - 1] as number;
    if (get(session, Session.local) !== 0 || get(session, Session.keyLost) === 1) return false;
    return this.#restartLeft[get(first, Global.initiator)] === 1 && this.#roomForOne(states, offset, false);
  }
}
