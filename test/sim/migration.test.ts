import { describe, expect, it } from 'vitest';
import type { ResponderOutput } from '../../src/engine/io-types.ts';
import { type Simulation, type SimulationOptions, simulate } from '../../src/sim/simulate.ts';
import { testFrames } from '../../src/sim/simulated-stream.ts';
import type { SimulatedViewer } from '../../src/sim/simulated-viewer.ts';
import { kindOf } from '../support/frames.ts';

const modes = ['psk', 'keys'] as const;
/** When the NAT forgets. */
const FORGETS_AT_MS = 3000;

function streaming(options: SimulationOptions): { readonly simulation: Simulation; readonly viewer: SimulatedViewer } {
  const simulation = simulate(options);
  simulation.play(testFrames(100_000, 500));
  const viewer = simulation.join();
  simulation.run(FORGETS_AT_MS);
  expect([options.seed, viewer.state]).toEqual([options.seed, 'Streaming']);
  return { simulation, viewer };
}

function told<K extends ResponderOutput['kind']>({ events }: Simulation, kind: K) {
  return events.flatMap((event) =>
    event.kind === 'told' && event.host === 'camera' && event.output.kind === kind
      ? [{ atMs: event.atMs, output: event.output as Extract<ResponderOutput, { kind: K }> }]
      : [],
  );
}

const counted = ({ world }: Simulation) => world.camera.counters.snapshot().counters;

describe.each(modes)('mode %s: a NAT that forgets', (security) => {
  it.each(['lan', 'default'] as const)(
    'moves the session to the new port through 30 % loss each way, and frames go on: profile %s (S2, S14)',
    (profile) => {
      for (let seed = 1; seed <= 8; seed++) {
        const { simulation, viewer } = streaming({ seed, security, profile, link: { oneWayMs: 20, loss: 0.3 } });
        const before = viewer.host.peer;
        simulation.world.rebind(viewer.host);
        simulation.run(12_000);
        const shown = viewer.frameCount;
        simulation.run(1000);
        const moves = told(simulation, 'moved').map(({ output }) => [output.before, output.peer]);
        expect([seed, moves]).toEqual([seed, [[before, viewer.host.peer]]]);
        expect([seed, viewer.state, viewer.frameCount > shown]).toEqual([seed, 'Streaming', true]);
        expect([seed, counted(simulation).pathsMoved]).toEqual([seed, 1]);
        expect([seed, simulation.finish()]).toEqual([seed, []]);
      }
    },
  );

  it('costs no frame after the move: without loss it takes the watchdog, three challenges and a round trip', () => {
    const { simulation, viewer } = streaming({ seed: 1, security, profile: 'lan', link: { oneWayMs: 20 } });
    const heardAtMs = FORGETS_AT_MS;
    simulation.world.rebind(viewer.host);
    simulation.run(5000);
    const [moved] = told(simulation, 'moved');
    // 1.5 s of silence, 20 ms to the camera, three times 100 ms.
    expect(moved?.atMs).toBeGreaterThan(heardAtMs + 1500 + 20 + 300 - 60);
    expect(moved?.atMs).toBeLessThan(heardAtMs + 1500 + 20 + 300 + 60);
    const port = viewer.host.peer.port;
    const media = simulation.events.filter((event) => event.kind === 'sent' && event.plane === 'media');
    const there = media.filter((event) => event.kind === 'sent' && event.to.port === port);
    expect(there[0]?.atMs).toBe(moved?.atMs);
    // How large datagrams may be there, and how long they take, is asked at once.
    const asked = simulation.events.find(
      (event) => event.kind === 'sent' && event.to.port === port && kindOf(event.bytes) === 'PING',
    );
    expect(asked?.atMs).toBe(moved?.atMs);
    expect(media.filter((event) => event.atMs > (moved?.atMs ?? 0)).length).toBe(
      there.filter((event) => event.atMs > (moved?.atMs ?? 0)).length,
    );
    expect(simulation.finish()).toEqual([]);
  });

  it('twice moves it twice, and once more to where it was', () => {
    const { simulation, viewer } = streaming({ seed: 3, security, profile: 'lan', link: { oneWayMs: 20 } });
    for (let move = 1; move <= 3; move++) {
      simulation.world.rebind(viewer.host);
      simulation.run(5000);
      expect([counted(simulation).pathsMoved, viewer.state]).toEqual([move, 'Streaming']);
    }
    expect(simulation.finish()).toEqual([]);
  });

  it('does not keep what a moved session says or asks from arriving: BYE ends it at both ends', () => {
    const { simulation, viewer } = streaming({ seed: 4, security, profile: 'lan', link: { oneWayMs: 20 } });
    simulation.world.rebind(viewer.host);
    simulation.run(4000);
    simulation.world.toViewer(viewer.host, { kind: 'close', code: 0 });
    simulation.run(5000);
    expect(viewer.end?.code).toBe('NO_ERROR');
    expect(told(simulation, 'closed').map(({ output }) => [output.code, output.peer.port])).toEqual([
      [0, viewer.host.peer.port],
    ]);
    expect(simulation.world.camera.sessionCount).toBe(0);
    expect(simulation.finish()).toEqual([]);
  });

  it('with nobody behind the new port ends the session by its own timers, which the attempt does not stop (S9)', () => {
    const { simulation, viewer } = streaming({ seed: 5, security, link: { oneWayMs: 20 } });
    simulation.world.rebind(viewer.host);
    viewer.host.toViewer.partitioned = true;
    simulation.run(30_000);
    expect(counted(simulation)).toMatchObject({ pathsMoved: 0 });
    expect(counted(simulation).pathsFailed).toBeGreaterThan(0);
    expect(told(simulation, 'closed').map(({ output }) => output.wasStreaming)).toEqual([true]);
    expect(viewer.end?.code).toBe('PEER_DEAD');
    expect(simulation.finish()).toEqual([]);
  });
});

describe('mode none: a NAT that forgets', () => {
  it('moves nothing: both ends find out by themselves (S14)', () => {
    const { simulation, viewer } = streaming({ seed: 1, link: { oneWayMs: 20 } });
    simulation.world.rebind(viewer.host);
    simulation.run(30_000);
    expect(told(simulation, 'moved')).toEqual([]);
    expect(counted(simulation)).toMatchObject({ pathsTried: 0, pathsMoved: 0 });
    expect([viewer.state, simulation.world.camera.sessionCount]).toEqual(['Closed', 0]);
    expect(simulation.finish()).toEqual([]);
  });
});
