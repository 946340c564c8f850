import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { kinds, ResponderBench, type SentDatagram } from '../support/responder-bench.ts';
import { calmSession, pong, type Session } from '../support/session-steps.ts';

/** One frame of many datagrams. @returns the media that leaves within 50 ms. */
function pushLarge(bench: ResponderBench): readonly SentDatagram[] {
  const { stream } = bench;
  stream.feed.push(
    { units: [new Uint8Array(9000)], timestamp: 3000 * stream.frames++, keyframe: true },
    bench.nowMs,
    0,
  );
  const sent = [...bench.step({ kind: 'media', feed: stream.feed }), ...bench.run(50)];
  return sent.filter(({ plane }) => plane === 'media');
}

const largest = (sent: readonly SentDatagram[]): number => Math.max(...sent.map(({ bytes }) => bytes.length));

/** Everything until the next PING, which an ended session does not send; 10 s at most. */
function untilPing(bench: ResponderBench): readonly SentDatagram[] {
  const sent: SentDatagram[] = [];
  for (let ms = 0; ms < 10_000 && !kinds(sent).includes('PING'); ms += 10) sent.push(...bench.run(10));
  return sent;
}

/** A PING goes out, media follows, and the PONG of the next PING tells of this many bytes. */
function pongsThatTell(bench: ResponderBench, ids: Session, bytes: number, count: number): void {
  for (let told = 0; told < count; told++) {
    pushLarge(bench);
    const sent = untilPing(bench);
    if (!kinds(sent).includes('PING')) return;
    bench.receive(pong(ids, sent, bytes));
  }
}

describe('the size of media datagrams', () => {
  it('is 1,200 bytes at first, or what the camera was told', () => {
    const usual = new ResponderBench();
    calmSession(usual);
    expect(largest(pushLarge(usual))).toBe(1200);
    const small = new ResponderBench({ datagramBytesMax: 600 });
    calmSession(small);
    expect(largest(pushLarge(small))).toBe(600);
  });

  it('steps down after three PONGs in a row that show no full one: 1,200, 600, 296', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    pongsThatTell(bench, ids, 700, 2);
    expect(largest(pushLarge(bench))).toBe(1200);
    pongsThatTell(bench, ids, 700, 2);
    expect(largest(pushLarge(bench))).toBe(600);
    expect(bench.metrics.counters.datagramSizeStepsDown).toBe(1);
    pongsThatTell(bench, ids, 300, 4);
    expect(largest(pushLarge(bench))).toBe(296);
    expect(bench.metrics.counters).toMatchObject({ datagramSizeStepsDown: 2, datagramSizeStepsUp: 0 });
  });

  it('ends the session with MTU_TOO_SMALL when not even 296 bytes arrive', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    pongsThatTell(bench, ids, 72, 20);
    bench.run(10_000);
    const told = bench.outputs.flatMap(({ output }) => (output.kind === 'closed' ? [output.code] : []));
    expect(told).toEqual([ErrorCode.MTU_TOO_SMALL]);
    const bye = bench.sent.find(({ bytes }) => bytes[2] === 9);
    expect(bye?.bytes.subarray(28, 30)).toEqual(Uint8Array.of(0, ErrorCode.MTU_TOO_SMALL));
  });

  it('stays while PONGs show full ones, or while nothing full was sent', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    pongsThatTell(bench, ids, 1200, 8);
    expect(largest(pushLarge(bench))).toBe(1200);
    for (let count = 0; count < 8; count++) {
      bench.receive(pong(ids, untilPing(bench), 72));
    }
    expect(bench.metrics.counters.datagramSizeStepsDown).toBe(0);
  });

  it('is asked for again 100 ms after a PONG that makes it doubtful, instead of a heartbeat later', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    pongsThatTell(bench, ids, 1200, 1);
    pongsThatTell(bench, ids, 700, 1);
    const doubtfulAtMs = bench.nowMs;
    const next = bench.run(7000).find(({ bytes }) => bytes[2] === 7);
    expect((next?.atMs ?? 0) - doubtfulAtMs).toBe(100);
  });

  it('steps up again 60 s after it changed', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    pongsThatTell(bench, ids, 700, 3);
    expect(largest(pushLarge(bench))).toBe(600);
    const beganAtMs = bench.nowMs;
    while (bench.nowMs < beganAtMs + 62_000) pongsThatTell(bench, ids, 600, 1);
    expect(largest(pushLarge(bench))).toBe(1200);
    expect(bench.metrics.counters).toMatchObject({ datagramSizeStepsDown: 1, datagramSizeStepsUp: 1 });
  });
});
