import { describe, expect, it } from 'vitest';
import { profiles } from '../../../src/protocol/profiles.ts';
import { settleMs } from '../../../src/sim/invariants/liveness.ts';
import { startBytes } from '../../support/frames.ts';
import { WatchedWorld } from '../../support/watched-world.ts';

const enoughMs = settleMs(profiles.default);

/** A viewer that streams, and enough time gone by since nothing went wrong. */
function settled(): WatchedWorld {
  const world = new WatchedWorld();
  world.join();
  world.run(enoughMs);
  world.watch.finish(world, { faultsStoppedAtMs: 0 });
  expect([world.viewers[0]?.endpoint.state, world.broken]).toEqual(['Streaming', []]);
  return world;
}

describe('L1 is reported', () => {
  it('for an attempt that goes on after its deadline + 1 s, and for one that succeeds then', () => {
    const short = { ...profiles.default, handshakeMs: 1000 };
    const going = new WatchedWorld({ link: { loss: 1 }, watch: { profile: short } });
    going.join();
    going.run(1900);
    going.watch.finish(going);
    expect(going.broken).toEqual([]);
    going.run(200);
    going.watch.finish(going);
    expect(going.broken).toEqual(['L1']);

    const late = new WatchedWorld({ watch: { profile: short } });
    const viewer = late.addViewer();
    viewer.toCamera.partitioned = true;
    late.toViewer(viewer, { kind: 'start' });
    late.run(2500);
    viewer.toCamera.partitioned = false;
    late.run(500);
    expect([viewer.endpoint.state, late.broken]).toEqual(['Streaming', ['L1']]);
  });
});

describe('L3 is reported', () => {
  it('for a viewer whose camera is gone, and for a camera whose viewer is gone, when the faults are said to be long over', () => {
    const viewer = settled();
    viewer.crash('camera');
    viewer.run(100);
    viewer.watch.finish(viewer, { faultsStoppedAtMs: 0 });
    expect(viewer.broken).toEqual(['L3']);

    const camera = settled();
    camera.crash(0);
    camera.run(100);
    camera.watch.finish(camera, { faultsStoppedAtMs: 0 });
    expect(camera.broken).toEqual(['L3']);
  });
});

describe('L5 is reported', () => {
  it('for half-open sessions that are left', () => {
    const world = settled();
    world.inject({ address: '10.9.9.9', port: 9 }, startBytes(5n));
    world.run(10);
    world.watch.finish(world, { faultsStoppedAtMs: 0 });
    expect(world.broken).toEqual(['L5']);
  });
});

describe('L6 is reported', () => {
  it('for a session that lives on though one way is closed for good', () => {
    for (const way of ['toCamera', 'toViewer'] as const) {
      const world = settled();
      const [viewer] = world.viewers;
      if (viewer !== undefined) viewer[way].partitioned = true;
      world.run(100);
      world.watch.finish(world, { faultsStoppedAtMs: 0 });
      expect([way, world.broken]).toEqual([way, ['L6']]);
      world.run(enoughMs);
      const watched = world.watch.violationCount;
      world.watch.finish(world, { faultsStoppedAtMs: 0 });
      expect(world.watch.violationCount).toBe(watched);
    }
  });

  it('and it is an error to judge too early', () => {
    const world = new WatchedWorld();
    expect(() => world.watch.finish(world, { faultsStoppedAtMs: 0 })).toThrow(RangeError);
  });
});
