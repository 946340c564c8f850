import { describe, expect, it } from 'vitest';
import { RttEstimate } from '../../src/engine/rtt.ts';
import { RttMemory } from '../../src/engine/rtt-memory.ts';

describe('the smoothed round-trip time', () => {
  it('is the first sample, and then moves by an eighth of the difference', () => {
    const rtt = new RttEstimate();
    expect(rtt.ms).toBeUndefined();
    rtt.sample(80);
    rtt.sample(160);
    expect(rtt.ms).toBe(90);
  });

  it('is never above a bound, and a bound alone is an estimate', () => {
    const rtt = new RttEstimate();
    rtt.atMost(40);
    rtt.atMost(50);
    expect(rtt.ms).toBe(40);
    rtt.sample(48);
    rtt.atMost(12);
    expect(rtt.ms).toBe(12);
  });
});

describe('the round-trip time of another path', () => {
  it('begins with what is known of it, whatever the path before had', () => {
    const rtt = new RttEstimate();
    rtt.sample(80);
    rtt.restart(400);
    expect(rtt.ms).toBe(400);
    rtt.sample(480);
    expect(rtt.ms).toBe(410);
  });
});

describe('the memory of round-trip times', () => {
  it('begins the schedule at 1.5 RTT of the address, and at nothing for another', () => {
    const memory = new RttMemory();
    memory.remember('192.0.2.1', 100, 0);
    expect(memory.rtoInitialMs('192.0.2.1', 1)).toBe(150);
    expect(memory.rtoInitialMs('192.0.2.2', 1)).toBeUndefined();
  });

  it('forgets after 10 min', () => {
    const memory = new RttMemory();
    memory.remember('192.0.2.1', 100, 1_000_000);
    expect(memory.rtoInitialMs('192.0.2.1', 1_600_000)).toBe(150);
    expect(memory.rtoInitialMs('192.0.2.1', 1_600_001)).toBeUndefined();
  });

  it('holds 256 addresses, and the one that was told longest ago goes first (S5)', () => {
    const memory = new RttMemory();
    for (let i = 0; i < 256; i++) memory.remember(`address ${i}`, i, 0);
    expect(memory.rtoInitialMs('address 0', 0)).toBe(0);
    memory.remember('address 0', 7, 0);
    memory.remember('one more', 1, 0);
    expect(memory.rtoInitialMs('address 1', 0)).toBeUndefined();
    expect(memory.rtoInitialMs('address 0', 0)).toBe(10.5);
    expect(memory.rtoInitialMs('one more', 0)).toBe(1.5);
  });
});
