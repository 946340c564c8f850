import { describe, expect, it } from 'vitest';
import { timerNames } from '../../machines/types.ts';
import { clearTrailer } from '../../src/codec/clear-trailer.ts';
import { Counters, closedLabels, dropReasons, hintName, hintNames } from '../../src/engine/counters.ts';
import { Deadlines } from '../../src/engine/deadlines.ts';
import { EarlyMedia } from '../../src/engine/early-media.ts';
import { FastAllowance } from '../../src/engine/fast-allowance.ts';
import { FastStart } from '../../src/engine/fast-start.ts';
import { Histogram, histogramBoundsMs } from '../../src/engine/histogram.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import { MediaInlet } from '../../src/engine/media-inlet.ts';
import { Nonces } from '../../src/engine/nonces.ts';
import { Random } from '../../src/engine/random.ts';
import { RttEstimate } from '../../src/engine/rtt.ts';
import type { SessionHost } from '../../src/engine/session-host.ts';
import { StartSends } from '../../src/engine/start-sends.ts';
import { TokenInbox } from '../../src/engine/token-inbox.ts';
import { Tombstones } from '../../src/engine/tombstones.ts';
import { FAST_BYTES_BASE } from '../../src/protocol/constants.ts';
import { FrameFlag } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Tokens } from '../../src/security/tokens.ts';
import { Prng } from '../../src/sim/prng.ts';

describe('Deadlines', () => {
  it('expires timers in order of time, equal ones in the order of the table', () => {
    const deadlines = new Deadlines(timerNames);
    for (const name of [...timerNames].reverse()) deadlines.arm(name, 10);
    deadlines.arm('drain', 5);
    const order = [];
    for (let name = deadlines.takeDue(10); name !== undefined; name = deadlines.takeDue(10)) order.push(name);
    expect(order).toEqual(['drain', ...timerNames.filter((name) => name !== 'drain')]);
    expect(deadlines.earliestMs()).toBe(Number.POSITIVE_INFINITY);
  });

  it('keeps what is not due, moves what is armed anew and forgets what is disarmed', () => {
    const deadlines = new Deadlines(timerNames);
    deadlines.arm('T1', 10);
    deadlines.arm('dead', 20);
    expect(deadlines.takeDue(9.9)).toBeUndefined();
    deadlines.arm('T1', 30);
    expect(deadlines.at('T1')).toBe(30);
    expect(deadlines.earliestMs()).toBe(20);
    deadlines.disarm('dead');
    expect(deadlines.takeDue(29)).toBeUndefined();
    expect(deadlines.takeDue(30)).toBe('T1');
    deadlines.arm('close', 40);
    deadlines.disarmAll();
    expect(deadlines.takeDue(1e9)).toBeUndefined();
  });
});

describe('Nonces', () => {
  it('knows the last eight and when each was sent, and forgets the ninth', () => {
    const nonces = new Nonces();
    for (let n = 1; n <= 9; n++) nonces.add(BigInt(n), 100 * n);
    expect(nonces.sentAtMs(1n)).toBeUndefined();
    for (let n = 2; n <= 9; n++) expect(nonces.sentAtMs(BigInt(n))).toBe(100 * n);
    expect(nonces.sentAtMs(10n)).toBeUndefined();
  });

  it('does not take the nonce 0 for one that was sent', () => {
    expect(new Nonces().sentAtMs(0n)).toBeUndefined();
  });
});

describe('Tombstones', () => {
  const error = Uint8Array.of(1);

  it('keeps 4,096 and lets the oldest go (S5)', () => {
    const stones = new Tombstones();
    for (let id = 1n; id <= 4096n; id++) stones.add('a', id, error, 5000, 0);
    stones.add('a', 1n, error, 5000, 1);
    stones.add('a', 5000n, error, 5000, 1);
    expect(stones.size).toBe(4096);
    expect(stones.find('a', 1n, 1)).toBe(error);
    expect(stones.find('a', 2n, 1)).toBeUndefined();
    expect(stones.find('a', 3n, 1)).toBe(error);
  });

  it('keeps none longer than 5 s and each only as long as was asked', () => {
    const stones = new Tombstones();
    stones.add('a', 1n, error, 60_000, 0);
    stones.add('a', 2n, undefined, 1000, 0);
    expect(stones.find('a', 1n, 4999)).toBe(error);
    expect(stones.find('a', 1n, 5000)).toBeUndefined();
    expect(stones.find('a', 2n, 999)).toBe('silent');
    expect(stones.find('a', 2n, 1000)).toBeUndefined();
  });

  it('tells tuples and StreamIds apart', () => {
    const stones = new Tombstones();
    stones.add('10.0.0.1 5', 1n, error, 1000, 0);
    expect(stones.find('10.0.0.1 5', 2n, 0)).toBeUndefined();
    expect(stones.find('10.0.0.1 6', 1n, 0)).toBeUndefined();
  });
});

describe('StartSends', () => {
  it('takes any sent attempt for fresh before the first cookie', () => {
    const sends = new StartSends();
    sends.sent(1, 0);
    sends.sent(2, 5);
    expect([0, 1, 2, 3].map((attempt) => sends.isFresh(attempt))).toEqual([false, true, true, false]);
    expect(sends.sentAtMs(2)).toBe(5);
    expect(sends.sentAtMs(3)).toBeUndefined();
  });

  it('takes only attempts sent with the newest cookie for fresh afterwards', () => {
    const sends = new StartSends();
    sends.sent(1, 0);
    sends.sent(2, 5);
    sends.cookieAdopted(3);
    expect(sends.isFresh(2)).toBe(false);
    expect(sends.isFresh(3)).toBe(false);
    sends.sent(3, 6);
    expect(sends.isFresh(3)).toBe(true);
    sends.sent(4, 7);
    expect(sends.isFresh(4)).toBe(true);
  });
});

describe('Histogram', () => {
  it('counts cumulatively up to and with each bound, and larger ones only in the count', () => {
    const histogram = new Histogram();
    for (const ms of [0, 1, 1.5, 50, 50.1, 30_000, 31_000]) histogram.observe(ms);
    const { cumulative, count, sumMs } = histogram.snapshot();
    const upTo = (bound: (typeof histogramBoundsMs)[number]) => cumulative[histogramBoundsMs.indexOf(bound)];
    expect(upTo(1)).toBe(2);
    expect(upTo(2)).toBe(3);
    expect(upTo(50)).toBe(4);
    expect(upTo(100)).toBe(5);
    expect(upTo(30_000)).toBe(6);
    expect(count).toBe(7);
    expect(sumMs).toBeCloseTo(61_102.6, 6);
  });
});

describe('Random', () => {
  it('never draws the id 0', () => {
    let zeros = 3;
    const random = new Random({ fill: (target) => void target.fill(zeros-- > 0 ? 0 : 1) });
    expect(random.id()).toBe(0x0101010101010101n);
  });

  it('draws u32, units below 1 and fresh byte arrays', () => {
    const full = new Random({ fill: (target) => void target.fill(0xff) });
    expect(full.u32()).toBe(0xffff_ffff);
    expect(full.unit()).toBeLessThan(1);
    expect(full.id()).toBe(0xffff_ffff_ffff_ffffn);
    const seeded = new Random(new Prng(1));
    expect(seeded.bytes(8)).not.toEqual(seeded.bytes(8));
  });
});

describe('RttEstimate', () => {
  it('begins with the first sample and then follows by an eighth', () => {
    const rtt = new RttEstimate();
    expect(rtt.ms).toBeUndefined();
    rtt.sample(80);
    expect(rtt.ms).toBe(80);
    rtt.sample(160);
    expect(rtt.ms).toBe(90);
  });
});

describe('Counters', () => {
  it('has closed sets of labels whatever a peer sends (S16)', () => {
    const counters = new Counters();
    for (const code of [0, 6, 25, 26, 0x7f, 0x80, 0xff, 0x100, 65_535]) counters.closed(code);
    const { closed, drops, hints } = counters.snapshot();
    expect(Object.keys(closed)).toEqual(closedLabels);
    expect(Object.keys(drops)).toEqual(dropReasons);
    expect(Object.keys(hints)).toEqual(hintNames);
    expect(closed.UNKNOWN).toBe(4);
    expect(closed.APPLICATION).toBe(2);
    expect(new Set(dropReasons).size).toBe(dropReasons.length);
    expect(hintName('EMSGSIZE')).toBe('EMSGSIZE');
    expect(hintName('EWHATEVER')).toBe('other');
  });

  it('gives copies of its figures', () => {
    const counters = new Counters();
    const before = counters.snapshot();
    counters.drop('crc');
    counters.add('datagramsSent', 2);
    expect(before.drops.crc).toBe(0);
    expect(counters.snapshot().drops.crc).toBe(1);
    expect(counters.snapshot().counters.datagramsSent).toBe(2);
  });
});

/** What a part of an initiator's session puts out. */
function initiatorHost(): { readonly host: SessionHost<InitiatorOutput>; readonly outputs: InitiatorOutput[] } {
  const outputs: InitiatorOutput[] = [];
  const host = {
    profile: profiles.default,
    random: new Random(new Prng(1)),
    counters: new Counters(),
    trace: true,
    handshakeTrailer: clearTrailer,
    emit: (output: InitiatorOutput) => outputs.push(output),
  } as const;
  return { host, outputs };
}

describe('FastAllowance', () => {
  it('lets everything leave that there is room for, and nothing more', () => {
    const allowance = new FastAllowance(0);
    expect(allowance.spend(FAST_BYTES_BASE + 1, 0)).toBe(false);
    expect(allowance.spend(FAST_BYTES_BASE, 0)).toBe(true);
    expect([allowance.roomBytes(0), allowance.spend(1, 0)]).toEqual([0, false]);
  });
});

describe('FastStart', () => {
  const parts = () => {
    const counters = new Counters();
    return { counters, fast: new FastStart(new Tokens(new Uint8Array(32)), counters) };
  };
  const from = { address: '192.0.2.1', port: 1 };

  it('takes the token of a START that asks for fast mode only', () => {
    const { fast } = parts();
    const token = fast.issue(from, 0);
    expect(fast.redeem({ flags: 0, token }, from, 0)).toBeUndefined();
    expect(fast.redeem({ flags: FrameFlag.FAST, token }, from, 0)).toBeDefined();
  });

  it('gives and counts none for what is no address', () => {
    const { fast, counters } = parts();
    expect(fast.issue({ address: 'nowhere', port: 1 }, 0)).toBeUndefined();
    expect(counters.snapshot().counters.tokensIssued).toBe(0);
    expect(fast.issue(from, 0)).toBeDefined();
    expect(counters.snapshot().counters.tokensIssued).toBe(1);
  });
});

describe('TokenInbox', () => {
  it('tells a token that stays as it came when the memory of its datagram is used again', () => {
    const { host, outputs } = initiatorHost();
    const inbox = new TokenInbox(host);
    const token = Uint8Array.of(1, 2, 3);
    inbox.take(token);
    token.fill(0);
    inbox.take(Uint8Array.of(1, 2, 3));
    expect(outputs).toEqual([{ kind: 'token', token: Uint8Array.of(1, 2, 3) }]);
  });
});

describe('EarlyMedia', () => {
  it('drops what it has kept once, whichever way it goes', () => {
    const { host, outputs } = initiatorHost();
    const peer = { address: '192.0.2.1', port: 1 };
    const early = new EarlyMedia(host, peer);
    const options = { latencyMs: 100, firstGroupMs: 100, repair: false, datagrams: false };
    const inlet = new MediaInlet(host, peer, 1, options, { startedAtMs: 0, media: false, frame: false });
    early.keep(new Uint8Array(5));
    early.forget();
    early.settle(inlet, true, 0);
    early.keep(new Uint8Array(7));
    early.settle(inlet, true, 0);
    early.forget();
    expect(outputs).toEqual([
      { kind: 'traceDrop', reason: 'mediaEarly', peer, bytes: 5 },
      { kind: 'traceDrop', reason: 'mediaForeign', peer, bytes: 7 },
    ]);
  });
});
