import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';

const camera = { address: '192.0.2.9', port: 4444 };

/** Fails every START that goes out until the end. */
function failUntilTheEnd(
  bench: InitiatorBench,
  hint: 'EPERM' | 'ECONNREFUSED' | 'EHOSTUNREACH' | 'EMSGSIZE',
  bytes = 256,
) {
  let failed = 0;
  bench.start();
  while (bench.closed === undefined) {
    for (; failed < bench.endpoint.attempts; failed++) bench.step({ kind: 'sendFailed', to: camera, hint, bytes });
    bench.run(5);
  }
}

describe('why an attempt ended', () => {
  it.each(['ECONNREFUSED', 'EHOSTUNREACH', 'EMSGSIZE'] as const)('%s tells of a datagram that did leave', (hint) => {
    const bench = new InitiatorBench();
    failUntilTheEnd(bench, hint);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, reason: hint });
  });

  it('an ICMP message tells of a datagram that did leave', () => {
    const bench = new InitiatorBench();
    failUntilTheEnd(bench, 'EPERM', 0);
    expect(bench.closed?.code).toBe(ErrorCode.HANDSHAKE_TIMEOUT);
  });

  it('anything else that the system says of every START means that nothing could be sent', () => {
    const bench = new InitiatorBench();
    failUntilTheEnd(bench, 'EPERM');
    expect(bench.closed).toMatchObject({ code: ErrorCode.LOCAL_NETWORK, reason: 'EPERM' });
  });

  it.each<[string, (bench: InitiatorBench) => void]>([
    ['MALFORMED', (bench) => bench.receive(new Uint8Array(40).fill(0x0c))],
    ['STREAM_ID_MISMATCH', (bench) => bench.receive(sessionFrame('READY', { streamId: 9n, sessionTag: 5n }))],
    [
      'INVALID_COOKIE',
      (bench) => {
        bench.retry(1, 1);
        bench.retry(2, 2);
      },
    ],
  ])('%s is the last hint when the deadline passes', (reason, happen) => {
    const bench = new InitiatorBench();
    bench.start();
    happen(bench);
    bench.run(15_000);
    expect(bench.closed).toMatchObject({ code: ErrorCode.HANDSHAKE_TIMEOUT, reason });
  });

  it.each(['MALFORMED', 'STREAM_ID_MISMATCH'] as const)('%s in Streaming is no reason for its end', (hint) => {
    const bench = new InitiatorBench();
    bench.stream();
    const other = sessionFrame('READY', { streamId: 9n, sessionTag: 5n });
    bench.receive(hint === 'MALFORMED' ? new Uint8Array(40).fill(0x0c) : other);
    bench.run(20_000);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
    expect(bench.closed).not.toHaveProperty('reason');
  });

  it('a first RETRY, or a stale one, says nothing of a cookie', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.retry(9, 1);
    bench.retry(1, 1);
    bench.retry(1, 1);
    bench.run(15_000);
    expect(bench.closed).not.toHaveProperty('reason');
  });

  it('without a hint there is none', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(15_000);
    expect(bench.closed).not.toHaveProperty('reason');
  });
});

describe('a viewer', () => {
  it('keeps nothing of a datagram’s bytes, which the socket may use again', () => {
    const bench = new InitiatorBench();
    const shared = new Uint8Array(256);
    const receive = (bytes: Uint8Array) => {
      shared.set(bytes);
      const sent = bench.receive(shared.subarray(0, bytes.length));
      shared.fill(0xee);
      return sent;
    };
    const other = new InitiatorBench();
    other.start();
    bench.start();
    const { streamId } = bench.ids;
    expect(streamId).toBe(other.ids.streamId);
    receive(sessionFrame('RETRY', { streamId, sessionTag: 0n }));
    bench.run(10);
    const cookies = bench.sentFrames('START').map((start) => 'cookie' in start && start.cookie);
    expect(cookies.at(-1)).toEqual(new Uint8Array(20));
    receive(sessionFrame('START_ACK', { streamId, sessionTag: 5n }));
    bench.frame('READY');
    bench.reset(0);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_RESET);
  });

  it('sends START without what it was not given', () => {
    const bench = new InitiatorBench();
    bench.start();
    const [start] = bench.sentFrames('START');
    expect(start).not.toHaveProperty('streamName');
    expect(start).not.toHaveProperty('cookie');
    const named = new InitiatorBench({ streamName: 'door' });
    named.start();
    expect(named.sentFrames('START')[0]).toMatchObject({ streamName: 'door' });
  });

  it('says BYE with the first reason and code, however often it is told to close (S13)', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.step({ kind: 'close', code: 0x80, reason: 'enough' });
    bench.step({ kind: 'close', code: 0x81, reason: 'more than enough' });
    bench.run(1000);
    for (const bye of bench.sentFrames('BYE')) expect(bye).toMatchObject({ errorCode: 0x80, reason: 'enough' });
    const wordless = new InitiatorBench();
    wordless.stream();
    wordless.step({ kind: 'close', code: 0x80 });
    expect(wordless.sentFrames('BYE')[0]).not.toHaveProperty('reason');
  });
});
