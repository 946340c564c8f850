import { describe, expect, it } from 'vitest';
import { wireCode, wireReason, wireRetryAfterMs, wireSdp } from '../../src/engine/application-input.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';

describe('what an application says', () => {
  it.each([0, 1, 0x80, 0xffff])('the code %i goes on the wire as it is', (code) => {
    expect(wireCode(code)).toBe(code);
  });

  it.each([-1, 0x1_0000, 1.5, Number.NaN])('the code %d is refused', (code) => {
    expect(() => wireCode(code)).toThrow(new RangeError(`${code} is no error code`));
  });

  it('a code that is refused changes nothing', () => {
    const bench = new InitiatorBench();
    bench.stream();
    expect(() => bench.step({ kind: 'close', code: 0x1_0000 })).toThrow(RangeError);
    expect(bench.endpoint.state).toBe('Streaming');
  });

  it.each([ErrorCode.MALFORMED, ErrorCode.STREAM_ID_MISMATCH, ErrorCode.INVALID_COOKIE])(
    'the code %i, which never goes on the wire, becomes POLICY',
    (code) => {
      expect(wireCode(code)).toBe(ErrorCode.POLICY);
    },
  );

  it('a reason has 64 bytes at most and is cut between characters', () => {
    expect(wireReason('z'.repeat(64))).toBe('z'.repeat(64));
    expect(wireReason('z'.repeat(65))).toBe('z'.repeat(64));
    expect(wireReason(`${'z'.repeat(63)}é`)).toBe('z'.repeat(63));
    expect(wireReason(`${'z'.repeat(62)}é`)).toBe(`${'z'.repeat(62)}é`);
    expect(wireReason('a\ud800b')).toBe('a\ufffdb');
    expect(wireReason('\ufeffdoor')).toBe('\ufeffdoor');
    expect(wireReason('')).toBe('');
    expect(wireReason(undefined)).toBeUndefined();
  });

  it('an SDP has 700 bytes at most and is refused beyond', () => {
    expect(wireSdp('v'.repeat(700))).toHaveLength(700);
    expect(() => wireSdp('v'.repeat(701))).toThrow(new RangeError('the SDP has 701 bytes, READY carries 700'));
    expect(wireSdp('é'.repeat(350))).toBe('é'.repeat(350));
    expect(() => wireSdp('é'.repeat(351))).toThrow(new RangeError('the SDP has 702 bytes, READY carries 700'));
    expect(wireSdp('a\ud800b')).toBe('a\ufffdb');
    expect(wireSdp('\ufeffv=0')).toBe('\ufeffv=0');
    expect(wireSdp(undefined)).toBeUndefined();
  });

  it.each([
    [undefined, 1000],
    [0, 1000],
    [1000.1, 1001],
    [5000, 5000],
    [Number.NaN, 1000],
    [Number.POSITIVE_INFINITY, 1000],
    [1e12, 0xffff_ffff],
  ])('a retry-after of %d ms is sent as %d', (ms, sent) => {
    expect(wireRetryAfterMs(ms)).toBe(sent);
  });
});
