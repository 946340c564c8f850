import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../../src/codec/encode.ts';
import { profiles } from '../../../src/protocol/profiles.ts';
import { runPlan } from '../../../src/sim/run-plan.ts';
import type { Viewer } from '../../../src/sim/viewer.ts';
import { cameraPeer } from '../../../src/sim/world.ts';
import { frameOf, kindOf, rtpBytes, sessionFrame, startBytes } from '../../support/frames.ts';
import {
  arrivesAtCamera,
  elsewhere,
  fromCamera,
  pretendedId,
  streaming,
  WatchedWorld,
} from '../../support/watched-world.ts';

describe('the watch sees nothing wrong in', () => {
  it('a session from START to BYE', () => {
    const { world, viewer } = streaming();
    world.toViewer(viewer, { kind: 'close', code: 0 });
    world.run(10_000);
    world.watch.finish(world);
    expect(world.watch.violations).toEqual([]);
    expect(viewer.endpoint.state).toBe('Closed');
  });
});

describe('S7 is not reported', () => {
  it('where a copy of a START arrives in the very moment in which media is due anyway', () => {
    const link = { oneWayMs: 16 };
    const viewer = { startsAtMs: 237, toCamera: link, toViewer: link, repair: true, fast: false };
    // Confirmed at 285 ms: its last datagram is repeated 5 ms later.
    const { violations, summary } = runPlan({
      seed: 20_272_953,
      mode: 'safety',
      profile: 'default',
      camera: { keepsKey: false, repair: true, datagramBytesMax: 1200 },
      application: { late: 0, refuses: 0, silent: 0, lateMs: 0 },
      media: { frames: 1, bytes: 100, intervalMs: 86, ends: false },
      viewers: [viewer],
      faults: Array.from({ length: 8 }, () => ({ atMs: 290, kind: 'forge', viewer: 0, what: 'replay', count: 1 })),
      faultyMs: 294,
    });
    expect([summary.handshakes, violations]).toEqual([1, []]);
  });
});

describe('S5 is reported', () => {
  it('for a fifth candidate on a tuple', () => {
    const world = new WatchedWorld();
    for (let i = 1; i <= 5; i++) {
      expect(world.broken).toEqual([]);
      const output = { kind: 'reserve', session: i, peer: elsewhere, streamId: BigInt(i) } as const;
      world.pretend({ kind: 'told', host: 'camera', output });
    }
    expect(world.broken).toEqual(['S5']);
  });

  it('for half-open sessions, and strangers served in a second, above the limits of admission', () => {
    for (const limits of [{ pendingMax: 2 }, { pendingPerPrefixMax: 2 }, { prefixRate: { perSecond: 1, burst: 2 } }]) {
      const world = new WatchedWorld({ watch: { limits } });
      for (let i = 1; i <= 3; i++) world.inject({ address: elsewhere.address, port: i }, startBytes(BigInt(i)));
      expect([limits, world.broken]).toEqual([limits, ['S5']]);
    }
  });

  it.each([
    ['the 51st READY in a second', 'READY', 51],
    ['the sixth BYE', 'BYE', 6],
  ] as const)('for %s', (_name, kind, count) => {
    const { world, viewer, ids } = streaming();
    world.run(1500);
    for (let i = 1; i < count; i++) {
      world.pretend(arrivesAtCamera(viewer.peer, sessionFrame('START_CONFIRM', ids)));
      world.pretend(fromCamera(viewer, sessionFrame(kind, ids)));
    }
    expect(world.broken.filter((id) => id !== 'S13')).toEqual([]);
    world.pretend(arrivesAtCamera(viewer.peer, sessionFrame('START_CONFIRM', ids)));
    world.pretend(fromCamera(viewer, sessionFrame(kind, ids)));
    expect(world.broken.filter((id) => id !== 'S13')).toEqual(['S5']);
  });

  it('for a control frame and a media datagram above 1,200 bytes', () => {
    const { world, viewer, ssrc } = streaming();
    world.pretend(fromCamera(viewer, rtpBytes(ssrc, 1, 1201), 'media'));
    expect(world.broken).toEqual(['S5']);
  });

  it('for more StreamIds, STARTs and START_CONFIRMs of a viewer than it may send', () => {
    const from = (viewer: Viewer, bytes: Uint8Array) =>
      ({ kind: 'sent', id: pretendedId(), from: viewer.peer, to: cameraPeer, bytes, plane: 'control' }) as const;
    const ids = new WatchedWorld();
    const [first] = [ids.join()];
    for (let i = 0; i < 4; i++) ids.pretend(from(first, startBytes(BigInt(1 + i))));
    expect(ids.broken).toEqual(['S5']);

    const few = new WatchedWorld({ watch: { profile: { ...profiles.default, sendsMax: 3 } } });
    const second = few.join();
    for (let i = 0; i < 4; i++)
      few.pretend(from(second, sessionFrame('START_CONFIRM', { streamId: 5n, sessionTag: 6n })));
    expect(few.broken).toEqual(['S5']);

    const many = new WatchedWorld({ watch: { profile: { ...profiles.default, sendsMax: 1 } } });
    const third = many.join();
    many.pretend(from(third, startBytes(third.endpoint.streamId, 10)));
    expect(many.broken).toEqual(['S5']);
  });

  it('for tombstones above their number, and for sessions that nobody saw begin', () => {
    const { world } = streaming();
    Object.defineProperty(world.camera, 'tombstoneCount', { value: 4097 });
    world.watch.finish(world);
    expect(world.broken).toEqual(['S5']);

    const leaking = streaming();
    Object.defineProperty(leaking.world.camera, 'sessionCount', { value: 2 });
    leaking.world.watch.finish(leaking.world);
    expect(leaking.world.broken).toEqual(['S5']);
  });
});

describe('S6 is reported', () => {
  it('for two live sessions on a tuple, and for two reservations of one candidate', () => {
    const { world, viewer } = streaming();
    const reserve = { kind: 'reserve', session: 77, peer: viewer.peer, streamId: 77n } as const;
    world.pretend({ kind: 'told', host: 'camera', output: reserve });
    world.pretend({ kind: 'told', host: 'camera', output: { ...reserve, session: 78 } });
    expect(world.broken).toEqual(['S6']);

    const two = streaming();
    const other = { session: 77, peer: two.viewer.peer, streamId: 77n };
    two.world.pretend({ kind: 'told', host: 'camera', output: { ...other, kind: 'reserve' } });
    const ack = sessionFrame('START_ACK', { streamId: 77n, sessionTag: 6n });
    two.world.pretend(fromCamera(two.viewer, ack));
    two.world.pretend(
      arrivesAtCamera(two.viewer.peer, sessionFrame('START_CONFIRM', { streamId: 77n, sessionTag: 6n })),
    );
    two.world.pretend({ kind: 'told', host: 'camera', output: { ...other, kind: 'streaming' } });
    expect(two.world.broken).toEqual(['S6']);
  });

  it('for a reservation that is given back twice, or never', () => {
    const { world, viewer } = streaming();
    const output = { kind: 'release', session: 1 } as const;
    for (let i = 0; i < 2; i++) world.pretend({ kind: 'told', host: 'camera', output });
    expect(world.broken).toEqual(['S6']);

    const kept = streaming({
      doctor: (event) => (event.kind === 'told' && event.output.kind === 'release' ? [] : [event]),
    });
    kept.world.toViewer(kept.viewer, { kind: 'close', code: 0 });
    kept.world.run(10_000);
    expect(kept.world.broken).toEqual(['S6']);
    expect(viewer.endpoint.state).toBe('Streaming');
  });
});

describe('S7 is reported', () => {
  const damaged = () => sessionFrame('PING', { streamId: 1n, sessionTag: 2n }).fill(1, 30, 40);

  it('for a viewer that acts on a malformed datagram, a START, a RETRY or an ERROR without its tag', () => {
    const others = (['START', 'RETRY', 'ERROR'] as const).map((type) =>
      sessionFrame(type, { streamId: 1n, sessionTag: 2n }),
    );
    for (const bytes of [damaged(), ...others]) {
      const { world, viewer } = streaming();
      world.pretend({ kind: 'arrived', id: pretendedId(), host: 0, from: cameraPeer, bytes });
      world.pretend({
        kind: 'sent',
        id: pretendedId(),
        from: viewer.peer,
        to: cameraPeer,
        bytes: rtpBytes(1),
        plane: 'feedback',
      });
      expect(world.broken).toEqual(['S7']);
    }
  });

  it('for a viewer whose deadlines move by one', () => {
    const { world, viewer } = streaming();
    world.pretend({ kind: 'arrived', id: pretendedId(), host: 0, from: cameraPeer, bytes: damaged() });
    const { endpoint } = viewer;
    const later = endpoint.deadlineMs() + 1;
    Object.defineProperty(endpoint, 'deadlineMs', { value: () => later });
    world.pretend({ kind: 'lost', id: 1, reason: 'random' });
    expect(world.broken).toEqual(['S7']);
  });

  it('for a camera that a stray datagram changes, and for one that does more than answer a START', () => {
    const { world } = streaming();
    world.pretend(arrivesAtCamera(elsewhere, damaged()));
    Object.defineProperty(world.camera, 'sessionCount', { value: 9 });
    world.pretend({ kind: 'lost', id: 1, reason: 'random' });
    expect(world.broken).toEqual(['S7']);

    const started = streaming();
    started.world.pretend(arrivesAtCamera(started.viewer.peer, startBytes(5n)));
    started.world.pretend(fromCamera(started.viewer, sessionFrame('PING', started.ids)));
    expect(started.world.broken).toEqual(['S7']);
  });

  it('not for a datagram from a stranger that the engine drops', () => {
    const { world, viewer } = streaming();
    world.injectToViewer(viewer, damaged());
    world.inject(viewer.peer, damaged());
    world.inject(viewer.peer, startBytes(5n));
    world.inject(elsewhere, rtpBytes(3));
    world.injectToViewer(viewer, rtpBytes(3), elsewhere);
    world.run(20_000);
    expect(world.broken).toEqual([]);
  });
});

describe('S8 is reported', () => {
  it('for a session that ends by a BYE or RESET that the peer never sent', () => {
    for (const type of ['BYE', 'RESET'] as const) {
      let token = new Uint8Array(16);
      const { world, viewer, ids } = streaming({
        doctor: (event) => {
          if (event.kind === 'sent' && kindOf(event.bytes) === 'START_ACK') {
            const ack = frameOf(event.bytes);
            if ('resetToken' in ack && ack.resetToken !== undefined) token = ack.resetToken.slice();
          }
          return [event];
        },
      });
      const forged = frameOf(sessionFrame(type, ids));
      world.injectToViewer(viewer, encodeFrame('resetToken' in forged ? { ...forged, resetToken: token } : forged));
      world.run(5000);
      expect([type, viewer.endpoint.state, world.broken.includes('S8')]).toEqual([type, 'Closed', true]);

      if (type === 'RESET') continue;
      const camera = streaming();
      camera.world.inject(camera.viewer.peer, sessionFrame('BYE', camera.ids));
      camera.world.run(5000);
      expect(camera.world.broken).toContain('S8');
    }
  });

  it('for one that is given up too early, by either end', () => {
    const early = { ...profiles.default, deadMs: 3000, consentMs: 4000 };
    for (const side of ['viewer', 'camera'] as const) {
      const { world, viewer } = streaming({ profile: early });
      if (side === 'viewer') world.crash('camera');
      else world.crash(viewer.number);
      world.run(10_000);
      expect([side, world.broken]).toEqual([side, ['S8']]);
    }
  });

  it('for one that ends without any reason', () => {
    const { world, viewer, ids } = streaming();
    const output = {
      kind: 'closed',
      session: 1,
      peer: viewer.peer,
      streamId: ids.streamId,
      code: 21,
      wasStreaming: true,
      attempts: 1,
    } as const;
    world.pretend({ kind: 'told', host: 0, output });
    expect(world.broken).toEqual(['S8']);
    world.pretend({ kind: 'told', host: 'camera', output: { ...output, code: 15 } });
    expect(world.watch.violations.map(({ id }) => id)).toEqual(['S8', 'S8', 'S6']);
  });
});
