import { ALTERNATIVE, Group, KEEPS_COPY, partsOf, STALE_COOKIE } from './action.ts';
import type { Exploration, Violation } from './exploration.ts';
import { Global, get, Session, SessionFrame, StreamFrame } from './layout.ts';
import type { Model } from './model.ts';
import { ruleTexts } from './rules.ts';

/** One step of a way through the model. */
export interface PathStep {
  readonly action: number;
  /** Datagrams that it sent, as `32 * word + bit`. */
  readonly sent: readonly number[];
  /** The state after it. */
  readonly after: Int32Array;
}

/** The shortest way to a violation, step by step, with the step that breaks the rule. */
export function pathOf(exploration: Exploration, violation: Violation): PathStep[] {
  const { model, store } = exploration;
  const numbers = exploration.pathTo(violation.state);
  const steps = numbers.slice(1).map((to, i) => {
    const from = numbers[i] as number;
    const wanted = store.states.subarray(to * store.words, (to + 1) * store.words);
    return stepFrom(model, store.states, from * store.words, () =>
      model.step.next.every((word, at) => word === wanted[at]),
    );
  });
  if (violation.action !== undefined) {
    const offset = violation.state * store.words;
    steps.push(stepFrom(model, store.states, offset, (action) => action === violation.action));
  }
  return steps;
}

/** The first step from a state for which `matches` holds. @throws RangeError when there is none. */
export function stepFrom(
  model: Model,
  states: Int32Array,
  offset: number,
  matches: (action: number) => boolean,
): PathStep {
  let found: PathStep | undefined;
  const { step } = model;
  model.expand(states, offset, (action) => {
    if (found !== undefined || !matches(action)) return;
    found = { action, sent: [...step.sent.subarray(0, step.sentCount)], after: step.next.slice() };
    model.enough = true;
  });
  if (found === undefined) throw new RangeError('no such step');
  return found;
}

/** A counterexample as Mermaid text: who does what, and the states after each step. */
export function sequenceDiagram(exploration: Exploration, violation: Violation): string {
  const { model } = exploration;
  const lines = [
    'sequenceDiagram',
    '  participant I as initiator',
    '  participant N as network',
    '  participant R as responder',
  ];
  if (model.bounds.attacker) lines.push('  participant A as attacker');
  for (const step of pathOf(exploration, violation)) {
    lines.push(`  ${describeAction(model, step.action, step.after)}`);
    for (const frame of step.sent) {
      const [from, to] = toInitiator(model, frame) ? ['R', 'N'] : ['I', 'N'];
      lines.push(`  ${from}-)${to}: ${frameName(model, frame, step.after)}`);
    }
    lines.push(`  note over I,R: ${describeState(model, step.after)}`);
  }
  lines.push(`  note over I,R: ${violation.rule} is broken: ${ruleTexts[violation.rule]}`);
  return `${lines.join('\n')}\n`;
}

/** Both ends of a state in words. */
export function describeState(model: Model, state: Int32Array): string {
  const { initiator, responder, layout } = model;
  const first = state[0] as number;
  const stream = get(first, Global.stream);
  const tag = get(first, Global.tag);
  const ids = stream === 0 ? '' : ` S${stream}${tag === 0 ? '' : ` T${tag}`}`;
  const sessions = [...state.subarray(layout.firstSession)].flatMap((word, i) => {
    const local = get(word, Session.local);
    if (local === 0) return [];
    return [`${responder.states[responder.stateOf[local] as number]} S${get(word, Session.stream)} T${i + 1}`];
  });
  const name = initiator.states[initiator.stateOf[get(first, Global.initiator)] as number];
  return `${name}${ids} / ${sessions.length === 0 ? 'no session' : sessions.join(' and ')}`;
}

/** One step as a line of a sequence diagram. @param after the state in which to look up ids. */
export function describeAction(model: Model, action: number, after: Int32Array): string {
  const { group, subject, detail } = partsOf(action);
  const frame = 32 * subject + (detail & 31);
  switch (group) {
    case Group.INITIATOR:
      return `note over I: ${model.initiator.eventNames[detail]}`;
    case Group.RESPONDER:
      return `note over R: ${model.responder.eventNames[detail]} (T${subject})`;
    case Group.DELIVER: {
      const way = toInitiator(model, frame) ? 'N->>I' : 'N->>R';
      const copy = (detail & KEEPS_COPY) !== 0 && model.bounds.network === 'queue' ? ', a copy stays' : '';
      const judged = (detail & ALTERNATIVE) !== 0 ? ', judged the other way' : '';
      const stale = (detail & STALE_COOKIE) !== 0 ? ', its cookie gone stale' : '';
      return `${way}: ${frameName(model, frame, after)}${copy}${stale}${judged}`;
    }
    case Group.LOSE:
      return `note over N: ${frameName(model, frame, after)} is lost`;
    case Group.FORGE:
      return describeForgery(subject, detail);
    case Group.RESTART_RESPONDER:
      return `note over R: the process restarts, reset key ${detail === 1 ? 'kept' : 'lost'}`;
    case Group.RESTART_INITIATOR:
      return 'note over I: the process restarts on the same tuple';
    case Group.TOMBSTONE_EXPIRES:
      return `note over R: the tombstone of S${subject} expires`;
    default:
      return 'note over R: the socket fails';
  }
}

function describeForgery(kind: number, frame: number): string {
  if (kind === 1) return `A->>R: START S${frame}, a StreamId of its own, in the initiator’s name`;
  const name = sessionFrameNames[frame] ?? '';
  if (kind === 2) return `A->>R: ${name} with a guessed SessionTag, in the initiator’s name`;
  return `A->>I: ${kind === 3 ? name : 'ERROR'} with guessed ids, in the responder’s name`;
}

const sessionFrameNames = Object.keys(SessionFrame).map((name) =>
  name.replace(/_TO_.*/, '').replace('_WRONG_TOKEN', ' with a wrong token'),
);

/** A datagram's frame with its ids: `S` StreamId, `T` SessionTag, `a` attempt. */
export function frameName(model: Model, frame: number, state: Int32Array): string {
  const { firstSession } = model.layout;
  const word = frame >> 5;
  const bit = frame & 31;
  if (word >= firstSession) {
    const stream = get(state[word] as number, Session.stream);
    return `${sessionFrameNames[bit]} S${stream} T${word - firstSession + 1}`;
  }
  const ids = `S${2 * word - 1 + (bit >> 4)}`;
  const kind = bit & 15;
  if (kind >= StreamFrame.ERROR) return `ERROR ${ids}, final`;
  if (kind >= StreamFrame.ERROR_FOR_NOW) return `ERROR ${ids}, for now`;
  return kind >= StreamFrame.RETRY ? `RETRY ${ids} a${kind - StreamFrame.RETRY + 1}` : `START ${ids} a${kind + 1}`;
}

/** Which way a datagram goes. */
export function toInitiator(model: Model, frame: number): boolean {
  const bit = frame & 31;
  return frame >> 5 >= model.layout.firstSession ? bit < SessionFrame.START_CONFIRM : (bit & 15) >= StreamFrame.RETRY;
}
