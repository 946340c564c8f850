import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../../src/codec/decode.ts';
import { cameraPeer } from '../../../src/sim/world.ts';
import type { WorldEvent } from '../../../src/sim/world-event.ts';
import { frameOf, kindOf, rtpBytes, sessionFrame } from '../../support/frames.ts';
import {
  arrivesAtCamera,
  elsewhere,
  fromCamera,
  pretendedId,
  streaming,
  WatchedWorld,
} from '../../support/watched-world.ts';

describe('S10 is reported', () => {
  const ping = () => sessionFrame('PING', { streamId: 1n, sessionTag: 2n });

  it('for a decoder that throws, that takes what encodes to other bytes, and that refuses what an endpoint sent', () => {
    const throwing = new WatchedWorld({
      watch: {
        decode: () => {
          throw new RangeError('offset');
        },
      },
    });
    throwing.inject(elsewhere, ping());
    expect(throwing.broken).toEqual(['S10', 'S12']);

    const lax = new WatchedWorld({ watch: { decode: () => ({ ok: true, frame: frameOf(ping()) }) } });
    lax.inject(elsewhere, sessionFrame('PONG', { streamId: 1n, sessionTag: 2n }));
    expect(lax.broken).toEqual(['S10']);

    const strict = new WatchedWorld({
      watch: { decodeEvery: 1, decode: () => ({ ok: false, reason: 'crc', offset: 0 }) },
    });
    strict.join();
    expect(strict.broken).toEqual(['S10']);
    expect(decodeFrame(ping()).ok).toBe(true);
  });
});

describe('S11 is reported', () => {
  it('for a frame that says it is sealed, and for a picture that is given out twice', () => {
    const { world, viewer, ids } = streaming();
    const sealed = sessionFrame('PING', ids);
    sealed[3] = 4;
    world.pretend(fromCamera(viewer, sealed));
    expect(world.broken).toContain('S11');

    const twice = streaming();
    const frame = {
      payload: new Uint8Array(1),
      timestamp: 1_000_000,
      keyframe: true,
      decodable: true,
      completedAtMs: 1,
    };
    for (let i = 0; i < 2; i++) twice.world.pretend({ kind: 'told', host: 0, output: { kind: 'frame', frame } });
    expect(twice.world.broken).toEqual(['S11']);
  });
});

describe('S11 is not reported', () => {
  it('for a picture whose timestamp was damaged on the way, since nothing protects media in this version', () => {
    const { world, ssrc } = streaming();
    world.pretend({ kind: 'arrived', id: pretendedId(), host: 0, from: cameraPeer, bytes: rtpBytes(ssrc) });
    const frame = { payload: new Uint8Array(1), timestamp: 1, keyframe: true, decodable: true, completedAtMs: 1 };
    world.pretend({ kind: 'told', host: 0, output: { kind: 'frame', frame } });
    expect(world.broken).toEqual([]);
  });
});

describe('S12 is reported', () => {
  it('for an answer to an answer, an answer to nothing, and a second answer', () => {
    const cases = [
      [['PONG'], ['PONG']],
      [['BYE_ACK'], ['BYE_ACK']],
      [['READY'], ['ERROR']],
      [['PING'], ['PONG', 'PONG']],
      [[], ['READY']],
    ] as const;
    for (const [taken, sent] of cases) {
      const { world, viewer, ids } = streaming();
      for (const type of taken) world.pretend(arrivesAtCamera(viewer.peer, sessionFrame(type, ids)));
      for (const type of sent) world.pretend(fromCamera(viewer, sessionFrame(type, ids)));
      expect([taken, sent, world.broken.filter((id) => id !== 'S13')]).toEqual([taken, sent, ['S12']]);
    }
  });
});

describe('S13 is reported', () => {
  const changedAt = { START: 27, START_CONFIRM: 3, START_ACK: 27, READY: 28, BYE: 27 } as const;

  it('for a copy that differs in more than attempt, cookie, padding and trailer', () => {
    for (const type of ['START', 'START_CONFIRM', 'START_ACK', 'READY', 'BYE'] as const) {
      let copies = 0;
      const changed = (event: WorldEvent): readonly WorldEvent[] => {
        if (event.kind !== 'sent' || kindOf(event.bytes) !== type || ++copies === 1) return [event];
        const bytes = event.bytes.slice();
        bytes[changedAt[type]] = 0x71;
        return [{ ...event, bytes }];
      };
      const world = new WatchedWorld({ link: { oneWayMs: 25 }, doctor: changed, watch: { decodeEvery: 1_000_000 } });
      const viewer = world.join();
      world.run(300);
      viewer.toCamera.partitioned = true;
      world.toViewer(viewer, { kind: 'close', code: 0 });
      world.run(3000);
      expect([type, copies > 1, world.broken]).toEqual([type, true, ['S13']]);
    }
  });

  it('not for a START that gets a cookie', () => {
    const world = new WatchedWorld({ link: { loss: 1 } });
    const viewer = world.join();
    const { streamId } = viewer.endpoint;
    world.injectToViewer(viewer, sessionFrame('RETRY', { streamId, sessionTag: 0n }));
    world.run(100);
    expect(viewer.endpoint.attempts).toBeGreaterThan(2);
    expect(world.broken).toEqual([]);
  });
});

describe('S16 is reported', () => {
  it('for a label that is not of the closed sets, and for one that is missing', () => {
    for (const drops of [{ ...new WatchedWorld().camera.counters.snapshot().drops, 'a peer’s own word': 1 }, {}]) {
      const world = new WatchedWorld({ watch: { labels: true } });
      const { counters } = world.camera;
      const snapshot = { ...counters.snapshot(), drops };
      Object.defineProperty(counters, 'snapshot', { value: () => snapshot });
      world.watch.finish(world);
      expect(world.broken).toEqual(['S16']);
    }
  });
});
