import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { sessionFrame } from '../support/frames.ts';
import { InitiatorBench } from '../support/initiator-bench.ts';
import { framesOf, kinds, ResponderBench, type SentDatagram } from '../support/responder-bench.ts';
import { atMs, calmSession, nack, pong, pushFrame } from '../support/session-steps.ts';

describe('PINGs of a camera', () => {
  it('go out at 0, 100 and 200 ms after the confirm, with new nonces, answered or not', () => {
    for (const answered of [false, true]) {
      const bench = new ResponderBench();
      const ids = bench.streaming(1n);
      for (let ms = 0; ms < 440; ms += 10) {
        if (answered) bench.receive(pong(ids, bench.sent));
        bench.run(10);
      }
      const pings = bench.sent.filter(({ bytes }) => bytes[2] === FrameType.PING);
      expect(atMs(pings)).toEqual([0, 100, 200]);
      expect(new Set(framesOf(pings, 'PING').map((ping) => 'nonce' in ping && ping.nonce)).size).toBe(3);
    }
  });

  it('are all that an idle camera sends: one each 5 s +/- 20 % while they are answered', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const times: number[] = [bench.nowMs];
    while (bench.nowMs < 120_000) {
      const sent = bench.run(10);
      if (sent.length === 0) continue;
      expect(kinds(sent)).toEqual(['PING']);
      times.push(bench.nowMs);
      expect(bench.receive(pong(ids, sent))).toEqual([]);
    }
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(3990);
    expect(Math.max(...gaps)).toBeLessThanOrEqual(6010);
    expect(Math.max(...gaps) - Math.min(...gaps)).toBeGreaterThan(500);
  });

  it('repeat each 250 ms until a PONG comes', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    const pings = bench.run(8000);
    const times = atMs(pings);
    expect(pings.length).toBeGreaterThan(5);
    for (let i = 2; i < times.length; i++) expect((times[i] ?? 0) - (times[i - 1] ?? 0)).toBeCloseTo(250, 6);
    expect(kinds(pings).every((kind) => kind === 'PING')).toBe(true);
  });

  it('repeat each 1.5 round trips when that is more', () => {
    const bench = new ResponderBench();
    const ids = bench.streaming(1n);
    const [first] = [bench.sent.slice()];
    bench.run(400);
    bench.receive(pong(ids, first));
    const before = bench.sent.length;
    bench.run(8000);
    const times = atMs(bench.sent.slice(before));
    const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
    expect(gaps.length).toBeGreaterThan(2);
    for (const gap of gaps) expect(gap).toBeCloseTo(600, 6);
  });

  it('count as consent only by their own nonce: the last eight', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const [first] = [bench.run(6000).slice(0, 1)];
    const old = pong(ids, first);
    for (let i = 0; i < 8; i++) bench.run(250);
    const consentBefore = bench.nowMs;
    bench.receive(old);
    bench.receive(sessionFrame('PONG', ids));
    const sent: SentDatagram[] = [];
    while (bench.closedCodes.length === 0) {
      sent.push(...bench.run(100));
      bench.receive(sessionFrame('PING', ids));
    }
    expect(bench.closedCodes).toEqual([ErrorCode.CONSENT_EXPIRED]);
    expect(bench.nowMs).toBeLessThan(consentBefore + 15_000);
  });
});

describe('consent', () => {
  it('ends 15 s after the last PING with a PONG though everything else still comes: media first, then BYE once (S9)', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const consentMs = bench.nowMs;
    const media: number[] = [];
    while (bench.closedCodes.length === 0 && bench.nowMs < 60_000) {
      bench.receive(sessionFrame('START_CONFIRM', ids));
      bench.receive(sessionFrame('PING', ids));
      if (pushFrame(bench).some(({ plane }) => plane === 'media')) media.push(bench.nowMs);
      bench.run(200);
    }
    expect(bench.closedCodes).toEqual([ErrorCode.CONSENT_EXPIRED]);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(consentMs + 15_000);
    expect(Math.max(...media)).toBeLessThan(consentMs + 15_000);
    expect(Math.max(...media)).toBeGreaterThanOrEqual(consentMs + 14_700);
    expect(framesOf(bench.sent, 'BYE')).toMatchObject([{ errorCode: ErrorCode.CONSENT_EXPIRED }]);
    expect(bench.sent.at(-1)?.bytes[2]).toBe(FrameType.BYE);
  });

  it('of a silent viewer does not matter: it is dead after 12 s, and nothing is said', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    const { nowMs } = bench;
    bench.run(60_000);
    expect(bench.closedCodes).toEqual([ErrorCode.PEER_DEAD]);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(nowMs + 12_000);
    expect(framesOf(bench.sent, 'BYE')).toEqual([]);
  });

  it('is not refreshed by NACKs, and they are no sign of life', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const { nowMs } = bench;
    pushFrame(bench);
    while (bench.closedCodes.length === 0) {
      bench.receive(nack(ids.ssrc, ids.ssrc & 0xffff));
      bench.run(100);
    }
    expect(bench.closedCodes).toEqual([ErrorCode.PEER_DEAD]);
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(nowMs + 12_000);
    expect(bench.metrics.counters.nacksReceived).toBeGreaterThan(100);
  });

  it('that ran out during a stall lets no media pass, even when a datagram is handled before the timers (S9)', () => {
    for (const first of ['START_CONFIRM', 'PING', 'BYE_ACK'] as const) {
      const bench = new ResponderBench();
      const ids = calmSession(bench);
      bench.nowMs += 20_000;
      expect(kinds(bench.receive(sessionFrame(first, ids)))).not.toContain('RTP');
      expect(kinds(pushFrame(bench))).toEqual([]);
      expect(kinds(bench.receive(nack(ids.ssrc, ids.ssrc & 0xffff)))).not.toContain('RTP');
      expect(kinds(bench.step({ kind: 'timeout' }))).not.toContain('RTP');
      expect(bench.closedCodes).toHaveLength(1);
    }
  });

  it('that waits in the queue of the socket saves a session after a stall, if it is handled before the timers', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const pings = bench.run(6000);
    const late = pong(ids, pings.slice(-1));
    bench.nowMs += 8000;
    bench.receive(late);
    bench.step({ kind: 'timeout' });
    expect(bench.closedCodes).toEqual([]);
    expect(kinds(pushFrame(bench))).toContain('RTP');
  });

  it('is as old as the PING that it answers: after a stall longer than consent it lets no media pass (S9)', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const late = pong(ids, bench.run(6000).slice(-1));
    bench.nowMs += 20_000;
    expect(kinds(bench.receive(late))).not.toContain('RTP');
    expect(kinds(pushFrame(bench))).toEqual([]);
    bench.step({ kind: 'timeout' });
    expect(bench.closedCodes).toEqual([ErrorCode.CONSENT_EXPIRED]);
  });

  it('is never made older by a PONG to an earlier PING', () => {
    const bench = new ResponderBench();
    const ids = calmSession(bench);
    const pings = bench.run(9000);
    const [earlier, newest] = [pong(ids, pings.slice(0, -2)), pong(ids, pings)];
    const newestMs = atMs(pings).at(-1) ?? 0;
    bench.receive(newest);
    bench.receive(earlier);
    while (bench.closedCodes.length === 0) {
      bench.receive(sessionFrame('PING', ids));
      bench.run(500);
    }
    expect(bench.outputs.find(({ output }) => output.kind === 'closed')?.atMs).toBe(newestMs + 15_000);
  });

  it('that does not come before the timers after a stall ends the session, once', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    bench.nowMs += 20_000;
    bench.step({ kind: 'timeout' });
    expect(bench.closedCodes).toEqual([ErrorCode.PEER_DEAD]);
    expect(bench.count('release')).toBe(1);
    expect(bench.endpoint.sessionCount).toBe(0);
    expect(bench.endpoint.deadlineMs()).toBeGreaterThan(0);
    expect(bench.run(60_000)).toEqual([]);
  });
});

describe('a stall of a viewer', () => {
  it('of 20 s is survived when the waiting datagrams are handled first', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.nowMs += 20_000;
    expect(kinds(bench.frame('PING'))).toEqual(['PONG']);
    bench.step({ kind: 'timeout' });
    expect(bench.endpoint.state).toBe('Streaming');
  });

  it('of 20 s without one ends it', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.nowMs += 20_000;
    bench.step({ kind: 'timeout' });
    expect(bench.closed?.code).toBe(ErrorCode.PEER_DEAD);
  });
});

describe('a viewer that hears nothing', () => {
  it('asks with PING after 6 s, again each 250 ms, and ends after 12 s', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.run(20_000);
    const pings = bench.sent.filter(({ bytes }) => bytes[2] === FrameType.PING);
    expect(pings[0]?.atMs).toBe(6000);
    expect(pings[1]?.atMs).toBe(6250);
    expect(pings.length).toBeLessThanOrEqual(25);
    expect(bench.closedAtMs).toBe(12_000);
    expect(bench.closed).toMatchObject({ code: ErrorCode.PEER_DEAD, wasStreaming: true });
    expect(bench.sentFrames('BYE')).toEqual([]);
  });

  it('goes back to listening when a PONG comes', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.run(6100);
    bench.frame('PONG');
    expect(bench.run(5900)).toEqual([]);
    expect(bench.endpoint.state).toBe('Streaming');
  });

  it('has the shorter times of the profile lan', () => {
    const bench = new InitiatorBench({ profile: profiles.lan });
    bench.stream();
    bench.run(20_000);
    expect(bench.sentFrames('PING').length).toBeGreaterThanOrEqual(15);
    expect(bench.closedAtMs).toBe(3000);
  });
});

describe('PING at either end', () => {
  it('is answered one for one with its nonce and the largest datagram since the PONG before', () => {
    const bench = new InitiatorBench();
    bench.stream();
    bench.frame('PING');
    expect(framesOf(bench.frame('PING'), 'PONG')).toMatchObject([{ nonce: 99n, datagramBytesMax: 72 }]);
    const camera = new ResponderBench();
    const ids = camera.streaming(1n);
    expect(framesOf(camera.receive(sessionFrame('PING', ids)), 'PONG')).toMatchObject([{ nonce: 99n }]);
  });

  it('marks its PONG so that only the newest need be sent', () => {
    const bench = new InitiatorBench();
    bench.stream();
    const outputs = bench.endpoint.step(
      { kind: 'datagram', bytes: sessionFrame('PING', bench.ids), from: { address: '192.0.2.9', port: 4444 } },
      0,
    );
    expect(outputs).toContainEqual(expect.objectContaining({ kind: 'send', replaces: 1 }));
  });
});
