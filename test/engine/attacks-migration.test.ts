import { describe, expect, it } from 'vitest';
import { profiles } from '../../src/protocol/profiles.ts';
import type { TappedDatagram } from '../../src/sim/world-event.ts';
import { AttackWorld, attackerPeer, attackModes } from '../support/attack-world.ts';
import { kindOf } from '../support/frames.ts';

const secured = ['psk', 'keys'] as const;
/** A second place of the attacker. */
const otherPeer = { address: '10.66.6.7', port: 667 };

/**
 * For so long the attacker sees each datagram of the viewer as it leaves, and his copies come in 1 ms, 9 ms before the datagram
 * itself.
 *
 * @param from where he sends the copy of the n-th control frame from; `undefined` for no copy.
 * @param everyMs what else he does.
 */
function race(
  attacked: AttackWorld,
  forMs: number,
  from: (datagram: TappedDatagram, n: number) => typeof attackerPeer | undefined,
  everyMs: () => void = () => {},
): void {
  let seen = attacked.simulation.events.length;
  let n = 0;
  for (let ms = 0; ms < forMs; ms++) {
    attacked.simulation.run(1);
    everyMs();
    const fresh = attacked.sentByViewers(seen);
    for (const datagram of fresh) {
      if (datagram.plane !== 'control') continue;
      const place = from(datagram, n++);
      if (place !== undefined) attacked.simulation.world.inject(place, datagram.bytes);
    }
    seen = attacked.simulation.events.length;
  }
}

const counters = (attacked: AttackWorld) => attacked.camera.counters.snapshot().counters;

const mediaTo = (attacked: AttackWorld, address: string, from = 0): readonly TappedDatagram[] =>
  attacked.sentSince(from).filter(({ plane, to }) => plane === 'media' && to.address === address);

describe.each(attackModes)('mode %s: copies of a viewer’s frames from another address', (mode) => {
  it('that come after them move nothing and are not answered (S2, S14)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    attacked.simulation.run(6000);
    const frames = attacked.sentByViewers().filter(({ plane }) => plane === 'control');
    expect(new Set(frames.map(({ bytes }) => kindOf(bytes)))).toEqual(new Set(['START', 'START_CONFIRM', 'PONG']));
    for (const { bytes } of frames.filter((one) => kindOf(one.bytes) !== 'START')) {
      expect(attacked.attack(attackerPeer, bytes)).toEqual([]);
      expect(attacked.attack({ ...viewer.host.peer, port: 4 }, bytes)).toEqual([]);
    }
    expect(counters(attacked)).toMatchObject({ pathsTried: 0, pathsMoved: 0 });
    attacked.expectUnharmed(viewer, ids);
  });

  it('that come before them give who does not answer no more than he sent, and the viewer keeps its media (S2, S14)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    race(attacked, 25_000, () => attackerPeer);
    expect(attacked.told('moved')).toEqual([]);
    expect(mediaTo(attacked, attackerPeer.address)).toEqual([]);
    if (mode === 'none') expect(counters(attacked).pathsTried).toBe(0);
    else expect(counters(attacked).pathsFailed).toBeGreaterThan(1);
    attacked.expectUnharmed(viewer, ids);
  });
});

describe.each(secured)(
  'mode %s: an attacker whose copies come first and who answers as well, through the viewer,',
  (mode) => {
    /** He carries frames that the camera sends him to the viewer, in the camera's name. */
    function carry(attacked: AttackWorld, forMs: number, wins: (n: number) => boolean): void {
      let sent = attacked.simulation.events.length;
      race(
        attacked,
        forMs,
        (_datagram, n) => (wins(n) ? attackerPeer : undefined),
        () => {
          const his = attacked
            .sentSince(sent)
            .filter(({ plane, to }) => plane === 'control' && to.address === attackerPeer.address);
          sent = attacked.simulation.events.length;
          for (const { bytes } of his) {
            for (const { host } of attacked.simulation.viewers) attacked.simulation.world.injectToViewer(host, bytes);
          }
        },
      );
    }

    it('gets nothing if he misses one of the answers of the old path (S14)', () => {
      const attacked = new AttackWorld({ mode });
      const viewer = attacked.streaming();
      const ids = attacked.idsOf(viewer);
      carry(attacked, 30_000, (n) => n % 3 !== 2);
      expect(counters(attacked).pathsTried).toBeGreaterThan(1);
      expect(counters(attacked)).toMatchObject({ pathsMoved: 0 });
      expect(mediaTo(attacked, attackerPeer.address)).toEqual([]);
      attacked.expectUnharmed(viewer, ids);
    });

    it('has the way that datagrams take while he wins every race, no key, and loses it when he stops', () => {
      const attacked = new AttackWorld({ mode });
      const viewer = attacked.streaming();
      const ids = attacked.idsOf(viewer);
      carry(attacked, 8000, () => true);
      expect(mediaTo(attacked, attackerPeer.address).length).toBeGreaterThan(0);
      expect(attacked.simulation.violations, 'he did answer').toEqual([]);
      attacked.simulation.run(9000);
      const from = attacked.simulation.events.length;
      const { frameCount } = viewer;
      attacked.simulation.run(1000);
      expect([viewer.state, attacked.idsOf(viewer)]).toEqual(['Streaming', ids]);
      expect(viewer.frameCount).toBeGreaterThan(frameCount + 20);
      expect(mediaTo(attacked, attackerPeer.address, from)).toEqual([]);
      expect(attacked.simulation.violations).toEqual([]);
    });
  },
);

describe.each(secured)('mode %s: while a viewer moves, PATH_RESPONSE', (mode) => {
  function moving() {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    attacked.simulation.world.rebind(viewer.host);
    return { attacked, viewer, ids };
  }

  it('from another tuple than was asked moves nothing there, and the viewer gets its media all the same (S14)', () => {
    const { attacked, viewer, ids } = moving();
    let stolen = 0;
    race(attacked, 9000, ({ bytes }) => (kindOf(bytes) === 'PATH_RESPONSE' && stolen++ < 2 ? otherPeer : undefined));
    expect(stolen).toBeGreaterThan(2);
    expect(attacked.told('moved').map(({ peer }) => peer)).toEqual([viewer.host.peer]);
    expect(counters(attacked).pathsRefused).toBe(2);
    expect(mediaTo(attacked, otherPeer.address)).toEqual([]);
    attacked.expectUnharmed(viewer, ids);
  });

  it('that is made up, whatever nonce it has, is not authentic and moves nothing (S14)', () => {
    const { attacked, viewer, ids } = moving();
    for (let ms = 0; ms < 9000; ms += 5) {
      const frame = attacked.forged('PATH_RESPONSE', ids);
      expect(attacked.attack(ms % 10 === 0 ? attackerPeer : viewer.host.peer, frame)).toEqual([]);
      attacked.simulation.run(5);
    }
    const { notAuthentic = 0, replayed = 0 } = attacked.drops;
    expect(notAuthentic + replayed).toBe(1800);
    expect(attacked.told('moved').map(({ peer }) => peer)).toEqual([viewer.host.peer]);
    attacked.expectUnharmed(viewer, ids);
  });
});

describe.each(secured)('mode %s: frames of one viewer that come first from where another one lives', (mode) => {
  it('are not asked about, and both keep their media (S6, S14)', () => {
    const attacked = new AttackWorld({ mode });
    const [one, other] = [attacked.streaming(), attacked.streaming()];
    const ids = [attacked.idsOf(one), attacked.idsOf(other)] as const;
    race(attacked, 9000, ({ from }) => (from.address === one.host.peer.address ? other.host.peer : undefined));
    expect(counters(attacked)).toMatchObject({ pathsTried: 0, pathsMoved: 0 });
    expect(counters(attacked).pathsRefused).toBeGreaterThan(0);
    attacked.expectUnharmed(one, ids[0]);
    attacked.expectUnharmed(other, ids[1]);
  });
});

describe.each(secured)('mode %s: a viewer at a new tuple', (mode) => {
  it('is sent no more than it sent while it does not answer, and the session ends by its own timers (S2, S9)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.world.rebind(viewer.host);
    viewer.host.toViewer.partitioned = true;
    const atMs = attacked.simulation.nowMs;
    attacked.simulation.run(40_000);
    expect(counters(attacked)).toMatchObject({ pathsMoved: 0 });
    expect(attacked.sentSince().filter(({ to }) => to.port === viewer.host.peer.port).length).toBeGreaterThan(5);
    const lastMediaAtMs = attacked.sentSince().findLast(({ plane }) => plane === 'media')?.atMs ?? 0;
    expect(lastMediaAtMs).toBeLessThanOrEqual(atMs + profiles.default.consentMs);
    attacked.expectHeld();
  });
});
