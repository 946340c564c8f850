import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { Prng } from '../../src/sim/prng.ts';
import { testStream } from '../support/camera-application.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';
import { nack, pushFrame } from '../support/session-steps.ts';

const other = { address: '192.0.2.2', port: 5000 };

describe('sessions of one camera', () => {
  it('are closed one by one when one is named, and all when none is', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.streaming(2n, other);
    const byes = framesOf(bench.step({ kind: 'close', session: 2, code: ErrorCode.SHUTDOWN }), 'BYE');
    expect(byes.map(({ streamId }) => streamId)).toEqual([2n]);
    expect(kinds(pushFrame(bench))).toContain('RTP');
    const last = framesOf(bench.step({ kind: 'close', code: ErrorCode.SHUTDOWN }), 'BYE');
    expect(last.map(({ streamId }) => streamId)).toEqual([1n]);
  });

  it('have handles that are never used twice', () => {
    const bench = new ResponderBench();
    for (let streamId = 1n; streamId <= 20n; streamId++) {
      const ids = bench.candidate(streamId);
      bench.receive(sessionFrame('BYE', ids));
      bench.run(3500);
    }
    expect(new Set(bench.reserved).size).toBe(20);
    expect(Math.min(...bench.reserved)).toBe(1);
  });

  it('never share a SessionTag, even if the random numbers repeat themselves', () => {
    const prng = new Prng(1);
    let fills = 0;
    // The first numbers come twice.
    const entropy = { fill: (target: Uint8Array) => (++fills < 12 ? target.fill(7) : prng.fill(target)) };
    const bench = new ResponderBench({ entropy });
    const first = bench.candidate(1n);
    const second = bench.candidate(2n, other);
    expect(second.sessionTag).not.toBe(first.sessionTag);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', first)))).toContain('READY');
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', second), other))).toContain('READY');
  });

  it('of one tuple end one by one: the others are still known by their StreamId', () => {
    const bench = new ResponderBench();
    const first = bench.candidate(1n);
    const second = bench.candidate(2n);
    bench.receive(sessionFrame('BYE', first));
    bench.run(3500);
    expect(bench.endpoint.sessionCount).toBe(1);
    const again = framesOf(bench.receive(startBytes(2n, 2)), 'START_ACK');
    expect(again).toMatchObject([{ sessionTag: second.sessionTag, attempt: 2 }]);
    expect(bench.count('reserve')).toBe(2);
    expect(kinds(bench.receive(startBytes(1n, 2)))).toEqual(['START_ACK']);
    expect(bench.count('reserve')).toBe(3);
  });

  it('that were over leave their places on the tuple free', () => {
    const bench = new ResponderBench();
    for (let round = 0; round < 3; round++) {
      const candidates = [1n, 2n, 3n, 4n].map((id) => bench.candidate(10n * BigInt(round) + id));
      for (const ids of candidates) bench.receive(sessionFrame('BYE', ids));
      bench.run(3500);
    }
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.metrics.drops.candidatesFull).toBe(0);
  });

  it('are told apart on a tuple: a NACK is for the live one, whatever else there is (S6)', () => {
    const bench = new ResponderBench();
    const live = bench.streaming(1n);
    bench.candidate(2n);
    const [sent] = pushFrame(bench).filter(({ plane }) => plane === 'media');
    if (sent === undefined) throw new Error('no media');
    const sequence = new DataView(sent.bytes.buffer, sent.bytes.byteOffset).getUint16(2);
    expect(kinds(bench.receive(nack(live.ssrc, sequence)))).toEqual(['RTP']);
    expect(bench.metrics.counters.mediaRepaired).toBe(1);
  });

  it('get the media of their own stream only', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.answer = 'never';
    bench.receive(startBytes(2n), other);
    const second = testStream();
    const [ack] = framesOf(bench.step({ kind: 'reserved', session: 2, feed: second.feed }), 'START_ACK');
    bench.receive(sessionFrame('START_CONFIRM', { streamId: 2n, sessionTag: ack?.sessionTag ?? 0n }), other);
    second.feed.push({ units: [new Uint8Array(100)], timestamp: 0, keyframe: true }, bench.nowMs, 0);
    const sent = bench.step({ kind: 'media', feed: second.feed });
    expect(sent.map(({ to }) => to.address)).toEqual([other.address]);
  });

  it('have neither keys nor a viewer’s key in mode none, nor where there is no session', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    const { endpoint } = bench;
    for (const session of [1, 99]) {
      expect([endpoint.keysOf(session), endpoint.viewerKeyOf(session)]).toEqual([undefined, undefined]);
    }
  });

  it('are answered by the application once: a second yes changes nothing', () => {
    const bench = new ResponderBench({}, 'never');
    bench.receive(startBytes(1n));
    expect(kinds(bench.step({ kind: 'reserved', session: 1, feed: bench.stream.feed }))).toEqual(['START_ACK']);
    expect(bench.step({ kind: 'reserved', session: 1, feed: testStream().feed, sdp: 'v=0\r\n' })).toEqual([]);
    const [ack] = framesOf(bench.receive(startBytes(1n, 2)), 'START_ACK');
    const ready = bench.receive(sessionFrame('START_CONFIRM', { streamId: 1n, sessionTag: ack?.sessionTag ?? 0n }));
    expect(ready.map(({ bytes }) => frameOf(bytes))[0]).not.toHaveProperty('sdp');
  });

  it('ask the application with what the START said and no more', () => {
    const bench = new ResponderBench({}, 'never');
    bench.receive(startBytes(1n));
    bench.receive(startBytes(2n, 1, { streamName: 'door' }));
    const asked = bench.outputs.flatMap(({ output }) => (output.kind === 'reserve' ? [output] : []));
    expect(asked).toEqual([
      { kind: 'reserve', session: 1, peer: somePeer, streamId: 1n },
      { kind: 'reserve', session: 2, peer: somePeer, streamId: 2n, streamName: 'door' },
    ]);
    expect(asked[0]).not.toHaveProperty('streamName');
  });

  it('tell of a viewer’s BYE with its code and words, of which there may be none', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    bench.receive(sessionFrame('BYE', ids));
    bench.run(4000);
    const [bye] = bench.outputs.flatMap(({ output }) => (output.kind === 'peerBye' ? [output] : []));
    const [closed] = bench.outputs.flatMap(({ output }) => (output.kind === 'closed' ? [output] : []));
    expect(bye).toEqual({ kind: 'peerBye', session: 1, code: 22 });
    expect(closed).not.toHaveProperty('reason');
  });

  it('are refused without words when the application has none', () => {
    const bench = new ResponderBench({}, { code: ErrorCode.POLICY });
    const [error] = framesOf(bench.receive(startBytes(1n)), 'ERROR');
    expect(error).toMatchObject({ errorCode: ErrorCode.POLICY });
    expect(error).not.toHaveProperty('reason');
    expect(error).not.toHaveProperty('retryAfterMs');
  });

  it('are not reserved or half-open any longer than they say', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    bench.run(5000);
    bench.receive(sessionFrame('START_CONFIRM', ids));
    for (let ms = 0; ms < 11_000; ms += 1000) {
      bench.run(1000);
      bench.receive(sessionFrame('PING', ids));
    }
    expect(bench.closedCodes).toEqual([]);
  });
});
