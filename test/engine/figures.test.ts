import { describe, expect, it } from 'vitest';
import { TAIL_PROBES_MS } from '../../src/media/media-sender.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { ResponderBench, type SentDatagram } from '../support/responder-bench.ts';
import { calmSession, nack, pushFrame } from '../support/session-steps.ts';

const bytesOf = (sent: readonly { readonly bytes: Uint8Array }[]): number =>
  sent.reduce((sum, { bytes }) => sum + bytes.length, 0);
const media = (sent: readonly SentDatagram[]): readonly SentDatagram[] => sent.filter(({ plane }) => plane === 'media');

describe('the figures of a viewer', () => {
  it('are what it sent and received, datagram for datagram', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.run(20);
    bench.startAck(5n);
    bench.run(5.6);
    const received = [1, 5, 6].map((sequence) => ({ bytes: rtpBytes(7, sequence) }));
    for (const { bytes } of received) bench.receive(bytes);
    bench.run(300);
    const kinds = new Set(bench.sent.map(({ plane }) => plane));
    expect(kinds).toEqual(new Set(['control', 'feedback']));
    const { counters } = bench.metrics;
    expect(counters).toMatchObject({
      datagramsSent: bench.sent.length,
      bytesSent: bytesOf(bench.sent),
      datagramsReceived: 4,
      bytesReceived: 56 + bytesOf(received),
      mediaDatagramsReceived: 3,
      mediaBytesReceived: bytesOf(received),
      startsSent: bench.sentFrames('START').length,
      confirmsSent: bench.sentFrames('START_CONFIRM').length,
      handshakesStarted: 1,
      handshakesCompleted: 1,
    });
    expect(counters.startsSent).toBeGreaterThan(2);
    expect(counters.confirmsSent).toBeGreaterThan(1);
    expect(bench.endpoint.attempts).toBe(counters.startsSent);
  });

  it('tell how long the first media took, once', () => {
    const bench = new InitiatorBench();
    bench.nowMs = 1000;
    bench.start();
    bench.nowMs = 1030;
    bench.startAck(5n);
    bench.nowMs = 1070;
    bench.receive(rtpBytes(7, 1));
    bench.receive(rtpBytes(7, 2));
    expect(bench.metrics.timeToStreamMs).toMatchObject({ count: 1, sumMs: 70 });
    expect(bench.outputs.filter(({ output }) => output.kind === 'firstMedia')).toMatchObject([
      { output: { timeToStreamMs: 70 } },
    ]);
    expect(bench.outputs.find(({ output }) => output.kind === 'streaming')).toMatchObject({
      output: { elapsedMs: 70, attempts: 1, rttMs: 30 },
    });
  });

  it('name the code of each end and each hint of the system', () => {
    const bench = new InitiatorBench();
    bench.start();
    const to = { address: '192.0.2.9', port: 4444 };
    bench.step({ kind: 'sendFailed', to, hint: 'ENOBUFS', bytes: 256 });
    bench.step({ kind: 'close', code: ErrorCode.NO_ERROR });
    expect(bench.metrics.closed.CANCELLED).toBe(1);
    expect(bench.metrics.hints.ENOBUFS).toBe(1);
  });
});

describe('the figures of a camera', () => {
  it('are what it sent and received, datagram for datagram', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    pushFrame(bench);
    bench.run(400);
    const sentMedia = media(bench.sent);
    const { counters } = bench.metrics;
    expect(counters).toMatchObject({
      datagramsSent: bench.sent.length,
      bytesSent: bytesOf(bench.sent),
      mediaDatagramsSent: sentMedia.length,
      mediaBytesSent: bytesOf(sentMedia),
      mediaTailProbes: TAIL_PROBES_MS.filter((afterMs) => afterMs <= 400).length,
      datagramsReceived: 2,
      bytesReceived: 256 + 72,
      handshakesStarted: 1,
      handshakesCompleted: 1,
    });
    expect(sentMedia.length).toBeGreaterThan(2);
  });

  it('tell what was asked for again, what was sent again and what was not', () => {
    const bench = new ResponderBench();
    const { ssrc } = calmSession(bench);
    const [first] = media(pushFrame(bench));
    if (first === undefined) throw new Error('no media');
    const sequence = new DataView(first.bytes.buffer, first.bytes.byteOffset).getUint16(2);
    bench.receive(nack(ssrc, sequence));
    bench.receive(nack(ssrc, (sequence + 9) & 0xffff));
    bench.receive(nack(ssrc, (sequence + 10) & 0xffff));
    expect(bench.metrics.counters).toMatchObject({ nacksReceived: 3, mediaRepaired: 1, mediaRepairRefused: 2 });
  });

  it('name the code of each end, RESETs and answers to strangers that were withheld', () => {
    const bench = new ResponderBench({ limits: { prefixRate: { perSecond: 1, burst: 2 } } });
    const ids = bench.streaming(1n);
    const stranger = sessionFrame('PING', { streamId: 9n, sessionTag: 9n });
    bench.receive(stranger);
    bench.receive(stranger);
    bench.receive(sessionFrame('BYE', ids));
    bench.run(4000);
    expect(bench.metrics.counters).toMatchObject({ resetsSent: 1, answersWithheld: 1 });
    expect(bench.metrics.closed.SHUTDOWN).toBe(1);
    expect(bench.receive(startBytes(1n))).toEqual([]);
    expect(bench.metrics.drops.tombstone).toBe(1);
  });
});
