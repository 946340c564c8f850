import { describe, expect, it } from 'vitest';
import { Admission, type AdmissionLimits, defaultAdmissionLimits, type Verdict } from '../../src/engine/admission.ts';
import { Cookies } from '../../src/engine/cookies.ts';
import { LoadMeter } from '../../src/engine/load-meter.ts';
import { Random } from '../../src/engine/random.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { Prng } from '../../src/sim/prng.ts';
import { sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';

const peer = (i: number) => ({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 4000 });
const port = (i: number) => ({ address: '192.0.2.1', port: 10_000 + i });

/** The cookie of the RETRY that a START gets. */
function cookieFor(bench: ResponderBench, streamId: bigint, from = somePeer, attempt = 1): Uint8Array {
  const retry = framesOf(bench.receive(startBytes(streamId, attempt), from), 'RETRY')[0];
  if (retry === undefined || !('cookie' in retry)) throw new Error('no RETRY');
  return retry.cookie?.slice() ?? new Uint8Array();
}

/** Brings a camera under load by half-open sessions of many addresses. */
function underLoad(limits: Partial<AdmissionLimits> = {}): ResponderBench {
  const bench = new ResponderBench({ limits: { load: { pending: 4, startsPerSecond: 500, lateMs: 50 }, ...limits } });
  for (let i = 0; i < 4; i++) bench.candidate(1n, peer(i));
  expect(bench.endpoint.underLoad).toBe(true);
  return bench;
}

describe('a camera under load', () => {
  it('answers a stranger with RETRY and keeps nothing of it', () => {
    const bench = underLoad();
    const sent = bench.receive(startBytes(7n, 3));
    expect(framesOf(sent, 'RETRY')).toMatchObject([{ streamId: 7n, sessionTag: 0n, attempt: 3 }]);
    expect(sent).toHaveLength(1);
    expect(sent[0]?.bytes).toHaveLength(52);
    expect(bench.endpoint.sessionCount).toBe(4);
    expect(bench.endpoint.tombstoneCount).toBe(0);
    expect(bench.count('reserve')).toBe(4);
    expect(bench.metrics.counters.retriesSent).toBe(1);
  });

  it('admits whoever echoes the cookie', () => {
    const bench = underLoad();
    const cookie = cookieFor(bench, 7n);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie })))).toEqual(['START_ACK']);
    expect(kinds(bench.receive(startBytes(7n, 3)))).toEqual(['START_ACK']);
  });

  it('takes a cookie for its address, port and StreamId alone, and any other for none', () => {
    const bench = underLoad();
    const cookie = cookieFor(bench, 7n);
    const forged = Uint8Array.from(cookie);
    forged[19] = (forged[19] ?? 0) ^ 1;
    expect(kinds(bench.receive(startBytes(8n, 2, { cookie })))).toEqual(['RETRY']);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie }), port(1)))).toEqual(['RETRY']);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie }), { address: '192.0.2.2', port: 5000 }))).toEqual([
      'RETRY',
    ]);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie: forged })))).toEqual(['RETRY']);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie })))).toEqual(['START_ACK']);
  });

  it('gives a prefix 20 answers at once and 20 a second, but whoever has a cookie needs no token', () => {
    const bench = underLoad();
    const cookie = cookieFor(bench, 7n, port(0));
    const flood = () => Array.from({ length: 50 }, (_, i) => bench.receive(startBytes(1n), port(1 + i))).flat().length;
    expect(flood()).toBe(19);
    bench.run(500);
    expect(flood()).toBe(10);
    expect(bench.metrics.drops.prefixRate).toBe(71);
    expect(kinds(bench.receive(startBytes(7n, 2, { cookie }), port(0)))).toEqual(['START_ACK']);
  });

  it('keeps candidates for 3 s, not 10, also those that it had before', () => {
    const bench = underLoad();
    const cookie = cookieFor(bench, 7n);
    bench.receive(startBytes(7n, 2, { cookie }));
    bench.run(2999);
    expect(bench.endpoint.pendingCount).toBe(5);
    bench.run(1);
    expect(bench.endpoint.pendingCount).toBe(0);
    expect(new Set(bench.closedCodes)).toEqual(new Set([ErrorCode.CONFIRM_TIMEOUT]));
  });

  it('says BUSY where every place is taken, also to whoever has a cookie (S5)', () => {
    const bench = underLoad({ pendingMax: 4 });
    const cookie = cookieFor(bench, 7n);
    const sent = bench.receive(startBytes(7n, 2, { cookie }));
    expect(framesOf(sent, 'ERROR')).toMatchObject([{ errorCode: ErrorCode.BUSY, retryAfterMs: 1000 }]);
    expect(bench.metrics.drops.pendingFull).toBe(1);
  });

  it('tells when load begins and ends, and of what it is', () => {
    const bench = underLoad();
    bench.run(20_000);
    const told = bench.outputs.flatMap(({ atMs, output }) => (output.kind === 'load' ? [{ atMs, ...output }] : []));
    expect(told).toEqual([
      { atMs: 0, kind: 'load', under: true, cause: 'pending' },
      { atMs: 8000, kind: 'load', under: false },
    ]);
    expect(bench.metrics.counters.loadModes).toBe(1);
    expect(kinds(bench.receive(startBytes(1n)))).toEqual(['START_ACK']);
  });

  it('is back to normal within 10 s after a flood (L5)', () => {
    const bench = new ResponderBench();
    for (let i = 0; i < 4000; i++) {
      bench.run(0.25);
      bench.receive(startBytes(1n), peer(i));
    }
    expect(bench.endpoint.underLoad).toBe(true);
    expect(bench.endpoint.pendingCount).toBeLessThanOrEqual(128);
    bench.run(10_000);
    expect(bench.endpoint.underLoad).toBe(false);
  });

  it('begins with the 501st stranger of a second, and by an event loop that is 51 ms late twice in a row', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.POLICY });
    for (let i = 0; i < 500; i++) bench.receive(startBytes(1n), peer(i));
    expect(bench.endpoint.underLoad).toBe(false);
    bench.receive(startBytes(1n), peer(500));
    expect(bench.endpoint.underLoad).toBe(true);

    const late = new ResponderBench();
    late.streaming(1n);
    for (const lateMs of [51, 50, 51, 0, 51]) {
      late.nowMs = late.endpoint.deadlineMs() + lateMs;
      late.step({ kind: 'timeout' });
      expect(late.endpoint.underLoad, `${lateMs}`).toBe(false);
    }
    late.nowMs = late.endpoint.deadlineMs() + 51;
    late.step({ kind: 'timeout' });
    expect(late.endpoint.underLoad).toBe(true);
    expect(late.outputs.at(-1)?.output).toMatchObject({ kind: 'load', cause: 'late' });
  });
});

describe('a camera without load', () => {
  it('demands a cookie from the 17th half-open session of a prefix on, and of it alone', () => {
    const bench = new ResponderBench();
    for (let i = 0; i < 16; i++) bench.candidate(1n, port(i));
    const cookie = cookieFor(bench, 1n, port(16));
    expect(kinds(bench.receive(startBytes(1n), peer(1)))).toEqual(['START_ACK']);
    expect(kinds(bench.receive(startBytes(1n, 2, { cookie }), port(16)))).toEqual(['START_ACK']);
    expect(bench.endpoint.underLoad).toBe(false);
  });

  it('lets no more than 64 of a prefix in, with cookies or without (S5)', () => {
    const bench = new ResponderBench();
    for (let i = 0; i < 64; i++) {
      if (i < 16) bench.candidate(1n, port(i));
      else bench.receive(startBytes(1n, 2, { cookie: cookieFor(bench, 1n, port(i)) }), port(i));
    }
    expect(bench.endpoint.pendingCount).toBe(64);
    const cookie = cookieFor(bench, 1n, port(64));
    expect(bench.receive(startBytes(1n, 2, { cookie }), port(64))).toEqual([]);
    expect(bench.metrics.drops.pendingPerPrefix).toBe(1);
  });

  it('lets whoever has a cookie take the place of the oldest of four candidates that has none', () => {
    const bench = new ResponderBench();
    const [oldest, second] = [bench.candidate(1n), bench.candidate(2n)];
    for (let id = 3n; id <= 4n; id++) bench.candidate(id);
    const cookie = cookieFor(bench, 5n);
    expect(kinds(bench.receive(startBytes(5n, 2, { cookie })))).toEqual(['START_ACK']);
    expect(bench.closedCodes).toEqual([ErrorCode.SUPERSEDED]);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', oldest)))).toEqual(['RESET']);
    expect(bench.endpoint.pendingCount).toBe(4);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', second)))[0]).toBe('READY');
  });

  it('drops a fifth candidate with a cookie where the four had one too (S5)', () => {
    const bench = new ResponderBench({ limits: { retryFraction: 1 } });
    for (let id = 1n; id <= 4n; id++) bench.receive(startBytes(id, 2, { cookie: cookieFor(bench, id) }));
    expect(bench.receive(startBytes(5n, 2, { cookie: cookieFor(bench, 5n) }))).toEqual([]);
    expect(bench.metrics.drops.candidatesFull).toBe(1);
    expect(bench.endpoint.pendingCount).toBe(4);
  });

  it('asks for a cookie as often as it is told to, so that the path is used', () => {
    const bench = new ResponderBench({ limits: { retryFraction: 0.25 } });
    const answers = Array.from({ length: 400 }, (_, i) => kinds(bench.receive(startBytes(1n), peer(i % 100)))).flat();
    const retries = bench.metrics.counters.retriesSent;
    expect(retries).toBeGreaterThan(10);
    expect(retries).toBeLessThan(60);
    expect(answers.filter((kind) => kind === 'RETRY')).toHaveLength(retries);
  });
});

describe('the fraction of strangers that is asked for a cookie', () => {
  /** What becomes of a stranger where every number that is drawn is `unit`; and how often random bytes were asked for. */
  function judged(retryFraction: number, unit: number): readonly [Verdict, number] {
    let fills = 0;
    const entropy = {
      fill(bytes: Uint8Array) {
        fills++;
        new DataView(bytes.buffer, bytes.byteOffset).setUint32(0, unit * 2 ** 32);
      },
    };
    const limits = { ...defaultAdmissionLimits, retryFraction };
    const admission = new Admission(limits, new Random(entropy), () => {});
    const before = fills;
    return [admission.judge({ streamId: 1n }, somePeer, false, 0), fills - before];
  }

  it('is drawn anew for each, and not at all where it is none', () => {
    expect(judged(0.5, 0.25)).toEqual(['retry', 1]);
    expect(judged(0.5, 0.5)).toEqual(['new', 1]);
    expect(judged(0, 0)).toEqual(['new', 0]);
  });
});

describe('a cookie', () => {
  const cookies = () => new Cookies(new Random(new Prng(5)));

  it('is good for 15 s and no longer, also when its key has been followed by another', () => {
    for (const madeAtMs of [0, 59_500, 3_600_000, 2 ** 24 * 1000 - 5000]) {
      const made = cookies();
      const cookie = made.make(somePeer, 1n, madeAtMs);
      expect(cookie).toHaveLength(20);
      made.make(somePeer, 2n, madeAtMs + 10_000);
      expect(made.valid(cookie, somePeer, 1n, madeAtMs), `${madeAtMs}`).toBe(true);
      expect(made.valid(cookie, somePeer, 1n, madeAtMs + 15_000), `${madeAtMs}`).toBe(true);
      expect(made.valid(cookie, somePeer, 1n, madeAtMs + 16_000), `${madeAtMs}`).toBe(false);
    }
  });

  it('is worth nothing with any bit changed', () => {
    const made = cookies();
    const cookie = made.make(somePeer, 1n, 100_000);
    for (let bit = 0; bit < 160; bit++) {
      const other = Uint8Array.from(cookie);
      other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(made.valid(other, somePeer, 1n, 100_000), `bit ${bit}`).toBe(false);
    }
  });

  it('is worth nothing at another camera, and none was made before its key', () => {
    const cookie = cookies().make(somePeer, 1n, 0);
    expect(new Cookies(new Random(new Prng(6))).valid(cookie, somePeer, 1n, 0)).toBe(false);
    expect(cookies().valid(new Uint8Array(20), somePeer, 1n, 0)).toBe(false);
  });

  it('tells addresses apart that are longer than any', () => {
    const made = cookies();
    const long = { address: 'a'.repeat(70), port: 1 };
    expect(made.valid(made.make(long, 1n, 0), { address: 'a'.repeat(71), port: 1 }, 1n, 0)).toBe(false);
  });
});

describe('the measure of load', () => {
  const thresholds = { pending: 10, startsPerSecond: 20, lateMs: 50 };

  it('forgets STARTs after a second', () => {
    const load = new LoadMeter(thresholds);
    for (let i = 0; i < 60; i++) expect(load.start(i * 50)).toBeUndefined();
    // Of a second that has just begun its tenth slot, 18 of the last 900 ms are left.
    expect([load.start(3000), load.start(3001)]).toEqual([undefined, undefined]);
    expect(load.start(3002)).toBe('starts');
  });

  it('lasts until all has been below half for 5 s', () => {
    const load = new LoadMeter(thresholds);
    expect(load.pending(10, 0)).toBe('pending');
    expect([load.late(60, 100), load.late(60, 100)]).toEqual([undefined, undefined]);
    expect(load.calm(5099)).toBe(false);
    load.pending(5, 4000);
    load.pending(4, 4500);
    load.late(26, 4550);
    load.late(26, 4600);
    expect(load.calmAtMs).toBe(9600);
    load.late(25, 4700);
    expect(load.calm(9599)).toBe(false);
    expect(load.calm(9600)).toBe(true);
    expect(load.under).toBe(false);
    expect(load.calm(20_000)).toBe(false);
  });

  it('is kept up by half as many half-open sessions, and not by fewer', () => {
    const load = new LoadMeter(thresholds);
    load.pending(10, 0);
    load.pending(4, 1000);
    expect(load.calmAtMs).toBe(5000);
    load.pending(5, 2000);
    expect(load.calmAtMs).toBe(7000);
  });

  it('is kept up by more than half as many STARTs in a second, and not by half of them', () => {
    const load = new LoadMeter(thresholds);
    load.pending(10, 0);
    for (let i = 0; i < 10; i++) load.start(1000);
    expect(load.calmAtMs).toBe(5000);
    expect(load.start(1000)).toBeUndefined();
    expect(load.calmAtMs).toBe(6000);
  });

  it('is not begun by what is above half alone', () => {
    const load = new LoadMeter(thresholds);
    expect([load.pending(9, 0), load.late(50, 0), load.late(50, 0)]).toEqual([undefined, undefined, undefined]);
    expect(load.under).toBe(false);
  });
});
