import { describe, expect, it } from 'vitest';
import { exchangeDesignErrors } from '../../../src/sim/explore/exchange-errors.ts';
import { exploreExchange } from '../../../src/sim/explore/exchange-exploration.ts';
import type { ExchangeBounds } from '../../../src/sim/explore/exchange-model.ts';

interface Recorded {
  readonly name: string;
  readonly bounds: ExchangeBounds;
  /** What was seen when this was written: a state more or less is a change of the protocol or of the model. */
  readonly counts: { readonly states: number; readonly transitions: number; readonly depth: number };
}

const one: ExchangeBounds = { rounds: 1, parts: 1, inFlightMax: 3, crashes: false, cancels: false };

const recorded: readonly Recorded[] = [
  { name: 'one round', bounds: one, counts: { states: 85, transitions: 220, depth: 12 } },
  {
    name: 'one round, crashes, cancellations and time limits',
    bounds: { ...one, crashes: true, cancels: true },
    counts: { states: 1_017, transitions: 3_644, depth: 12 },
  },
  {
    name: 'two rounds, crashes, cancellations and time limits',
    bounds: { ...one, rounds: 2, crashes: true, cancels: true },
    counts: { states: 12_472, transitions: 54_315, depth: 26 },
  },
  {
    name: 'three rounds',
    bounds: { ...one, rounds: 3 },
    counts: { states: 4_133, transitions: 14_695, depth: 32 },
  },
  {
    name: 'two rounds of two parts, crashes, cancellations and time limits',
    bounds: { ...one, rounds: 2, parts: 2, crashes: true, cancels: true },
    counts: { states: 131_182, transitions: 616_967, depth: 35 },
  },
];

describe('the exploration of an exchange over a network that loses, doubles and reorders', () => {
  for (const { name, bounds, counts } of recorded) {
    it(`no round executes twice, no answer is told twice or before it is one, and an end stays reachable: ${name}`, {
      timeout: 60_000,
    }, () => {
      const { broken, story, ...seen } = exploreExchange({ bounds });
      expect([broken, story]).toEqual([undefined, []]);
      expect(seen).toEqual(counts);
    });
  }
});

describe('a design error of an exchange', () => {
  it.each(exchangeDesignErrors.map((error) => [`${error.name} (${error.breaks})`, error] as const))(
    'is found: %s',
    (_, { breaks, model }) => {
      const { broken, story } = exploreExchange(model);
      expect(broken, story.join('\n')).toBe(breaks);
      expect(story.length).toBeGreaterThan(0);
    },
  );
});
