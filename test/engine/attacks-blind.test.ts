import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { cameraPeer } from '../../src/sim/world.ts';
import { AttackWorld, attackerPeer, attackModes, controlSent } from '../support/attack-world.ts';
import { forgeableBut, rtpBytes } from '../support/frames.ts';

/** Everything that somebody could want a session to be ended or moved by. */
const ending = forgeableBut('NOTIFY');
const GUESSES = 300;

describe.each(attackModes)('mode %s: who guesses', (mode) => {
  it('opens nothing in a victim’s name: no session, no media, no byte more than was sent (S1, S2)', () => {
    const attacked = new AttackWorld({ mode });
    const victim = { address: '10.77.0.1', port: 5004 };
    const stranger = attacked.stranger();
    for (const start of controlSent(stranger.step({ kind: 'start' }, 0))) attacked.attack(victim, start);
    for (let guess = 0; guess < GUESSES; guess++) {
      const ids = { streamId: stranger.streamId, sessionTag: attacked.guess() };
      attacked.attack(victim, attacked.forged('START_CONFIRM', ids));
    }
    attacked.simulation.run(15_000);
    expect(attacked.told('streaming')).toEqual([]);
    expect(attacked.told('reserve')).toHaveLength(mode === 'psk' ? 0 : 1);
    expect(attacked.camera.sessionCount).toBe(0);
    if (mode === 'psk') expect(attacked.ledger().strangers.sent, 'silence').toBe(0);
    attacked.expectHeld();
  });

  it.each(ending)('ends or moves nothing by a %s, at the camera or at the viewer (S7, S8)', (type) => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    const { world } = attacked.simulation;
    for (let guess = 0; guess < GUESSES; guess++) {
      // Even with half of what there is to know.
      const half = guess % 3;
      const guessed = {
        streamId: half === 1 ? ids.streamId : attacked.guess(),
        sessionTag: half === 2 ? ids.sessionTag : attacked.guess(),
      };
      const forged = attacked.forged(type, guessed);
      attacked.attack(guess % 2 === 0 ? viewer.host.peer : attackerPeer, forged);
      world.injectToViewer(viewer.host, forged, guess % 4 === 0 ? attackerPeer : cameraPeer);
      if (guess % 10 === 0) attacked.simulation.run(5);
    }
    attacked.expectUnharmed(viewer, ids);
    expect(attacked.told('closed').filter(({ wasStreaming }) => wasStreaming)).toEqual([]);
  });

  it.each(['AwaitingStartAck', 'AwaitingStartConfirm'] as const)('ends no handshake in %s', (state) => {
    const attacked = new AttackWorld({ mode, link: { oneWayMs: 50 } });
    const viewer = attacked.simulation.join();
    attacked.simulation.run(state === 'AwaitingStartAck' ? 60 : 120);
    expect(viewer.state).toBe(state);
    for (const type of ending) {
      for (let guess = 0; guess < 20; guess++) {
        const ids = { streamId: attacked.guess(), sessionTag: attacked.guess() };
        attacked.simulation.world.injectToViewer(viewer.host, attacked.forged(type, ids));
        attacked.attack(viewer.host.peer, attacked.forged(type, ids));
      }
    }
    expect(viewer.state).toBe(state);
    expect(viewer.host.endpoint.counters.snapshot().drops.wrongStreamId).toBeGreaterThan(0);
    attacked.simulation.run(500);
    expect(viewer.state).toBe('Streaming');
    attacked.expectHeld();
  });

  it('cannot make a viewer show a picture: media with a guessed SSRC is foreign', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    const received = viewer.stats()?.received;
    for (let guess = 0; guess < GUESSES; guess++) {
      attacked.simulation.world.injectToViewer(viewer.host, rtpBytes(attacked.prng.u32(), guess));
    }
    expect(viewer.stats()?.received).toBe(received);
    expect(viewer.host.endpoint.counters.snapshot().drops.mediaForeign).toBe(GUESSES);
    attacked.expectUnharmed(viewer, ids);
  });
});

describe.each(['psk', 'keys'] as const)('mode %s: who reads all ids but has no key', (mode) => {
  it.each(ending)('ends or moves nothing by a %s with both (S7, S8)', (type) => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    for (let guess = 0; guess < 50; guess++) {
      attacked.attack(viewer.host.peer, attacked.forged(type, ids));
      attacked.simulation.world.injectToViewer(viewer.host, attacked.forged(type, ids));
    }
    attacked.expectUnharmed(viewer, ids);
  });
});

describe.each(attackModes)('mode %s: an ICMP message, or any other word of the system,', (mode) => {
  it.each(['ECONNREFUSED', 'EPERM', 'ENETUNREACH', 'EHOSTUNREACH', 'EMSGSIZE', 'ENOBUFS', 'other'] as const)(
    '%s, forged as often as one likes, ends no session and no handshake (S7)',
    (hint) => {
      const attacked = new AttackWorld({ mode });
      const { world } = attacked.simulation;
      const viewer = attacked.simulation.join();
      const refused = (bytes: number) => {
        world.toCamera({ kind: 'sendFailed', to: viewer.host.peer, hint, bytes });
        world.toCamera({ kind: 'sendFailed', to: attackerPeer, hint, bytes });
        world.toViewer(viewer.host, { kind: 'sendFailed', to: cameraPeer, hint, bytes });
      };
      for (let ms = 0; ms < 500; ms += 5) {
        refused(0);
        attacked.simulation.run(5);
      }
      expect(viewer.state).toBe('Streaming');
      const ids = attacked.idsOf(viewer);
      for (let count = 0; count < GUESSES; count++) refused(1200);
      attacked.expectUnharmed(viewer, ids);
      expect(attacked.told('closed').map(({ code }) => code)).not.toContain(ErrorCode.LOCAL_NETWORK);
    },
  );
});
