import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { REPAIR_BYTES_MIN } from '../../src/media/repair-queue.ts';
import { encodeNack, NACK_PAIRS_MAX } from '../../src/media/rtcp.ts';
import { rtpSsrc } from '../../src/media/rtp.ts';
import { createLog } from '../../src/observe/log.ts';
import { DROP_LINES_PER_SECOND, LINES_PER_SECOND, OutputLog } from '../../src/observe/output-log.ts';
import { FrameType, type FrameTypeName } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { AttackWorld, attackerPeer, attackModes } from '../support/attack-world.ts';
import { forged } from '../support/forged-exchanges.ts';
import { sessionFrame, startBytes } from '../support/frames.ts';
import { ResponderBench } from '../support/responder-bench.ts';

/** Sequence numbers that one NACK asks for. */
const ASKED = 17 * NACK_PAIRS_MAX;

/** A NACK for the newest media of a session, as large as one can be. */
function greedy(attacked: AttackWorld): Uint8Array {
  const newest = attacked.sentSince().findLast(({ plane }) => plane === 'media')?.bytes ?? new Uint8Array(12);
  const sequence = ((newest[2] ?? 0) << 8) | (newest[3] ?? 0);
  const missing = Array.from({ length: ASKED }, (_, back) => (sequence - ASKED + 1 + back) & 0xffff);
  return encodeNack(1, rtpSsrc(newest), missing).datagram;
}

/** Bytes of media in each second since then. */
function mediaBytesPerSecond(attacked: AttackWorld, fromMs: number): readonly number[] {
  const seconds: number[] = [];
  for (const { atMs, bytes, plane } of attacked.sentSince()) {
    if (plane !== 'media' || atMs < fromMs) continue;
    const second = Math.floor((atMs - fromMs) / 1000);
    seconds[second] = (seconds[second] ?? 0) + bytes.length;
  }
  return seconds;
}

describe.each(attackModes)('mode %s: a flood of NACKs', (mode) => {
  it('in a viewer’s name by who reads the SSRC makes a camera send what repair may at most, in secured modes nothing (S2)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(3000);
    const ids = attacked.idsOf(viewer);
    const calm = Math.max(...mediaBytesPerSecond(attacked, attacked.simulation.nowMs - 2000));
    const fromMs = attacked.simulation.nowMs;
    for (let ms = 0; ms < 4000; ms += 4) {
      attacked.simulation.world.inject(viewer.host.peer, greedy(attacked));
      attacked.simulation.run(4);
    }
    const flooded = Math.max(...mediaBytesPerSecond(attacked, fromMs));
    const { mediaRepaired, mediaRepairRefused } = attacked.camera.counters.snapshot().counters;
    if (mode === 'none') {
      expect(mediaRepaired).toBeGreaterThan(0);
      expect(mediaRepairRefused).toBeGreaterThan(0);
      // A second of the test may see the ends of two of the budget's.
      expect(flooded).toBeLessThanOrEqual(calm + 2 * Math.max(REPAIR_BYTES_MIN, calm));
    } else {
      expect(mediaRepaired).toBe(0);
      expect(flooded).toBeLessThanOrEqual(1.1 * calm);
      expect(attacked.drops['mediaForged']).toBe(1000);
    }
    attacked.expectUnharmed(viewer, ids);
  });

  it('from anybody else has no answer at all (S1)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    const ids = attacked.idsOf(viewer);
    for (let count = 0; count < 1000; count++) {
      attacked.simulation.world.inject(attackerPeer, greedy(attacked));
      attacked.simulation.world.inject({ ...viewer.host.peer, port: 7 }, greedy(attacked));
    }
    expect(attacked.drops['noSession']).toBe(2000);
    expect(attacked.ledger().strangers.sent).toBe(0);
    attacked.expectUnharmed(viewer, ids);
  });

  it('is no consent and no sign of life: media to a viewer that is gone stops all the same (S9)', () => {
    const attacked = new AttackWorld({ mode });
    const viewer = attacked.streaming();
    attacked.simulation.run(6000);
    attacked.simulation.world.crash(viewer.number);
    const goneAtMs = attacked.simulation.nowMs;
    for (let ms = 0; ms < 16_000; ms += 50) {
      attacked.simulation.world.inject(viewer.host.peer, greedy(attacked));
      attacked.simulation.run(50);
    }
    const last = attacked.sentSince().findLast(({ plane }) => plane === 'media');
    expect(last?.atMs).toBeLessThanOrEqual(goneAtMs + profiles.default.deadMs);
    expect(attacked.camera.sessionCount).toBe(0);
  });
});

/** Words that would break a line, a terminal or a label. */
const hostile = ['{"level":60}\n', '\u001b[2J\u0007', 'a"b\\c', '\u2028\u202e', 'x'.repeat(64)];

describe.each(attackModes)('mode %s: a flood of whatever is dropped', (mode) => {
  it('makes no more lines than the limits, each one line of JSON, and no new metric (S16)', () => {
    const lines: string[] = [];
    const attacked = new AttackWorld({ mode, camera: { trace: true } });
    const log = new OutputLog(
      createLog({ level: 'debug', write: (line) => lines.push(line) }),
      () => attacked.simulation.nowMs,
    );
    const before = attacked.camera.counters.snapshot();
    const kinds: readonly FrameTypeName[] = [
      'START',
      'START_CONFIRM',
      'PING',
      'PONG',
      'BYE',
      'RESET',
      'NOTIFY',
      'READY',
    ];
    const seconds = 3;
    let seen = 0;
    for (let count = 0; count < seconds * 1000; count++) {
      const ids = { streamId: attacked.guess(), sessionTag: attacked.guess() };
      const from = {
        address: count % 7 === 0 ? (hostile[count % 5] ?? '') : `10.9.${count & 255}.1`,
        port: count & 0xffff,
      };
      attacked.simulation.world.inject(from, attacked.forged(kinds[count % kinds.length] ?? 'PING', ids));
      attacked.simulation.world.inject(from, attacked.noise(count % 1300));
      attacked.simulation.run(1);
      const { events } = attacked.simulation;
      for (; seen < events.length; seen++) {
        const event = events[seen];
        if (event?.kind === 'told' && event.host === 'camera') log.add(event.output);
      }
    }
    log.flush();
    const dropped = Object.values(attacked.drops).reduce((sum, drops) => sum + drops, 0);
    expect(dropped).toBeGreaterThan(seconds * 1000);
    const parsed = lines.map((line): Record<string, unknown> => JSON.parse(line));
    for (const line of lines) expect(line.trimEnd()).not.toMatch(/\p{Cc}/u);
    const drops = parsed.filter(({ msg }) => msg === 'datagram without effect');
    expect(drops.length).toBeGreaterThan(0);
    expect(drops.length).toBeLessThanOrEqual((seconds + 1) * DROP_LINES_PER_SECOND);
    expect(lines.length).toBeLessThanOrEqual((seconds + 1) * (LINES_PER_SECOND + DROP_LINES_PER_SECOND + 2));
    const after = attacked.camera.counters.snapshot();
    for (const part of ['counters', 'drops', 'closed', 'hints'] as const) {
      expect(Object.keys(after[part])).toEqual(Object.keys(before[part]));
    }
  });
});

/** What is put into a Map or Set under a bigint meanwhile. */
function bigintKeysOf(work: () => void): readonly bigint[] {
  const keys: bigint[] = [];
  const { set } = Map.prototype;
  const { add } = Set.prototype;
  const note = (key: unknown): void => {
    if (typeof key === 'bigint') keys.push(key);
  };
  Map.prototype.set = function (this: Map<unknown, unknown>, key: unknown, value: unknown) {
    note(key);
    return set.call(this, key, value);
  };
  Set.prototype.add = function (this: Set<unknown>, key: unknown) {
    note(key);
    return add.call(this, key);
  };
  try {
    work();
  } finally {
    Map.prototype.set = set;
    Set.prototype.add = add;
  }
  return keys;
}

describe('request ids that a viewer chooses', () => {
  it('and all other ids that a peer chooses are no keys of a Map or Set as they are: V8 hashes a bigint without a key', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(0x1111_0000_0000_0001n);
    const chosen = Array.from({ length: 20 }, (_, n) => (BigInt(n + 1) << 32n) | 77n);
    const keys = bigintKeysOf(() => {
      for (const id of chosen) {
        const more = { flags: 0, ...ids, attempt: 0, requestId: id, round: 1, method: 'm' };
        bench.receive(encodeFrame({ ...more, type: FrameType.REQUEST }));
        bench.receive(encodeFrame({ ...more, type: FrameType.NOTIFY }));
        bench.receive(
          encodeFrame({ ...more, type: FrameType.REQUEST, fragment: { offset: 0, total: 9 }, body: new Uint8Array(1) }),
        );
        bench.receive(encodeFrame({ ...more, type: FrameType.CONTINUE, status: { exchange: 0, method: 0 } }));
        bench.receive(startBytes(id), { address: '192.0.2.7', port: 1 });
        bench.receive(sessionFrame('PING', { streamId: id, sessionTag: id }));
        bench.run(10);
      }
      bench.run(60_000);
      new Set<bigint>().add(1n);
    });
    expect(bench.metrics.counters.exchangesExecuted).toBeGreaterThan(0);
    expect(keys, 'the one that is made here').toEqual([1n]);
  });

  it('that never end their message take 16 places for 30 s, and then others have them (S5)', () => {
    const { world, viewer, inject } = forged();
    const part = { fragment: { offset: 0, total: 16_384 }, body: new Uint8Array(1000) };
    const request = (requestId: bigint, more = {}): void =>
      inject({ type: FrameType.REQUEST, requestId, round: 1, method: 'm', ...more });
    for (let id = 1n; id <= 40n; id++) request(id, part);
    const { counters } = world.camera;
    expect(counters.snapshot().counters.exchangesRefused).toBe(24);
    request(41n);
    expect(counters.snapshot().counters.exchangesExecuted).toBe(0);
    // The first bytes again and again, which are no progress.
    for (let ms = 0; ms < 30_500; ms += 500) {
      for (let id = 1n; id <= 16n; id++) request(id, part);
      world.run(500);
    }
    request(42n);
    expect(counters.snapshot().counters.exchangesExecuted).toBe(1);
    expect(viewer.endpoint.state).toBe('Streaming');
    expect(world.watch.violations).toEqual([]);
  });
});
