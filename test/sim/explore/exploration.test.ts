import { describe, expect, it } from 'vitest';
import { type Bounds, defaultBounds, describeBounds } from '../../../src/sim/explore/bounds.ts';
import { type DesignError, designErrors, errorBounds } from '../../../src/sim/explore/design-errors.ts';
import { pathOf, sequenceDiagram } from '../../../src/sim/explore/diagram.ts';
import { Exploration } from '../../../src/sim/explore/exploration.ts';
import { Model } from '../../../src/sim/explore/model.ts';
import { ruleIds } from '../../../src/sim/explore/rules.ts';
import { verdictOf } from '../../../src/sim/explore/verdict.ts';

const crowdedBounds: Bounds = { ...errorBounds, network: 'queue', inFlightMax: 1, attacker: true, retriesLeft: 1 };

interface Recorded {
  readonly name: string;
  readonly bounds: Bounds;
  /** What was seen when this was written: a state more or less is a change of the protocol or of the model. */
  readonly counts: {
    readonly states: number;
    readonly transitions: number;
    readonly depth: number;
    readonly asked: number;
  };
}

const recorded: readonly Recorded[] = [
  {
    name: 'a set, an attacker, a restarted responder, and both applications closing',
    bounds: defaultBounds,
    counts: { states: 669_295, transitions: 4_061_747, depth: 29, asked: 4_472 },
  },
  {
    name: 'a set, and cookies',
    bounds: { ...errorBounds, retriesLeft: 1 },
    counts: { states: 147_735, transitions: 850_115, depth: 24, asked: 2_280 },
  },
  {
    name: 'a set, cookies that go stale, and sockets that fail',
    bounds: { ...errorBounds, retriesLeft: 2, sendsMax: 1, socketFailures: true },
    counts: { states: 31_742, transitions: 187_685, depth: 22, asked: 0 },
  },
  {
    name: 'a queue of one, an attacker, a restarted responder, and both applications closing',
    bounds: { ...defaultBounds, network: 'queue', inFlightMax: 1 },
    counts: { states: 89_014, transitions: 810_906, depth: 24, asked: 2_558 },
  },
  {
    name: 'a queue of two, and a restarted responder',
    bounds: { ...errorBounds, network: 'queue', responderRestarts: 1 },
    counts: { states: 165_073, transitions: 1_821_045, depth: 21, asked: 4_308 },
  },
  {
    name: 'a queue of one, an attacker, and a restarted initiator',
    bounds: { ...errorBounds, network: 'queue', inFlightMax: 1, attacker: true, initiatorRestarts: 1 },
    counts: { states: 55_990, transitions: 412_254, depth: 23, asked: 3_314 },
  },
  {
    name: 'a queue of one, cookies, and an attacker that fills a tuple of two candidates: three StreamIds',
    bounds: { ...crowdedBounds, sessionsMax: 3, attackerStreams: 2, sendsMax: 1 },
    counts: { states: 137_628, transitions: 1_085_779, depth: 21, asked: 0 },
  },
  {
    name: 'a queue of one, cookies, and an attacker that fills a tuple of one candidate',
    bounds: { ...crowdedBounds, candidatesMax: 1 },
    counts: { states: 30_010, transitions: 221_760, depth: 20, asked: 2_064 },
  },
];

const described = designErrors.map((error): [string, DesignError] => [`${error.name} (${error.breaks})`, error]);

describe('the exploration', () => {
  for (const { name, bounds, counts } of recorded) {
    it(`finds no rule broken in any state, and L2 and L4 from every state (S1-S9, S12, rule 10): ${name}`, {
      timeout: 180_000,
    }, () => {
      const verdict = verdictOf({ bounds }, { statesMax: 2_000_000 });
      const story = verdict.violation === undefined ? '' : sequenceDiagram(verdict.exploration, verdict.violation);
      expect(verdict.violation?.rule, `${describeBounds(bounds)}\n${story}`).toBeUndefined();
      const { states, transitions, depth, complete } = verdict.counts;
      const asked = verdict.liveness?.l2.asked;
      expect({ states, transitions, depth, asked, complete }, describeBounds(bounds)).toEqual({
        ...counts,
        complete: true,
      });
    });
  }

  it('goes through at least 500,000 distinct states here', () => {
    expect(recorded.reduce((sum, { counts }) => sum + counts.states, 0)).toBeGreaterThanOrEqual(500_000);
  });

  it('says so when its room is too small, and claims nothing', () => {
    const verdict = verdictOf({ bounds: defaultBounds }, { statesMax: 1000 });
    expect(verdict.counts).toMatchObject({ states: 1000, complete: false });
    expect(verdict.liveness).toBeUndefined();
  });
});

describe('of the design errors', () => {
  it('there are at least 25, of every rule', () => {
    expect(designErrors.length).toBeGreaterThanOrEqual(25);
    expect(new Set(designErrors.map(({ name }) => name)).size).toBe(designErrors.length);
    expect([...new Set(designErrors.map(({ breaks }) => breaks))].sort()).toEqual([...ruleIds].sort());
  });

  it.each(described)('this is found: %s', (_, error) => {
    const bounds = { ...errorBounds, ...error.bounds };
    const { violation, exploration } = verdictOf({ bounds, ...error.model }, { statesMax: 200_000 });
    expect(violation?.rule).toBe(error.breaks);
    if (violation === undefined) return;
    expect(sequenceDiagram(exploration, violation)).toContain(`${error.breaks} is broken`);
    // The same steps do not break it in the protocol as it is: otherwise the error would not be what was found.
    const clean = new Exploration(new Model({ bounds }), exploration.store.count);
    clean.run();
    expect(clean.violations).toEqual([]);
  });

  it('a counterexample is one of the shortest, and is drawn step by step', () => {
    const error = designErrors.find(({ model }) => model.faults?.confirmWithoutTag === true) as DesignError;
    const verdict = verdictOf({ bounds: { ...errorBounds, ...error.bounds }, ...error.model }, { statesMax: 200_000 });
    const violation = verdict.violation as NonNullable<typeof verdict.violation>;
    expect(pathOf(verdict.exploration, violation)).toHaveLength(3);
    expect(sequenceDiagram(verdict.exploration, violation)).toMatchInlineSnapshot(`
      "sequenceDiagram
        participant I as initiator
        participant N as network
        participant R as responder
        participant A as attacker
        A->>R: START S2, a StreamId of its own, in the initiator’s name
        note over I,R: ReadyToStart / PendingStartRequest S2 T1
        note over R: app.reserved (T1)
        R-)N: START_ACK S2 T1
        note over I,R: ReadyToStart / PendingConfirm S2 T1
        A->>R: START_CONFIRM with a guessed SessionTag, in the initiator’s name
        R-)N: READY S2 T1
        R-)N: PING S2 T1
        note over I,R: ReadyToStart / Streaming S2 T1
        note over I,R: S1 is broken: media leaves, or the gate opens, without a START_CONFIRM of the initiator with the current SessionTag
      "
    `);
  });
});
