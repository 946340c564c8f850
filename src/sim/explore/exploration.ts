import type { Model } from './model.ts';
import { type RuleId, ruleOf } from './rules.ts';
import { StateStore } from './state-store.ts';

/** A rule that does not hold, and the way there. */
export interface Violation {
  readonly rule: RuleId;
  /** Number of the state from which the last step goes; for `L2` and `L4` the state itself. */
  readonly state: number;
  /** The last step, `undefined` where it is the state that is wrong. */
  readonly action: number | undefined;
}

/** What was seen. */
export interface ExplorationCounts {
  /** Distinct states. */
  readonly states: number;
  /** Steps that changed the state. */
  readonly transitions: number;
  /** Steps that did not: datagrams that were dropped, timers without effect. */
  readonly stutters: number;
  /** Steps on the longest of all shortest ways. */
  readonly depth: number;
  /** Steps that a bound stopped. */
  readonly blocked: number;
  /** Whether every state was expanded; if not, nothing is known of those beyond. */
  readonly complete: boolean;
}

/** How an exploration is told of. */
export interface ExplorationOptions {
  /** Stop at this many distinct states. */
  readonly statesMax: number;
  /** End at the first broken rule; default true. */
  readonly untilViolation?: boolean;
  /** Called once in 2^18 expanded states. */
  onProgress?(expanded: number, counts: ExplorationCounts): void;
  /** Called when the search is over, before liveness is asked. */
  onSearched?(): void;
}

/** Breadth first from the initial state, so that the first violation is one of the shortest. */
export class Exploration {
  readonly model: Model;
  readonly store: StateStore;
  readonly violations: Violation[] = [];
  #transitions = 0;
  #stutters = 0;
  #depth = 0;
  #complete = false;

  constructor(model: Model, statesMax: number) {
    this.model = model;
    this.store = new StateStore(model.layout.words, statesMax);
  }

  get counts(): ExplorationCounts {
    return {
      states: this.store.count,
      transitions: this.#transitions,
      stutters: this.#stutters,
      depth: this.#depth,
      blocked: this.model.step.blocked,
      complete: this.#complete,
    };
  }

  /** Expands every state until there is no new one, no room, or a broken rule. */
  run(options: Omit<ExplorationOptions, 'statesMax'> = {}): void {
    const { model, store } = this;
    const { step } = model;
    const untilViolation = options.untilViolation ?? true;
    let full = false;
    let current = 0;
    let levelEnd = 1;
    store.add(model.initialState(), -1);
    const visit = (action: number) => {
      if (step.broken !== 0) {
        const rule = ruleOf(step.broken);
        if (rule !== undefined && this.violations.length < VIOLATIONS_MAX)
          this.violations.push({ rule, state: current, action });
      }
      if (!step.changed) {
        this.#stutters++;
        return;
      }
      this.#transitions++;
      if (store.add(step.next, current) === -2) full = true;
    };
    for (; current < store.count; current++) {
      if (current === levelEnd) {
        levelEnd = store.count;
        this.#depth++;
      }
      model.expand(store.states, current * store.words, visit);
      if (full || (untilViolation && this.violations.length > 0)) return;
      if ((current & 0x3ffff) === 0x3ffff) options.onProgress?.(current + 1, this.counts);
    }
    this.#complete = true;
  }

  /** The states from the initial one to the given one, by number. */
  pathTo(state: number): number[] {
    const path: number[] = [];
    for (let at = state; at >= 0; at = this.store.parents[at] as number) path.push(at);
    return path.reverse();
  }
}

/** Violations kept of one exploration. */
const VIOLATIONS_MAX = 100;
