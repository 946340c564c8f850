import { type Counters, closedLabels, counterNames, dropReasons, hintNames } from '../../engine/counters.ts';
import type { ViolationLog } from './violation.ts';

const labels = {
  counters: new Set<string>(counterNames),
  drops: new Set<string>(dropReasons),
  closed: new Set<string>(closedLabels),
  hints: new Set<string>(hintNames),
};

/** S16: the labels of an endpoint's figures are the closed sets, whatever its peers sent. The rate of logs is the shell's. */
export class Labels {
  readonly #log: ViolationLog;

  constructor(log: ViolationLog) {
    this.#log = log;
  }

  finish(whose: string, counters: Counters): void {
    const snapshot = counters.snapshot();
    for (const family of ['counters', 'drops', 'closed', 'hints'] as const) {
      const closed = labels[family];
      let found = 0;
      for (const label in snapshot[family]) {
        found++;
        if (!closed.has(label)) this.#log.report('S16', `${whose} has the label ${label} in ${family}`);
      }
      if (found < closed.size) this.#log.report('S16', `${whose} lacks a label in ${family}`);
    }
  }
}
