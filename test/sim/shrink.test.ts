import { describe, expect, it } from 'vitest';
import { drawPlan } from '../../src/sim/draw-plan.ts';
import { type FaultPlan, forgeryKinds } from '../../src/sim/fault-plan.ts';
import { type PlanResult, runPlan } from '../../src/sim/run-plan.ts';
import { failureReport, shrink } from '../../src/sim/shrink.ts';
import { checkPlan, failsBy } from '../../src/sim/swarm.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';

/** A run that is said to break S9 as soon as the camera was restarted after a viewer streamed. */
function breaking(plan: FaultPlan, observe?: (event: WorldEvent) => void): PlanResult {
  let streamed = false;
  let atMs: number | undefined;
  const result = runPlan(plan, (event) => {
    observe?.(event);
    if (event.kind === 'told' && event.output.kind === 'streaming' && event.host !== 'camera') streamed = true;
    if (streamed && event.kind === 'fault' && event.host === 'camera' && event.fault === 'restart') atMs ??= event.atMs;
  });
  return atMs === undefined ? result : { ...result, violations: [{ id: 'S9', detail: 'as said', atMs }] };
}

/** The first seed whose plan breaks it and is not small. */
function brokenPlan(): FaultPlan {
  for (let seed = 0; ; seed++) {
    const plan = drawPlan(seed, 'safety');
    if (plan.viewers.length > 1 && plan.faults.length > 3 && failsBy('S9', plan, breaking)) return plan;
  }
}

describe('shrinking', () => {
  it('leaves a viewer, a restart and a plain link, and tells how to see it again', () => {
    const { failure } = checkPlan(brokenPlan(), breaking);
    if (failure === undefined) throw new Error('it does not fail');
    const shrunk = shrink(failure, breaking);
    const { plan, runs } = shrunk;
    expect(runs).toBeLessThan(300);
    expect(failsBy('S9', plan, breaking)).toBe(true);
    expect(plan.faults.map(({ kind }) => kind)).toEqual(['crash']);
    expect(plan.viewers.filter(({ startsAtMs }) => startsAtMs !== undefined)).toHaveLength(1);
    expect(plan.media).toBeUndefined();
    for (const { toCamera, toViewer } of plan.viewers) {
      expect([Object.keys(toCamera), Object.keys(toViewer)]).toEqual([['oneWayMs'], ['oneWayMs']]);
    }
    const report = failureReport(failure, shrunk);
    expect(report).toContain(`npm run swarm -- --seed ${failure.plan.seed} --runs 1\n`);
    expect(report).toContain(JSON.stringify(plan));
    expect(report).toContain('sequenceDiagram');
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  it('ends with the plan itself when nothing can be taken away', () => {
    const plan = drawPlan(1, 'liveness');
    const whole = (other: FaultPlan): PlanResult => ({
      ...runPlan({ ...plan, faultyMs: 1, mode: 'safety' }),
      threw: JSON.stringify(other) === JSON.stringify(plan) ? 'as said' : undefined,
    });
    expect(shrink({ kind: 'threw', plan }, whole).plan).toEqual(plan);
  });
});

describe('a plan that is checked', () => {
  it('fails by S15 when its second run differs from its first, and by what an endpoint throws', () => {
    let runs = 0;
    const plan = drawPlan(3, 'safety');
    const drifting = (same: FaultPlan) => runPlan({ ...same, seed: same.seed + runs++ });
    expect(checkPlan(plan, drifting).failure?.kind).toBe('S15');
    expect(failsBy('S15', plan, drifting)).toBe(true);
    expect(failsBy('S15', plan)).toBe(false);
    const throwing = (same: FaultPlan): PlanResult => ({ ...runPlan(same), threw: 'RangeError: offset' });
    expect(checkPlan(plan, throwing).failure).toMatchObject({ kind: 'threw', detail: 'RangeError: offset' });
    expect(checkPlan(plan).failure).toBeUndefined();
  });
});

describe('the plans of 2,000 seeds', () => {
  const plans = Array.from({ length: 2000 }, (_, seed) => drawPlan(seed, seed % 2 === 0 ? 'safety' : 'liveness'));

  it('have every kind of fault, forgery, link impairment, host and application, each in its own subset', () => {
    const faults = new Set(plans.flatMap((plan) => plan.faults.map(({ kind }) => kind)));
    expect([...faults].sort()).toEqual(
      ['clog', 'close', 'crash', 'flood', 'forge', 'partition', 'pause', 'rebind', 'redial', 'sends', 'socket'].sort(),
    );
    const forged = plans.flatMap(({ faults: all }) =>
      all.flatMap((fault) => (fault.kind === 'forge' ? [fault.what] : [])),
    );
    expect([...new Set(forged)].sort()).toEqual([...forgeryKinds].sort());
    const links = plans.flatMap(({ viewers }) => viewers.flatMap(({ toCamera, toViewer }) => [toCamera, toViewer]));
    const impairments = new Set(links.flatMap((link) => Object.keys(link)));
    expect(impairments).toEqual(
      new Set([
        ...['oneWayMs', 'loss', 'burst', 'jitterMs', 'reorder', 'reorderMs', 'duplication', 'corruption'],
        ...['bitsPerSecond', 'queueBytesMax', 'datagramBytesMax'],
      ]),
    );
    const some = (holds: (plan: FaultPlan) => boolean) => plans.filter(holds).length;
    const counts = [
      some(({ camera }) => camera.clock !== undefined),
      some(({ camera }) => camera.allocationFailsAt !== undefined),
      some(({ camera }) => camera.keepsKey),
      some(({ viewers }) => viewers.some(({ allocationFailsAt }) => allocationFailsAt !== undefined)),
      some(({ media }) => media === undefined),
      some(({ application }) => application.refuses > 0),
      some(({ application }) => application.late > 0),
      some(({ application }) => application.silent > 0),
      some(({ faults: all }) => all.length === 0),
    ];
    for (const count of counts) expect(count).toBeGreaterThan(20);
    expect(new Set(plans.map((plan) => JSON.stringify({ ...plan, seed: 0 }))).size).toBe(plans.length);
  });

  it('are the same for the same seed', () => {
    expect(drawPlan(77, 'liveness')).toEqual(plans[77]);
  });
});
