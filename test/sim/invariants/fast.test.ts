import { describe, expect, it } from 'vitest';
import { FastAllowance } from '../../../src/engine/fast-allowance.ts';
import { RedeemedToken, Tokens } from '../../../src/security/tokens.ts';
import { simulate } from '../../../src/sim/simulate.ts';
import { testFrames } from '../../../src/sim/simulated-stream.ts';

type Patch = () => void;

/** The same token, as if it had not been shown. */
function fresh(token: RedeemedToken): RedeemedToken {
  return Object.assign(Object.create(token), { spend: () => true });
}

/** Runs with a fault in the engine that is taken out again. @returns the ids of what was broken. */
function brokenWith<Target extends object, Name extends keyof Target>(
  target: Target,
  name: Name,
  value: Target[Name],
  run: () => readonly { readonly id: string }[],
): string[] {
  const right = Object.getOwnPropertyDescriptor(target, name);
  const restore: Patch = () => {
    if (right !== undefined) Object.defineProperty(target, name, right);
  };
  Object.defineProperty(target, name, { ...right, value });
  try {
    return [...new Set(run().map(({ id }) => id))];
  } finally {
    restore();
  }
}

/** A viewer that comes back and whose confirm never arrives. */
function unconfirmed(security: 'none' | 'psk', bytes = 200_000) {
  const simulation = simulate({ seed: 5, link: { oneWayMs: 10 }, fast: true, security });
  simulation.play(testFrames(1, bytes));
  const viewer = simulation.join();
  simulation.run(500);
  viewer.close();
  simulation.run(100);
  const again = simulation.rejoin(viewer);
  simulation.run(11);
  viewer.host.toCamera.partitioned = true;
  simulation.run(3000);
  expect(again.timeToStreamMs).toBe(20);
  return simulation.violations;
}

describe.each(['none', 'psk'] as const)('mode %s: a watch of fast mode', (security) => {
  it('finds nothing where all is right', () => {
    expect(unconfirmed(security)).toEqual([]);
  });

  it('finds an engine that ignores the bytes of the allowance (S2)', () => {
    const run = () => unconfirmed(security);
    expect(brokenWith(FastAllowance.prototype, 'roomBytes', () => 1e9, run)).toContain('S2');
  });

  it('finds one that ignores its time (S1)', () => {
    const { roomBytes } = FastAllowance.prototype;
    const timeless = function (this: FastAllowance): number {
      return roomBytes.call(this, 0);
    };
    // 1,000 bytes each 40 ms: half a second passes before the bytes are used up.
    const run = () => {
      const simulation = simulate({ seed: 5, link: { oneWayMs: 10 }, fast: true, security });
      simulation.play(testFrames(200, 500));
      const viewer = simulation.join();
      simulation.run(500);
      viewer.close();
      simulation.run(100);
      simulation.rejoin(viewer);
      simulation.run(11);
      viewer.host.toCamera.partitioned = true;
      simulation.run(2000);
      return simulation.violations;
    };
    expect(run()).toEqual([]);
    expect(brokenWith(FastAllowance.prototype, 'roomBytes', timeless, run)).toContain('S1');
  });

  it('finds one that takes a token twice (S1)', () => {
    const { redeem } = Tokens.prototype;
    let good: RedeemedToken | undefined;
    const twice = function (this: Tokens, ...shown: Parameters<typeof redeem>): ReturnType<typeof redeem> {
      const redeemed = redeem.apply(this, shown);
      if (redeemed instanceof RedeemedToken) good = redeemed;
      // Each is spent by the proof that it gives.
      return good === undefined ? redeemed : fresh(good);
    };
    const run = () => {
      const simulation = simulate({ seed: 5, link: { oneWayMs: 10 }, fast: true, security });
      simulation.play(testFrames(1000, 500));
      const viewer = simulation.join();
      simulation.run(500);
      viewer.close();
      simulation.run(100);
      const [told] = simulation.events.flatMap((event) =>
        event.kind === 'told' && event.output.kind === 'token' ? [event.output.token] : [],
      );
      const again = simulation.rejoin(viewer);
      simulation.run(11);
      // It ends before it has another one, and the last is shown again.
      simulation.world.crash(again.number);
      simulation.run(20_000);
      expect(told).toBeDefined();
      simulation.world.keepToken(viewer.host, told ?? new Uint8Array(0));
      simulation.rejoin(viewer);
      simulation.run(500);
      return simulation.violations;
    };
    expect(run()).toEqual([]);
    expect(brokenWith(Tokens.prototype, 'redeem', twice, run)).toContain('S1');
  });

  it('finds one that grants what nobody showed a token for (S1)', () => {
    const { redeem } = Tokens.prototype;
    const any = function (this: Tokens, ...shown: Parameters<typeof redeem>): ReturnType<typeof redeem> {
      const token = this.issue(shown[1], shown[2]) ?? new Uint8Array(0);
      return redeem.call(this, token, shown[1], shown[2]);
    };
    const run = () => {
      const simulation = simulate({ seed: 5, link: { oneWayMs: 10 }, fast: true, security });
      simulation.play(testFrames(100, 500));
      simulation.join({ token: new Uint8Array(35) });
      simulation.run(500);
      return simulation.violations;
    };
    expect(run()).toEqual([]);
    expect(brokenWith(Tokens.prototype, 'redeem', any, run)).toContain('S1');
  });
});
