import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { rtpBytes, sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { kinds } from '../support/responder-bench.ts';

const answers = [
  'ERROR',
  'RESET',
  'READY',
  'RETRY',
  'PONG',
  'BYE_ACK',
  'START_ACK',
  'TOKEN',
  'PATH_RESPONSE',
  'RECEIPT',
] as const;

describe('RESET at an initiator', () => {
  it('with the right token in AwaitingStartConfirm starts anew, at most three times', () => {
    const bench = new InitiatorBench();
    bench.start();
    for (let restart = 0; restart < 3; restart++) {
      bench.startAck(5n, { token: 0xaa });
      const before = bench.endpoint.streamId;
      expect(kinds(bench.reset(0xaa))).toEqual(['START']);
      expect(bench.endpoint.streamId).not.toBe(before);
    }
    bench.startAck(5n, { token: 0xaa });
    expect(bench.reset(0xaa)).toEqual([]);
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
  });

  it('with the right token ends a stream with PEER_RESET, with a wrong one changes nothing (S7, S8)', () => {
    const bench = new InitiatorBench();
    bench.stream();
    expect(bench.reset(0xab)).toEqual([]);
    expect(bench.endpoint.state).toBe('Streaming');
    expect(bench.reset(0xaa)).toEqual([]);
    expect(bench.closed).toMatchObject({ code: ErrorCode.PEER_RESET, wasStreaming: true });
  });

  it('with a wrong token is no sign of life', () => {
    const bench = new InitiatorBench();
    bench.stream();
    for (let i = 0; i < 23; i++) {
      bench.run(500);
      bench.reset(0xab);
    }
    bench.run(1000);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
  });

  it('of a candidate changes nothing with a wrong token', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.startAck(5n);
    const { streamId } = bench.ids;
    bench.reset(0);
    expect(bench.ids.streamId).toBe(streamId);
    expect(bench.endpoint.state).toBe('AwaitingStartConfirm');
  });
});

describe('media at an initiator', () => {
  it('before START_ACK is dropped', () => {
    const bench = new InitiatorBench();
    bench.start();
    bench.receive(rtpBytes(7));
    expect(bench.metrics.drops.mediaEarly).toBe(1);
    bench.startAck(5n, { ssrc: 7 });
    bench.frame('READY');
    expect(bench.count('firstMedia')).toBe(0);
  });

  it('of another SSRC, RTCP, or too short to have one, is foreign and no sign of life', () => {
    const bench = new InitiatorBench();
    bench.stream();
    for (let i = 0; i < 24; i++) {
      bench.receive(rtpBytes(8, i));
      bench.receive(Uint8Array.of(0x80, 200, 0, 6, 0, 0, 0, 7, 0, 0, 0, 7));
      bench.receive(Uint8Array.of(0x80, 97, 0, 1, 0, 0, 0));
      bench.run(500);
    }
    expect(bench.metrics.drops.mediaForeign).toBe(72);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
    expect(bench.closedAtMs).toBe(12_000);
  });

  it('of the session is a sign of life', () => {
    const bench = new InitiatorBench({ media: { repair: false } });
    bench.stream();
    for (let i = 0; i < 40; i++) {
      bench.receive(rtpBytes(7, i));
      bench.run(1000);
    }
    expect(bench.endpoint.state).toBe('Streaming');
    expect(bench.sentFrames('PING')).toEqual([]);
  });

  it('after the end is dropped and counted (S9)', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.frame('BYE');
    const frames = bench.count('frame');
    bench.receive(rtpBytes(7));
    bench.run(4000);
    bench.receive(rtpBytes(7));
    expect(bench.metrics.drops.mediaAfterEnd).toBe(2);
    expect(bench.count('frame')).toBe(frames);
  });
});

describe('answers to answers (S12)', () => {
  const states: Record<string, (bench: InitiatorBench) => void> = {
    ReadyToStart: () => {},
    AwaitingStartAck: (bench) => void bench.start(),
    AwaitingStartConfirm: (bench) => {
      bench.start();
      bench.startAck(5n);
    },
    Streaming: (bench) => bench.stream(),
    Closing: (bench) => {
      bench.stream();
      bench.step({ kind: 'close', code: 0 });
    },
    Draining: (bench) => {
      bench.stream();
      bench.frame('BYE');
    },
    Closed: (bench) => {
      bench.stream();
      bench.reset(0xaa);
    },
  };

  it.each(Object.keys(states))('are never given by an initiator in %s, but for what the table says', (state) => {
    for (const name of answers) {
      const bench = new InitiatorBench();
      states[state]?.(bench);
      expect(bench.endpoint.state).toBe(state);
      const { streamId, sessionTag } = bench.ids;
      const ids = { streamId: streamId === 0n ? 1n : streamId, sessionTag: sessionTag === 0n ? 5n : sessionTag };
      const sent = kinds(bench.receive(sessionFrame(name, ids)));
      const allowed =
        state === 'AwaitingStartAck' && name === 'START_ACK'
          ? ['START_CONFIRM']
          : state === 'AwaitingStartAck' && name === 'RETRY'
            ? ['START']
            : [];
      expect([name, sent]).toEqual([name, allowed]);
    }
  });

  it('START, START_CONFIRM, NOTIFY and answers without their question are not answered by an initiator either', () => {
    for (const name of ['START', 'START_CONFIRM', 'NOTIFY', 'RESPONSE', 'CONTINUE'] as const) {
      const bench = new InitiatorBench();
      bench.stream();
      expect([name, bench.frame(name)]).toEqual([name, []]);
      expect(bench.endpoint.state).toBe('Streaming');
    }
  });

  it('nothing at all is answered after the end', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.reset(0xaa);
    for (const name of ['PING', 'BYE', 'START_ACK', 'READY', 'PATH_CHALLENGE'] as const) {
      expect([name, bench.frame(name)]).toEqual([name, []]);
    }
    expect(bench.run(60_000)).toEqual([]);
    expect(bench.count('closed')).toBe(1);
  });
});
