import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { AttackWorld, attackerPeer, attackModes, controlSent } from '../support/attack-world.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';

/** Every stranger is asked for a cookie. */
const always = { limits: { retryFraction: 1 } };

describe.each(attackModes)('mode %s: a cookie that somebody else has read', (mode) => {
  /** A viewer whose START with a cookie was seen and did not arrive. */
  function stolen() {
    const attacked = new AttackWorld({ mode, camera: always });
    const viewer = attacked.simulation.join();
    attacked.simulation.run(15);
    viewer.host.toCamera.partitioned = true;
    attacked.simulation.run(10);
    const start = attacked.sentByViewers().at(-1)?.bytes.slice() ?? new Uint8Array(0);
    expect(viewer.attempts).toBeGreaterThan(1);
    expect(attacked.camera.sessionCount).toBe(0);
    return { attacked, viewer, peer: viewer.host.peer, start };
  }

  it('is good where it was sent to, which shows that it is one', () => {
    const { attacked, peer, start } = stolen();
    expect(attacked.attack(peer, start)).toEqual(['START_ACK']);
  });

  it('is none from another address or another port', () => {
    const { attacked, peer, start } = stolen();
    for (const from of [attackerPeer, { ...peer, port: peer.port + 1 }, { ...peer, address: '10.1.0.99' }]) {
      expect(attacked.attack(from, start)).toEqual(['RETRY']);
    }
    expect(attacked.told('reserve')).toEqual([]);
    expect(attacked.camera.sessionCount).toBe(0);
    attacked.expectHeld();
  });

  it('is none after 16 s', () => {
    const { attacked, peer, start } = stolen();
    attacked.simulation.run(16_000);
    expect(attacked.attack(peer, start)).toEqual(['RETRY']);
    expect(attacked.camera.sessionCount).toBe(0);
    attacked.expectHeld();
  });

  it('is none for another StreamId', () => {
    const { attacked, peer } = stolen();
    const retry = attacked.sentSince().findLast(({ bytes }) => bytes[2] === FrameType.RETRY)?.bytes;
    const cookie = retry?.slice(28, 48) ?? new Uint8Array(0);
    const start = frameOf(startBytes(attacked.guess(), 2, { cookie }));
    // In mode psk the attacker has no MAC1 and is not even asked again.
    expect(attacked.attack(peer, attacked.seal(start))).toEqual(mode === 'psk' ? [] : ['RETRY']);
    expect(attacked.camera.sessionCount).toBe(0);
    attacked.expectHeld();
  });

  it('does not keep the viewer from its session: the next one is as good', () => {
    const { attacked, viewer, start } = stolen();
    attacked.attack(attackerPeer, start);
    viewer.host.toCamera.partitioned = false;
    attacked.simulation.run(1000);
    expect(viewer.state).toBe('Streaming');
    attacked.expectHeld();
  });
});

describe.each(attackModes)('mode %s: RETRY and ERROR at a viewer that begins', (mode) => {
  it('that are stale change nothing', () => {
    const attacked = new AttackWorld({ mode, link: { oneWayMs: 50 }, camera: always });
    const viewer = attacked.simulation.join();
    attacked.simulation.run(120);
    const retries = attacked.sentSince().filter(({ bytes }) => bytes[2] === FrameType.RETRY);
    const { attempts } = viewer;
    const before = viewer.host.endpoint.counters.snapshot().drops.staleRetry;
    for (const { bytes } of retries) attacked.simulation.world.injectToViewer(viewer.host, bytes);
    expect(viewer.host.endpoint.counters.snapshot().drops.staleRetry).toBe(before + retries.length);
    expect(viewer.attempts).toBe(attempts);
    attacked.simulation.run(500);
    expect(viewer.state).toBe('Streaming');
    const ids = attacked.idsOf(viewer);
    for (const { bytes } of retries) attacked.simulation.world.injectToViewer(viewer.host, bytes);
    attacked.expectUnharmed(viewer, ids);
  });

  it('that are forged by who reads the StreamId cost eight STARTs at most, and in mode psk nothing', () => {
    const attacked = new AttackWorld({ mode, link: { oneWayMs: 100 } });
    const viewer = attacked.simulation.join();
    const { streamId } = viewer.host.endpoint;
    const before = viewer.attempts;
    for (let count = 0; count < 100; count++) {
      // Each the newest that there can be.
      const retry = frameOf(sessionFrame('RETRY', { streamId, sessionTag: 0n }));
      attacked.simulation.world.injectToViewer(viewer.host, attacked.seal({ ...retry, attempt: viewer.attempts }));
    }
    expect(viewer.attempts - before).toBe(mode === 'psk' ? 0 : 8);
    attacked.simulation.run(1000);
    expect(viewer.state).toBe('Streaming');
  });

  it('an ERROR without the StreamId ends nothing; with it only a viewer that can prove nothing yet, and none in mode psk', () => {
    const attacked = new AttackWorld({ mode, link: { oneWayMs: 100 } });
    const viewer = attacked.simulation.join();
    const refusal = (streamId: bigint) => {
      const frame = { ...frameOf(sessionFrame('ERROR', { streamId, sessionTag: 1n })), sessionTag: 0n, attempt: 1 };
      attacked.simulation.world.injectToViewer(viewer.host, attacked.seal(frame));
    };
    for (let guess = 0; guess < 300; guess++) refusal(attacked.guess());
    expect(viewer.state).toBe('AwaitingStartAck');
    refusal(viewer.host.endpoint.streamId);
    expect(viewer.state).toBe(mode === 'psk' ? 'AwaitingStartAck' : 'Closed');
  });
});

describe.each(attackModes)('mode %s: candidates on the tuple of a viewer, in its name,', (mode) => {
  it('are four at most, disturb no live session, and are superseded by nobody else (S5, S6, S7)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    for (let count = 0; count < 40; count++) {
      const stranger = attacked.stranger();
      for (const start of controlSent(stranger.step({ kind: 'start' }, 0))) attacked.attack(viewer.host.peer, start);
      const guessed = { streamId: stranger.streamId, sessionTag: attacked.guess() };
      attacked.attack(viewer.host.peer, attacked.forged('START_CONFIRM', guessed));
    }
    expect(attacked.camera.pendingCount).toBe(mode === 'psk' ? 0 : 4);
    attacked.expectUnharmed(viewer, ids);
    expect(attacked.told('streaming')).toHaveLength(1);
  });

  it('do not keep it out when it comes anew: it has the cookie that they have not', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    for (let count = 0; count < 40; count++) attacked.attack(viewer.host.peer, attacked.strangersStart());
    const { world } = attacked.simulation;
    world.restart(viewer.number);
    world.toViewer(viewer.host, { kind: 'start' });
    attacked.simulation.run(300);
    expect(viewer.state).toBe('Streaming');
    expect(attacked.camera.counters.snapshot().closed.SUPERSEDED).toBeGreaterThan(0);
    attacked.expectUnharmed(viewer, attacked.idsOf(viewer));
  });

  it('do not take the place of one that has shown a cookie', () => {
    const attacked = new AttackWorld({ mode, camera: always });
    const viewer = attacked.simulation.join();
    attacked.simulation.run(45);
    expect(attacked.camera.pendingCount).toBe(1);
    for (let count = 0; count < 40; count++) attacked.attack(viewer.host.peer, attacked.strangersStart());
    attacked.simulation.run(200);
    expect(viewer.state).toBe('Streaming');
    expect(viewer.attempts).toBeLessThan(10);
    attacked.expectHeld();
  });
});

describe.each(attackModes)('mode %s: slow loris', (mode) => {
  /** Begins so many handshakes and repeats each START for ever. @returns the copies sent and the answers to them. */
  function hold(
    attacked: AttackWorld,
    peers: readonly { readonly address: string; readonly port: number }[],
    forMs: number,
  ) {
    const starts = peers.map((peer) => ({ peer, start: attacked.strangersStart() }));
    for (let ms = 0; ms < forMs; ms += 2000) {
      for (const { peer, start } of starts) attacked.attack(peer, start);
      attacked.simulation.run(2000);
    }
  }

  it('from one address holds 16 places without a cookie and keeps nobody else waiting (S5)', () => {
    const attacked = new AttackWorld({ mode });
    const ports = Array.from({ length: 300 }, (_, port) => ({ address: '10.50.0.1', port: 1000 + port }));
    hold(attacked, ports, 30_000);
    expect(attacked.camera.pendingCount).toBe(mode === 'psk' ? 0 : 16);
    const viewer = attacked.simulation.join();
    attacked.simulation.run(60);
    expect(viewer.state, 'two round trips and a half of 20 ms').toBe('Streaming');
    attacked.expectHeld();
  });

  it('from 400 addresses means load and no more: a viewer takes one round trip longer (S5)', () => {
    const attacked = new AttackWorld({ mode });
    const addresses = Array.from({ length: 400 }, (_, i) => ({ address: `10.50.${i >> 8}.${i & 255}`, port: 1000 }));
    hold(attacked, addresses, 20_000);
    expect(attacked.camera.pendingCount).toBeLessThanOrEqual(mode === 'psk' ? 0 : 128);
    expect(attacked.camera.underLoad).toBe(mode !== 'psk');
    const viewer = attacked.simulation.join();
    attacked.simulation.run(100);
    expect(viewer.state).toBe('Streaming');
    const ids = attacked.idsOf(viewer);
    hold(attacked, addresses, 4000);
    attacked.expectUnharmed(viewer, ids);
  });

  it('of a viewer that never confirms is given up: its place is free 10 s after its last START (S5)', () => {
    const attacked = new AttackWorld({ mode });
    hold(attacked, [attackerPeer], 20_000);
    expect(attacked.camera.sessionCount).toBe(mode === 'psk' ? 0 : 1);
    attacked.simulation.run(8100);
    expect(attacked.camera.sessionCount).toBe(0);
    expect(attacked.told('closed').map(({ code }) => code)).toEqual(mode === 'psk' ? [] : [ErrorCode.CONFIRM_TIMEOUT]);
    attacked.expectHeld();
  });
});

describe.each(attackModes)('mode %s: what a stranger chooses', (mode) => {
  it('fills no table beyond its limit, however it is chosen: ids that share all low or all high bits, addresses in order (S5)', () => {
    const attacked = new AttackWorld({ mode, camera: { limits: { prefixRate: { perSecond: 1e6, burst: 1e6 } } } });
    for (let count = 0; count < 3000; count++) {
      const from = { address: `10.${count >> 8}.${count & 255}.1`, port: 4000 };
      const id = count % 2 === 0 ? BigInt(count + 1) << 32n : 0x7fff_ffff_0000_0000n | BigInt(count + 1);
      attacked.attack(from, attacked.forged('START', { streamId: id, sessionTag: 0n }));
      attacked.attack(from, attacked.forged('PING', { streamId: id, sessionTag: id }));
      if (count % 100 === 0) attacked.attack(from, attacked.strangersStart());
    }
    expect(attacked.camera.pendingCount).toBeLessThanOrEqual(1024);
    expect(attacked.camera.tombstoneCount).toBeLessThanOrEqual(4096);
    attacked.simulation.run(20_000);
    expect([attacked.camera.sessionCount, attacked.camera.pendingCount]).toEqual([0, 0]);
    attacked.expectHeld();
  });
});
