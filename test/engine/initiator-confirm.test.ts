import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { rtpBytes, sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, kinds } from '../support/responder-bench.ts';

describe('an attempt that nobody answers', () => {
  it('ends at its deadline with HANDSHAKE_TIMEOUT and not one datagram more (L1)', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(60_000);
    expect(bench.closedAtMs).toBe(15_000);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, wasStreaming: false });
    expect(bench.sent.every(({ atMs }) => atMs < 15_000)).toBe(true);
    expect(bench.count('closed')).toBe(1);
  });

  it('tells the last hint of the operating system, which changed nothing before (S7)', () => {
    const bench = new InitiatorBench();
    const [start] = bench.start();
    const to = start?.to ?? { address: '', port: 0 };
    bench.step({ kind: 'sendFailed', to, hint: 'ECONNREFUSED', bytes: 256 });
    expect(bench.endpoint.state).toBe('AwaitingStartAck');
    bench.run(15_000);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, reason: 'ECONNREFUSED' });
    expect(bench.metrics.hints.ECONNREFUSED).toBe(1);
  });

  it('ends with LOCAL_NETWORK when not one datagram could be sent', () => {
    const bench = new InitiatorBench();
    const refuse = (sent: ReturnType<InitiatorBench['start']>) => {
      for (const { to, bytes } of sent) {
        bench.step({ kind: 'sendFailed', to, hint: 'ENETUNREACH', bytes: bytes.length });
      }
    };
    refuse(bench.start());
    while (bench.closed === undefined) refuse(bench.run(10));
    expect(bench.closed).toMatchObject({ code: ErrorCode.LOCAL_NETWORK, reason: 'ENETUNREACH' });
    expect(bench.closedAtMs).toBe(15_000);
  });

  it('ends with HANDSHAKE_TIMEOUT when one of many could be sent', () => {
    const bench = new InitiatorBench();
    bench.start();
    while (bench.closed === undefined) {
      for (const { to, bytes } of bench.run(10)) {
        bench.step({ kind: 'sendFailed', to, hint: 'ENETUNREACH', bytes: bytes.length });
      }
    }
    expect(bench.closed.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
  });

  it('ends with CANCELLED and without a word when the application closes it', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.step({ kind: 'close', code: 0 })).toEqual([]);
    expect(bench.closed?.code).toBe(ErrorCode.CANCELLED);
  });

  it('ends with CANCELLED when it is closed before it began, and does not begin then', () => {
    const bench = new InitiatorBench();
    bench.step({ kind: 'close', code: 0 });
    expect(bench.closed?.code).toBe(ErrorCode.CANCELLED);
    expect(bench.start()).toEqual([]);
  });

  it('ends with LOCAL_NETWORK when the socket fails, in every state', () => {
    const upTo: ((bench: InitiatorBench) => void)[] = [
      () => {},
      (bench) => void bench.start(),
      (bench) => {
        bench.start();
        bench.startAck(5n);
      },
      (bench) => bench.stream(),
      (bench) => {
        bench.stream();
        bench.step({ kind: 'close', code: 0 });
      },
      (bench) => {
        bench.stream();
        bench.frame('BYE');
      },
    ];
    for (const go of upTo) {
      const bench = new InitiatorBench();
      go(bench);
      expect(bench.step({ kind: 'socketFailed' })).toEqual([]);
      expect(bench.closed?.code).toBe(ErrorCode.LOCAL_NETWORK);
      expect(bench.endpoint.deadlineMs()).toBe(Number.POSITIVE_INFINITY);
    }
  });
});

describe('START_CONFIRM of an initiator', () => {
  it('goes on with the same bytes on T1’s schedule from its beginning until READY (S13)', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(400);
    const beganAtMs = bench.nowMs;
    bench.startAck(5n, { attempt: 3 });
    bench.run(2000);
    const confirms = bench.sent.filter(({ bytes }) => bytes[2] === 3);
    expect(confirms.length).toBeGreaterThan(13);
    expect(new Set(confirms.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(confirms[0]?.bytes).toHaveLength(72);
    expect((confirms[1]?.atMs ?? 0) - beganAtMs).toBeLessThan(5.6);
    expect(kinds(bench.sent.slice(-10))).not.toContain('START');
  });

  it('goes on in Streaming until READY is in hand', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    expect(kinds(bench.frame('PING'))).toEqual(['PONG']);
    expect(bench.endpoint.state).toBe('Streaming');
    expect(kinds(bench.run(100))).toContain('START_CONFIRM');
    bench.frame('READY');
    expect(kinds(bench.run(5000))).not.toContain('START_CONFIRM');
    expect(bench.count('streaming')).toBe(1);
  });

  it('stops at the handshake’s deadline when READY never comes, and the session goes on', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    for (let i = 0; i < 30; i++) {
      bench.frame('PING');
      bench.run(1000);
    }
    const last = bench.sent.filter(({ bytes }) => bytes[2] === 3).at(-1);
    expect(last?.atMs).toBeGreaterThan(14_700);
    expect(last?.atMs).toBeLessThanOrEqual(15_000);
    expect(bench.endpoint.state).toBe('Streaming');
  });

  it('without an answer ends with CONFIRM_TIMEOUT at the deadline and says BYE once', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(1000);
    bench.startAck(5n);
    bench.run(60_000);
    expect(bench.closedAtMs).toBe(15_000);
    expect(bench.closed?.code).toBe(ErrorCode.CONFIRM_TIMEOUT);
    expect(bench.sentFrames('BYE')).toMatchObject([{ errorCode: ErrorCode.CONFIRM_TIMEOUT, sessionTag: 5n }]);
    expect(bench.sent.at(-1)?.bytes[2]).toBe(9);
  });

  it('takes READY, PING or media as evidence, each alone', () => {
    for (const evidence of ['READY', 'PING', 'media'] as const) {
      const bench = new InitiatorBench();
      bench.start();
      bench.startAck(5n, { ssrc: 7 });
      if (evidence === 'media') bench.receive(rtpBytes(7));
      else bench.frame(evidence);
      expect([evidence, bench.endpoint.state]).toEqual([evidence, 'Streaming']);
    }
  });

  it('does not take anything with other ids, nor foreign media, as evidence (S3)', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n, { ssrc: 7 });
    const { streamId, sessionTag } = bench.ids;
    for (const name of ['READY', 'PING', 'BYE', 'PONG'] as const) {
      bench.receive(sessionFrame(name, { streamId, sessionTag: sessionTag + 1n }));
      bench.receive(sessionFrame(name, { streamId: streamId ^ 1n, sessionTag }));
      bench.receive(sessionFrame(name, { streamId, sessionTag }), { address: '192.0.2.66', port: 4444 });
      bench.receive(sessionFrame(name, { streamId, sessionTag }), { address: '192.0.2.9', port: 4445 });
    }
    bench.receive(rtpBytes(8));
    bench.frame('PONG');
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
    const { drops } = bench.metrics;
    expect([drops.wrongTag, drops.wrongStreamId, drops.wrongPeer, drops.mediaForeign]).toEqual([4, 4, 8, 1]);
  });

  it('is answered to with BYE: the camera’s end of a candidate is acknowledged and drained', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    expect(kinds(bench.frame('BYE'))).toEqual(['BYE_ACK']);
    bench.run(3500);
    expect(bench.closed).toMatchObject({ code: 22, wasStreaming: false });
  });
});

describe('START_ACK at an initiator', () => {
  it('gives an RTT sample by the attempt that it echoes', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(300);
    const third = bench.sent[2]?.atMs ?? 0;
    bench.startAck(5n, { attempt: 3 });
    expect(bench.endpoint.rttMs).toBeCloseTo(300 - third, 9);
  });

  it('of an attempt that was never sent, or of another StreamId, is dropped', () => {
    const bench = new InitiatorBench();
    bench.start();
    expect(bench.startAck(5n, { attempt: 2 })).toEqual([]);
    expect(bench.metrics.drops.attemptNeverSent).toBe(1);
    expect(bench.receive(sessionFrame('START_ACK', { streamId: 1n, sessionTag: 5n }))).toEqual([]);
    expect(bench.endpoint.state).toBe('AwaitingStartAck');
  });

  it('with the same tag again changes nothing', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    expect(bench.startAck(5n)).toEqual([]);
    expect(bench.ids.sessionTag).toBe(5n);
  });

  it('with another tag means that the camera restarted: a new StreamId, at most three times', () => {
    const bench = new InitiatorBench();
    bench.start();
    const ids = [bench.endpoint.streamId];
    for (let tag = 5n; tag < 9n; tag++) {
      bench.startAck(tag);
      const sent = bench.startAck(tag + 100n);
      if (tag < 8n) {
        expect(framesOf(sent, 'START')).toMatchObject([{ attempt: 1, sessionTag: 0n }]);
        expect(bench.endpoint.state).toBe('AwaitingStartAck');
        ids.push(bench.endpoint.streamId);
      } else {
        expect(sent).toEqual([]);
        expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
      }
    }
    expect(new Set(ids).size).toBe(4);
    bench.run(20_000);
    expect(bench.closedAtMs).toBe(15_000);
  });

  it('with another tag changes nothing in Streaming (S7)', () => {
    const bench = new InitiatorBench();
    bench.stream(5n);
    expect(bench.startAck(6n)).toEqual([]);
    expect(bench.endpoint.state).toBe('Streaming');
    expect(bench.ids.sessionTag).toBe(5n);
  });

  it('does not go into a new attempt with what the one before knew', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.retry(1, 0xc0);
    bench.startAck(5n, { attempt: 2, ssrc: 7 });
    const [start] = framesOf(bench.startAck(6n, { attempt: 2 }), 'START');
    expect(start).not.toHaveProperty('cookie');
    expect(bench.endpoint.sessionTag).toBe(0n);
    bench.startAck(9n, { ssrc: 8 });
    bench.receive(rtpBytes(7));
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
    bench.receive(rtpBytes(8));
    expect(bench.endpoint.state).toBe('Streaming');
  });
});
