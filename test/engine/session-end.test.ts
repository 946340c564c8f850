import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { rtpSsrc } from '../../src/media/rtp.ts';
import { makeTestFrame } from '../../src/media/test-frames.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { ExchangeFault } from '../../src/protocol/exchange-fault.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { frameOf, sessionFrame, startBytes } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, kinds, ResponderBench, type SentDatagram, somePeer } from '../support/responder-bench.ts';
import { atMs, calmSession, nack, pushFrame } from '../support/session-steps.ts';

describe('BYE', () => {
  it('is sent five times, then the session ends with CLOSE_TIMEOUT after 6.2 s', () => {
    const camera = new ResponderBench();
    calmSession(camera);
    const beganAtMs = camera.nowMs;
    camera.step({ kind: 'close', code: ErrorCode.SHUTDOWN, reason: 'Feierabend' });
    camera.run(20_000);
    const byes = camera.sent.filter(({ bytes }) => bytes[2] === FrameType.BYE);
    expect(atMs(byes).map((time) => time - beganAtMs)).toEqual([0, 200, 600, 1400, 3000]);
    expect(new Set(byes.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(framesOf(byes, 'BYE')[0]).toMatchObject({ errorCode: ErrorCode.SHUTDOWN, reason: 'Feierabend' });
    expect(camera.closedCodes).toEqual([ErrorCode.CLOSE_TIMEOUT]);
    expect(camera.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(beganAtMs + 6200);

    const viewer = new InitiatorBench();
    viewer.stream();
    viewer.step({ kind: 'close', code: 0x80 });
    viewer.step({ kind: 'close', code: 0x81, reason: 'words that come too late' });
    viewer.run(20_000);
    const toCamera = viewer.sent.filter(({ bytes }) => bytes[2] === FrameType.BYE);
    expect(atMs(toCamera)).toEqual([0, 200, 600, 1400, 3000]);
    expect(new Set(toCamera.map(({ bytes }) => Buffer.from(bytes).toString('hex'))).size).toBe(1);
    expect(viewer.closed?.code).toBe(ErrorCode.CLOSE_TIMEOUT);
    expect(viewer.closedAtMs).toBe(6200);
  });

  it('ends with its own code when it is acknowledged, or by RESET with the right token', () => {
    for (const by of ['BYE_ACK', 'RESET'] as const) {
      const bench = new InitiatorBench();
      bench.stream();
      bench.step({ kind: 'close', code: 0x81 });
      if (by === 'BYE_ACK') bench.frame('BYE_ACK');
      else bench.reset(0xaa);
      expect(bench.closed?.code).toBe(0x81);
      expect(bench.run(10_000)).toEqual([]);
    }
  });

  it('of a camera ends with its own code by RESET with the right token only', () => {
    const bench = new ResponderBench();
    const [ack] = framesOf(bench.receive(startBytes(1n)), 'START_ACK');
    if (ack === undefined || !('resetToken' in ack)) throw new Error('no START_ACK');
    const { streamId, sessionTag, resetToken } = ack;
    const ids = { streamId, sessionTag };
    bench.receive(sessionFrame('START_CONFIRM', ids));
    bench.step({ kind: 'close', code: 0x81 });
    bench.receive(sessionFrame('RESET', ids));
    expect(bench.closedCodes).toEqual([]);
    bench.receive(
      encodeFrame({
        type: FrameType.RESET,
        flags: 0,
        ...ids,
        attempt: 0,
        resetToken: resetToken.slice(),
        errorCode: 9,
      }),
    );
    expect(bench.closedCodes).toEqual([0x81]);
  });

  it('that comes is acknowledged copy for copy for 3.5 s, and then not any more', () => {
    const camera = new ResponderBench();
    const ids = camera.streaming(1n);
    const beganAtMs = camera.nowMs;
    expect(kinds(camera.receive(sessionFrame('BYE', ids)))).toEqual(['BYE_ACK']);
    camera.run(3400);
    expect(kinds(camera.receive(sessionFrame('BYE', ids)))).toEqual(['BYE_ACK']);
    camera.run(100);
    expect(camera.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(beganAtMs + 3500);
    expect(camera.closedCodes).toEqual([22]);
    expect(kinds(camera.receive(sessionFrame('BYE', ids)))).toEqual(['RESET']);

    const viewer = new InitiatorBench();
    viewer.stream();
    expect(kinds(viewer.frame('BYE'))).toEqual(['BYE_ACK']);
    viewer.run(3499);
    expect(kinds(viewer.frame('BYE'))).toEqual(['BYE_ACK']);
    expect(viewer.count('peerBye')).toBe(1);
    viewer.run(1);
    expect(viewer.closed?.code).toBe(22);
    expect(viewer.frame('BYE')).toEqual([]);
  });

  it('from both sides at once drains both', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.step({ kind: 'close', code: 0x81 });
    expect(kinds(bench.frame('BYE'))).toEqual(['BYE_ACK']);
    expect(bench.endpoint.state).toBe('Draining');
    bench.run(3500);
    expect(bench.closed?.code).toBe(22);
  });

  it('stops media at once, on both ends, and gives the stream back once (S9)', () => {
    for (const side of ['camera', 'viewer'] as const) {
      const bench = new ResponderBench();
      const ids = calmSession(bench);
      expect(kinds(pushFrame(bench))).toContain('RTP');
      const sent = bench.sent.length;
      if (side === 'camera') bench.step({ kind: 'close', code: 0 });
      else bench.receive(sessionFrame('BYE', ids));
      pushFrame(bench);
      bench.receive(nack(ids.ssrc, ids.ssrc & 0xffff));
      bench.receive(sessionFrame('START_CONFIRM', ids));
      bench.run(10_000);
      expect(kinds(bench.sent.slice(sent))).not.toContain('RTP');
      expect(bench.count('release')).toBe(1);
    }
  });

  it('tells the viewer’s application the words of the camera, whatever else comes after them', () => {
    const bench = new InitiatorBench();
    bench.stream();
    const { streamId, sessionTag } = bench.ids;
    bench.receive(
      encodeFrame({ type: FrameType.BYE, flags: 0, streamId, sessionTag, attempt: 0, errorCode: 22, reason: 'tschüß' }),
    );
    expect(bench.outputs.map(({ output }) => output)).toContainEqual({ kind: 'peerBye', code: 22, reason: 'tschüß' });
    bench.frame('PING');
    bench.run(3500);
    expect(bench.closed).toMatchObject({ code: 22, reason: 'tschüß' });
  });

  it('tells the camera’s application the words of the viewer, whatever else comes after them', () => {
    const bench = new ResponderBench();
    const { streamId, sessionTag } = bench.streaming(1n);
    bench.receive(
      encodeFrame({ type: FrameType.BYE, flags: 0, streamId, sessionTag, attempt: 0, errorCode: 25, reason: 'genug' }),
    );
    bench.receive(sessionFrame('PING', { streamId, sessionTag }));
    bench.run(3500);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.output).toMatchObject({ reason: 'genug' });
  });

  it('at the end of a finite stream comes from the camera with NO_ERROR', () => {
    const bench = new ResponderBench({ repair: false });
    bench.streaming(1n);
    pushFrame(bench);
    bench.stream.feed.end(bench.nowMs);
    const sent = bench.step({ kind: 'media', feed: bench.stream.feed });
    expect(framesOf([...sent, ...bench.run(2000)], 'BYE')[0]).toMatchObject({ errorCode: ErrorCode.NO_ERROR });
  });
});

describe('a new START on the tuple of a live session', () => {
  it('becomes a candidate beside it and changes nothing (S6, S7)', () => {
    const bench = new ResponderBench();
    const live = calmSession(bench);
    bench.candidate(2n);
    expect(kinds(pushFrame(bench))).toContain('RTP');
    expect(kinds(bench.receive(sessionFrame('PING', live)))).toEqual(['PONG']);
    expect(bench.closedCodes).toEqual([]);
    bench.run(10_000);
    expect(bench.closedCodes).toContain(ErrorCode.CONFIRM_TIMEOUT);
  });

  it('supersedes it only by its confirm, silently and at once', () => {
    const bench = new ResponderBench();
    const old = calmSession(bench);
    const next = bench.candidate(2n);
    const wrong = sessionFrame('START_CONFIRM', { ...next, sessionTag: next.sessionTag ^ 1n });
    bench.receive(wrong);
    expect(bench.closedCodes).toEqual([]);
    const sent = bench.receive(sessionFrame('START_CONFIRM', next));
    expect(bench.closedCodes).toEqual([ErrorCode.SUPERSEDED]);
    expect(sent.every(({ plane, bytes }) => plane !== 'control' || frameOf(bytes).streamId === 2n)).toBe(true);
    const media = pushFrame(bench).filter(({ plane }) => plane === 'media');
    expect(media.length).toBeGreaterThan(0);
    for (const { bytes } of media) expect(rtpSsrc(bytes)).toBe(next.ssrc);
    expect(bench.endpoint.sessionCount).toBe(1);
    expect(bench.receive(startBytes(old.streamId, 9))).toEqual([]);
    expect(bench.count('release')).toBe(1);
  });

  it('never hands the tuple to a START_CONFIRM that is older than the live session, however late it comes (S4)', () => {
    const bench = new ResponderBench();
    const abandoned = bench.candidate(1n);
    const live = bench.streaming(2n);
    const younger = bench.candidate(3n);
    expect(bench.closedCodes).toEqual([ErrorCode.SUPERSEDED]);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', abandoned)))).toEqual(['RESET']);
    expect(kinds(bench.receive(sessionFrame('PING', live)))).toEqual(['PONG']);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', younger)))).toEqual(['READY', 'PING']);
    expect(bench.count('release')).toBe(2);
  });

  it('that is younger outlives its confirm, and takes the tuple with its own', () => {
    const bench = new ResponderBench();
    const [older, younger] = [bench.candidate(1n), bench.candidate(2n)];
    bench.receive(sessionFrame('START_CONFIRM', older));
    expect(bench.closedCodes).toEqual([]);
    expect(kinds(bench.receive(sessionFrame('START_CONFIRM', younger)))).toEqual(['READY', 'PING']);
    expect(bench.closedCodes).toEqual([ErrorCode.SUPERSEDED]);
  });

  it('of another tuple does not concern it', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    bench.streaming(1n, { ...somePeer, port: 6000 });
    expect(bench.closedCodes).toEqual([]);
    expect(bench.endpoint.sessionCount).toBe(2);
  });

  it('leaves a session that closes or drains to end in its own time', () => {
    const bench = new ResponderBench();
    const old = bench.streaming(1n);
    bench.receive(sessionFrame('BYE', old));
    bench.streaming(2n);
    expect(kinds(bench.receive(sessionFrame('BYE', old)))).toEqual(['BYE_ACK']);
    bench.run(3500);
    expect(bench.closedCodes).toEqual([22]);
    expect(bench.endpoint.sessionCount).toBe(1);
  });

  it('is silently ignored for 5 s after its session ended, and opens a candidate after that', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    bench.step({ kind: 'close', code: 0 });
    bench.receive(sessionFrame('BYE_ACK', ids));
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.receive(startBytes(1n, 2))).toEqual([]);
    bench.run(4999);
    expect(bench.receive(startBytes(1n, 3))).toEqual([]);
    bench.run(1);
    expect(kinds(bench.receive(startBytes(1n, 4)))).toEqual(['START_ACK']);
  });
});

describe('the datagram size of a stream', () => {
  it('steps down at once when the operating system says EMSGSIZE, and never ends the session by it (S7)', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    const big = () => {
      bench.stream.feed.push(
        { units: [new Uint8Array(5000)], timestamp: bench.stream.frames++, keyframe: true },
        bench.nowMs,
        0,
      );
      return [...bench.step({ kind: 'media', feed: bench.stream.feed }), ...bench.run(50)].filter(
        ({ plane }) => plane === 'media',
      );
    };
    const largest = (sent: readonly SentDatagram[]) => Math.max(...sent.map(({ bytes }) => bytes.length));
    expect(largest(big())).toBe(1200);
    bench.step({ kind: 'sendFailed', to: somePeer, hint: 'EMSGSIZE', bytes: 1200 });
    expect(largest(big())).toBe(600);
    for (let i = 0; i < 10; i++) bench.step({ kind: 'sendFailed', to: somePeer, hint: 'EMSGSIZE', bytes: 600 });
    expect(largest(big())).toBe(296);
    for (let i = 0; i < 10; i++) bench.step({ kind: 'sendFailed', to: somePeer, hint: 'EMSGSIZE', bytes: 296 });
    expect(bench.closedCodes).toEqual([]);
    expect(bench.metrics.counters.datagramSizeStepsDown).toBe(2);
  });

  it('is not changed by other local errors, nor by those of another tuple (S7)', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    bench.step({ kind: 'sendFailed', to: somePeer, hint: 'ECONNREFUSED', bytes: 1200 });
    bench.step({ kind: 'sendFailed', to: { ...somePeer, port: 1 }, hint: 'EMSGSIZE', bytes: 1200 });
    expect(bench.closedCodes).toEqual([]);
    expect(bench.metrics.counters.datagramSizeStepsDown).toBe(0);
    expect(bench.metrics.hints).toMatchObject({ ECONNREFUSED: 1, EMSGSIZE: 1 });
  });
});

describe('a socket that fails', () => {
  it('ends every session of the camera with LOCAL_NETWORK and gives their streams back', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.candidate(2n, { ...somePeer, port: 1 });
    expect(bench.step({ kind: 'socketFailed' })).toEqual([]);
    expect(bench.closedCodes).toEqual([ErrorCode.LOCAL_NETWORK, ErrorCode.LOCAL_NETWORK]);
    expect(bench.count('release')).toBe(2);
    expect(bench.endpoint.pendingCount).toBe(0);
  });

  it('fails what a viewer has asked for', () => {
    const bench = new InitiatorBench();
    bench.stream();
    const input = { kind: 'ask', call: 4, method: 'stats', body: new Uint8Array() } as const;
    bench.step({ kind: 'exchange', input });
    bench.step({ kind: 'socketFailed' });
    const fault = ExchangeFault.SESSION_ENDED;
    expect(bench.outputs.map(({ output }) => output)).toContainEqual({ kind: 'askFailed', session: 1, call: 4, fault });
  });
});

describe('what an endpoint looks at when', () => {
  it('wakes who has waited longest first, awake or asleep, if the timeout comes late', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.candidate(2n, { ...somePeer, port: 5001 });
    bench.nowMs = 60_000;
    bench.step({ kind: 'timeout' });
    const closed = bench.outputs.flatMap(({ output }) => (output.kind === 'closed' ? [output.streamId] : []));
    expect(closed).toEqual([1n, 2n]);
  });

  it('repeats the BYE of a stream whose end was found when the rest of its media left', () => {
    const bench = new ResponderBench();
    bench.streaming(1n);
    bench.run(20);
    const { feed } = bench.stream;
    const frame = makeTestFrame({ frameNumber: 0, timestampMs: bench.nowMs, bytes: 200_000, keyframe: true });
    feed.push({ units: [frame], timestamp: 0, keyframe: true }, bench.nowMs, 40);
    bench.step({ kind: 'media', feed });
    feed.end(bench.nowMs);
    const byes = bench.run(3000).filter(({ bytes }) => bytes[2] === FrameType.BYE);
    expect(atMs(byes).map((time) => time - (byes[0]?.atMs ?? 0))).toEqual([0, 200, 600, 1400]);
  });
});
