import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { frameOf, sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, kinds } from '../support/responder-bench.ts';

const attempts = (bench: InitiatorBench) => bench.sentFrames('START').map(({ attempt }) => attempt);

describe('START of an initiator', () => {
  it('has 256 bytes, a random StreamId, no tag and the attempt 1', () => {
    const bench = new InitiatorBench({ streamName: 'Tür' });
    const [start, ...more] = bench.start();
    expect(more).toEqual([]);
    expect(start?.bytes).toHaveLength(256);
    expect(frameOf(start?.bytes ?? new Uint8Array())).toMatchObject({
      sessionTag: 0n,
      attempt: 1,
      flags: 1,
      versions: [1],
      streamName: 'Tür',
    });
    expect(bench.endpoint.streamId).not.toBe(0n);
  });

  it('is repeated early and backs off: 5 ms, x 1.5, at most 250 ms, +/- 10 %', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(3000);
    const times = bench.sent.map(({ atMs }) => atMs);
    let expected = 5;
    for (let i = 1; i < times.length; i++) {
      const gap = (times[i] ?? 0) - (times[i - 1] ?? 0);
      expect(gap).toBeGreaterThanOrEqual(0.9 * expected - 1e-9);
      expect(gap).toBeLessThanOrEqual(1.1 * expected + 1e-9);
      expected = Math.min(250, expected * 1.5);
    }
  });

  it('goes out twelve times in the first second, 3 KB, and once more only when jitter shortens every wait', () => {
    for (let seed = 0; seed < 50; seed++) {
      const bench = new InitiatorBench({ entropy: new Prng(seed) });
      bench.start();
      bench.run(1000);
      expect(bench.sent.length).toBeLessThanOrEqual(13);
    }
  });

  it('is byte-identical in all copies but for attempt and CRC (S13)', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(14_000);
    const masked = new Set(
      bench.sent.map(({ bytes }) => {
        const copy = bytes.slice(0, 252);
        copy[20] = 0;
        return Buffer.from(copy).toString('hex');
      }),
    );
    expect(masked.size).toBe(1);
    expect(attempts(bench)).toEqual(bench.sent.map((_, i) => i + 1));
  });

  it('is never sent with an attempt past 255', () => {
    const profile = { ...profiles.default, rtoInitialMs: 1, rtoMaxMs: 1, sendsMax: 100_000, handshakeMs: 2000 };
    const bench = new InitiatorBench({ profile });
    bench.start();
    bench.run(1999);
    expect(attempts(bench)).toEqual(Array.from({ length: 255 }, (_, i) => i + 1));
    bench.run(1);
    expect(bench.closed?.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
    expect(bench.closed?.attempts).toBe(255);
  });

  it('goes out three times in the profile seed, at 0, 500 and 1,500 ms, and ends at 3,500', () => {
    const bench = new InitiatorBench({ profile: profiles.seed });
    bench.start();
    bench.run(10_000);
    expect(bench.sent.map(({ atMs }) => atMs)).toEqual([0, 500, 1500]);
    expect(bench.closedAtMs).toBe(3500);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, attempts: 3, wasStreaming: false });
  });

  it('begins with a remembered round trip when there is one', () => {
    const bench = new InitiatorBench({ profile: profiles.internet, rtoInitialMs: 100 });
    bench.start();
    bench.run(115);
    expect(bench.sent).toHaveLength(2);
  });

  it('starts once however often it is told to', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.start()).toEqual([]);
    expect(bench.metrics.counters.handshakesStarted).toBe(1);
  });
});

describe('RETRY at an initiator', () => {
  it('that is fresh stores the cookie, sends START at once with it, and begins T1 anew', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(1000);
    const before = bench.sent.length;
    const sent = bench.retry(before, 0xc0);
    expect(framesOf(sent, 'START')).toMatchObject([{ attempt: before + 1, cookie: new Uint8Array(20).fill(0xc0) }]);
    expect(sent[0]?.bytes).toHaveLength(256);
    const next = bench.run(6);
    expect(framesOf(next, 'START')).toMatchObject([{ attempt: before + 2, cookie: new Uint8Array(20).fill(0xc0) }]);
  });

  it('may echo any attempt before the first cookie, and only one sent with the newest afterwards', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(30);
    const sends = bench.sent.length;
    expect(bench.retry(1, 1)).toHaveLength(1);
    for (let attempt = 1; attempt <= sends; attempt++) expect(bench.retry(attempt, 2)).toEqual([]);
    expect(bench.metrics.drops.staleRetry).toBe(sends);
    expect(framesOf(bench.retry(sends + 1, 3), 'START')).toMatchObject([{ cookie: new Uint8Array(20).fill(3) }]);
  });

  it('of an attempt that was never sent is stale', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.retry(2, 1)).toEqual([]);
    expect(bench.metrics.drops.staleRetry).toBe(1);
  });

  it('is followed at most eight times in a handshake', () => {
    const bench = new InitiatorBench();
    bench.start();
    const followed = Array.from({ length: 20 }, (_, i) => bench.retry(bench.sent.length, i).length);
    expect(followed).toEqual([...Array(8).fill(1), ...Array(12).fill(0)]);
    expect(bench.metrics.drops.staleRetry).toBe(12);
    expect(bench.endpoint.state).toBe('AwaitingStartAck');
  });

  it('with another StreamId, or after START_ACK, changes nothing (S7)', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.receive(sessionFrame('RETRY', { streamId: 12345n, sessionTag: 0n }))).toEqual([]);
    expect(bench.metrics.drops.wrongStreamId).toBe(1);
    bench.startAck(5n);
    expect(bench.retry(1, 1)).toEqual([]);
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
  });
});

describe('ERROR at an initiator', () => {
  it('that is transient waits for retry-after and then sends START again', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(50);
    const sends = bench.sent.length;
    expect(bench.error(ErrorCode.BUSY, { retryAfterMs: 2000 })).toEqual([]);
    expect(bench.run(1999)).toEqual([]);
    expect(framesOf(bench.run(1), 'START')).toMatchObject([{ attempt: sends + 1 }]);
    expect(kinds(bench.startAck(5n, { attempt: sends + 1 }))).toEqual(['START_CONFIRM']);
  });

  it('that is transient never makes the next START earlier than T1 would', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(2000);
    const next = bench.endpoint.deadlineMs();
    bench.error(ErrorCode.RESOURCE, { retryAfterMs: 1 });
    expect(bench.endpoint.deadlineMs()).toBe(next);
  });

  it('that is transient ends the attempt at once when its retry-after passes the deadline', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(1000);
    bench.error(ErrorCode.BUSY, { retryAfterMs: 14_000, reason: 'full' });
    expect(bench.closed).toMatchObject({ code: ErrorCode.BUSY, reason: 'full' });
    expect(bench.closedAtMs).toBe(1000);
  });

  it.each([
    'UNSUPPORTED_VERSION',
    'UNSUPPORTED_CRITICAL_TLV',
    'AUTH_FAILED',
    'PARAMETERS',
    'POLICY',
    'SHUTDOWN',
    'NO_SUCH_STREAM',
  ] as const)('%s ends the attempt with the code and the reason', (name) => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.error(ErrorCode[name], { reason: 'darum' })).toEqual([]);
    expect(bench.closed).toMatchObject({ code: ErrorCode[name], reason: 'darum', wasStreaming: false, attempts: 1 });
    expect(bench.endpoint.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    expect(bench.metrics.closed[name]).toBe(1);
  });

  it('without our tag changes nothing once START_ACK came, and with it ends the attempt (S7)', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    const { streamId } = bench.ids;
    bench.receive(sessionFrame('ERROR', { streamId, sessionTag: 0n }));
    bench.receive(sessionFrame('ERROR', { streamId, sessionTag: 6n }));
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
    bench.error(ErrorCode.AUTH_FAILED);
    expect(bench.closed?.code).toBe(ErrorCode.AUTH_FAILED);
  });

  it('changes nothing in Streaming, whatever its tag (S7)', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.error(ErrorCode.POLICY);
    bench.receive(sessionFrame('ERROR', { ...bench.ids, sessionTag: 0n }));
    expect(bench.endpoint.state).toBe('Streaming');
    bench.run(20_000);
    expect(bench.closed).not.toHaveProperty('reason');
  });

  it('that was overcome is not the reason for an end long after', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.error(ErrorCode.BUSY, { retryAfterMs: 1000, reason: 'voll' });
    bench.run(1000);
    bench.startAck(5n, { attempt: 2 });
    bench.frame('READY');
    bench.run(12_000);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
    expect(bench.closed?.reason).not.toBe('voll');
  });

  it('that was transient is the last hint when the deadline passes', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.error(ErrorCode.BUSY, { retryAfterMs: 1000 });
    bench.run(15_000);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, reason: 'BUSY' });
  });
});
