import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';

const fast = { perSecond: 1e9, burst: 1e9 };
const peer = (i: number) => ({ address: `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, port: 4000 });
const port = (i: number) => ({ address: '192.0.2.1', port: 10_000 + i });

/** Nobody is asked for a cookie. */
const cookieless = { pendingPerPrefixSoft: 1e9, load: { pending: 1e9, startsPerSecond: 1e9, lateMs: 1e9 } };

describe('limits on strangers (S5)', () => {
  it('admit 64 half-open sessions of one prefix; the 65th costs nothing and is counted', () => {
    const bench = new ResponderBench({ limits: cookieless });
    for (let i = 0; i < 64; i++) expect(kinds(bench.receive(startBytes(1n), port(i)))).toEqual(['START_ACK']);
    const sent = bench.receive(startBytes(1n), port(64));
    expect(kinds(sent)).not.toContain('START_ACK');
    expect(sent.length).toBeLessThanOrEqual(1);
    expect(bench.metrics.drops.pendingPerPrefix).toBe(1);
    expect(bench.endpoint.pendingCount).toBe(64);
    expect(bench.count('reserve')).toBe(64);
    expect(kinds(bench.receive(startBytes(1n), peer(1)))).toEqual(['START_ACK']);
  });

  it('count an IPv6 /64 as one prefix', () => {
    const bench = new ResponderBench({ limits: { pendingPerPrefixMax: 2 } });
    const from = (address: string) => kinds(bench.receive(startBytes(1n), { address, port: 1 }));
    expect(from('2001:db8::1')).toEqual(['START_ACK']);
    expect(from('2001:db8::2')).toEqual(['START_ACK']);
    expect(from('2001:db8::3')).not.toContain('START_ACK');
    expect(from('2001:db8:0:1::1')).toEqual(['START_ACK']);
  });

  it('give a place back when a candidate is confirmed, refused, ended or expired', () => {
    const bench = new ResponderBench({ limits: { pendingPerPrefixMax: 1 } });
    const confirmed = bench.candidate(1n, port(1));
    expect(bench.receive(startBytes(2n), port(2))).toEqual([]);
    bench.receive(sessionFrame('START_CONFIRM', confirmed), port(1));
    const ended = bench.candidate(2n, port(2));
    bench.receive(sessionFrame('BYE', ended), port(2));
    expect(bench.endpoint.pendingCount).toBe(0);
    bench.candidate(3n, port(3));
    bench.run(10_000);
    expect(bench.endpoint.pendingCount).toBe(0);
    bench.answer = { code: ErrorCode.POLICY };
    bench.receive(startBytes(4n), port(4));
    expect(bench.endpoint.pendingCount).toBe(0);
  });

  it('give back one place for each that ends, and no more', () => {
    const bench = new ResponderBench({ limits: { pendingPerPrefixMax: 2 } });
    const first = bench.candidate(1n, port(1));
    bench.candidate(2n, port(2));
    bench.receive(sessionFrame('BYE', first), port(1));
    bench.candidate(3n, port(3));
    expect(bench.receive(startBytes(4n), port(4))).toEqual([]);
    expect(bench.metrics.drops.pendingPerPrefix).toBe(1);
  });

  it('tell prefixes apart that have the same digits', () => {
    const bench = new ResponderBench({ limits: { pendingPerPrefixMax: 1 } });
    for (const address of ['1.23.0.4', '12.3.0.4', '1.2.30.4', '1:c00::1', 'b:200::1']) {
      expect(kinds(bench.receive(startBytes(1n), { address, port: 1 }))).toEqual(['START_ACK']);
    }
  });

  it('admit 1,024 half-open sessions in all and tell the next one BUSY, retry after 1 s', () => {
    const bench = new ResponderBench({ limits: cookieless });
    for (let i = 0; i < 1024; i++) expect(kinds(bench.receive(startBytes(1n), peer(i)))).toEqual(['START_ACK']);
    const sent = bench.receive(startBytes(5n, 3), peer(1024));
    expect(framesOf(sent, 'ERROR')).toMatchObject([
      { errorCode: ErrorCode.BUSY, retryAfterMs: 1000, streamId: 5n, sessionTag: 0n, attempt: 3 },
    ]);
    expect(bench.metrics.drops.pendingFull).toBe(1);
    expect(bench.endpoint.sessionCount).toBe(1024);
    expect(kinds(bench.receive(startBytes(1n, 2), peer(7)))).toEqual(['START_ACK']);
  });

  it('let 200 strangers of one prefix through at once, then 200 a second, and drop the others with a counter', () => {
    const bench = new ResponderBench({ limits: { ...cookieless, pendingPerPrefixMax: 1e6, pendingMax: 1e6 } });
    const flood = (n: number, first: number) =>
      Array.from({ length: n }, (_, i) => bench.receive(startBytes(1n), port(first + i))).flat().length;
    expect(flood(300, 0)).toBe(200);
    expect(bench.metrics.drops.prefixRate).toBe(100);
    bench.run(100);
    expect(flood(100, 300)).toBe(20);
    expect(bench.receive(startBytes(1n), peer(3))).toHaveLength(1);
  });

  it('do not count copies of a known START against the bucket', () => {
    const bench = new ResponderBench({ limits: { prefixRate: { perSecond: 1, burst: 1 } } });
    bench.candidate(1n);
    for (let i = 2; i <= 20; i++) expect(kinds(bench.receive(startBytes(1n, i)))).toEqual(['START_ACK']);
    expect(bench.metrics.drops.prefixRate).toBe(0);
  });

  it('count STARTs of another version, with unknown critical options or of unknown pairs in the same bucket', () => {
    const bench = new ResponderBench({ limits: { prefixRate: { perSecond: 1, burst: 3 } } });
    expect(bench.receive(startBytes(1n, 1, { versions: [9] }))).toHaveLength(1);
    expect(bench.receive(sessionFrame('BYE', { streamId: 5n, sessionTag: 6n }))).toHaveLength(1);
    expect(bench.receive(startBytes(2n))).toHaveLength(1);
    expect(bench.receive(startBytes(3n, 1, { versions: [9] }))).toEqual([]);
    expect(bench.receive(startBytes(4n))).toEqual([]);
    expect(bench.metrics.drops.prefixRate).toBe(1);
    expect(bench.metrics.counters.answersWithheld).toBe(1);
  });

  it('are options', () => {
    const bench = new ResponderBench({ limits: { pendingMax: 2, pendingPerPrefixMax: 1e6, prefixRate: fast } });
    bench.receive(startBytes(1n), port(1));
    bench.receive(startBytes(1n), port(2));
    expect(framesOf(bench.receive(startBytes(1n), port(3)), 'ERROR')).toMatchObject([{ errorCode: ErrorCode.BUSY }]);
  });

  it('allow four candidates on a tuple beside its live session and ask the fifth for a cookie (S5, S6)', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    for (let id = 2n; id <= 5n; id++) bench.candidate(id);
    expect(kinds(bench.receive(startBytes(6n)))).toEqual(['RETRY']);
    expect(bench.metrics.counters.retriesSent).toBe(1);
    expect(bench.count('reserve')).toBe(5);
    expect(bench.closedCodes).toEqual([]);
    expect(kinds(bench.receive(startBytes(3n, 2)))).toEqual(['START_ACK']);
  });

  it('keep no more than 4,096 tombstones: an older refusal is asked anew', () => {
    const limits = { ...cookieless, prefixRate: fast, pendingPerPrefixMax: 1e9, pendingMax: 1e9 };
    const bench = new ResponderBench({ limits }, { code: ErrorCode.POLICY });
    for (let id = 1n; id <= 4097n; id++) bench.receive(startBytes(id));
    bench.receive(startBytes(2n, 2));
    expect(bench.count('reserve')).toBe(4097);
    bench.receive(startBytes(1n, 2));
    expect(bench.count('reserve')).toBe(4098);
  });
});

describe('a candidate that nobody confirms', () => {
  it('expires after 10 s without a word and leaves no tombstone (S12)', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    expect(bench.run(9999)).toEqual([]);
    expect(bench.closedCodes).toEqual([]);
    expect(bench.run(1)).toEqual([]);
    expect(bench.closedCodes).toEqual([ErrorCode.CONFIRM_TIMEOUT]);
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.count('release')).toBe(1);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', ids)))).toEqual(['RESET']);
    expect(kinds(bench.receive(startBytes(1n, 3)))).toEqual(['START_ACK']);
    expect(bench.count('reserve')).toBe(2);
  });

  it('counts its 10 s from the newest START: a viewer that still asks is still there', () => {
    const bench = new ResponderBench();
    bench.candidate(1n);
    for (let attempt = 2; attempt < 6; attempt++) {
      bench.run(9900);
      expect(framesOf(bench.receive(startBytes(1n, attempt)), 'START_ACK')).toHaveLength(1);
    }
    bench.run(9999);
    expect(bench.closedCodes).toEqual([]);
    bench.run(1);
    expect(bench.closedCodes).toEqual([ErrorCode.CONFIRM_TIMEOUT]);
  });

  it('says nothing when the camera closes meanwhile', () => {
    const bench = new ResponderBench();
    bench.candidate(1n);
    expect(bench.step({ kind: 'close', code: ErrorCode.SHUTDOWN })).toEqual([]);
    expect(bench.closedCodes).toEqual([ErrorCode.SHUTDOWN]);
    expect(bench.count('release')).toBe(1);
  });

  it('gets no media and no answer to NACK, PING, PONG or RESET (S1)', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    bench.stream.feed.push({ units: [new Uint8Array(500)], timestamp: 0, keyframe: true }, 0, 40);
    expect(bench.step({ kind: 'media', feed: bench.stream.feed })).toEqual([]);
    for (const name of ['PING', 'PONG', 'RESET', 'BYE_ACK'] as const) {
      expect(bench.receive(sessionFrame(name, ids))).toEqual([]);
    }
    const nack = Uint8Array.of(0x81, 205, 0, 3, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 0);
    new DataView(nack.buffer).setUint32(8, ids.ssrc);
    expect(bench.receive(nack)).toEqual([]);
    expect(bench.run(9000)).toEqual([]);
  });

  it('answers BYE with BYE_ACK, gives the stream back and drains', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    expect(kinds(bench.receive(sessionFrame('BYE', ids)))).toEqual(['BYE_ACK']);
    expect(bench.count('release')).toBe(1);
    bench.run(3500);
    expect(bench.closedCodes).toEqual([22]);
  });

  it('that does not exist gets nothing for media of a stranger', () => {
    const bench = new ResponderBench();
    expect(bench.receive(rtpBytes(7))).toEqual([]);
    expect(bench.metrics.drops.noSession).toBe(1);
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.receive(rtpBytes(7), somePeer)).toEqual([]);
  });
});
