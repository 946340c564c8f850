import { describe, expect, it } from 'vitest';
import { encodeFrame } from '../../src/codec/encode.ts';
import { InitiatorEndpoint } from '../../src/engine/initiator-endpoint.ts';
import type { Peer } from '../../src/engine/io-types.ts';
import { FAST_BYTES_BASE, FAST_BYTES_MAX, FAST_MS, PROTOCOL_VERSION, TOKEN_MS } from '../../src/protocol/constants.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameFlag, FrameType } from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';
import { Prng } from '../../src/sim/prng.ts';
import { type Simulation, type SimulationOptions, simulate } from '../../src/sim/simulate.ts';
import { securedEnds } from '../../src/sim/simulated-security.ts';
import { testFrames } from '../../src/sim/simulated-stream.ts';
import type { SimulatedViewer } from '../../src/sim/simulated-viewer.ts';
import { cameraPeer } from '../../src/sim/world.ts';
import { controlSent } from '../support/attack-world.ts';
import { frameOf, kindOf, sessionFrame } from '../support/frames.ts';
import { framesOf, ResponderBench, somePeer } from '../support/responder-bench.ts';

type Mode = 'none' | 'psk';
const seed = 5;
const link = { oneWayMs: 10 };

function simulated(options: Partial<SimulationOptions> = {}): Simulation {
  const simulation = simulate({ seed, link, fast: true, ...options });
  simulation.play(testFrames(100_000, 3000));
  return simulation;
}

/** The tokens that viewers were told, oldest first. */
function tokensOf({ events }: Simulation): Uint8Array[] {
  return events.flatMap((event) =>
    event.kind === 'told' && event.output.kind === 'token' ? [event.output.token] : [],
  );
}

/** A viewer that had a session, which is over, and has its token. */
function returning(simulation: Simulation): { readonly viewer: SimulatedViewer; readonly token: Uint8Array } {
  const viewer = simulation.join();
  simulation.run(500);
  viewer.close();
  simulation.run(100);
  const token = tokensOf(simulation).at(-1);
  if (token === undefined) throw new Error('no token came');
  return { viewer, token };
}

/** The START of somebody who shows a token. */
function startWith(token: Uint8Array, mode: Mode = 'none', stream = 9): Uint8Array {
  const secured = mode === 'none' ? {} : { security: securedEnds(mode, seed).viewer.security };
  const entropy = new Prng(stream, 77);
  const endpoint = new InitiatorEndpoint({
    profile: profiles.default,
    entropy,
    peer: cameraPeer,
    fast: true,
    token,
    ...secured,
  });
  return controlSent(endpoint.step({ kind: 'start' }, 0))[0] ?? new Uint8Array(0);
}

/** What the camera sends to an address within some time after a datagram in its name. */
function answered(simulation: Simulation, from: Peer, bytes: Uint8Array, forMs = 3000) {
  const before = simulation.events.length;
  simulation.world.inject(from, bytes);
  simulation.run(forMs);
  const sent = simulation.events
    .slice(before)
    .flatMap((event) =>
      event.kind === 'sent' && event.to.address === from.address && event.to.port === from.port ? [event] : [],
    );
  const media = sent.filter(({ plane }) => plane === 'media');
  return {
    kinds: sent.filter(({ plane }) => plane === 'control').map(({ bytes: frame }) => kindOf(frame)),
    flags: sent.filter(({ plane }) => plane === 'control').map(({ bytes: frame }) => frame[3]),
    mediaBytes: media.reduce((sum, { bytes: { length } }) => sum + length, 0),
    lastMediaMs: (media.at(-1)?.atMs ?? 0) - (sent[0]?.atMs ?? 0),
  };
}

/** A watch cannot tell a secured frame that no endpoint of its world sent from noise: there the test's own figures must do. */
function expectHeld(simulation: Simulation, mode: Mode): void {
  if (mode === 'none') expect(simulation.violations).toEqual([]);
}

const counters = (simulation: Simulation) => simulation.world.camera.counters.snapshot().counters;

describe.each<Mode>(['none', 'psk'])('mode %s: a viewer that comes back with a token', (security) => {
  it('has media after one round trip, without it after two', () => {
    const simulation = simulated({ security });
    const { viewer } = returning(simulation);
    expect(viewer.timeToStreamMs).toBe(40);
    const again = simulation.rejoin(viewer);
    simulation.run(1000);
    expect([again.timeToStreamMs, again.streamingAfterMs, again.state]).toEqual([20, 40, 'Streaming']);
    expect(again.frameCount).toBeGreaterThan(10);
    expect(counters(simulation)).toMatchObject({ fastGranted: 1, tokensIssued: 2, tokensUsed: 0, tokensForged: 0 });
    expect(simulation.finish()).toEqual([]);
  });

  it('has every frame that it would have had, each once and in order', () => {
    const simulation = simulated({ security });
    const again = simulation.rejoin(returning(simulation).viewer);
    simulation.run(2000);
    const stamps = again.frames.map(({ frame }) => frame.timestamp);
    expect(stamps).toEqual([...new Set(stamps)].sort((a, b) => a - b));
    expect(again.stats()).toMatchObject({ lost: 0 });
  });

  it('loses nothing but time when its START_ACK, or its confirm, is lost', () => {
    for (const way of ['toCamera', 'toViewer'] as const) {
      const simulation = simulated({ security });
      const { viewer } = returning(simulation);
      simulation.rejoin(viewer);
      simulation.run(11);
      viewer.host[way].partitioned = true;
      simulation.run(15);
      viewer.host[way].partitioned = false;
      simulation.run(2000);
      expect([way, simulation.viewers[0]?.state]).toEqual([way, 'Streaming']);
      expect(simulation.finish()).toEqual([]);
    }
  });

  it('is told of its first media and its first frame once, also when its handshake begins anew after them', () => {
    const simulation = simulated({ security, camera: { resetKey: new Uint8Array(32).fill(1) } });
    const again = simulation.rejoin(returning(simulation).viewer);
    const before = simulation.events.length;
    simulation.run(25);
    expect([again.timeToStreamMs, again.state]).toEqual([20, 'AwaitingStartConfirm']);
    simulation.world.restart('camera');
    simulation.run(2000);
    const told = simulation.events.slice(before).flatMap((event) => (event.kind === 'told' ? [event.output.kind] : []));
    expect(told.filter((kind) => kind === 'firstMedia' || kind === 'firstFrame')).toEqual(['firstMedia', 'firstFrame']);
    expect([again.timeToStreamMs, again.state]).toEqual([20, 'Streaming']);
    expect(simulation.finish()).toEqual([]);
  });

  it('shows the next one the next time, and each is granted', () => {
    const simulation = simulated({ security });
    let { viewer } = returning(simulation);
    for (let round = 1; round <= 5; round++) {
      viewer = simulation.rejoin(viewer);
      simulation.run(500);
      viewer.close();
      simulation.run(100);
      expect([round, viewer.timeToStreamMs]).toEqual([round, 20]);
    }
    expect(simulation.finish()).toEqual([]);
  });

  it('is asked for a cookie all the same where strangers are', () => {
    const simulation = simulated({ security, camera: { limits: { retryFraction: 1 } } });
    const again = simulation.rejoin(returning(simulation).viewer);
    simulation.run(500);
    expect([again.timeToStreamMs, again.state]).toEqual([40, 'Streaming']);
    expect(simulation.finish()).toEqual([]);
  });

  it('gets no second media beside a session that lives on its tuple, and keeps its token', () => {
    const simulation = simulated({ security });
    const viewer = simulation.join();
    simulation.run(500);
    const again = simulation.rejoin(viewer);
    simulation.run(500);
    expect([again.timeToStreamMs, counters(simulation).fastGranted]).toEqual([40, 0]);
    expect(simulation.finish()).toEqual([]);
  });
});

describe.each<Mode>(['none', 'psk'])('mode %s: a token of fast mode', (mode) => {
  const refused = { mediaBytes: 0, flags: [security(mode) | FrameFlag.ACK_REQUIRED] };

  it('is worth nothing the second time, from another port of its address too', () => {
    const simulation = simulated({ security: mode });
    const { viewer, token } = returning(simulation);
    const { address } = viewer.host.peer;
    const at = (port: number): Peer => ({ address, port });
    expect(answered(simulation, at(50_001), startWith(token, mode, 1)).mediaBytes).toBeGreaterThan(0);
    expect(answered(simulation, at(50_001), startWith(token, mode, 2))).toMatchObject(refused);
    expect(answered(simulation, at(50_002), startWith(token, mode, 3))).toMatchObject(refused);
    expect(counters(simulation)).toMatchObject({ fastGranted: 1, tokensUsed: 2 });
    expectHeld(simulation, mode);
  });

  it('is forgotten after 3 s like any candidate once there is load, also when it came before', () => {
    const limits = { load: { pending: 2, startsPerSecond: 500, lateMs: 50 } };
    const simulation = simulated({ security: mode, camera: { limits } });
    const { viewer, token } = returning(simulation);
    const { address } = viewer.host.peer;
    answered(simulation, { address, port: 50_001 }, startWith(token, mode, 1), 100);
    answered(simulation, { address: '10.9.9.9', port: 50_002 }, startWith(token, mode, 2), 100);
    expect(simulation.world.camera).toMatchObject({ underLoad: true, pendingCount: 2 });
    simulation.run(3000);
    expect(simulation.world.camera.pendingCount).toBe(0);
    expectHeld(simulation, mode);
  });

  it('is forgotten no later for the load than without it', () => {
    const limits = { load: { pending: 2, startsPerSecond: 500, lateMs: 50 } };
    const simulation = simulated({ security: mode, camera: { limits } });
    const { viewer, token } = returning(simulation);
    const { address } = viewer.host.peer;
    answered(simulation, { address, port: 50_001 }, startWith(token, mode, 1), 8000);
    answered(simulation, { address: '10.9.9.9', port: 50_002 }, startWith(token, mode, 2), 1999);
    expect(simulation.world.camera).toMatchObject({ underLoad: true, pendingCount: 2 });
    simulation.run(1);
    expect(simulation.world.camera.pendingCount).toBe(1);
    expectHeld(simulation, mode);
  });

  it('is granted to one of two STARTs that come at the same time', () => {
    const simulation = simulated({ security: mode });
    const { viewer, token } = returning(simulation);
    const { address } = viewer.host.peer;
    simulation.world.inject({ address, port: 50_001 }, startWith(token, mode, 1));
    expect(answered(simulation, { address, port: 50_002 }, startWith(token, mode, 2))).toMatchObject(refused);
    expect(counters(simulation)).toMatchObject({ fastGranted: 1, tokensUsed: 1 });
  });

  it('is worth nothing from another address, and is still good at its own', () => {
    const simulation = simulated({ security: mode });
    const { viewer, token } = returning(simulation);
    const victim = { address: '10.66.6.6', port: 666 };
    expect(answered(simulation, victim, startWith(token, mode, 1))).toMatchObject(refused);
    expect(counters(simulation).tokensForeign).toBe(1);
    const again = simulation.rejoin(viewer);
    simulation.run(100);
    expect(again.timeToStreamMs).toBe(20);
    expectHeld(simulation, mode);
  });

  it('is worth nothing to the process after a restart of the camera', () => {
    const simulation = simulated({ security: mode });
    const { viewer } = returning(simulation);
    simulation.world.restart('camera');
    const again = simulation.rejoin(viewer);
    simulation.run(100);
    expect([again.timeToStreamMs, again.state]).toEqual([40, 'Streaming']);
    expect(counters(simulation)).toMatchObject({ tokensForged: 1, fastGranted: 0 });
    expectHeld(simulation, mode);
  });

  it('cannot be forged: random bytes and changed tokens are counted', () => {
    const simulation = simulated({ security: mode, camera: { limits: { pendingPerPrefixSoft: 64 } } });
    const { viewer, token } = returning(simulation);
    const prng = new Prng(seed, 3);
    const { address } = viewer.host.peer;
    for (let guess = 0; guess < 40; guess++) {
      const forged = guess % 2 === 0 ? new Uint8Array(1 + prng.below(52)) : token.slice();
      if (guess % 2 === 0) prng.fill(forged);
      else forged[prng.below(forged.length)] = prng.below(256) ^ 0x55;
      const same = forged.every((byte, at) => byte === token[at]);
      if (same) continue;
      const { mediaBytes } = answered(
        simulation,
        { address, port: 50_000 + guess },
        startWith(forged, mode, guess + 1),
        50,
      );
      expect([guess, mediaBytes]).toEqual([guess, 0]);
    }
    expect(counters(simulation).tokensForged).toBeGreaterThan(35);
    expectHeld(simulation, mode);
  });

  it('is worth nothing after an hour', () => {
    const simulation = simulated({ security: mode, format: 'generic' });
    const { viewer, token } = returning(simulation);
    simulation.run(0);
    const { world } = simulation;
    const late = world.cameraHost.endpoint;
    const outputs = late.step(
      { kind: 'datagram', bytes: startWith(token, mode), from: viewer.host.peer },
      world.cameraHost.localMs + TOKEN_MS,
    );
    expect(outputs.some(({ kind }) => kind === 'reserve')).toBe(true);
    expect(counters(simulation)).toMatchObject({ tokensExpired: 1, fastGranted: 0 });
  });

  it('shown in the name of a victim at its own address sends it the allowance once, and no more for a flood of copies (S2)', () => {
    const simulation = simulate({ seed, link, fast: true, security: mode });
    // More than the allowance is due at once.
    simulation.play(testFrames(1, 200_000));
    const { viewer, token } = returning(simulation);
    const { address } = viewer.host.peer;
    const start = startWith(token, mode);
    const once = answered(simulation, { address, port: 50_001 }, start);
    expect(once.mediaBytes).toBeGreaterThan(30_000);
    expect(once.mediaBytes).toBeLessThanOrEqual(FAST_BYTES_BASE + 10 * start.length);
    expect(once.lastMediaMs).toBeLessThan(FAST_MS);
    let bytes = once.mediaBytes;
    for (let copy = 0; copy < 200; copy++)
      bytes += answered(simulation, { address, port: 50_001 }, start, 1).mediaBytes;
    bytes += answered(simulation, { address, port: 50_001 }, start).mediaBytes;
    expect(bytes).toBe(once.mediaBytes);
    expectHeld(simulation, mode);
  });

  it('opens 64 KiB at most, whatever a flood of copies earns within its half second (S2)', () => {
    const simulation = simulate({ seed, link, fast: true, security: mode });
    simulation.play(testFrames(1, 400_000));
    const { viewer, token } = returning(simulation);
    const victim = { address: viewer.host.peer.address, port: 50_001 };
    const start = startWith(token, mode);
    let bytes = 0;
    for (let copy = 0; copy < 400; copy++) bytes += answered(simulation, victim, start, 1).mediaBytes;
    bytes += answered(simulation, victim, start).mediaBytes;
    expect(bytes).toBeGreaterThan(FAST_BYTES_MAX - 1300);
    expect(bytes).toBeLessThanOrEqual(FAST_BYTES_MAX);
    expectHeld(simulation, mode);
  });

  it('is not given by a camera that does not allow fast mode, nor taken by it', () => {
    const { token } = returning(simulated({ security: mode }));
    const simulation = simulated({ security: mode, camera: { fast: false } });
    const viewer = simulation.join();
    simulation.run(500);
    expect(tokensOf(simulation)).toEqual([]);
    expect(
      answered(simulation, { address: viewer.host.peer.address, port: 50_001 }, startWith(token, mode)),
    ).toMatchObject(refused);
    expectHeld(simulation, mode);
  });
});

describe('a stream that is over before the confirm', () => {
  it('leaves the candidate to confirm, and ends its session with NO_ERROR then', () => {
    const bench = new ResponderBench({ fast: true });
    bench.streaming(1n);
    const [given] = framesOf(bench.sent, 'TOKEN');
    if (given === undefined || !('token' in given) || given.token === undefined) throw new Error('no token came');
    const token = given.token.slice();
    bench.step({ kind: 'close', code: ErrorCode.SHUTDOWN });
    bench.run(10_000);
    bench.stream.feed.end(bench.nowMs);
    const flags = FrameFlag.ACK_REQUIRED | FrameFlag.FAST;
    const start = { type: FrameType.START, flags, streamId: 2n, sessionTag: 0n, attempt: 1 } as const;
    const [ack] = bench
      .receive(encodeFrame({ ...start, versions: [PROTOCOL_VERSION], token }))
      .map(({ bytes }) => bytes);
    if (ack === undefined) throw new Error('no START_ACK');
    expect(frameOf(ack).flags).toBe(FrameFlag.FAST);
    bench.run(1000);
    expect([bench.endpoint.pendingCount, bench.closedCodes]).toEqual([1, [ErrorCode.CLOSE_TIMEOUT]]);
    const sent = bench.receive(sessionFrame('START_CONFIRM', frameOf(ack)));
    expect(framesOf(sent, 'BYE')).toMatchObject([{ errorCode: ErrorCode.NO_ERROR }]);
    expect(bench.count('streaming')).toBe(2);
  });
});

describe('mode keys', () => {
  it('has no fast mode: no token is given, none is granted, and sessions are as ever', () => {
    const simulation = simulated({ security: 'keys' });
    const viewer = simulation.join();
    simulation.run(500);
    const again = simulation.rejoin(viewer);
    simulation.run(500);
    expect([again.timeToStreamMs, tokensOf(simulation), counters(simulation).tokensIssued]).toEqual([40, [], 0]);
    expect(simulation.finish()).toEqual([]);
  });
});

describe('a START_ACK that grants fast mode', () => {
  it('stays as it was sent when a further START is answered: its memory may still wait in a queue', () => {
    const bench = new ResponderBench({ fast: true });
    bench.streaming(1n);
    const [given] = framesOf([...bench.sent, ...bench.run(100)], 'TOKEN');
    if (given?.type !== FrameType.TOKEN) throw new Error('no token came');
    const start = { type: FrameType.START, flags: FrameFlag.ACK_REQUIRED | FrameFlag.FAST, streamId: 2n } as const;
    const ask = (attempt: number) => {
      const { token } = given;
      const bytes = encodeFrame({ ...start, sessionTag: 0n, attempt, versions: [PROTOCOL_VERSION], token });
      return bench.receive(bytes, { ...somePeer, port: 5001 });
    };
    const sent = [...ask(1), ...ask(2)];
    expect(framesOf(sent, 'START_ACK').map(({ flags, attempt }) => [flags, attempt])).toEqual([
      [FrameFlag.FAST, 1],
      [FrameFlag.FAST, 2],
    ]);
  });
});

describe('TOKEN', () => {
  it('is not sent to what is no address: a token is bound to one', () => {
    const bench = new ResponderBench({ fast: true });
    bench.streaming(1n, { address: 'nowhere', port: 1 });
    bench.run(250);
    expect([framesOf(bench.sent, 'PING').length, framesOf(bench.sent, 'TOKEN').length]).toEqual([3, 0]);
  });

  it('goes out three times, beside the PINGs at 0, 100 and 200 ms, with the same token', () => {
    const simulation = simulated();
    simulation.join();
    simulation.run(30_000);
    const sent = simulation.events.flatMap((event) =>
      event.kind === 'sent' && event.from === cameraPeer && event.plane === 'control' && kindOf(event.bytes) === 'TOKEN'
        ? [event]
        : [],
    );
    expect(sent.map(({ atMs }) => atMs)).toEqual([30, 130, 230]);
    expect(
      new Set(
        sent.map(({ bytes }) =>
          JSON.stringify(frameOf(bytes), (_, value) => (typeof value === 'bigint' ? `${value}` : value)),
        ),
      ).size,
    ).toBe(1);
    expect(tokensOf(simulation)).toHaveLength(1);
  });
});

function security(mode: Mode): number {
  return mode === 'none' ? 0 : FrameFlag.SECURED;
}
