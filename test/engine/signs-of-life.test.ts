import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { kindOf, sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { ResponderBench } from '../support/responder-bench.ts';
import { calmSession, nack } from '../support/session-steps.ts';

const aliveAtViewer = ['READY', 'PING', 'PONG', 'PATH_RESPONSE', 'TOKEN', 'NOTIFY'] as const;
const aliveAtCamera = ['START_CONFIRM', 'PING', 'PONG', 'PATH_CHALLENGE', 'PATH_RESPONSE', 'NOTIFY'] as const;

describe('signs of life', () => {
  it.each(aliveAtViewer)('%s keeps a viewer from giving up, and from asking', (type) => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.run(5900);
    bench.frame(type);
    expect(bench.run(5900)).toEqual([]);
    bench.run(6200);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
    expect(bench.closedAtMs).toBe(5900 + 12_000);
  });

  it('PATH_CHALLENGE keeps a viewer from giving up, and makes it ask soon: the camera needs news from where it is', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.run(5900);
    const kinds = (sent: readonly { readonly bytes: Uint8Array }[]) => sent.map(({ bytes }) => kindOf(bytes));
    expect(kinds(bench.frame('PATH_CHALLENGE'))).toEqual(['PATH_RESPONSE']);
    expect(kinds(bench.run(249))).toEqual([]);
    expect(kinds(bench.run(501))).toEqual(['PING', 'PING', 'PING']);
    bench.run(12_000);
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
    expect(bench.closedAtMs).toBe(5900 + 12_000);
  });

  it.each(['START', 'START_CONFIRM', 'BYE_ACK'] as const)('%s is none for a viewer', (type) => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.run(5900);
    expect(bench.frame(type)).toEqual([]);
    bench.run(20_000);
    expect(bench.closedAtMs).toBe(12_000);
  });

  it.each(aliveAtCamera)('%s keeps a camera from giving a viewer up', (type) => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const { nowMs } = bench;
    bench.run(11_900);
    bench.receive(sessionFrame(type, ids));
    bench.run(200);
    expect(bench.closedCodes).toEqual([]);
    bench.run(30_000);
    // None of them is consent, which then ends.
    expect(bench.closedCodes).toEqual([ErrorCode.CONSENT_EXPIRED]);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(nowMs + 15_000);
  });

  it.each(['START', 'BYE_ACK', 'RESET', 'READY', 'START_ACK'] as const)('%s is none for a camera', (type) => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const { nowMs } = bench;
    bench.run(11_900);
    bench.receive(sessionFrame(type, ids));
    bench.run(30_000);
    expect(bench.closedCodes).toEqual([ErrorCode.PEER_DEAD]);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(nowMs + 12_000);
  });
});

describe('what has no meaning where it comes', () => {
  it.each([
    ['START_CONFIRM', 'unexpectedType'],
    ['BYE_ACK', 'noRow'],
  ] as const)('%s is counted by a viewer as %s', (type, reason) => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.frame(type);
    expect(bench.metrics.drops[reason]).toBe(1);
  });

  it.each([
    ['READY', 'unexpectedType'],
    ['BYE_ACK', 'noRow'],
    ['RESET', 'noRow'],
    ['START', 'duplicateStart'],
  ] as const)('%s is counted by a camera as %s', (type, reason) => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    bench.receive(sessionFrame(type, ids));
    expect(bench.metrics.drops[reason]).toBe(1);
  });

  it('a decision of the application that comes too late is not counted as a datagram', () => {
    const camera = new ResponderBench();
    camera.streaming(1n);
    camera.step({ kind: 'refused', session: 1, code: 21 });
    const viewer = new InitiatorBench();
    viewer.stream();
    viewer.step({ kind: 'close', code: 0 });
    viewer.step({ kind: 'close', code: 0 });
    for (const { drops } of [camera.metrics, viewer.metrics]) {
      expect(Object.values(drops).reduce((sum, count) => sum + count, 0)).toBe(0);
    }
  });

  it('first bytes outside of both protocols are not ours, at both ends', () => {
    for (const first of [0x00, 0x0b, 0x0d, 127, 192, 255]) {
      const [viewer, camera] = [new InitiatorBench(), new ResponderBench()];
      viewer.receive(Uint8Array.of(first, 1, 2));
      camera.receive(Uint8Array.of(first, 1, 2));
      expect([first, viewer.metrics.drops.notOurs, camera.metrics.drops.notOurs]).toEqual([first, 1, 1]);
    }
    for (const first of [128, 191]) {
      const [viewer, camera] = [new InitiatorBench(), new ResponderBench()];
      viewer.receive(Uint8Array.of(first, 1, 2));
      camera.receive(Uint8Array.of(first, 1, 2));
      expect([first, viewer.metrics.drops.notOurs, camera.metrics.drops.notOurs]).toEqual([first, 0, 0]);
    }
  });

  it('RTCP that is no NACK for the session is counted', () => {
    const bench = new ResponderBench();
    const { ssrc } = bench.streaming(1n);
    bench.receive(nack(ssrc + 1, 1));
    expect(bench.metrics.drops.rtcpUnknown).toBe(1);
    expect(bench.metrics.counters.nacksReceived).toBe(0);
  });
});
