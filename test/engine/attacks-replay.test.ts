import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { rtpSsrc } from '../../src/media/rtp.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType, frameTypeName } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import type { TappedDatagram } from '../../src/sim/world-event.ts';
import { AttackWorld, attackerPeer, attackModes } from '../support/attack-world.ts';
import { frameOf, type Ids, rtpBytes, sessionFrame } from '../support/frames.ts';

const { consentMs } = profiles.default;

/** One of each kind of control frame among datagrams, the newest. */
function oneOfEach(datagrams: readonly TappedDatagram[]): ReadonlyMap<string, Uint8Array> {
  const control = datagrams.filter(({ plane }) => plane === 'control');
  return new Map(control.map(({ bytes }) => [frameTypeName(bytes[2] ?? 0) ?? '?', bytes.slice()]));
}

/** When media last went to an address. */
function lastMediaAtMs(attacked: AttackWorld): number {
  return attacked.sentSince().findLast(({ plane }) => plane === 'media')?.atMs ?? 0;
}

describe.each(attackModes)('mode %s: what was recorded and is sent again', (mode) => {
  /** A session of one viewer from START to BYE, and what went over the wire for it. */
  function recorded() {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(6000);
    viewer.close();
    attacked.simulation.run(1000);
    expect(viewer.state).toBe('Closed');
    return { attacked, viewer, toCamera: attacked.sentByViewers(), toViewer: attacked.sentSince() };
  }

  it('of a session that is over, in order and with any pause, opens none: from its own address or another (S7, S11)', () => {
    const { attacked, viewer, toCamera } = recorded();
    for (const from of [viewer.host.peer, attackerPeer]) {
      for (const pauseMs of [0, 200, 6000]) {
        for (const { bytes } of toCamera) attacked.attack(from, bytes);
        attacked.simulation.run(pauseMs);
      }
    }
    attacked.simulation.run(15_000);
    expect(attacked.told('streaming')).toHaveLength(1);
    expect(attacked.camera.sessionCount).toBe(0);
    attacked.expectHeld();
  });

  it('ends or moves no later session of the same viewer, each message by itself and all in order (S8, S11)', () => {
    const { attacked, toCamera, toViewer } = recorded();
    const next = attacked.streaming();
    const ids = attacked.idsOf(next);
    expect([...oneOfEach(toCamera).keys()]).toEqual(expect.arrayContaining(['START', 'START_CONFIRM', 'PONG', 'BYE']));
    for (const { bytes } of [...toCamera, ...toCamera]) attacked.attack(next.host.peer, bytes);
    for (const { bytes } of [...toViewer, ...toViewer]) attacked.simulation.world.injectToViewer(next.host, bytes);
    attacked.expectUnharmed(next, ids);
  });

  it.each(['START', 'START_CONFIRM', 'PONG', 'PING'])(
    '%s of the session that lives starts and ends nothing (S6, S7)',
    (name) => {
      const attacked = new AttackWorld({ mode });
      const viewer = attacked.streaming();
      attacked.simulation.run(500);
      const ids = attacked.idsOf(viewer);
      // A viewer that hears its camera sends no PING of its own.
      const own = oneOfEach(attacked.sentByViewers()).get(name) ?? oneOfEach(attacked.sentSince()).get(name);
      if (own === undefined) throw new Error(`nobody sent a ${name}`);
      for (let copy = 0; copy < 200; copy++) {
        attacked.attack(viewer.host.peer, own);
        attacked.attack(attackerPeer, own);
        attacked.attack({ ...viewer.host.peer, port: 9 }, own);
      }
      expect(attacked.told('reserve').length, 'a START from elsewhere is a candidate there, once').toBeLessThanOrEqual(
        3,
      );
      attacked.expectUnharmed(viewer, ids);
      expect(attacked.told('streaming')).toHaveLength(1);
    },
  );

  it('of the camera’s frames does nothing at the viewer that had them (S7, S11)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(2000);
    const ids = attacked.idsOf(viewer);
    const shown = viewer.frameCount;
    const before = attacked.sentSince();
    for (const { bytes } of before) attacked.simulation.world.injectToViewer(viewer.host, bytes);
    for (const { bytes } of before) attacked.simulation.world.injectToViewer(viewer.host, bytes, attackerPeer);
    expect(viewer.frameCount, 'no picture is shown twice').toBe(shown);
    attacked.expectUnharmed(viewer, ids);
  });

  it('as media of an earlier session is no evidence that a confirm arrived (S3)', () => {
    const { attacked, toViewer } = recorded();
    const media = toViewer.filter(({ plane }) => plane === 'media');
    const next = attacked.simulation.join();
    attacked.simulation.run(25);
    next.host.toViewer.partitioned = true;
    expect(next.state).toBe('AwaitingStartConfirm');
    for (const { bytes } of media) attacked.simulation.world.injectToViewer(next.host, bytes);
    expect(next.state).toBe('AwaitingStartConfirm');
    expect(next.host.endpoint.counters.snapshot().drops.mediaForeign).toBe(media.length);
    expect(next.frameCount).toBe(0);
    attacked.simulation.run(20_000);
    expect(next.end?.code).toBe('CONFIRM_TIMEOUT');
  });
});

describe.each(['psk', 'keys'] as const)(
  'mode %s: media with the SSRC of the session, from somebody without its keys,',
  (mode) => {
    it('is no evidence that a confirm arrived, and no picture (S3)', () => {
      const attacked = new AttackWorld({ mode });
      const viewer = attacked.streaming();
      const ids = attacked.idsOf(viewer);
      const media = attacked.sentSince().findLast(({ plane }) => plane === 'media');
      const ssrc = rtpSsrc(media?.bytes ?? new Uint8Array(12));
      const shown = viewer.frameCount;
      for (let sequence = 0; sequence < 500; sequence++) {
        attacked.simulation.world.injectToViewer(viewer.host, rtpBytes(ssrc, (ssrc + 900 + sequence) & 0xffff));
      }
      expect(viewer.frameCount).toBe(shown);
      expect(viewer.host.endpoint.counters.snapshot().drops.mediaForged).toBe(500);
      attacked.expectUnharmed(viewer, ids);
    });
  },
);

describe.each(attackModes)('mode %s: consent', (mode) => {
  /** What may keep a camera sending, every 100 ms, and from where. */
  function lure(attacked: AttackWorld, ids: Ids, own: ReadonlyMap<string, Uint8Array>, peer = attackerPeer): void {
    for (const type of ['START', 'START_CONFIRM', 'PONG', 'BYE_ACK', 'READY', 'PATH_RESPONSE', 'NOTIFY'] as const) {
      attacked.attack(peer, attacked.forged(type, ids));
      attacked.attack(peer, attacked.forged(type, { ...ids, sessionTag: attacked.guess() }));
    }
    for (const bytes of own.values()) attacked.attack(peer, bytes);
    attacked.attack(peer, rtpBytes(attacked.prng.u32()));
    attacked.attack(peer, attacked.noise(72));
  }

  it('is not given by a viewer that is gone, whatever comes in its name: media stops 15 s after its last PONG’s PING (S9)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(6000);
    const ids = attacked.idsOf(viewer);
    const own = oneOfEach(attacked.sentByViewers());
    expect(own.has('PONG')).toBe(true);
    attacked.simulation.world.crash(viewer.number);
    const goneAtMs = attacked.simulation.nowMs;
    for (let ms = 0; ms < 20_000; ms += 100) {
      lure(attacked, ids, own, viewer.host.peer);
      attacked.simulation.run(100);
    }
    expect(attacked.told('closed').filter(({ wasStreaming }) => wasStreaming)).toHaveLength(1);
    expect(lastMediaAtMs(attacked)).toBeGreaterThan(goneAtMs);
    expect(lastMediaAtMs(attacked)).toBeLessThanOrEqual(goneAtMs + consentMs);
  });

  it('is not given from another address either, and media does not follow it there (S9, S14)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(6000);
    const ids = attacked.idsOf(viewer);
    const own = oneOfEach(attacked.sentByViewers());
    attacked.simulation.world.crash(viewer.number);
    const goneAtMs = attacked.simulation.nowMs;
    for (let ms = 0; ms < 20_000; ms += 200) {
      lure(attacked, ids, own);
      lure(attacked, ids, own, { ...viewer.host.peer, port: 4 });
      attacked.simulation.run(200);
    }
    expect(lastMediaAtMs(attacked)).toBeLessThanOrEqual(goneAtMs + profiles.default.deadMs);
    const elsewhere = attacked
      .sentSince()
      .filter(({ plane, to }) => plane === 'media' && to.port !== viewer.host.peer.port);
    expect(elsewhere).toEqual([]);
    attacked.expectHeld();
  });
});

describe.each(['psk', 'keys'] as const)('mode %s: who has no key', (mode) => {
  it('does not keep a viewer from finding out that its camera is gone', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    const own = oneOfEach(attacked.sentSince());
    attacked.simulation.world.crash('camera');
    const goneAtMs = attacked.simulation.nowMs;
    for (let ms = 0; ms < 14_000; ms += 250) {
      for (const bytes of own.values()) attacked.simulation.world.injectToViewer(viewer.host, bytes);
      for (const type of ['START_ACK', 'ERROR', 'RETRY', 'READY', 'PING', 'PONG'] as const) {
        attacked.simulation.world.injectToViewer(viewer.host, attacked.forged(type, ids));
      }
      attacked.simulation.run(250);
    }
    expect(viewer.end?.code).toBe('PEER_DEAD');
    expect(viewer.end?.atMs).toBeLessThanOrEqual(goneAtMs + profiles.default.deadMs + 20);
  });
});

describe.each(attackModes)('mode %s: the token of a RESET', (mode) => {
  it.each(['live', 'closing', 'draining'] as const)(
    'cannot be fetched from another port while the pair is %s (S8)',
    (state) => {
      const attacked = new AttackWorld({ mode });
      const viewer = attacked.streaming();
      const ids = attacked.idsOf(viewer);
      if (state === 'closing') {
        viewer.host.toViewer.partitioned = true;
        attacked.simulation.world.toCamera({ kind: 'close', code: ErrorCode.SHUTDOWN });
      } else if (state === 'draining') {
        viewer.close();
        attacked.simulation.run(15);
      }
      for (const type of ['START_CONFIRM', 'PING', 'BYE'] as const) {
        for (const from of [attackerPeer, { ...viewer.host.peer, port: 1 }]) {
          expect(attacked.attack(from, attacked.forged(type, ids))).toEqual([]);
        }
      }
      expect(attacked.camera.counters.snapshot().counters.resetsSent).toBe(0);
      expect(
        attacked.sentSince().filter(({ bytes, plane }) => plane === 'control' && bytes[2] === FrameType.RESET),
      ).toEqual([]);
      attacked.expectHeld();
    },
  );

  it('that is another session’s ends nothing, and neither does a guess (S8)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    const { world } = attacked.simulation;
    // Whoever asks about ids that nobody has is told their token: it fits no others.
    const other = { streamId: attacked.guess(), sessionTag: attacked.guess() };
    const before = attacked.simulation.events.length;
    expect(attacked.attack(attackerPeer, attacked.forged('PING', other))).toEqual(['RESET']);
    const told = frameOf(
      attacked.sentSince(before).find(({ to }) => to.port === attackerPeer.port)?.bytes ?? new Uint8Array(0),
    );
    if (told.type !== FrameType.RESET) throw new Error('no RESET');
    world.injectToViewer(viewer.host, encodeFrame({ ...told, ...ids }));
    for (let guess = 0; guess < 300; guess++) {
      world.injectToViewer(viewer.host, encodeFrame({ ...told, ...ids, resetToken: attacked.noise(16) }));
    }
    attacked.expectUnharmed(viewer, ids);
  });
});

describe.each(['psk', 'keys'] as const)('mode %s: a downgrade', (mode) => {
  it('to frames in the open is refused by a viewer, which sends none itself, and gets its session', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.simulation.join();
    viewer.host.toViewer.partitioned = true;
    const { streamId } = viewer.host.endpoint;
    const ids = { streamId, sessionTag: 7n };
    for (const type of ['RETRY', 'ERROR', 'START_ACK', 'READY', 'PING', 'BYE'] as const) {
      const clear = frameOf(sessionFrame(type, ids));
      const early = type === 'ERROR' ? { ...clear, sessionTag: 0n, attempt: 1 } : clear;
      attacked.simulation.world.injectToViewer(viewer.host, encodeFrame(early));
    }
    const versions = { type: FrameType.ERROR, flags: 0, streamId, sessionTag: 0n, attempt: 1, versions: [2] } as const;
    attacked.simulation.world.injectToViewer(
      viewer.host,
      encodeFrame({ ...versions, errorCode: ErrorCode.UNSUPPORTED_VERSION }),
    );
    expect(viewer.state).toBe('AwaitingStartAck');
    expect(viewer.host.endpoint.counters.snapshot().drops.clear).toBe(7);
    viewer.host.toViewer.partitioned = false;
    attacked.simulation.run(1500);
    expect(viewer.state).toBe('Streaming');
    expect(
      attacked.sentByViewers().filter(({ bytes, plane }) => plane === 'control' && ((bytes[3] ?? 0) & 4) === 0),
    ).toEqual([]);
    attacked.expectHeld();
  });

  it('of a START to one in the open gets no answer from the camera', () => {
    const attacked = new AttackWorld({ mode });
    for (const type of ['START', 'START_CONFIRM', 'PING', 'BYE'] as const) {
      expect(attacked.attack(attackerPeer, sessionFrame(type, { streamId: 5n, sessionTag: 6n }))).toEqual([]);
    }
    expect(attacked.drops['clear']).toBe(4);
    attacked.expectHeld();
  });

  it('from one secured mode to the other gets no session: the camera speaks one', () => {
    const other = new AttackWorld({ mode: mode === 'psk' ? 'keys' : 'psk' });
    const attacked = new AttackWorld({ mode });
    const start = other.strangersStart();
    expect(attacked.attack(attackerPeer, start)).toEqual([]);
    expect(attacked.drops['mac1']).toBe(1);
    attacked.expectHeld();
  });
});

it('mode none: a START that asks for the media before the confirm gets none before it (S1)', () => {
  const attacked = new AttackWorld({ mode: 'none' });
  const fast = { ...frameOf(sessionFrame('START', { streamId: 5n, sessionTag: 0n })), flags: 3 };
  expect(attacked.attack(attackerPeer, encodeFrame(fast))).toEqual(['START_ACK']);
  attacked.simulation.run(3000);
  expect(attacked.sentSince().filter(({ to, plane }) => to.port === attackerPeer.port && plane === 'media')).toEqual(
    [],
  );
  attacked.expectHeld();
});
