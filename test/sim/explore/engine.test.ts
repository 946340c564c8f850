import { describe, expect, it } from 'vitest';
import type { Profile } from '../../../src/protocol/profiles.ts';
import { profiles } from '../../../src/protocol/profiles.ts';
import { Group, partsOf } from '../../../src/sim/explore/action.ts';
import { type Bounds, defaultBounds } from '../../../src/sim/explore/bounds.ts';
import { InitiatorClass } from '../../../src/sim/explore/initiator-role.ts';
import { SessionFrame } from '../../../src/sim/explore/layout.ts';
import { Model } from '../../../src/sim/explore/model.ts';
import { ResponderClass } from '../../../src/sim/explore/responder-role.ts';
import { type Seeded, seeded, seedFromEnv } from '../../support/seeded.ts';
import { EngineWalk } from './engine-walk.ts';

// The machines' own caps, so that the counters of the model begin where the engine's do.
const engineBounds: Bounds = {
  ...defaultBounds,
  sessionsMax: 7,
  candidatesMax: 4,
  sendsMax: 3,
  restartsLeft: 3,
  byesLeft: 5,
  probesLeft: 3,
  responderRestarts: 3,
  initiatorRestarts: 2,
  socketFailures: true,
};

const walkedBounds: readonly Bounds[] = [
  engineBounds,
  { ...engineBounds, sendsMax: 1, retriesLeft: 4, initiatorRestarts: 0, attackerStreams: 5 },
];

const WALKS = 3000;
const STEPS = 40;

/** Timers in any order: a walk can only take a timer when the engine's own clock gets there. */
function someProfile(random: Seeded, sendsMax: number): Profile {
  const within = (least: number, most: number) => least + random.below(most - least);
  return {
    ...profiles.default,
    sendsMax,
    rtoInitialMs: within(5, 300),
    rtoMaxMs: within(300, 3000),
    handshakeMs: within(200, 20_000),
    heartbeatMs: within(100, 6000),
    pingRepeatMs: within(50, 1000),
    watchdogMs: within(50, 8000),
    deadMs: within(100, 16_000),
    consentMs: within(100, 16_000),
  };
}

const LEADING_WEIGHT = 12;

/** How willingly a walk takes an action: what leads on often, what ends all seldom. @param crowded an attacker's STARTs lead on too. */
function weightOf(action: number, crowded: boolean): number {
  const { group, subject, detail } = partsOf(action);
  if (group === Group.DELIVER) return LEADING_WEIGHT;
  if (group === Group.INITIATOR) return detail === InitiatorClass.start ? 60 : 1;
  if (group === Group.RESPONDER) {
    if (detail === ResponderClass.reserved) return 40;
    return detail === ResponderClass.mediaDue ? 6 : 1;
  }
  if (group !== Group.FORGE) return 1;
  return crowded && subject === 1 ? 40 : 2;
}

function pick(random: Seeded, actions: readonly number[], crowded: boolean): number {
  const weights = actions.map((action) => weightOf(action, crowded));
  let left = random.below(weights.reduce((sum, weight) => sum + weight, 0));
  const index = weights.findIndex((weight) => {
    left -= weight;
    return left < 0;
  });
  return actions[index] as number;
}

/** What walks must have met: every event that either side decides itself, every frame, every other kind of step. */
const reachable: readonly string[] = [
  ...['app.start', 'app.close', 'app.socketFailed'].map((name) => `initiator ${name}`),
  ...['T1', 'deadline', 'watchdog', 'dead', 'close', 'drain'].map((name) => `initiator timer.${name}`),
  ...['reserved', 'refused', 'refused for a moment', 'close', 'mediaDue'].map((name) => `responder app.${name}`),
  ...['reserve', 'pending', 'heartbeat', 'dead', 'consent', 'close', 'deadline', 'drain'].map(
    (name) => `responder timer.${name}`,
  ),
  ...['START', 'ERROR', 'RETRY', ...Object.keys(SessionFrame)].map((name) => `frame ${name}`),
  'RETRY of a full tuple',
  'a candidate gives way',
  ...[Group.FORGE, Group.RESTART_RESPONDER, Group.RESTART_INITIATOR, Group.RESPONDER_SOCKET_FAILS].map(
    (group) => `group ${group}`,
  ),
];

describe('the model of the exploration', () => {
  it('does what the real endpoints do, on 3,000 random walks with restarts of both ends, forgeries and cookies', () => {
    const seed = seedFromEnv('sim/explore/engine');
    const random = seeded(seed);
    const covered = new Map<string, number>();
    for (const bounds of walkedBounds) {
      const model = new Model({ bounds });
      for (let walkNumber = 0; walkNumber < WALKS / walkedBounds.length; walkNumber++) {
        const walk = new EngineWalk(model, someProfile(random, bounds.sendsMax), random.u32(), covered);
        const crowded = bounds.attackerStreams > 1 && walkNumber % 2 === 0;
        // A third of the walks is wild from the start; the others shake hands first, and half of those then mostly wait.
        const kinds = [
          [0, 3],
          [8, 3],
          [8, 9],
        ] as const;
        const [leadingSteps, timeInTwelve] = crowded ? [20, 1] : (kinds[walkNumber % 3] ?? kinds[0]);
        for (let step = 0; step < STEPS && !walk.atBound; step++) {
          const leading = step < leadingSteps;
          const actions = walk.actions().filter((action) => !leading || weightOf(action, crowded) >= LEADING_WEIGHT);
          if (actions.length === 0 || (!leading && random.below(12) < timeInTwelve)) walk.passTime();
          else walk.perform(pick(random, actions, crowded));
        }
      }
    }
    expect(reachable.filter((name) => !covered.has(name))).toEqual([]);
  }, 180_000);
});
