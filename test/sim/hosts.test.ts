import { afterEach, describe, expect, it } from 'vitest';
import * as sim from '../../src/sim/simulate.ts';
import { testFrames } from '../../src/sim/simulated-stream.ts';
import type { WorldEvent } from '../../src/sim/world-event.ts';

const started: sim.Simulation[] = [];

/** A simulation whose promises are looked at when the test is over. */
function simulate(options: sim.SimulationOptions): sim.Simulation {
  const simulation = sim.simulate(options);
  started.push(simulation);
  return simulation;
}

afterEach(() => {
  for (const simulation of started.splice(0))
    expect([simulation.seed, simulation.finish()]).toEqual([simulation.seed, []]);
});

const resetKey = new Uint8Array(32).fill(9);
const link = { oneWayMs: 25 };

/** A simulation whose one viewer streams. */
function streaming(options: Partial<Parameters<typeof simulate>[0]> = {}) {
  const simulation = simulate({ seed: 1, link, ...options });
  simulation.play(testFrames(1000, 500));
  const viewer = simulation.join();
  simulation.run(1000);
  expect(viewer.state).toBe('Streaming');
  return { simulation, viewer };
}

const mediaFrom = (events: readonly WorldEvent[], fromMs: number) =>
  events.filter((event) => event.kind === 'sent' && event.plane === 'media' && event.atMs > fromMs);

describe('a host that stands still', () => {
  it('sends nothing, and goes on with its session when it was short', () => {
    const { simulation, viewer } = streaming();
    simulation.world.pause('camera');
    simulation.run(4000);
    expect(mediaFrom(simulation.events, 1000)).toEqual([]);
    simulation.world.resume('camera');
    simulation.run(5000);
    expect(viewer.state).toBe('Streaming');
    expect(mediaFrom(simulation.events, 5000).length).toBeGreaterThan(0);
  });

  it.each(['datagramsFirst', 'timersFirst'] as const)(
    'sends no media once consent is over, when it wakes with %s (S9)',
    (order) => {
      const { simulation, viewer } = streaming();
      simulation.world.pause('camera');
      simulation.run(20_000);
      const wokenAtMs = simulation.nowMs;
      simulation.world.resume('camera', order);
      simulation.run(10_000);
      expect(mediaFrom(simulation.events, wokenAtMs)).toEqual([]);
      expect(viewer.state).toBe('Closed');
      expect(viewer.end?.code).toBe('PEER_DEAD');
      expect(simulation.world.camera.sessionCount).toBe(0);
    },
  );

  it('keeps what arrives up to the size of its socket, and loses the rest', () => {
    const { simulation, viewer } = streaming();
    simulation.world.pause(viewer.number);
    for (let i = 0; i < 5000; i++) simulation.world.injectToViewer(viewer.host, Uint8Array.of(1));
    const lost = simulation.events.filter((event) => event.kind === 'lost' && event.reason === 'bufferFull');
    expect(lost).toHaveLength(5000 - 4096);
    simulation.world.resume(viewer.number);
    expect(viewer.host.endpoint.counters.snapshot().drops.notOurs).toBe(4096);
  });
});

describe('a clock of its own', () => {
  it.each([
    ['fast', 1.05],
    ['slow', 0.95],
  ])('that runs %s, at %f, and begins anywhere changes nothing but times', (_name, rate) => {
    const { simulation, viewer } = streaming({ cameraClock: { offsetMs: 123_456.7, rate } });
    const other = simulation.join({ clock: { offsetMs: 9e9, rate: 2 - rate } });
    simulation.run(120_000);
    expect([viewer.state, other.state]).toEqual(['Streaming', 'Streaming']);
    expect(other.timeToStreamMs).toBeCloseTo(100 * (2 - rate), 0);
  });

  it('wakes a host exactly when its timer is due, however the clocks round', () => {
    const { simulation, viewer } = streaming({ cameraClock: { offsetMs: 1 / 3, rate: 1.000_001 } });
    simulation.run(600_000);
    expect(viewer.state).toBe('Streaming');
  });
});

describe('a crash', () => {
  it('of the camera that kept its reset key tells the viewer by RESET', () => {
    const { simulation, viewer } = streaming({ camera: { resetKey } });
    simulation.world.crash('camera');
    simulation.run(100);
    simulation.world.restart('camera');
    simulation.run(30_000);
    expect(viewer.end?.code).toBe('PEER_RESET');
  });

  it('of the viewer lets its successor on the same tuple take over', () => {
    const { simulation, viewer } = streaming();
    simulation.world.restart(viewer.number);
    simulation.world.toViewer(viewer.host, { kind: 'start' });
    simulation.run(1000);
    expect(viewer.state).toBe('Streaming');
    const ends = simulation.events.flatMap((event) =>
      event.kind === 'told' && event.host === 'camera' && event.output.kind === 'closed' ? [event.output.code] : [],
    );
    expect(ends).toEqual([15]);
  });

  it('by an allocation that fails at any request for random bytes leaves the camera without a session (L3)', () => {
    let died = 0;
    for (let allocationFailsAt = 1; allocationFailsAt <= 40; allocationFailsAt++) {
      const simulation = simulate({ seed: allocationFailsAt, link });
      simulation.play(testFrames(3));
      const viewer = simulation.join({ allocationFailsAt });
      simulation.run(30_000);
      if (viewer.host.state !== 'down') continue;
      died++;
      expect(simulation.world.camera.sessionCount).toBe(0);
      expect(simulation.world.camera.pendingCount).toBe(0);
    }
    expect(died).toBeGreaterThan(5);
  });
});

describe('a NAT that forgets', () => {
  it('leaves the old tuple without media within consent, and gives the new one none without a handshake (S1, S14)', () => {
    const { simulation, viewer } = streaming();
    const rebuiltAtMs = simulation.nowMs;
    simulation.world.rebind(viewer.host);
    const { port } = viewer.host.peer;
    simulation.run(40_000);
    const media = mediaFrom(simulation.events, rebuiltAtMs);
    expect(media.some((event) => event.kind === 'sent' && event.to.port === port)).toBe(false);
    expect(media.at(-1)?.atMs).toBeLessThanOrEqual(rebuiltAtMs + 15_000);
    expect(viewer.state).toBe('Closed');
    expect(simulation.world.camera.sessionCount).toBe(0);
  });
});

describe('a system that refuses to send', () => {
  it('fails the handshake with LOCAL_NETWORK when nothing could leave', () => {
    const simulation = simulate({ seed: 1, link });
    const viewer = simulation.join();
    simulation.world.failSends(viewer.number, { hint: 'ENETUNREACH', fraction: 1 });
    simulation.world.restart(viewer.number);
    simulation.world.toViewer(viewer.host, { kind: 'start' });
    simulation.run(20_000);
    expect(viewer.end).toMatchObject({ code: 'LOCAL_NETWORK', reason: 'ENETUNREACH' });
  });

  it('only slows a handshake when it refuses half', () => {
    const simulation = simulate({ seed: 5, link });
    simulation.world.failSends('camera', { hint: 'ENOBUFS', fraction: 0.5 });
    expect(simulation.handshake()).toMatchObject({ ok: true, mediaBeforeConfirm: 0 });
    simulation.world.failSends('camera', undefined);
    const hints = simulation.world.camera.counters.snapshot().hints;
    expect(simulation.handshake().ok).toBe(true);
    expect(simulation.world.camera.counters.snapshot().hints).toEqual(hints);
  });
});
