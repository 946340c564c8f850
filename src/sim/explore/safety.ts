import type { InitiatorSide } from './initiator-side.ts';
import { Global, get, Session, stoneIn } from './layout.ts';
import type { ResponderSide } from './responder-side.ts';
import { Cause, type Step } from './step.ts';

/** What the checks look at. */
export interface Checked {
  readonly step: Step;
  readonly initiatorSide: InitiatorSide;
  readonly responderSide: ResponderSide;
  readonly candidatesMax: number;
}

/** What one step may do (S2, S7, S8, rule 10), beside what the two sides check while they make it. */
export function checkStep(checked: Checked, states: Int32Array, offset: number): void {
  const { step, initiatorSide, responderSide } = checked;
  const { cause } = step;
  const arrived = cause !== Cause.LOCAL;
  if (step.sentUnproven > (arrived || step.startUnanswered ? 1 : 0)) step.breaks('S2');
  if (step.startOf !== 0) checkRoom(checked, states, offset);
  if (!step.changed || !arrived || cause === Cause.ENDING) return;
  const { layout } = step;
  const before = get(states[offset] as number, Global.initiator);
  const after = get(step.next[0] as number, Global.initiator);
  if (initiatorSide.live[before] === 1 && after !== before) {
    if (initiatorSide.live[after] === 0) step.breaks('S8');
    else if (cause === Cause.FOREIGN) step.breaks('S7');
  }
  for (let word = layout.firstSession; word < layout.words; word++) {
    const localBefore = get(states[offset + word] as number, Session.local);
    if (responderSide.stage[localBefore] !== 2) continue;
    const localAfter = get(step.next[word] as number, Session.local);
    if (localAfter === localBefore) continue;
    if (responderSide.stage[localAfter] !== 2) step.breaks('S8');
    else if (cause === Cause.FOREIGN) step.breaks('S7');
  }
}

/**
 * Rule 10, from the states before and after a START alone: of the candidates of other StreamIds only the oldest unproven one in
 * PendingConfirm ends, for a good cookie and on a full tuple; and where there is room or such a one, a good cookie is let in.
 */
function checkRoom({ step, responderSide, candidatesMax }: Checked, states: Int32Array, offset: number): void {
  const { layout, next, startOf, startProven } = step;
  const { stage, unconfirmed } = responderSide;
  let candidates = 0;
  let oldest = 0;
  let ended = 0;
  let endedCount = 0;
  let known = stoneIn(states[offset + 1 + ((startOf - 1) >>> 1)] as number, startOf) !== 0;
  for (let word = layout.firstSession; word < layout.words; word++) {
    const before = states[offset + word] as number;
    const local = get(before, Session.local);
    if (local !== 0 && get(before, Session.stream) === startOf) known = true;
    if (stage[local] !== 1) continue;
    candidates++;
    if (oldest === 0 && unconfirmed[local] === 1 && get(before, Session.proven) === 0) oldest = word;
    if (get(before, Session.stream) === startOf || stage[get(next[word] as number, Session.local)] === 1) continue;
    ended = word;
    endedCount++;
  }
  const full = candidates >= candidatesMax;
  const drawn = get(states[offset] as number, Global.sessionsDrawn);
  const letIn = step.global(Global.sessionsDrawn) > drawn;
  if (endedCount > 0 && !(startProven && full && letIn && endedCount === 1 && ended === oldest)) step.breaks('rule 10');
  const mustEnter = startProven && !known && drawn < layout.sessions && (!full || oldest !== 0);
  if (mustEnter && !letIn) step.breaks('rule 10');
}

/** What must hold in every state (S4, S5, S6). */
export function checkState({ step, initiatorSide, responderSide, candidatesMax }: Checked): void {
  const { layout } = step;
  const first = step.next[0] as number;
  const watched = initiatorSide.live[get(first, Global.initiator)] === 1 ? get(first, Global.tag) : 0;
  let live = 0;
  let candidates = 0;
  for (let word = layout.firstSession; word < layout.words; word++) {
    const stage = responderSide.stage[get(step.next[word] as number, Session.local)];
    if (stage === 1) candidates++;
    else if (stage === 2) {
      live++;
      if (watched !== 0 && watched !== word - layout.firstSession + 1) step.breaks('S4');
    }
  }
  if (live > 1) step.breaks('S6');
  if (candidates > candidatesMax) step.breaks('S5');
}
