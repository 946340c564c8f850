import { describe, expect, it } from 'vitest';
import { decodeFrame } from '../../src/codec/decode.ts';
import { patchAttempt } from '../../src/codec/encode.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { bitwiseCrc32 } from '../codec/bytes.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';

/** The same START with another version byte and a right CRC. */
function ofVersion(start: Uint8Array, version: number, bytes = start.length): Uint8Array {
  const other = start.slice(0, bytes);
  other[1] = version;
  const view = new DataView(other.buffer);
  view.setUint16(22, bytes - 28);
  view.setUint32(bytes - 4, bitwiseCrc32(other.subarray(0, bytes - 4)));
  return other;
}

/** A START with one other byte and a right CRC. */
function changed(start: Uint8Array, at: number, value: number): Uint8Array {
  const other = start.slice();
  other[at] = value;
  new DataView(other.buffer).setUint32(252, bitwiseCrc32(other.subarray(0, 252)));
  return other;
}

/** A START with an unknown critical TLV in place of the beginning of its padding. */
function withCriticalTlv(start: Uint8Array): Uint8Array {
  const other = start.slice();
  const view = new DataView(other.buffer);
  const padding = 24 + 4 + 1;
  const rest = 256 - 4 - padding - 8;
  view.setUint16(padding, 0x8000 | 40);
  view.setUint16(padding + 2, 0);
  view.setUint16(padding + 4, 0x7fff);
  view.setUint16(padding + 6, rest);
  view.setUint32(252, bitwiseCrc32(other.subarray(0, 252)));
  return other;
}

describe('a START at a responder', () => {
  it('is answered by one START_ACK with a tag, the same one for each copy but for attempt and CRC (S13)', () => {
    const bench = new ResponderBench();
    const [first] = bench.receive(startBytes(1n, 1));
    const again = [7, 3, 255, 1].map((attempt) => bench.receive(startBytes(1n, attempt)));
    expect(first).toBeDefined();
    expect(again.map((sent) => sent.length)).toEqual([1, 1, 1, 1]);
    [7, 3, 255, 1].forEach((attempt, index) => {
      const expected = first?.bytes.slice() ?? new Uint8Array(28);
      patchAttempt(expected, attempt);
      expect(again[index]?.[0]?.bytes).toEqual(expected);
    });
    expect(bench.count('reserve')).toBe(1);
    expect(frameOf(first?.bytes ?? new Uint8Array())).toMatchObject({ streamId: 1n, attempt: 1, flags: 1 });
  });

  it('does not change a START_ACK that may still lie in the queue of the socket (S13)', () => {
    const bench = new ResponderBench();
    const [first] = bench.receive(startBytes(1n, 1));
    const before = first?.bytes.slice();
    bench.receive(startBytes(1n, 9));
    expect(first?.bytes).toEqual(before);
  });

  it('is counted and not answered any more after the confirm', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    expect(bench.receive(startBytes(1n, 2))).toEqual([]);
    expect(bench.metrics.drops.duplicateStart).toBe(1);
    expect(bench.count('reserve')).toBe(1);
  });

  it('asks the application with the name of the stream, and answers copies only once it said yes', () => {
    const bench = new ResponderBench({}, 'never');
    expect(bench.receive(startBytes(1n, 1, { streamName: 'Tür' }))).toEqual([]);
    expect(bench.receive(startBytes(1n, 2, { streamName: 'Tür' }))).toEqual([]);
    expect(bench.outputs.map(({ output }) => output)).toEqual([
      expect.objectContaining({ kind: 'reserve', streamId: 1n, streamName: 'Tür', peer: somePeer }),
    ]);
    const [ack, ...more] = bench.step({ kind: 'reserved', session: 1, feed: bench.stream.feed });
    expect(more).toEqual([]);
    expect(frameOf(ack?.bytes ?? new Uint8Array())).toMatchObject({ attempt: 2 });
  });

  it('gets a tag and an SSRC of its own for each session', () => {
    const bench = new ResponderBench();
    const all = Array.from({ length: 50 }, (_, i) => bench.candidate(1n, { address: `10.0.0.${i}`, port: 1 }));
    expect(new Set(all.map(({ sessionTag }) => sessionTag)).size).toBe(50);
    expect(new Set(all.map(({ ssrc }) => ssrc)).size).toBe(50);
  });

  it.each([0, 2, 200])(
    'of version %i is answered by ERROR(UNSUPPORTED_VERSION) with VERSIONS, smaller than itself',
    (version) => {
      const bench = new ResponderBench();
      const [error, ...more] = bench.receive(ofVersion(startBytes(1n, 5), version));
      expect(more).toEqual([]);
      expect(error?.bytes.length).toBeLessThan(256);
      expect(frameOf(error?.bytes ?? new Uint8Array())).toMatchObject({
        errorCode: ErrorCode.UNSUPPORTED_VERSION,
        versions: [1],
        streamId: 1n,
        sessionTag: 0n,
        attempt: 5,
      });
      expect(bench.metrics.drops.version).toBe(1);
      expect(bench.endpoint.sessionCount).toBe(0);
    },
  );

  it('that names only other versions is answered the same way', () => {
    const bench = new ResponderBench();
    const sent = bench.receive(startBytes(1n, 1, { versions: [3, 2] }));
    expect(framesOf(sent, 'ERROR')).toMatchObject([{ errorCode: ErrorCode.UNSUPPORTED_VERSION, versions: [1] }]);
    expect(bench.metrics.drops.versionUnsupported).toBe(1);
    expect(bench.count('reserve')).toBe(0);
  });

  it('that names this version among others is taken', () => {
    const bench = new ResponderBench();
    expect(kinds(bench.receive(startBytes(1n, 1, { versions: [2, 1] })))).toEqual(['START_ACK']);
  });

  it.each([28, 29, 72, 255])('of another version with only %i bytes is not answered (S2)', (bytes) => {
    const bench = new ResponderBench();
    expect(bench.receive(ofVersion(startBytes(1n), 2, bytes))).toEqual([]);
    expect(bench.metrics.drops.version).toBe(1);
  });

  it('of another version without a StreamId is not answered, as no answer could name it', () => {
    const bench = new ResponderBench();
    expect(bench.receive(ofVersion(changed(startBytes(1n), 11, 0), 2))).toEqual([]);
    expect(bench.metrics.drops.version).toBe(1);
  });

  it.each([
    ['flags', 3, 0],
    ['reserved', 21, 1],
    ['sessionTag', 19, 1],
  ] as const)('that is whole but breaks the rule for %s is not answered', (reason, at, value) => {
    const bench = new ResponderBench();
    expect(bench.receive(changed(startBytes(1n), at, value))).toEqual([]);
    expect(bench.metrics.drops[reason]).toBe(1);
  });

  it('with an unknown critical TLV is answered by ERROR(UNSUPPORTED_CRITICAL_TLV)', () => {
    const bench = new ResponderBench();
    const sent = bench.receive(withCriticalTlv(startBytes(4n, 3)));
    expect(framesOf(sent, 'ERROR')).toMatchObject([
      { errorCode: ErrorCode.UNSUPPORTED_CRITICAL_TLV, streamId: 4n, sessionTag: 0n, attempt: 3 },
    ]);
    expect(bench.metrics.drops.criticalTlv).toBe(1);
    expect(bench.endpoint.sessionCount).toBe(0);
  });

  it('with an unknown critical TLV takes a token of its prefix, and without one gets no answer', () => {
    const bench = new ResponderBench({ limits: { prefixRate: { perSecond: 1, burst: 2 } } });
    const answers = [1n, 2n, 3n].map((id) => bench.receive(withCriticalTlv(startBytes(id))).length);
    expect(answers).toEqual([1, 1, 0]);
    expect(bench.metrics.counters.answersWithheld).toBe(1);
  });

  it('that is malformed in any one bit is met with silence and a counter (S7)', () => {
    const bench = new ResponderBench();
    const start = startBytes(1n);
    for (let bit = 0; bit < 8 * start.length; bit++) {
      const flipped = start.slice();
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      expect(decodeFrame(flipped).ok).toBe(false);
      expect(bench.receive(flipped)).toEqual([]);
    }
    const { drops, counters } = bench.metrics;
    expect(Object.values(drops).reduce((sum, n) => sum + n, 0)).toBe(8 * start.length);
    expect(counters.datagramsReceived).toBe(8 * start.length);
    expect(bench.outputs).toEqual([]);
  });

  it('cut short anywhere, or no datagram of this protocol at all, is met with silence', () => {
    const bench = new ResponderBench();
    const start = startBytes(1n);
    for (let bytes = 0; bytes < start.length; bytes++) expect(bench.receive(start.subarray(0, bytes))).toEqual([]);
    for (let first = 0; first < 256; first++) expect(bench.receive(new Uint8Array(256).fill(first))).toEqual([]);
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.metrics.drops.notOurs).toBeGreaterThan(100);
  });
});

describe('a START that the application refuses', () => {
  it('is answered by ERROR with code, reason and a retry-after of 1 s at least', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.BUSY, retryAfterMs: 20, reason: 'volles Haus' });
    const sent = bench.receive(startBytes(1n, 2));
    expect(framesOf(sent, 'ERROR')).toMatchObject([
      { errorCode: ErrorCode.BUSY, retryAfterMs: 1000, reason: 'volles Haus', sessionTag: 0n, attempt: 2 },
    ]);
    expect(bench.closedCodes).toEqual([ErrorCode.BUSY]);
    expect(bench.endpoint.pendingCount).toBe(0);
  });

  it('keeps a longer retry-after as it is', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.RESOURCE, retryAfterMs: 2500 });
    expect(framesOf(bench.receive(startBytes(1n)), 'ERROR')).toMatchObject([{ retryAfterMs: 2500 }]);
  });

  it.each([
    ['NO_SUCH_STREAM', 'keine solche Kamera'],
    ['POLICY', undefined],
    ['PARAMETERS', undefined],
  ] as const)('with %s is told so without a retry-after', (name, reason) => {
    const bench = new ResponderBench({}, { code: ErrorCode[name], ...(reason === undefined ? {} : { reason }) });
    const [error] = framesOf(bench.receive(startBytes(1n)), 'ERROR');
    expect(error).toMatchObject({ errorCode: ErrorCode[name] });
    expect(error).not.toHaveProperty('retryAfterMs');
  });

  it('gets the same bytes again from its tombstone, attempt patched, and the application is asked once', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.NO_SUCH_STREAM, reason: 'x' });
    const [first] = bench.receive(startBytes(1n, 1));
    bench.run(4990);
    const [again, ...more] = bench.receive(startBytes(1n, 9));
    const expected = first?.bytes.slice() ?? new Uint8Array(28);
    patchAttempt(expected, 9);
    expect(again?.bytes).toEqual(expected);
    expect(more).toEqual([]);
    expect(bench.count('reserve')).toBe(1);
    expect(bench.metrics.drops.tombstone).toBe(1);
    expect(frameOf(first?.bytes ?? new Uint8Array()).attempt).toBe(1);
  });

  it('asks the application anew when its retry-after is over', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.BUSY, retryAfterMs: 1500 });
    bench.receive(startBytes(1n, 1));
    bench.run(1499);
    bench.receive(startBytes(1n, 2));
    expect(bench.count('reserve')).toBe(1);
    bench.run(1);
    bench.answer = 'yes';
    expect(kinds(bench.receive(startBytes(1n, 3)))).toEqual(['START_ACK']);
    expect(bench.count('reserve')).toBe(2);
  });

  it('is forgotten 5 s later whatever the retry-after', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.BUSY, retryAfterMs: 60_000 });
    bench.receive(startBytes(1n, 1));
    bench.run(5000);
    bench.receive(startBytes(1n, 2));
    expect(bench.count('reserve')).toBe(2);
  });

  it('because the application never answers gets BUSY after 1 s, and a late yes is given back', () => {
    const bench = new ResponderBench({}, 'never');
    bench.receive(startBytes(1n, 1));
    bench.receive(startBytes(1n, 4));
    expect(bench.run(999)).toEqual([]);
    expect(framesOf(bench.run(1), 'ERROR')).toMatchObject([
      { errorCode: ErrorCode.BUSY, retryAfterMs: 1000, attempt: 4 },
    ]);
    expect(bench.closedCodes).toEqual([ErrorCode.BUSY]);
    expect(bench.step({ kind: 'reserved', session: 1, feed: bench.stream.feed })).toEqual([]);
    expect(bench.outputs.at(-1)?.output).toEqual({ kind: 'release', session: 1 });
  });

  it('because the camera closes gets ERROR(SHUTDOWN)', () => {
    const bench = new ResponderBench({}, 'never');
    bench.receive(startBytes(1n));
    const sent = bench.step({ kind: 'close', code: ErrorCode.SHUTDOWN });
    expect(framesOf(sent, 'ERROR')).toMatchObject([{ errorCode: ErrorCode.SHUTDOWN }]);
    expect(bench.closedCodes).toEqual([ErrorCode.SHUTDOWN]);
  });

  it('a second no, or a no after a yes, changes nothing', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    expect(bench.step({ kind: 'refused', session: 1, code: ErrorCode.BUSY })).toEqual([]);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', ids)))).toContain('READY');
    expect(bench.step({ kind: 'refused', session: 99, code: ErrorCode.BUSY })).toEqual([]);
  });
});

describe('what an application may say that cannot be sent', () => {
  it('an SDP of more than 700 bytes is refused when it is given, not when a viewer confirms', () => {
    const bench = new ResponderBench();
    bench.sdp = 'x'.repeat(701);
    let ids: ReturnType<ResponderBench['candidate']> | undefined;
    try {
      ids = bench.candidate(1n);
    } catch {
      return;
    }
    const confirm = sessionFrame('START_CONFIRM', ids);
    expect(() => bench.receive(confirm)).not.toThrow();
  });

  it('a reason that no frame can carry or a retry-after that is no whole number leaves no half-open session behind (S5)', () => {
    for (const no of [
      { code: ErrorCode.BUSY, reason: 'ä'.repeat(40) },
      { code: ErrorCode.BUSY, retryAfterMs: 1500.5 },
      { code: ErrorCode.BUSY, retryAfterMs: Number.NaN },
      { code: ErrorCode.POLICY, reason: 'half a character: \ud800' },
    ]) {
      const bench = new ResponderBench({}, no);
      try {
        bench.receive(startBytes(1n));
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError);
      }
      bench.run(20_000);
      expect(bench.endpoint.pendingCount).toBe(0);
      expect(bench.endpoint.sessionCount).toBe(0);
    }
  });

  it('codes that never go on the wire (MALFORMED, STREAM_ID_MISMATCH, INVALID_COOKIE) are not sent', () => {
    const sent = [ErrorCode.MALFORMED, ErrorCode.STREAM_ID_MISMATCH, ErrorCode.INVALID_COOKIE].flatMap((code) => {
      const bench = new ResponderBench({}, { code });
      return framesOf(bench.receive(startBytes(1n)), 'ERROR').map((frame) =>
        'errorCode' in frame ? frame.errorCode : 0,
      );
    });
    expect(sent.filter((code) => code === 2 || code === 7 || code === 8)).toEqual([]);
  });
});
