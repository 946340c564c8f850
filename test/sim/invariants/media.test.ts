import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/codec/encode.ts';
import { profiles } from '../../../src/protocol/profiles.ts';
import type { WorldEvent } from '../../../src/sim/world-event.ts';
import { frameOf, kindOf, rtpBytes, sessionFrame, startBytes } from '../../support/frames.ts';
import { arrivesAtCamera, elsewhere, fromCamera, streaming, WatchedWorld } from '../../support/watched-world.ts';

describe('S1 is reported', () => {
  it('for media to an address that never confirmed', () => {
    const { world } = streaming();
    world.pretend(arrivesAtCamera(elsewhere, startBytes(5n)));
    world.pretend(fromCamera(elsewhere, rtpBytes(7), 'media'));
    expect(world.broken).toEqual(['S1', 'S7']);
  });

  it('for media between START_ACK and START_CONFIRM', () => {
    const world = new WatchedWorld();
    const viewer = world.join();
    world.run(11);
    world.pretend(fromCamera(viewer, rtpBytes(7), 'media'));
    expect(world.broken).toEqual(['S2', 'S1']);
  });

  it('for a camera that streams though no START_CONFIRM was delivered', () => {
    const unseen = (event: WorldEvent) => event.kind === 'arrived' && kindOf(event.bytes) === 'START_CONFIRM';
    const world = new WatchedWorld({ doctor: (event) => (unseen(event) ? [] : [event]) });
    world.join();
    world.run(35);
    expect(world.broken).toContain('S1');
  });
});

describe('S2 is reported', () => {
  it('for the second datagram to an address that sent one', () => {
    const world = new WatchedWorld();
    const ack = sessionFrame('START_ACK', { streamId: 5n, sessionTag: 6n });
    world.pretend(arrivesAtCamera(elsewhere, startBytes(5n)));
    world.pretend(fromCamera(elsewhere, ack));
    expect(world.broken).toEqual([]);
    world.pretend({ kind: 'asked', host: 'camera', input: { kind: 'timeout' } });
    world.pretend(fromCamera(elsewhere, ack));
    expect(world.broken).toEqual(['S2']);
  });

  it('for an answer that is larger than its cause, though more had come from there before', () => {
    const world = new WatchedWorld();
    const ping = sessionFrame('PING', { streamId: 5n, sessionTag: 6n });
    for (let i = 0; i < 9; i++) world.pretend(arrivesAtCamera(elsewhere, ping));
    const large = encodeFrame({
      ...frameOf(sessionFrame('RESET', { streamId: 5n, sessionTag: 6n })),
      unknownTlvs: [{ type: 99, value: new Uint8Array(20) }],
    });
    world.pretend(fromCamera(elsewhere, large));
    expect(world.broken).toEqual(['S2']);
  });
});

describe('S3 is reported', () => {
  it('for a viewer that streams though the camera never had its session', () => {
    const world = new WatchedWorld({ doctor: (event) => ('host' in event && event.host === 'camera' ? [] : [event]) });
    world.join();
    world.run(100);
    expect(world.broken).toContain('S3');
  });
});

describe('S4 is reported', () => {
  it('for media with another SSRC than was announced', () => {
    const { world, viewer, ssrc } = streaming();
    world.pretend(fromCamera(viewer, rtpBytes(ssrc + 1), 'media'));
    expect(world.broken).toEqual(['S4']);
  });

  it('for ends that stream under different ids', () => {
    const { world, viewer } = streaming();
    Object.defineProperty(viewer.endpoint, 'streamId', { value: 1n });
    world.watch.finish(world);
    expect(world.broken).toEqual(['S4']);
  });
});

describe('S9 is reported', () => {
  it('for media after BYE and after Closed', () => {
    for (const waitMs of [50, 10_000]) {
      const { world, viewer, ssrc } = streaming();
      world.toViewer(viewer, { kind: 'close', code: 0 });
      world.run(waitMs);
      world.pretend(fromCamera(viewer, rtpBytes(ssrc), 'media'));
      expect([waitMs, world.broken.includes('S9')]).toEqual([waitMs, true]);
    }
  });

  it('for media after the end of consent', () => {
    const { world, viewer, ssrc } = streaming({ watch: { profile: { ...profiles.default, consentMs: 1000 } } });
    world.run(2000);
    world.pretend(fromCamera(viewer, rtpBytes(ssrc), 'media'));
    expect(world.broken).toEqual(['S9']);
  });
});

describe('S14 is reported', () => {
  it('for media of a session that goes to another tuple than confirmed', () => {
    const { world, ssrc } = streaming();
    world.pretend(arrivesAtCamera(elsewhere, startBytes(5n)));
    world.pretend(fromCamera(elsewhere, rtpBytes(ssrc), 'media'));
    expect(world.broken).toEqual(['S14', 'S7']);
  });
});
