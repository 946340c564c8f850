import type { InitiatorSide } from './initiator-side.ts';
import { Global, get, Session } from './layout.ts';
import type { ResponderSide } from './responder-side.ts';
import { Cause, type Step } from './step.ts';

/** What the checks look at. */
export interface Checked {
  readonly step: Step;
  readonly initiatorSide: InitiatorSide;
  readonly responderSide: ResponderSide;
  readonly candidatesMax: number;
}

/** What one step may do (S2, S7, S8), beside what the two sides check while they make it. */
export function checkStep({ step, initiatorSide, responderSide }: Checked, states: Int32Array, offset: number): void {
  const { cause } = step;
  const arrived = cause !== Cause.LOCAL;
  if (step.sentUnproven > (arrived || step.startUnanswered ? 1 : 0)) step.breaks('S2');
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
