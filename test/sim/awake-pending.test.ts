import { describe, expect, it } from 'vitest';
import { drawPlan } from '../../src/sim/draw-plan.ts';
import type { FaultPlan } from '../../src/sim/fault-plan.ts';
import { toHex } from '../../src/sim/fuzz/target.ts';
import { awakePendingMaxes, runPlan } from '../../src/sim/run-plan.ts';
import { runsFromEnv, seedFromEnv } from '../support/seeded.ts';

const PLANS = 300;

/** All that both ends sent and told, each with its time, in an order that says nothing. */
function eventsOf(
  plan: FaultPlan,
  awakePendingMax: number,
): { readonly events: readonly string[]; readonly load: boolean } {
  const events: string[] = [];
  let load = false;
  runPlan(
    plan,
    (event) => {
      if (event.kind !== 'sent' && event.kind !== 'told') return;
      if (event.kind === 'told' && event.output.kind === 'load') load = true;
      events.push(event.kind === 'sent' ? `${event.atMs} ${toHex(event.bytes)}` : JSON.stringify(event, plain));
    },
    awakePendingMax,
  );
  return { events: events.sort(), load };
}

function plain(_key: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value;
}

describe('a camera that keeps half-open sessions awake', () => {
  // Sessions that expire in the same ms leave in an order of no meaning. A camera that was paused finds several things to do at one time,
  // and which comes first depends on when it looks; so does whether it finds that it is late.
  it('does what one does whose sessions all sleep, byte for byte, whatever goes wrong but pauses and load', () => {
    const first = seedFromEnv('sim/awake-pending');
    const plans = runsFromEnv(PLANS);
    let compared = 0;
    for (let run = 0; run < plans; run++) {
      const seed = (first + run) >>> 0;
      const drawn = drawPlan(seed, run % 2 === 0 ? 'safety' : 'liveness');
      const faults = drawn.faults.filter(({ kind }) => kind !== 'pause');
      const plan: FaultPlan = { ...drawn, faults, ...(run % 5 === 4 ? { security: 'psk' } : {}) };
      const [asleep, ...awake] = awakePendingMaxes.map((max) => eventsOf(plan, max));
      if (asleep?.load !== false || awake.some(({ load }) => load)) continue;
      compared++;
      for (const { events } of awake) expect(events, `seed ${seed}`).toEqual(asleep.events);
    }
    expect(compared).toBeGreaterThan(plans / 2);
  });
});
