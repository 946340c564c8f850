import { describe, expect, it } from 'vitest';
import type { Peer, SessionHandle } from '../../src/engine/io-types.ts';
import { SESSION_SLOT_DATAGRAMS_MAX } from '../../src/engine/media-outlet.ts';
import { SLOT_DATAGRAMS_MAX } from '../../src/engine/media-pacer.ts';
import { ResponderEndpoint } from '../../src/engine/responder-endpoint.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { collectGarbage } from '../support/collect-garbage.ts';
import { frameOf, type Ids, sessionFrame, startBytes } from '../support/frames.ts';
import { ResponderBench, type SentDatagram } from '../support/responder-bench.ts';
import { calmSession, pushFrame } from '../support/session-steps.ts';

const viewers: readonly Peer[] = [1, 2, 3, 4, 5].map((port) => ({ address: '192.0.2.1', port }));

function push(feed: StreamFeed, nowMs: number): void {
  feed.push({ units: [new Uint8Array(300)], timestamp: nowMs * 90, keyframe: true }, nowMs, 0);
}

/** Five viewers who confirmed: those numbered 1, 3 and 5 watch one feed, the others another; reserved in the order given. */
function streaming(order: readonly SessionHandle[]) {
  const bench = new ResponderBench({}, 'never');
  const [odd, even] = [new StreamFeed({ format: 'generic' }), new StreamFeed({ format: 'generic' })];
  const ids = new Map<SessionHandle, Ids>();
  for (const [index, peer] of viewers.entries()) bench.receive(startBytes(BigInt(index + 1)), peer);
  for (const session of order) {
    const [ack] = bench.step({ kind: 'reserved', session, feed: session % 2 === 1 ? odd : even });
    const { streamId, sessionTag } = frameOf(ack?.bytes ?? new Uint8Array());
    ids.set(session, { streamId, sessionTag });
    bench.receive(sessionFrame('START_CONFIRM', { streamId, sessionTag }), viewers[session - 1]);
  }
  const media = (feed: StreamFeed): number[] => {
    push(feed, bench.nowMs);
    return bench.step({ kind: 'media', feed }).map(({ to }) => to.port);
  };
  return { bench, odd, even, ids, media };
}

describe('what a feed has new', () => {
  it.each([[[1, 2, 3, 4, 5]], [[5, 4, 3, 2, 1]], [[3, 1, 4, 5, 2]]])(
    'goes to its own viewers only, the oldest session first, when they were reserved in the order %j',
    (order) => {
      const { bench, odd, even, media } = streaming(order);
      expect(media(odd)).toEqual([1, 3, 5]);
      expect(media(even)).toEqual([2, 4]);
      // A second yes changes nothing.
      for (const session of order) bench.step({ kind: 'reserved', session, feed: odd });
      bench.run(20);
      expect(media(odd)).toEqual([1, 3, 5]);
      expect(media(even)).toEqual([2, 4]);
    },
  );

  it('goes no longer to who has left, however many leave, and to nobody when all have', () => {
    const { bench, odd, even, ids, media } = streaming([1, 2, 3, 4, 5]);
    const leave = (session: SessionHandle): void => {
      bench.receive(sessionFrame('BYE', ids.get(session) as Ids), viewers[session - 1]);
    };
    leave(3);
    expect(media(odd)).toEqual([1, 5]);
    leave(1);
    bench.run(20);
    expect(media(odd)).toEqual([5]);
    leave(5);
    expect(media(odd)).toEqual([]);
    bench.run(20);
    expect(media(even)).toEqual([2, 4]);
    bench.step({ kind: 'close', code: ErrorCode.SHUTDOWN });
    expect(media(even)).toEqual([]);
  });

  it('is cut into datagrams once, however many watch: they all read one log', () => {
    const { odd, media } = streaming([1, 2, 3, 4, 5]);
    const lane = odd.retain(1200);
    media(odd);
    expect([odd.counters.frames, lane.next]).toEqual([1, 1]);
    expect([1, 3, 5].map(() => odd.retain(1200))).toEqual([lane, lane, lane]);
  });

  it('leaves one session in bounded bursts after a stall: the rest waits for the next slots', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    pushFrame(bench);
    const { feed } = bench.stream;
    for (let frame = 0; frame < 300; frame++) {
      feed.push({ units: [new Uint8Array(300)], timestamp: frame, keyframe: false }, bench.nowMs, 0);
    }
    const sent = [...bench.step({ kind: 'media', feed }), ...bench.run(20)].filter(({ plane }) => plane === 'media');
    const bySlot = new Map<number, number>();
    for (const { atMs } of sent) bySlot.set(Math.floor(atMs), (bySlot.get(Math.floor(atMs)) ?? 0) + 1);
    expect(sent.length).toBeGreaterThan(SESSION_SLOT_DATAGRAMS_MAX);
    expect(Math.max(...bySlot.values())).toBe(SESSION_SLOT_DATAGRAMS_MAX);
    expect(bench.metrics.counters.mediaPutOff).toBeGreaterThan(0);
  });

  it('is sent again, from its newest group on, to the one viewer for whom that is asked', () => {
    const { bench, odd, media } = streaming([1, 2, 3, 4, 5]);
    expect(media(odd)).toEqual([1, 3, 5]);
    bench.run(20);
    expect(bench.step({ kind: 'timeout' })).toEqual([]);
    const sent = bench.step({ kind: 'refresh', session: 3 });
    expect(sent.map(({ to, plane }) => [to.port, plane])).toEqual([[3, 'media']]);
    expect(bench.step({ kind: 'refresh', session: 99 })).toEqual([]);
  });

  it('is sent again in the middle of a group, from the key frame on', () => {
    const bench = new ResponderBench();
    calmSession(bench);
    const timestamps = (sent: readonly SentDatagram[]) =>
      sent
        .filter(({ plane }) => plane === 'media')
        .map(({ bytes }) => new DataView(bytes.buffer, bytes.byteOffset).getUint32(4));
    const { feed } = bench.stream;
    const sent = [0, 1, 2].flatMap((timestamp) => {
      feed.push({ units: [new Uint8Array(300)], timestamp, keyframe: timestamp === 0 }, bench.nowMs, 0);
      return [...bench.step({ kind: 'media', feed }), ...bench.run(20)];
    });
    const group = new Set(timestamps(sent));
    expect(group.size).toBe(3);
    const again = [...bench.step({ kind: 'refresh', session: 1 }), ...bench.run(20)];
    expect([...new Set(timestamps(again))]).toEqual([...group]);
  });

  it('is not sent again to a candidate, which has nothing yet, nor to who has left', () => {
    const bench = new ResponderBench();
    const ids = bench.candidate(1n);
    pushFrame(bench);
    expect(bench.step({ kind: 'refresh', session: 1 })).toEqual([]);
    bench.receive(sessionFrame('START_CONFIRM', ids));
    bench.receive(sessionFrame('BYE', ids));
    expect(bench.step({ kind: 'refresh', session: 1 })).toEqual([]);
  });

  it('goes to many viewers in bounded bursts: who finds the slot full waits for the next', () => {
    const bench = new ResponderBench();
    const { feed } = bench.stream;
    for (let port = 1; port <= 12; port++) bench.streaming(BigInt(port), { address: `10.0.${port}.1`, port });
    feed.push({ units: [new Uint8Array(300)], timestamp: 0, keyframe: true }, bench.nowMs, 0);
    bench.step({ kind: 'media', feed });
    bench.run(50);
    // Whole milliseconds, so that all of it is in one slot.
    bench.nowMs = Math.ceil(bench.nowMs) + 1;
    for (let frame = 1; frame <= 30; frame++) {
      feed.push({ units: [new Uint8Array(300)], timestamp: frame, keyframe: false }, bench.nowMs, 0);
    }
    const sent = bench.step({ kind: 'media', feed }).filter(({ plane }) => plane === 'media');
    expect(sent.length).toBe(30 * Math.ceil(SLOT_DATAGRAMS_MAX / 30));
    expect(bench.metrics.counters.mediaPutOff).toBe(12 - Math.ceil(SLOT_DATAGRAMS_MAX / 30));
    const { atMs } = bench.run(1).find(({ plane }) => plane === 'media') ?? { atMs: 0 };
    expect(atMs).toBe(bench.nowMs);
  });
});

describe('a feed', () => {
  it('holds nothing of a session that is over, however long it goes on', async () => {
    const endpoint = new ResponderEndpoint({ profile: profiles.default, entropy: new Prng(1) });
    const feed = new StreamFeed({ format: 'generic' });
    const gone = (() => {
      const from = { address: '192.0.2.1', port: 5000 };
      endpoint.step({ kind: 'datagram', bytes: startBytes(1n), from }, 0);
      const [ack] = endpoint.step({ kind: 'reserved', session: 1, feed }, 0);
      const ids = frameOf(ack?.kind === 'send' ? ack.bytes : new Uint8Array());
      const told = endpoint.step({ kind: 'datagram', bytes: sessionFrame('START_CONFIRM', ids), from }, 0);
      endpoint.step({ kind: 'datagram', bytes: sessionFrame('BYE', ids), from }, 0);
      const streaming = told.find((output) => output.kind === 'streaming');
      if (streaming?.kind !== 'streaming') throw new Error('no session');
      // The session's own.
      return new WeakRef(streaming.peer);
    })();
    for (let nowMs = 0; nowMs < 20_000; nowMs += 10) {
      endpoint.step({ kind: 'timeout' }, nowMs);
      push(feed, nowMs);
      endpoint.step({ kind: 'media', feed }, nowMs);
    }
    expect(endpoint.sessionCount).toBe(0);
    await collectGarbage();
    expect(gone.deref()).toBeUndefined();
  });
});
