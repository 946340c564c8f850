import { describe, expect, it } from 'vitest';
import { drawPlan } from '../../src/sim/draw-plan.ts';
import { runPlan } from '../../src/sim/run-plan.ts';

const SEEDS = 20_000;
const plans = Array.from({ length: SEEDS }, (_, seed) => drawPlan(seed, 'safety'));

describe('the plans of 20,000 seeds', () => {
  it('have cameras that can begin, also those that run out of memory early', () => {
    const failing = plans.filter(({ camera }) => (camera.allocationFailsAt ?? Number.POSITIVE_INFINITY) < 6);
    expect(new Set(failing.map(({ camera }) => camera.fast === true)).size).toBe(2);
    for (const plan of failing) {
      const alone = { ...plan, viewers: [], faults: [], faultyMs: 1 };
      expect(() => runPlan(alone), `seed ${plan.seed}`).not.toThrow();
    }
  });

  it('have no clock before 0: the engine waits for media in slots that begin there', () => {
    const clocks = plans.flatMap(({ camera, viewers }) => [camera, ...viewers].flatMap(({ clock }) => clock ?? []));
    expect(clocks.length).toBeGreaterThan(1000);
    expect(clocks.filter(({ offsetMs = 0 }) => offsetMs < 0)).toEqual([]);
  });

  it('have fast mode in about a quarter, and there viewers that come back with its token', () => {
    const fast = plans.filter(({ camera }) => camera.fast === true);
    expect(fast.length / SEEDS).toBeCloseTo(0.25, 1);
    const returning = fast.filter(({ faults }) => faults.some(({ kind }) => kind === 'redial'));
    expect(returning.length / fast.length).toBeGreaterThan(0.8);
  });
});
