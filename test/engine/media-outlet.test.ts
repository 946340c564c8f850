import { beforeEach, describe, expect, it } from 'vitest';
import { Counters } from '../../src/engine/counters.ts';
import { ConfirmProof, type MediaSend, TokenProof } from '../../src/engine/media-gate.ts';
import { MediaOutlet, SESSION_SLOT_DATAGRAMS_MAX } from '../../src/engine/media-outlet.ts';
import type { MediaProtection } from '../../src/engine/media-protection.ts';
import { type PathProof, PathValidation } from '../../src/engine/path-validation.ts';
import { Random } from '../../src/engine/random.ts';
import { type DatagramMemory, ReusedMemory } from '../../src/media/datagram-memory.ts';
import { encodeNack } from '../../src/media/rtcp.ts';
import { StreamFeed } from '../../src/media/stream-feed.ts';
import { makeTestFrame } from '../../src/media/test-frames.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Tokens } from '../../src/security/tokens.ts';
import { Prng } from '../../src/sim/prng.ts';

const CONSENT_MS = 1000;
const ssrc = 0xabcd_0000;
const owner = { sessionTag: 2n, tupleKey: '192.0.2.1 5000', peer: { address: '192.0.2.1', port: 5000 }, ssrc };
const ids = { streamId: 1n, sessionTag: owner.sessionTag, tupleKey: owner.tupleKey };

/** Adds a byte at each end of a packet, and takes them off again; refuses what does not begin with 0xf0. */
const protection: MediaProtection = {
  overheadBytes: 2,
  protect: (packet) => Uint8Array.of(...packet, 1, 2),
  unprotect: (datagram) => datagram,
  protectFeedback: (packet) => Uint8Array.of(0xf0, ...packet),
  unprotectFeedback: (datagram) => (datagram[0] === 0xf0 ? datagram.subarray(1) : 'mediaForged'),
};

describe('the outlet of a session', () => {
  let feed: StreamFeed;
  let counters: Counters;
  let sent: MediaSend[];

  beforeEach(() => {
    feed = new StreamFeed({ format: 'generic' });
    counters = new Counters();
    sent = [];
  });

  interface Wish {
    readonly secured?: boolean;
    readonly datagramBytesMax?: number;
    readonly memory?: DatagramMemory;
  }

  function outlet({ secured = false, datagramBytesMax = 1200, memory }: Wish = {}): MediaOutlet {
    const host = {
      profile: profiles.default,
      random: new Random(new Prng(1)),
      counters,
      trace: false,
      handshakeTrailer: { bytes: 4, write: () => {} } as never,
      emit: (media: MediaSend) => void sent.push(media),
    };
    return new MediaOutlet(host, owner, feed, { repair: true, datagramBytesMax, secured, memory });
  }

  function opened(
    options?: Parameters<typeof outlet>[0],
    protect: () => MediaProtection | undefined = () => protection,
  ): MediaOutlet {
    const made = outlet(options);
    const proof = ConfirmProof.of(ids, ids);
    if (proof === undefined) throw new Error('no proof');
    made.open(proof, CONSENT_MS, 0, protect);
    return made;
  }

  function push(nowMs: number, bytes = 100, keyframe = true): void {
    const unit = makeTestFrame({ frameNumber: 0, timestampMs: nowMs, bytes, keyframe });
    feed.push({ units: [unit], timestamp: 0, keyframe }, nowMs, 0);
  }

  const sequences = (): number[] => sent.map(({ bytes }) => ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0));
  const figures = () => counters.snapshot().counters;

  it('waits for a group, in the opening, and sends it when it is there', () => {
    const made = opened();
    expect([made.opening, made.finished, made.deadlineMs(0), made.pump(0)]).toEqual([true, false, Infinity, 0]);
    push(5);
    expect(made.deadlineMs(5)).toBeLessThanOrEqual(5);
    expect(made.pump(5)).toBe(1);
    expect([made.opening, sequences(), sent[0]?.to]).toEqual([false, [0], owner.peer]);
    expect(figures()).toMatchObject({ mediaDatagramsSent: 1, datagramsSent: 1, mediaBytesSent: sent[0]?.bytes.length });
  });

  it('is finished when its stream ends before it had a group, and not before all of a group was sent', () => {
    const made = opened();
    feed.end(3);
    expect(made.finished).toBe(true);
    feed = new StreamFeed({ format: 'generic' });
    const other = opened();
    push(0);
    feed.end(1);
    expect(other.finished).toBe(false);
    for (let nowMs = 1; nowMs < 500; nowMs++) other.pump(nowMs);
    expect([other.finished, sequences()[0]]).toEqual([true, 0]);
  });

  it('sends until consent ends, to the millisecond, and on when it is given again (S9)', () => {
    const made = opened();
    push(0);
    made.pump(0);
    push(CONSENT_MS - 1, 100, false);
    expect(made.deadlineMs(CONSENT_MS - 1)).toBeLessThan(Infinity);
    expect(made.deadlineMs(CONSENT_MS)).toBe(Infinity);
    expect(made.pump(CONSENT_MS)).toBe(0);
    made.refresh(CONSENT_MS + 2);
    expect([made.pump(CONSENT_MS + 1), made.deadlineMs(CONSENT_MS + 2)]).toEqual([1, Infinity]);
  });

  it('sends nothing after it was closed (S9), and counts what it had not told yet', () => {
    const made = opened();
    push(0);
    made.pump(0);
    made.feedback(encodeNack(0, ssrc, [77]).datagram, 1);
    made.close();
    push(1);
    expect([made.deadlineMs(1), made.pump(1), sent.length]).toEqual([Infinity, 0, 1]);
    expect(figures().mediaRepairRefused).toBe(1);
  });

  it('closes as well where it has sent nothing', () => {
    const made = opened();
    made.close();
    push(1);
    expect([made.deadlineMs(1), made.pump(1)]).toEqual([Infinity, 0]);
  });

  it('repairs what a NACK of this stream asks for, and says why others have no effect', () => {
    const made = opened();
    const nack = (of: number, wanted: readonly number[]) => made.feedback(encodeNack(0, of, wanted).datagram, 1);
    expect(nack(ssrc, [0, 1])).toBeUndefined();
    expect(figures()).toMatchObject({ nacksReceived: 1, mediaRepairRefused: 2 });
    push(0);
    made.pump(0);
    expect([nack(ssrc, [0]), made.pump(1), sequences()]).toEqual([undefined, 1, [0, 0]]);
    expect(figures()).toMatchObject({ nacksReceived: 2, mediaRepaired: 1, mediaRepairRefused: 2 });
    expect(nack(ssrc + 1, [0])).toBe('rtcpUnknown');
    expect(figures().nacksReceived).toBe(2);
  });

  it('takes no unprotected NACK in a secured session, and sends protected media only', () => {
    const made = opened({ secured: true });
    push(0);
    expect(made.pump(0)).toBe(1);
    expect(sent[0]?.bytes.subarray(-2)).toEqual(Uint8Array.of(1, 2));
    const nack = encodeNack(0, ssrc, [0]).datagram;
    expect(made.feedback(nack, 1)).toBe('mediaForged');
    expect(made.feedback(Uint8Array.of(0xf0, ...nack), 1)).toBeUndefined();
    expect(made.pump(1)).toBe(1);
  });

  it('of a secured session stays shut where nothing can protect its media', () => {
    const made = opened({ secured: true }, () => undefined);
    push(0);
    expect([made.deadlineMs(0), made.pump(0)]).toEqual([Infinity, 0]);
    const nack = encodeNack(0, ssrc, [0]).datagram;
    expect(made.feedback(nack, 0)).toBe('mediaForged');
  });

  it('leaves room for the protection in the datagram size', () => {
    const made = opened({ secured: true, datagramBytesMax: 600 });
    push(0, 3000);
    for (let nowMs = 0; nowMs < 50; nowMs++) made.pump(nowMs);
    expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBe(600);
  });

  it('asks for no protection where the session is not secured', () => {
    const made = outlet();
    const proof = ConfirmProof.of(ids, ids);
    if (proof === undefined) throw new Error('no proof');
    made.open(proof, CONSENT_MS, 0, () => {
      throw new Error('asked for');
    });
    push(0);
    expect(made.pump(0)).toBe(1);
  });

  it('passes over what cannot be protected, and sends what comes after it', () => {
    let packets = 0;
    const made = opened({ secured: true }, () => ({
      ...protection,
      protect: (packet) => (packets++ === 0 ? undefined : Uint8Array.of(...packet, 1, 2)),
    }));
    push(0);
    push(1, 100, false);
    for (let nowMs = 1; nowMs < 40; nowMs++) made.pump(nowMs);
    expect(sequences()[0]).toBe(1);
    expect(figures().mediaDatagramsSent).toBe(sent.length);
  });

  it('sends the newest group again when it is asked to, and has nothing to repeat before its first', () => {
    const made = opened();
    made.refreshGroup(0);
    push(0);
    made.pump(0);
    made.refreshGroup(1);
    expect([made.pump(1), sequences()]).toEqual([1, [0, 1]]);
  });

  it('goes to smaller datagrams when the system refuses the size, sends the group again, and counts the step', () => {
    const made = opened();
    made.pingSent(1n, 0);
    made.tooLarge(1200, 0);
    expect(figures()).toMatchObject({ datagramSizeStepsDown: 1 });
    push(0, 1000);
    for (let nowMs = 0; nowMs < 9; nowMs++) made.pump(nowMs);
    expect(Math.max(...sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(600);
    const before = sent.length;
    made.tooLarge(600, 10);
    for (let nowMs = 10; nowMs < 30; nowMs++) made.pump(nowMs);
    expect(Math.max(...sent.slice(before).map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(296);
    expect(figures()).toMatchObject({ datagramSizeStepsDown: 2, datagramSizeStepsUp: 0 });
    made.refresh(100_000);
    made.pump(70_000);
    expect(figures()).toMatchObject({ datagramSizeStepsDown: 2, datagramSizeStepsUp: 1 });
  });

  it('puts off what is beyond its part of a slot of 1 ms to the next', () => {
    const made = opened();
    push(0);
    made.pump(0);
    const nacked = Array.from({ length: SESSION_SLOT_DATAGRAMS_MAX + 6 }, (_, i) => i + 1);
    for (const _ of nacked) push(0.25, 100, false);
    made.pump(0.5);
    expect(sent).toHaveLength(SESSION_SLOT_DATAGRAMS_MAX);
    expect([made.deadlineMs(0.5), figures().mediaPutOff]).toEqual([1, 1]);
    expect(made.pump(0.75)).toBe(0);
    expect(made.pump(1)).toBe(7);
    expect(figures()).toMatchObject({ mediaDatagramsSent: SESSION_SLOT_DATAGRAMS_MAX + 7, mediaPutOff: 1 });
  });

  it('copies datagrams into the memory that it is given', () => {
    const memory = new ReusedMemory();
    const made = opened({ memory });
    push(0);
    made.pump(0);
    memory.release();
    expect(sent[0]?.bytes.buffer).toBe(memory.copy(Uint8Array.of(1), 1).buffer);
  });

  it('of a secured candidate with a token stays shut where nothing can protect its media', () => {
    const made = outlet({ secured: true });
    const tokens = new Tokens(new Uint8Array(32));
    const prefix = Uint8Array.of(192, 0, 2, 1);
    const redeemed = tokens.redeem(tokens.issue(prefix, 0) ?? new Uint8Array(0), prefix, 0);
    const proof = typeof redeemed === 'string' ? undefined : TokenProof.of(redeemed, owner);
    if (proof === undefined) throw new Error('no proof');
    push(0);
    made.openFast(proof, 256, 0, undefined);
    expect([made.deadlineMs(0), made.pump(0)]).toEqual([Infinity, 0]);
  });

  it('may move before its first group, and sends that to where it moved', () => {
    const made = opened();
    const there = { address: '198.51.100.1', port: 6000 };
    const moves: PathProof[] = [];
    const move = (proof: PathProof): void => void moves.push(proof);
    const may = { mayMoveTo: () => true, count: () => {}, challenge: () => 5n, move };
    const session = { ...owner, ...may, nowMs: 0, repeatMs: 100 };
    const path = new PathValidation(session);
    const header = { flags: 0, streamId: 1n, sessionTag: owner.sessionTag, attempt: 0 };
    path.heard({ ...header, type: FrameType.PING, nonce: 1n, unknownTlvs: [] } as never, 400, there, true);
    path.heard({ ...header, type: FrameType.PATH_RESPONSE, nonce: 5n, unknownTlvs: [] } as never, 60, there, true);
    for (; session.nowMs < 5000 && moves.length === 0; session.nowMs++) path.timeout();
    const proof = moves[0];
    if (proof === undefined) throw new Error('it did not move');
    made.move(proof, 1);
    push(2);
    made.pump(2);
    expect(sent.map(({ to }) => to)).toEqual([there]);
  });
});
