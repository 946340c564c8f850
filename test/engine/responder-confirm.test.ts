import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';

const otherPeer = { address: '192.0.2.77', port: 5000 };

describe('START_CONFIRM at a responder', () => {
  it('is answered by READY with the SDP, and PING, and opens the session', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    const sent = bench.receive(sessionFrame('START_CONFIRM', ids));
    expect(kinds(sent)).toEqual(['READY', 'PING']);
    expect(frameOf(sent[0]?.bytes ?? new Uint8Array())).toMatchObject({ sdp: 'v=0\r\n', ...{ streamId: 1n } });
    expect(bench.count('streaming')).toBe(1);
    expect(bench.endpoint.pendingCount).toBe(0);
  });

  it('is answered by READY without an SDP when there is none', () => {
    const bench = new ResponderBench();
    bench.sdp = undefined;
    const sent = bench.receive(sessionFrame('START_CONFIRM', bench.candidate(1n)));
    expect(framesOf(sent, 'READY')[0]).not.toHaveProperty('sdp');
  });

  it('gets READY for READY, the same bytes, at most 50 a second (S5, S13)', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    const ready = bench.sent.find(({ bytes }) => bytes[2] === 6)?.bytes;
    const confirm = sessionFrame('START_CONFIRM', ids);
    const answers = Array.from({ length: 200 }, () => bench.receive(confirm));
    const readies = answers.flat();
    expect(kinds(readies).every((kind) => kind === 'READY')).toBe(true);
    expect(readies).toHaveLength(49);
    for (const { bytes } of readies) expect(bytes).toEqual(ready);
    expect(bench.metrics.drops.readyRate).toBe(151);
    bench.run(1000);
    expect(Array.from({ length: 60 }, () => bench.receive(confirm)).flat()).toHaveLength(50);
  });

  it('with a wrong tag changes nothing, leaves the candidate unharmed, and says RESET (S7)', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    const wrong = sessionFrame('START_CONFIRM', { ...ids, sessionTag: ids.sessionTag ^ 1n });
    expect(kinds(bench.receive(wrong))).toEqual(['RESET']);
    expect(bench.metrics.drops.wrongTag).toBe(1);
    expect(bench.closedCodes).toEqual([]);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', ids)))).toContain('READY');
  });

  it('with a wrong StreamId changes nothing and leaves the candidate unharmed (S7)', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    bench.receive(sessionFrame('START_CONFIRM', { ...ids, streamId: 2n }));
    expect(bench.count('streaming')).toBe(0);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', ids)))).toContain('READY');
  });

  it('with the ids of another tuple changes nothing and is not answered: the pair lives (S1, S7)', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    for (const state of ['candidate', 'live'] as const) {
      if (state === 'live') bench.receive(sessionFrame('START_CONFIRM', ids));
      for (const name of ['START_CONFIRM', 'PING', 'BYE', 'PONG', 'BYE_ACK', 'RESET'] as const) {
        expect(bench.receive(sessionFrame(name, ids), otherPeer)).toEqual([]);
        expect(bench.receive(sessionFrame(name, ids), { ...somePeer, port: 5001 })).toEqual([]);
      }
    }
    expect(bench.metrics.drops.otherTuple).toBe(24);
    expect(bench.closedCodes).toEqual([]);
  });

  it('before the reservation was answered changes nothing', () => {
    const bench = new ResponderBench({}, 'never');
    bench.receive(startBytes(1n));
    bench.receive(sessionFrame('START_CONFIRM', { streamId: 1n, sessionTag: 9n }));
    expect(bench.count('streaming')).toBe(0);
    expect(bench.endpoint.pendingCount).toBe(1);
  });
});

describe('RESET', () => {
  const unknown = { streamId: 77n, sessionTag: 88n };

  it.each(['START_CONFIRM', 'PING', 'BYE'] as const)(
    'answers %s of a pair that nobody has, smaller than it (S2)',
    (name) => {
      const bench = new ResponderBench();
      const cause = sessionFrame(name, unknown);
      const sent = bench.receive(cause);
      expect(framesOf(sent, 'RESET')).toMatchObject([{ ...unknown, errorCode: ErrorCode.NO_SESSION }]);
      expect(sent).toHaveLength(1);
      expect(sent[0]?.bytes.length).toBeLessThan(cause.length);
    },
  );

  it.each([
    'PONG',
    'BYE_ACK',
    'RESET',
    'ERROR',
    'READY',
    'RETRY',
    'START_ACK',
    'PATH_CHALLENGE',
    'PATH_RESPONSE',
    'TOKEN',
  ] as const)('does not answer %s (S12)', (name) => {
    const bench = new ResponderBench();
    expect(bench.receive(sessionFrame(name, unknown))).toEqual([]);
    expect(Object.values(bench.metrics.drops).reduce((sum, n) => sum + n, 0)).toBe(1);
  });

  it('has the token that START_ACK told, with a reset key that survived a restart', () => {
    const resetKey = new Uint8Array(32).fill(7);
    const before = new ResponderBench({ resetKey });
    const [ack] = before.receive(startBytes(1n));
    const told = frameOf(ack?.bytes ?? new Uint8Array());
    before.receive(sessionFrame('START_CONFIRM', told));
    const after = new ResponderBench({ resetKey });
    const [reset] = framesOf(after.receive(sessionFrame('PING', told)), 'RESET');
    expect('resetToken' in told && told.resetToken).toEqual(
      reset !== undefined && 'resetToken' in reset && reset.resetToken,
    );
  });

  it('is sent at most 200 times at once to one address (S5)', () => {
    const bench = new ResponderBench();
    const sent = Array.from({ length: 300 }, () => bench.receive(sessionFrame('PING', unknown))).flat();
    expect(sent).toHaveLength(200);
    expect(bench.metrics.counters.answersWithheld).toBe(100);
    expect(bench.receive(sessionFrame('PING', unknown), otherPeer)).toHaveLength(1);
  });

  it('does not exist while the pair closes or drains, and does afterwards', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    bench.receive(sessionFrame('BYE', ids));
    expect(kinds(bench.receive(sessionFrame('PING', ids)))).toEqual([]);
    expect(bench.receive(sessionFrame('PING', ids), otherPeer)).toEqual([]);
    bench.run(3500);
    expect(kinds(bench.receive(sessionFrame('PING', ids)))).toEqual(['RESET']);
  });
});

describe('answers to answers (S12)', () => {
  it.each(['candidate', 'streaming'] as const)('are never given by a responder with a %s session', (state) => {
    for (const name of [
      'ERROR',
      'RESET',
      'READY',
      'RETRY',
      'PONG',
      'BYE_ACK',
      'START_ACK',
      'TOKEN',
      'PATH_RESPONSE',
    ] as const) {
      const bench = new ResponderBench();
      const ids = state === 'candidate' ? bench.candidate(1n) : bench.streaming(1n);
      expect([name, bench.receive(sessionFrame(name, ids))]).toEqual([name, []]);
      expect(bench.closedCodes).toEqual([]);
    }
  });

  it('are never given by a responder that closes or drains', () => {
    for (const name of ['ERROR', 'RESET', 'READY', 'RETRY', 'PONG', 'START_ACK', 'TOKEN', 'BYE_ACK'] as const) {
      const draining = new ResponderBench();
      const ids = draining.streaming(1n);
      draining.receive(sessionFrame('BYE', ids));
      expect([name, draining.receive(sessionFrame(name, ids))]).toEqual([name, []]);
      const closing = new ResponderBench();
      const closingIds = closing.streaming(1n);
      closing.step({ kind: 'close', code: 0 });
      expect([name, closing.receive(sessionFrame(name, closingIds))]).toEqual([name, []]);
    }
  });
});
