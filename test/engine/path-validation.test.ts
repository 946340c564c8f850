import { describe, expect, it } from 'vitest';
import type { CounterName } from '../../src/engine/counters.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { type PathProof, PathValidation } from '../../src/engine/path-validation.ts';
import { PADDED_BYTES_MIN, PATH_ASKS_MAX, PATH_OLD_ASKS, PATH_PAUSE_MS } from '../../src/protocol/constants.ts';
import { type Frame, FrameType } from '../../src/protocol/frame.ts';

const old: Peer = { address: '10.1.0.1', port: 40_000 };
const other: Peer = { address: '10.1.0.1', port: 40_001 };
const third: Peer = { address: '10.1.0.2', port: 40_000 };
const repeatMs = 250;

/** A session that writes down what its validation makes it do. */
class Bench {
  nowMs = 1000;
  peer = old;
  readonly sessionTag = 7n;
  readonly repeatMs = repeatMs;
  readonly asked: { readonly to: Peer; readonly nonce: bigint; readonly atMs: number }[] = [];
  readonly moves: PathProof[] = [];
  readonly counted: CounterName[] = [];
  taken: string | undefined;
  readonly path = new PathValidation(this);

  challenge(to: Peer): bigint {
    const nonce = BigInt(this.asked.length + 100);
    this.asked.push({ to, nonce, atMs: this.nowMs });
    return nonce;
  }

  mayMoveTo(tupleKey: string): boolean {
    return tupleKey !== this.taken;
  }

  move(proof: PathProof): void {
    this.moves.push(proof);
    this.peer = proof.peer;
  }

  count(name: CounterName): void {
    this.counted.push(name);
  }

  ping(from: Peer, { bytes = PADDED_BYTES_MIN, newest = true } = {}): void {
    this.path.heard(frame({ type: FrameType.PING, nonce: 1n }), bytes, from, newest);
  }

  answer(from: Peer, nonce: bigint, newest = true): void {
    this.path.heard(frame({ type: FrameType.PATH_RESPONSE, nonce }), 60, from, newest);
  }

  /** Lets time pass, in steps of its deadlines. */
  wait(ms: number): void {
    const untilMs = this.nowMs + ms;
    for (let atMs = this.path.deadlineMs(); atMs <= untilMs; atMs = this.path.deadlineMs()) {
      this.nowMs = atMs;
      this.path.timeout();
    }
    this.nowMs = untilMs;
  }

  /** Nonces that went to a tuple. */
  noncesTo(to: Peer): bigint[] {
    return this.asked.filter((one) => one.to === to).map(({ nonce }) => nonce);
  }

  last(to: Peer): bigint {
    const nonce = this.noncesTo(to).at(-1);
    if (nonce === undefined) throw new Error(`${to.port} was not asked`);
    return nonce;
  }
}

function frame(body: { readonly type: 7 | 13; readonly nonce: bigint }): Frame {
  return { flags: 0, streamId: 1n, sessionTag: 7n, attempt: 0, ...body };
}

describe('a session that is heard from another tuple', () => {
  it('asks both paths, and moves when the new one has answered and the old one was asked three times in vain (S14)', () => {
    const bench = new Bench();
    bench.ping(other);
    expect(bench.asked.map(({ to }) => to)).toEqual([old, other]);
    bench.nowMs += 30;
    bench.answer(other, bench.last(other));
    expect(bench.moves).toEqual([]);
    bench.wait(PATH_OLD_ASKS * repeatMs - 31);
    expect(bench.moves).toEqual([]);
    bench.wait(1);
    expect(bench.moves).toMatchObject([{ sessionTag: 7n, peer: other, challengedAtMs: 1000, rttMs: 30 }]);
    expect(bench.noncesTo(old)).toHaveLength(PATH_OLD_ASKS);
    expect(bench.noncesTo(other), 'it had answered').toHaveLength(1);
    expect(bench.counted).toEqual(['pathsTried', 'pathsMoved']);
    expect(bench.path.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('moves at once if the answer comes after the old path had its time', () => {
    const bench = new Bench();
    bench.ping(other);
    const first = bench.last(other);
    bench.wait(PATH_OLD_ASKS * repeatMs);
    expect(bench.moves).toEqual([]);
    bench.answer(other, first);
    expect(bench.moves).toHaveLength(1);
  });

  it('stays where it is if anything newer comes on the old path, whatever the new one answers', () => {
    for (const answers of [true, false]) {
      const bench = new Bench();
      bench.ping(other);
      if (answers) bench.answer(other, bench.last(other));
      bench.wait(PATH_OLD_ASKS * repeatMs - 1);
      bench.ping(old);
      bench.wait(10_000);
      bench.answer(other, 101n);
      expect(bench.moves).toEqual([]);
      expect(bench.counted.slice(0, 2)).toEqual(['pathsTried', 'pathsKept']);
    }
  });

  it('is not kept by a frame of the old path that was overtaken: it was sent before', () => {
    const bench = new Bench();
    bench.ping(other);
    bench.ping(old, { newest: false });
    bench.answer(other, bench.last(other));
    bench.wait(1000);
    expect(bench.moves).toHaveLength(1);
  });

  it('does not look at a tuple that an overtaken frame comes from', () => {
    const bench = new Bench();
    bench.ping(other, { newest: false });
    expect([bench.asked, bench.counted]).toEqual([[], []]);
  });

  it('does not take an answer from any tuple but the one that was asked, nor another nonce (S14)', () => {
    const bench = new Bench();
    bench.ping(other);
    const nonce = bench.last(other);
    bench.answer(third, nonce);
    bench.answer(other, nonce + 1n);
    bench.answer(other, bench.last(old));
    bench.wait(10_000);
    expect(bench.moves).toEqual([]);
    expect(bench.counted).toEqual(['pathsTried', 'pathsRefused', 'pathsFailed']);
  });

  it('takes the answer to any of the last challenges, and measures from that one', () => {
    const bench = new Bench();
    bench.ping(other);
    const first = bench.last(other);
    bench.ping(other);
    bench.wait(repeatMs);
    expect(bench.noncesTo(other)).toHaveLength(2);
    bench.nowMs += 40;
    bench.answer(other, first);
    bench.answer(other, bench.last(other));
    bench.wait(1000);
    expect(bench.moves).toMatchObject([{ challengedAtMs: 1000, rttMs: repeatMs + 40 }]);
  });

  it('never sends more bytes or datagrams to the new path than came from there (S2)', () => {
    const bench = new Bench();
    const sizes = [66, 48, 60, 144, 72];
    let came = 0;
    bench.ping(other, { bytes: 71 });
    came += 71;
    expect(bench.noncesTo(other)).toEqual([]);
    for (const [at, bytes] of sizes.entries()) {
      bench.ping(other, { bytes, newest: at % 2 === 0 });
      came += bytes;
      bench.wait(repeatMs);
      const sent = bench.noncesTo(other).length;
      expect(sent * PADDED_BYTES_MIN).toBeLessThanOrEqual(came);
      expect(sent).toBeLessThanOrEqual(at + 2);
    }
    expect(bench.noncesTo(other).length, 'it does ask').toBeGreaterThan(3);
    const before = bench.noncesTo(other).length;
    bench.wait(600);
    expect(bench.noncesTo(other), 'silence buys nothing').toHaveLength(before);
  });

  it('asks once in an interval however much comes', () => {
    const bench = new Bench();
    for (let i = 0; i < 50; i++) bench.ping(other);
    expect(bench.noncesTo(other)).toHaveLength(1);
    bench.wait(repeatMs);
    expect(bench.noncesTo(other)).toHaveLength(2);
  });

  it('gives up after twelve challenges, and looks at no other tuple for a second', () => {
    const bench = new Bench();
    bench.ping(other);
    for (let i = 0; i < PATH_ASKS_MAX; i++) {
      bench.ping(other, { newest: false });
      bench.wait(repeatMs);
    }
    expect(bench.noncesTo(old)).toHaveLength(PATH_ASKS_MAX);
    expect(bench.noncesTo(other)).toHaveLength(PATH_ASKS_MAX);
    expect(bench.counted).toEqual(['pathsTried', 'pathsFailed']);
    bench.ping(third);
    bench.wait(PATH_PAUSE_MS - 1);
    bench.ping(third);
    expect(bench.counted.slice(2)).toEqual(['pathsRefused', 'pathsRefused']);
    bench.wait(1);
    bench.ping(third);
    expect(bench.counted.slice(4)).toEqual(['pathsTried']);
  });

  it('looks at one tuple at a time', () => {
    const bench = new Bench();
    bench.ping(other);
    bench.ping(third);
    expect(bench.noncesTo(third)).toEqual([]);
    expect(bench.counted).toEqual(['pathsTried', 'pathsRefused']);
  });

  it('does not move to where another session lives, even if that one came meanwhile (S6)', () => {
    const bench = new Bench();
    bench.taken = '10.1.0.1 40001';
    bench.ping(other);
    expect(bench.counted).toEqual(['pathsRefused']);
    bench.taken = undefined;
    bench.ping(other);
    bench.answer(other, bench.last(other));
    bench.taken = '10.1.0.1 40001';
    bench.wait(2000);
    expect(bench.moves).toEqual([]);
    expect(bench.counted).toEqual(['pathsRefused', 'pathsTried', 'pathsFailed']);
  });

  it('moves back by the same rule', () => {
    const bench = new Bench();
    for (const to of [other, old]) {
      bench.ping(to);
      bench.answer(to, bench.last(to));
      bench.wait(2000);
      expect(bench.peer).toBe(to);
    }
  });

  it('forgets it when the session stops', () => {
    const bench = new Bench();
    bench.ping(other);
    bench.answer(other, bench.last(other));
    bench.path.stop();
    bench.wait(10_000);
    expect(bench.moves).toEqual([]);
    expect(bench.path.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
  });
});

describe('what a validation asks and counts', () => {
  it('counts nothing for a newest frame from where the session is, nor for an overtaken one from a third tuple', () => {
    const bench = new Bench();
    bench.ping(old);
    expect(bench.counted).toEqual([]);
    bench.ping(other);
    bench.ping(third, { newest: false });
    expect(bench.counted).toEqual(['pathsTried']);
  });

  it('takes no other frame for an answer, whatever its nonce', () => {
    const bench = new Bench();
    bench.ping(other);
    const ping = frame({ type: FrameType.PING, nonce: bench.last(other) });
    bench.path.heard(ping, PADDED_BYTES_MIN, other, true);
    bench.wait(PATH_OLD_ASKS * repeatMs);
    expect(bench.moves).toEqual([]);
  });

  it('asks the new path no more once it has answered, whatever it has sent', () => {
    const bench = new Bench();
    bench.ping(other);
    bench.ping(other);
    bench.answer(other, bench.last(other));
    bench.wait(repeatMs);
    bench.ping(other);
    expect([bench.noncesTo(old).length, bench.noncesTo(other).length]).toEqual([2, 1]);
  });

  it('owes nothing to a path that answers while it is owed a challenge', () => {
    const bench = new Bench();
    bench.ping(other);
    const first = bench.last(other);
    bench.wait(repeatMs);
    bench.answer(other, first);
    bench.ping(other);
    bench.ping(other);
    expect(bench.noncesTo(other)).toHaveLength(1);
  });

  it('sends one datagram for one, however large it was (S2)', () => {
    const bench = new Bench();
    bench.ping(other, { bytes: 10 * PADDED_BYTES_MIN });
    bench.wait(2 * repeatMs);
    expect(bench.noncesTo(other)).toHaveLength(1);
    bench.ping(other);
    expect(bench.noncesTo(other)).toHaveLength(2);
  });

  it('gives the third challenge to the old path its time', () => {
    const bench = new Bench();
    bench.ping(other);
    bench.wait((PATH_OLD_ASKS - 1) * repeatMs);
    expect(bench.noncesTo(old)).toHaveLength(PATH_OLD_ASKS);
    bench.answer(other, bench.last(other));
    bench.wait(repeatMs - 1);
    expect(bench.moves).toEqual([]);
    bench.wait(1);
    expect(bench.moves).toHaveLength(1);
  });
});
