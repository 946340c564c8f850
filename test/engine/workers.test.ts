import { describe, expect, it } from 'vitest';
import { defaultAdmissionLimits } from '../../src/engine/admission.ts';
import { Cookies } from '../../src/engine/cookies.ts';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { Entropy, Peer } from '../../src/engine/io-types.ts';
import { Random } from '../../src/engine/random.ts';
import { WorkerRouter } from '../../src/engine/worker-router.ts';
import { CAMERA_WORKERS_MAX, otherWorkerOf, shareOfLimits, tagOfWorker } from '../../src/engine/worker-share.ts';
import { CONTROL_FIRST_BYTE, HEADER_BYTES } from '../../src/protocol/constants.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { resetToken } from '../../src/security/reset-token.ts';
import { TOKENS_MEMORY_BYTES } from '../../src/security/tokens.ts';
import { Prng } from '../../src/sim/prng.ts';
import { securedEnds } from '../../src/sim/simulated-security.ts';
import { frameOf, rtpBytes, sessionFrame, startBytes } from '../support/frames.ts';
import { framesOf, kinds, ResponderBench, somePeer } from '../support/responder-bench.ts';

const key = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const moved: Peer = { address: '198.51.100.9', port: 6000 };
const peer = (i: number): Peer => ({ address: `10.0.${i >> 8}.${i & 255}`, port: 4000 + (i % 7) });
/** What names a session may be of any worker. */
const named = ['START_CONFIRM', 'PING', 'PONG', 'BYE', 'BYE_ACK', 'NOTIFY', 'REQUEST'] as const;

function routerOf(workers: number): WorkerRouter {
  const router = new WorkerRouter(workers, key);
  for (let worker = 0; worker < workers; worker++) router.setUp(worker, true);
  return router;
}

function benchOf(index: number, count: number, more: { readonly tuplesStray?: boolean } = {}): ResponderBench {
  const resetKey = new Uint8Array(32).fill(7);
  return new ResponderBench({ worker: { index, count, ...more }, resetKey, entropy: new Prng(index + 1) });
}

describe('the tag of a worker', () => {
  it('names it with the first byte, keeps 56 bits as they were drawn, and is none if nothing is left', () => {
    expect(tagOfWorker(0xffee_ddcc_bbaa_9988n, { index: 2, count: 3 })).toBe(0x02ee_ddcc_bbaa_9988n);
    expect(tagOfWorker(0xff00_0000_0000_0000n, { index: 0, count: 2 })).toBe(0n);
    expect(tagOfWorker(0xffee_ddcc_bbaa_9988n, { index: 0, count: 1 })).toBe(0xffee_ddcc_bbaa_9988n);
  });

  it('is another’s only if it names one that there is', () => {
    const share = { index: 1, count: 3 };
    expect(otherWorkerOf(0x02ff_0000_0000_0001n, share)).toBe(2);
    expect(otherWorkerOf(0x00ff_0000_0000_0001n, share)).toBe(0);
    expect(otherWorkerOf(0x01ff_0000_0000_0001n, share)).toBeUndefined();
    expect(otherWorkerOf(0x03ff_0000_0000_0001n, share)).toBeUndefined();
    expect(otherWorkerOf(0x05ff_0000_0000_0001n, { index: 0, count: 1 })).toBeUndefined();
  });

  it('is drawn again when it would be 0', () => {
    const drawn: number[] = [];
    const zeros = 3;
    // An endpoint draws 72 bytes at its start, then 8 for each tag.
    const entropy: Entropy = {
      fill(target) {
        const tag = target.length === 8;
        if (tag) drawn.push(target.length);
        target.fill(tag && drawn.length > zeros ? 9 : 0);
        if (tag && drawn.length <= zeros) target[0] = 1;
      },
    };
    const bench = new ResponderBench({ worker: { index: 0, count: 2 }, entropy });
    expect(bench.candidate(1n).sessionTag).toBe(0x0009_0909_0909_0909n);
  });
});

describe('a worker', () => {
  it('draws tags that name it', () => {
    for (const index of [0, 1, 200, 255]) {
      const bench = benchOf(index, CAMERA_WORKERS_MAX);
      for (let i = 0; i < 20; i++) expect(bench.candidate(1n, peer(i)).sessionTag >> 56n).toBe(BigInt(index));
    }
  });

  it('gives a frame whose tag names another back, whole and from where it came, and says nothing', () => {
    for (const type of named) {
      const bench = benchOf(0, 3);
      const frame = sessionFrame(type, { streamId: 5n, sessionTag: 0x0200_0000_0000_0001n });
      expect(bench.receive(frame, moved), type).toEqual([]);
      expect(bench.outputs.map(({ output }) => output)).toEqual([
        { kind: 'otherWorker', worker: 2, bytes: frame, from: moved },
      ]);
      expect(bench.metrics.counters).toMatchObject({ workerHandedOver: 1, resetsSent: 0 });
      expect(bench.metrics.drops).toMatchObject({ noSession: 0 });
    }
  });

  it('says RESET for ids that are its own and nobody’s, and for those of an earlier process that no worker has', () => {
    for (const sessionTag of [0x0100_0000_0000_0001n, 0x0300_0000_0000_0001n, 0xff00_0000_0000_0001n]) {
      const bench = benchOf(1, 3);
      const [reset] = framesOf(bench.receive(sessionFrame('PING', { streamId: 5n, sessionTag })), 'RESET');
      expect(reset).toMatchObject({
        sessionTag,
        resetToken: resetToken(new Uint8Array(32).fill(7), 5n, sessionTag),
      });
      expect(bench.metrics.counters).toMatchObject({ workerHandedOver: 0, resetsSent: 1 });
    }
  });

  it('gives media feedback of a tuple without a session back only where the system spreads tuples', () => {
    const nack = rtpBytes(1);
    nack[1] = 205;
    const straying = benchOf(0, 2, { tuplesStray: true });
    straying.receive(nack, moved);
    expect(straying.outputs.map(({ output }) => output)).toEqual([{ kind: 'otherWorker', bytes: nack, from: moved }]);
    const one = benchOf(0, 2);
    one.receive(nack, moved);
    expect(one.outputs).toEqual([]);
    expect(one.metrics.drops.noSession).toBe(1);
  });
});

describe('the choice of a worker', () => {
  it('is the same for a tuple each time, and spreads tuples evenly', () => {
    const router = routerOf(4);
    const counts = [0, 0, 0, 0];
    for (let i = 0; i < 4000; i++) {
      const worker = router.route(startBytes(BigInt(i + 1)), peer(i));
      expect(router.route(startBytes(99n), peer(i))).toBe(worker);
      expect(router.route(rtpBytes(1), peer(i))).toBe(worker);
      counts[worker ?? -1] = (counts[worker ?? -1] ?? 0) + 1;
    }
    // 1,000 each; the standard deviation is 27.
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(160);
  });

  it('depends on the key', () => {
    const [one, other] = [routerOf(2), new WorkerRouter(2, Uint8Array.from(key).reverse())];
    for (const worker of [0, 1]) other.setUp(worker, true);
    const differ = Array.from({ length: 200 }, (_, i) => one.homeOf(peer(i)) !== other.homeOf(peer(i)));
    expect(differ.filter(Boolean).length).toBeGreaterThan(50);
  });

  it('follows the tag of every frame of a session, from whatever tuple', () => {
    const router = routerOf(3);
    for (const type of named) {
      for (let worker = 0; worker < 3; worker++) {
        const frame = sessionFrame(type, { streamId: 5n, sessionTag: (BigInt(worker) << 56n) | 77n });
        for (let i = 0; i < 20; i++) expect(router.route(frame, peer(i)), type).toBe(worker);
      }
    }
  });

  it('takes the tuple’s worker for a tag that names none, and for what is too short to name one', () => {
    const router = routerOf(3);
    for (let i = 0; i < 20; i++) {
      const home = router.homeOf(peer(i));
      expect(router.route(sessionFrame('PING', { streamId: 5n, sessionTag: 3n << 56n }), peer(i))).toBe(home);
      expect(router.route(Uint8Array.of(0x0c, 1, 7), peer(i))).toBe(home);
      expect(router.route(new Uint8Array(0), peer(i))).toBe(home);
    }
  });

  it('takes the worker with the tuple’s live session for all without a tag, until it is over', () => {
    const router = routerOf(2);
    const home = router.homeOf(moved) ?? -1;
    expect(router.live(moved, 1 - home)).toBeUndefined();
    expect(router.route(startBytes(1n), moved)).toBe(1 - home);
    expect(router.route(rtpBytes(1), moved)).toBe(1 - home);
    router.gone(moved, home);
    expect(router.liveOn(moved)).toBe(1 - home);
    expect(router.live(moved, home)).toBe(1 - home);
    expect(router.live(moved, home)).toBeUndefined();
    router.gone(moved, home);
    expect(router.liveCount).toBe(0);
    expect(router.route(startBytes(1n), moved)).toBe(home);
  });

  it('has the next one stand in for strangers of a worker that is down, and nobody for its sessions', () => {
    const router = routerOf(3);
    const down = router.homeOf(somePeer) ?? -1;
    router.live(moved, down);
    router.setUp(down, false);
    expect(router.route(startBytes(1n), somePeer)).toBe((down + 1) % 3);
    expect(router.route(sessionFrame('PING', { streamId: 5n, sessionTag: BigInt(down) << 56n }), somePeer)).toBe(
      undefined,
    );
    expect(router.liveOn(moved)).toBeUndefined();
    for (let worker = 0; worker < 3; worker++) router.setUp(worker, false);
    expect(router.route(startBytes(1n), somePeer)).toBeUndefined();
    router.setUp(down, true);
    expect(router.route(startBytes(1n), somePeer)).toBe(down);
  });

  it('has none that is up before it says so, though it knows how many there are', () => {
    const router = new WorkerRouter(3, key);
    expect([0, 1, 2].map((worker) => router.isUp(worker))).toEqual([false, false, false]);
    expect(router.homeOf(somePeer)).toBeUndefined();
    router.setUp(0, true);
    expect([0, 1, 2].map((worker) => router.isUp(worker))).toEqual([true, false, false]);
    expect(router.route(sessionFrame('PING', { streamId: 5n, sessionTag: 2n << 56n }), somePeer)).toBeUndefined();
    expect(router.homeOf(somePeer)).toBe(0);
  });

  it('forgets the sessions of the worker that is down, and of no other', () => {
    const router = routerOf(2);
    const neighbour = { ...moved, port: moved.port + 1 };
    router.live(moved, 0);
    router.live(somePeer, 1);
    expect(router.liveOn(neighbour)).toBeUndefined();
    router.setUp(0, true);
    expect([router.liveOn(moved), router.liveOn(somePeer), router.liveCount]).toEqual([0, 1, 2]);
    router.setUp(0, false);
    expect([router.liveOn(moved), router.liveOn(somePeer), router.liveCount]).toEqual([undefined, 1, 1]);
  });

  it('follows the tag of a frame that is nothing but a header', () => {
    const router = routerOf(3);
    const header = new Uint8Array(HEADER_BYTES);
    for (let worker = 0; worker < 3; worker++) {
      header.set([CONTROL_FIRST_BYTE, 1, FrameType.PING]);
      header[12] = worker;
      expect(router.route(header, somePeer)).toBe(worker);
    }
  });

  it('takes all of an address for its home, to its 64th character', () => {
    const router = routerOf(4);
    const homes = (addresses: readonly string[]) =>
      new Set(addresses.map((address) => router.homeOf({ address, port: 4000 }))).size;
    const numbers = Array.from({ length: 90 }, (_, i) => 10 + i);
    expect(homes(numbers.map((i) => `${i}.0.0.1`))).toBe(4);
    expect(homes(numbers.map((i) => `10.0.0.${i}`))).toBe(4);
    expect(homes(numbers.map((i) => `${'x'.repeat(62)}${i}`))).toBe(4);
    expect(homes(numbers.map((i) => `${'x'.repeat(64)}${i}`))).toBe(1);
  });

  it('tells the tuples apart that differ in the port alone, and takes addresses of any length', () => {
    const router = routerOf(2);
    const homes = Array.from({ length: 64 }, (_, port) => router.homeOf({ address: 'fe80::1%eth0', port }));
    expect(new Set(homes).size).toBe(2);
    expect(router.homeOf({ address: 'x'.repeat(500), port: 1 })).toBeDefined();
  });
});

describe('workers on one table', () => {
  it('find the session of a datagram from a moved tuple, tell it nothing of RESET, and lose none of the session', () => {
    const workers = [benchOf(0, 2), benchOf(1, 2)] as const;
    const router = routerOf(2);
    const home = router.homeOf(somePeer) ?? -1;
    const bench = workers[home] ?? workers[0];
    const ids = bench.streaming(9n);
    expect(ids.sessionTag >> 56n).toBe(BigInt(home));
    // The system may have given it to either.
    for (const arrival of workers) {
      const ping = sessionFrame('PING', ids);
      const from = arrival.outputs.length;
      expect(arrival.receive(ping, moved)).toEqual([]);
      const output = arrival.outputs.slice(from).find((each) => each.output.kind === 'otherWorker')?.output;
      if (arrival === bench) expect(output).toBeUndefined();
      else expect(output).toMatchObject({ worker: home });
      expect(router.route(ping, moved)).toBe(home);
    }
    expect(bench.metrics.drops).toMatchObject({ otherTuple: 1, noSession: 0 });
    for (const { metrics } of workers) expect(metrics.counters.resetsSent).toBe(0);
    expect(kinds(bench.receive(sessionFrame('PING', ids)))).toContain('PONG');
  });

  it('take each other’s cookies if they share the key, for as long as their own', () => {
    const shared = new Uint8Array(16).fill(3);
    const [one, other] = [5, 6].map((seed) => new Cookies(new Random(new Prng(seed)), shared));
    for (const madeAtMs of [0, 59_500, 3_600_000]) {
      const cookie = one?.make(somePeer, 1n, madeAtMs) ?? new Uint8Array(20);
      expect(other?.valid(cookie, somePeer, 1n, madeAtMs)).toBe(true);
      expect(other?.valid(cookie, somePeer, 1n, madeAtMs + 15_000)).toBe(true);
      expect(other?.valid(cookie, somePeer, 1n, madeAtMs + 16_000)).toBe(false);
      expect(other?.valid(cookie, moved, 1n, madeAtMs)).toBe(false);
    }
    const stranger = new Cookies(new Random(new Prng(5)), new Uint8Array(16).fill(4));
    expect(stranger.valid(one?.make(somePeer, 1n, 0) ?? new Uint8Array(20), somePeer, 1n, 0)).toBe(false);
  });

  it('have another key of cookies in each minute', () => {
    const shared = new Cookies(new Random(new Prng(5)), new Uint8Array(16).fill(3));
    const [first, second] = [1000, 61_000].map((atMs) => shared.make(somePeer, 1n, atMs));
    // As if the older one had been made a minute later with the key of its own minute.
    const forged = Uint8Array.from(first ?? []);
    forged.set((second ?? new Uint8Array(20)).subarray(0, 4));
    expect(shared.valid(forged, somePeer, 1n, 61_000)).toBe(false);
  });

  it('take a START with a cookie of another', () => {
    const cookieKey = new Uint8Array(16).fill(3);
    const limits = { retryFraction: 1 };
    const [one, other] = [0, 1].map(
      (index) => new ResponderBench({ worker: { index, count: 2 }, cookieKey, limits, entropy: new Prng(index + 1) }),
    );
    const [retry] = (one?.receive(startBytes(4n)) ?? []).map(({ bytes }) => frameOf(bytes));
    if (retry === undefined || !('cookie' in retry) || retry.cookie === undefined) throw new Error('no RETRY');
    const again = startBytes(4n, 2, { cookie: retry.cookie });
    expect(kinds(other?.receive(again) ?? [])).toEqual(['START_ACK']);
  });
});

describe.each(['none', 'psk'] as const)('three workers that give tokens, mode %s', (mode) => {
  const ends = securedEnds('psk', 1);
  const own = mode === 'none' ? {} : ends.camera;
  const workersOf = (): readonly ResponderBench[] => {
    const tokens = { key: new Uint8Array(32).fill(9), memory: new SharedArrayBuffer(TOKENS_MEMORY_BYTES) };
    return [0, 1, 2].map((index) => {
      const worker = { index, count: 3 };
      return new ResponderBench({ worker, tokens, fast: true, entropy: new Prng(index + 1), ...own });
    });
  };

  /** A viewer of one worker that confirms, each on a tuple of its own. */
  function viewerOf(bench: ResponderBench, seed: number, token?: Uint8Array): InitiatorEndpoint {
    const peer: Peer = { address: '192.0.2.200', port: 4444 };
    const from = { ...somePeer, port: 5000 + seed };
    const shown = { ...(token === undefined ? {} : { token }), ...(mode === 'none' ? {} : ends.viewer) };
    const entropy = new Prng(seed, 77);
    const viewer = new InitiatorEndpoint({ profile: profiles.default, entropy, peer, fast: true, ...shown });
    const waiting = [...viewer.step({ kind: 'start' }, bench.nowMs)];
    for (let output = waiting.shift(); output !== undefined; output = waiting.shift()) {
      if (output.kind === 'token') tokens.push(output.token);
      if (output.kind !== 'send' || output.plane !== 'control') continue;
      for (const { bytes, plane } of bench.receive(output.bytes, from)) {
        if (plane === 'control') waiting.push(...viewer.step({ kind: 'datagram', bytes, from: peer }, bench.nowMs));
      }
    }
    return viewer;
  }
  const tokens: Uint8Array[] = [];

  it('take a token of any of them, and once among all', () => {
    for (const given of [0, 1, 2]) {
      for (const shown of [0, 1, 2]) {
        const workers = workersOf();
        const [giver, taker] = [workers[given], workers[shown]];
        if (giver === undefined || taker === undefined) throw new Error('three');
        tokens.length = 0;
        viewerOf(giver, 5);
        const [token] = tokens;
        if (token === undefined) throw new Error('no token');
        for (const bench of workers) bench.run(10_000);
        viewerOf(taker, 6, token);
        expect([given, shown, taker.metrics.counters.fastGranted]).toEqual([given, shown, 1]);
        for (const [index, bench] of workers.entries()) {
          bench.run(10_000);
          viewerOf(bench, 7 + index, token);
          expect(bench.metrics.counters).toMatchObject({ tokensUsed: 1, tokensForged: 0 });
        }
        const granted = workers.reduce((sum, { metrics }) => sum + metrics.counters.fastGranted, 0);
        expect(granted).toBe(1);
      }
    }
  });
});

describe('a worker’s part of the limits', () => {
  it('is the whole divided, rounded up, so that together they have it all; times and fractions stay', () => {
    const whole = { ...defaultAdmissionLimits, retryFraction: 0.25 };
    expect(shareOfLimits(whole, 1)).toEqual(whole);
    expect(shareOfLimits(whole, 3)).toEqual({
      prefixRate: { perSecond: 67, burst: 67 },
      prefixRateUnderLoad: { perSecond: 7, burst: 7 },
      pendingPerPrefixSoft: 6,
      pendingPerPrefixMax: 22,
      pendingMax: 342,
      load: { pending: 43, startsPerSecond: 167, lateMs: 50 },
      retryFraction: 0.25,
    });
    expect(shareOfLimits(whole, 256).pendingPerPrefixSoft).toBe(1);
    for (const workers of [0, 257, Number.NaN]) expect(() => shareOfLimits(whole, workers)).toThrow(RangeError);
  });
});
