import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { rtpBytes } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, ResponderBench, type SentDatagram } from '../support/responder-bench.ts';
import { atMs, pong } from '../support/session-steps.ts';

function answer(bench: InitiatorBench, sent: readonly SentDatagram[]): void {
  const ping = framesOf(sent, 'PING').at(-1);
  if (ping === undefined || !('nonce' in ping)) throw new Error('no PING');
  const { nonce } = ping;
  bench.receive(encodeFrame({ type: FrameType.PONG, flags: 0, ...bench.ids, attempt: 0, nonce, datagramBytesMax: 72 }));
}

describe('the round-trip time of a viewer', () => {
  it('is sampled by START_ACK, then by each PONG with a known nonce, an eighth at a time', () => {
    const bench = new InitiatorBench();
    bench.nowMs = 1000;
    bench.start();
    expect(bench.endpoint.rttMs).toBeUndefined();
    bench.nowMs = 1080;
    bench.startAck(5n);
    expect(bench.endpoint.rttMs).toBe(80);
    bench.nowMs = 1160;
    bench.frame('READY');
    const pings = bench.run(6000);
    bench.nowMs += 160;
    answer(bench, pings);
    expect(bench.endpoint.rttMs).toBe(90);
    bench.frame('PONG');
    expect(bench.endpoint.rttMs).toBe(90);
  });

  it('is no longer than READY took, as START_ACK waited for the application', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.nowMs = 500;
    bench.startAck(5n);
    expect(bench.endpoint.rttMs).toBe(500);
    bench.run(3);
    bench.nowMs = 520;
    bench.frame('READY');
    expect(bench.endpoint.rttMs).toBe(20);
    bench.nowMs = 2000;
    bench.frame('READY');
    expect(bench.endpoint.rttMs).toBe(20);
  });

  it('counts READY from the first START_CONFIRM, not from its copies', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.nowMs = 500;
    bench.startAck(5n);
    bench.run(40);
    expect(bench.sentFrames('START_CONFIRM').length).toBeGreaterThan(2);
    bench.frame('READY');
    expect(bench.endpoint.rttMs).toBe(40);
  });

  it('is told with the stream, and not before there is one', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.nowMs = 30;
    bench.startAck(5n);
    bench.receive(rtpBytes(7, 7));
    const [told] = bench.outputs.filter(({ output }) => output.kind === 'streaming');
    expect(told?.output).toEqual({ kind: 'streaming', elapsedMs: 30, attempts: 1, rttMs: 30 });
  });

  it('spaces the PINGs of a viewer that hears nothing: 1.5 of it, 250 ms at least', () => {
    for (const [rtt, gap] of [
      [100, 250],
      [400, 600],
    ] as const) {
      const bench = new InitiatorBench();
      bench.start();
      bench.nowMs = rtt;
      bench.startAck(5n);
      bench.nowMs = 2 * rtt;
      bench.frame('READY');
      const [first = 0, second = 0] = atMs(bench.run(8000));
      expect(second - first).toBeCloseTo(gap, 6);
    }
  });

  it('spaces the BYEs of either end: 1.5 of it, 200 ms at least, doubling', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.nowMs = 400;
    bench.startAck(5n);
    bench.nowMs = 800;
    bench.frame('READY');
    bench.step({ kind: 'close', code: 0 });
    const closedAtMs = bench.nowMs;
    expect(atMs(bench.run(6000)).map((time) => time - closedAtMs)).toEqual([600, 1800, 4200]);
  });
});

describe('the round-trip time of a camera', () => {
  it('is sampled by PONGs: its PINGs repeat each 1.5 of it', () => {
    const bench = new ResponderBench({ profile: { ...profiles.default, pingRepeatMs: 50 } });
    bench.nowMs = 1000;
    const ids = bench.streaming(1n);
    bench.nowMs = 1040;
    bench.receive(pong(ids, bench.sent));
    bench.run(160);
    bench.nowMs += 40;
    bench.receive(pong(ids, bench.sent));
    const times = atMs(bench.run(8000));
    const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
    expect(gaps.length).toBeGreaterThan(5);
    for (const gap of gaps) expect(gap).toBeCloseTo(60, 6);
  });
});

describe('PONG', () => {
  it('tells the largest datagram since the PONG before, media included', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.frame('PING');
    bench.receive(rtpBytes(7, 7, 900));
    bench.receive(rtpBytes(7, 8, 300));
    expect(framesOf(bench.frame('PING'), 'PONG')).toMatchObject([{ datagramBytesMax: 900 }]);
    expect(framesOf(bench.frame('PING'), 'PONG')).toMatchObject([{ datagramBytesMax: 72 }]);
  });
});
