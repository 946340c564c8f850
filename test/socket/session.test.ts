import { once } from 'node:events';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InitiatorOutput, ResponderOutput } from '../../src/engine/io-types.ts';
import { ConfigError, HandshakeError } from '../../src/errors.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { ReceivedStream } from '../../src/io/received-stream.ts';
import { type Responder, respond } from '../../src/io/respond.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import type { ReceivedFrame } from '../../src/media/access-unit.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import { CLIP_FRAMES, clipBytes, clipPath } from '../support/clip.ts';
import { FakeCamera } from '../support/fake-camera.ts';
import { frameOf, kindOf, sessionFrame, startBytes } from '../support/frames.ts';
import { freePort } from '../support/free-port.ts';
import { IdleSource } from '../support/idle-source.ts';
import { freshStreamId, RawPeer } from '../support/raw-peer.ts';
import { socketKinds } from '../support/sockets.ts';
import { soon, Witness } from '../support/witness.ts';

/** How soon is prompt: loopback answers in a fraction of a millisecond, but the machine may be busy. */
const PROMPT_MS = 1500;
/** DRAIN_MS of the protocol, and some. */
const DRAINED_MS = 3500 + PROMPT_MS;

/** What an endpoint said, without the datagrams. */
function hearing<Output extends { readonly kind: string }>(): {
  readonly said: Witness<Output>;
  readonly trace: (output: Output) => void;
} {
  const said = new Witness<Output>();
  return {
    said,
    trace: (output) => {
      if (output.kind !== 'send' && output.kind !== 'media') said.note(output);
    },
  };
}

function at(camera: Responder, stream?: string): string {
  return `127.0.0.1:${camera.local.port}${stream === undefined ? '' : `/${stream}`}`;
}

async function take(stream: ReceivedStream, count: number): Promise<ReceivedFrame[]> {
  const taken: ReceivedFrame[] = [];
  const reading = (async () => {
    for await (const frame of stream.frames()) {
      taken.push(frame);
      if (taken.length === count) return;
    }
  })();
  await soon(reading, 15_000, `${count} frames`);
  return taken;
}

function joined(frames: readonly ReceivedFrame[]): Buffer {
  return Buffer.concat(frames.map(({ payload }) => payload));
}

async function rejection(promise: Promise<unknown>, limitMs: number): Promise<HandshakeError> {
  const error = await soon(
    promise.then(
      () => undefined,
      (reason: unknown) => reason,
    ),
    limitMs,
    'the rejection',
  );
  if (!(error instanceof HandshakeError)) throw new Error(`no HandshakeError but ${error}`);
  return error;
}

function hasIpv6(): boolean {
  return Object.values(networkInterfaces()).some((each) => each?.some(({ address }) => address === '::1') === true);
}

describe.concurrent.each(socketKinds)('one camera (%s)', (socket) => {
  it('has several named streams on one port, and gives each viewer its own', async () => {
    const sizes = { door: 500, yard: 900, attic: 1500 };
    const streams = Object.fromEntries(
      Object.entries(sizes).map(([name, bytesPerFrame]) => [name, testSource({ bytesPerFrame })]),
    );
    await using camera = await respond({ socket, port: 0, streams });
    expect(camera.streams).toEqual(Object.keys(sizes));
    const ports = new Set<number>();
    camera.on('streaming', ({ peer }) => ports.add(peer.port));
    const viewers = await Promise.all(
      Object.entries(sizes).map(async ([name, bytes]) => ({
        bytes,
        stream: await initiate(at(camera, name), { socket }),
      })),
    );
    for (const { bytes, stream } of viewers) {
      const frames = await take(stream, 5);
      expect(frames.map(({ payload }) => payload.length)).toEqual([bytes, bytes, bytes, bytes, bytes]);
    }
    expect(ports.size).toBe(3);
    expect(new Set(viewers.map(({ stream }) => stream.streamId)).size).toBe(3);
    await Promise.all(viewers.map(({ stream }) => stream.close()));
    await camera.destroy();
  });

  it('gives viewers that begin together the whole file each, and a late one from a keyframe on, all byte for byte', async () => {
    const camera = await respond({ socket, port: 0, streams: { clip: h264File(clipPath) } });
    const heard = hearing<InitiatorOutput>();
    const first = initiate(at(camera), { trace: heard.trace });
    const together = await Promise.all([first, initiate(at(camera)), initiate(at(camera))]);
    let frames = 0;
    await heard.said.when((output) => output.kind === 'frame' && ++frames === 60, 10_000, 'frame 60');
    const late = await initiate(at(camera));
    const all = await Promise.all([...together, late].map(allFrames));
    for (const whole of all.slice(0, -1)) {
      expect(whole).toHaveLength(CLIP_FRAMES);
      expect(joined(whole).equals(clipBytes())).toBe(true);
    }
    const lateFrames = all.at(-1) ?? [];
    expect(lateFrames[0]).toMatchObject({ keyframe: true, decodable: true });
    expect(lateFrames).toHaveLength(CLIP_FRAMES - 50);
    expect(joined(lateFrames).equals(joined((all[0] ?? []).slice(50)))).toBe(true);
    const ends = await Promise.all([...together, late].map(({ ended }) => ended));
    for (const end of ends) expect(end).toMatchObject({ code: ErrorCode.NO_ERROR, byPeer: true });
    await Promise.all([...together, late].map((stream) => stream.destroy()));
    await camera.destroy();
  });

  it('begins a file anew for a viewer that comes when the last one has left', async () => {
    const camera = await respond({ socket, port: 0, streams: { clip: h264File(clipPath) } });
    for (let round = 0; round < 3; round++) {
      const stream = await initiate(at(camera));
      const frames = await take(stream, 3);
      expect(joined(frames).equals(clipBytes().subarray(0, joined(frames).length))).toBe(true);
      await stream.close();
    }
    await camera.destroy();
  });

  it('gives the file to a viewer whose START comes right behind the BYE of the last one', async () => {
    const camera = await respond({ socket, port: 0, streams: { clip: h264File(clipPath) } });
    const [leaving, coming] = [await RawPeer.open(camera.local), await RawPeer.open(camera.local)];
    const ids = await leaving.streaming();
    await leaving.nextMedia(ids.ssrc);
    leaving.send(sessionFrame('BYE', ids));
    coming.send(startBytes(freshStreamId()));
    const isAnswer = (bytes: Uint8Array): boolean => ['START_ACK', 'ERROR'].includes(kindOf(bytes) ?? '');
    const answer = frameOf(await coming.received.when(isAnswer, 2000, 'an answer to START'));
    expect(answer).toMatchObject({ type: FrameType.START_ACK });
    await Promise.all([leaving.close(), coming.close(), camera.destroy()]);
  });

  it('with a file that is missing rejects with its path and what to do, and gives the port back', async () => {
    const port = await freePort();
    const listening = respond({ socket, port, streams: { gone: h264File('/no/such.h264'), door: testSource() } });
    await expect(listening).rejects.toThrow(/cannot read \/no\/such\.h264: there is no such file/);
    const camera = await respond({ socket, port, streams: { door: testSource() } });
    await camera.close();
  });

  it('refuses a stream whose file has vanished with words, tells its application, and serves the others', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'firstframe-session-'));
    const path = join(folder, 'clip.h264');
    await copyFile(clipPath, path);
    const camera = await respond({ socket, port: 0, streams: { gone: h264File(path), door: testSource() } });
    await rm(folder, { recursive: true });
    const failures: { readonly stream: string; readonly error: Error }[] = [];
    camera.on('sourceFailed', (failure) => failures.push(failure));
    const error = await rejection(initiate(at(camera, 'gone'), { timeoutMs: 900 }), 2000);
    expect(error).toMatchObject({ code: 'RESOURCE', reason: 'the source does not start' });
    expect(failures).toMatchObject([{ stream: 'gone', error: { message: expect.stringContaining(path) } }]);
    const stream = await initiate(at(camera, 'door'));
    expect(await take(stream, 2)).toHaveLength(2);
    await stream.close();
    await camera.destroy();
  });

  it('that cannot start a live source rejects with its error and gives the port back', async () => {
    const port = await freePort();
    const broken = new IdleSource();
    broken.start = () => Promise.reject(new Error('no such camera device'));
    await expect(respond({ socket, port, streams: { broken } })).rejects.toThrow('no such camera device');
    const camera = await respond({ socket, port, streams: { door: testSource() } });
    await camera.close();
  });

  it('rejects with EADDRINUSE and the address where another one listens', async () => {
    const camera = await respond({ socket, port: 0, streams: { door: testSource() } });
    const again = respond({ socket, port: camera.local.port, streams: { door: testSource() } });
    await expect(again).rejects.toMatchObject({ code: 'EADDRINUSE', port: camera.local.port });
    const localPort = await freePort();
    const watching = await initiate(at(camera), { localPort });
    const error = await rejection(initiate(at(camera), { localPort }), 2000);
    expect(error).toMatchObject({ code: 'LOCAL_NETWORK', attempts: 0, reason: expect.stringContaining('EADDRINUSE') });
    await watching.close();
    await camera.destroy();
  });
});

async function allFrames(stream: ReceivedStream): Promise<ReceivedFrame[]> {
  const frames: ReceivedFrame[] = [];
  const reading = (async () => {
    for await (const frame of stream.frames()) frames.push(frame);
  })();
  await soon(reading, 15_000, 'the end of the stream');
  return frames;
}

describe.concurrent.each(socketKinds)('L3: close() (%s)', (socket) => {
  it('of a viewer tells the camera its code at once, and both are done in bounded time', async () => {
    const heard = hearing<ResponderOutput>();
    const camera = await respond({ socket, port: 0, streams: { door: testSource() }, trace: heard.trace });
    const left: { readonly code: number }[] = [];
    camera.on('left', (leaving) => left.push(leaving));
    for (const [given, code] of [
      [undefined, ErrorCode.NO_ERROR],
      [0x81, 0x81],
    ] as const) {
      const from = heard.said.seen.length;
      const stream = await initiate(at(camera));
      await take(stream, 2);
      const end = await soon(
        given === undefined ? stream.close() : stream.close(given, 'enough'),
        PROMPT_MS,
        'close()',
      );
      expect(end).toMatchObject({ code, byPeer: false });
      await heard.said.when((output) => output.kind === 'peerBye' && output.code === code, PROMPT_MS, 'BYE', from);
      expect(left.at(-1)).toMatchObject({ code });
      await heard.said.when((output) => output.kind === 'release', PROMPT_MS, 'the end of media', from);
      const closed = await heard.said.when((output) => output.kind === 'closed', DRAINED_MS, 'the end', from);
      expect(closed).toMatchObject({ code, wasStreaming: true, streamId: stream.streamId });
    }
    expect(camera.sessionCount).toBe(0);
    await soon(camera.close(), PROMPT_MS, 'close() without viewers');
  });

  it('of a camera tells every viewer SHUTDOWN at once and resolves when they have answered', async () => {
    const camera = await respond({ socket, port: 0, streams: { door: testSource() } });
    const viewers = await Promise.all([1, 2, 3].map(() => initiate(at(camera))));
    await Promise.all(viewers.map((stream) => take(stream, 2)));
    const frames = viewers.map(allFrames);
    await soon(camera.close(), PROMPT_MS, 'close()');
    for (const { ended } of viewers) {
      expect(await soon(ended, PROMPT_MS, 'BYE')).toMatchObject({ code: ErrorCode.SHUTDOWN, byPeer: true });
    }
    await soon(Promise.all(frames), PROMPT_MS, 'the end of frames()');
    for (const { closed } of viewers) {
      expect(await soon(closed, DRAINED_MS, 'the end')).toMatchObject({ code: ErrorCode.SHUTDOWN, byPeer: true });
    }
    await soon(camera.closed, PROMPT_MS, 'closed');
  });

  it('of one session by the camera ends that one with code and words, and no other', async () => {
    const camera = await respond({ socket, port: 0, streams: { door: testSource() } });
    const began = once(camera, 'streaming');
    const unwanted = await initiate(at(camera));
    const [{ session }] = await began;
    const other = await initiate(at(camera));
    camera.closeSession(session, 0x82, 'your hour is over');
    expect(await soon(unwanted.ended, PROMPT_MS, 'BYE')).toMatchObject({
      code: 0x82,
      reason: 'your hour is over',
      byPeer: true,
    });
    expect(await take(other, 10)).toHaveLength(10);
    await Promise.all([unwanted.destroy(), other.destroy(), camera.destroy()]);
  });

  it('S9: of a viewer stops media: nothing of it leaves the camera after the BYE came', async () => {
    const camera = await respond({ socket, port: 0, streams: { door: testSource({ framesPerSecond: 100 }) } });
    const viewer = await RawPeer.open(camera.local);
    const ids = await viewer.streaming();
    await viewer.nextMedia(ids.ssrc);
    const from = viewer.received.seen.length;
    await viewer.send(sessionFrame('BYE', ids));
    await viewer.answer('BYE_ACK', from);
    const acked = viewer.received.seen.findIndex((bytes, index) => index >= from && kindOf(bytes) === 'BYE_ACK');
    await soon(once(camera, 'closed'), DRAINED_MS, 'the end of the session');
    await viewer.answersTo();
    expect(viewer.received.seen.slice(acked).filter((bytes) => kindOf(bytes) === 'RTP')).toEqual([]);
    await Promise.all([viewer.close(), camera.destroy()]);
  });

  it('twice, or after the end, gives the same end', async () => {
    const camera = await respond({ socket, port: 0, streams: { door: testSource() } });
    const stream = await initiate(at(camera));
    const ends = await soon(Promise.all([stream.close(0x90), stream.close(), stream.closed]), PROMPT_MS, 'both');
    expect(ends.map(({ code }) => code)).toEqual([0x90, 0x90, 0x90]);
    expect(await stream.close()).toMatchObject({ code: 0x90 });
    expect(await stream.destroy()).toMatchObject({ code: 0x90 });
    await Promise.all([camera.destroy(), camera.close()]);
  });
});

describe.concurrent.each(socketKinds)('L3: a peer that is gone (%s)', (socket) => {
  it.each([
    { profile: 'lan', deadMs: 3000 },
    { profile: 'default', deadMs: 12_000 },
  ] as const)('is noticed by either side within $deadMs ms with profile $profile', async ({ profile, deadMs }) => {
    const viewerGone = async (): Promise<void> => {
      const camera = await respond({ socket, port: 0, profile, streams: { door: testSource() } });
      const stream = await initiate(at(camera), { profile });
      await take(stream, 2);
      const closed = once(camera, 'closed');
      expect((await stream.destroy()).code).toBe(ErrorCode.LOCAL_NETWORK);
      const beganAtMs = performance.now();
      const [end] = await soon(closed, deadMs + PROMPT_MS, 'the camera noticing');
      expect(end).toMatchObject({ code: ErrorCode.PEER_DEAD, wasStreaming: true });
      // An ICMP error alone proves nothing: it is not what ended the session.
      expect(performance.now() - beganAtMs).toBeGreaterThan(deadMs / 2);
      await camera.destroy();
    };
    const cameraGone = async (): Promise<void> => {
      const camera = await respond({ socket, port: 0, profile, streams: { door: testSource() } });
      const stream = await initiate(at(camera), { profile });
      await take(stream, 2);
      await camera.destroy();
      const beganAtMs = performance.now();
      const end = await soon(stream.closed, deadMs + PROMPT_MS, 'the viewer noticing');
      expect(end).toMatchObject({ code: ErrorCode.PEER_DEAD, byPeer: false });
      expect(performance.now() - beganAtMs).toBeGreaterThan(deadMs / 2);
      expect(stream.metrics().hints.ECONNREFUSED).toBeGreaterThan(0);
    };
    await Promise.all([viewerGone(), cameraGone()]);
  });

  it('and came back with its reset key tells its old viewers PEER_RESET, with another key nothing', async () => {
    const restart = async (sameKey: boolean): Promise<number> => {
      const resetKey = new Uint8Array(32).fill(7);
      const options = { profile: 'lan', streams: { door: testSource() } } as const;
      const before = await respond({ socket, ...options, port: 0, resetKey });
      const { port } = before.local;
      const stream = await initiate(at(before), { profile: 'lan' });
      await take(stream, 2);
      await before.destroy();
      const after = await respond({ socket, ...options, port, resetKey: sameKey ? resetKey : resetKey.with(0, 8) });
      const end = await soon(stream.closed, 3000 + PROMPT_MS, 'the viewer noticing');
      expect(after.metrics().counters.resetsSent).toBeGreaterThan(0);
      await after.destroy();
      return end.code;
    };
    expect(await Promise.all([restart(true), restart(false)])).toEqual([ErrorCode.PEER_RESET, ErrorCode.PEER_DEAD]);
  });
});

describe.concurrent.each(socketKinds)('an idle camera (%s)', (socket) => {
  it('is found within half a second, kept alive by PING and PONG alone, and heard when it has something', async () => {
    const source = new IdleSource();
    const camera = await respond({ socket, port: 0, profile: 'lan', streams: { idle: source } });
    const heard = hearing<InitiatorOutput>();
    const beganAtMs = performance.now();
    const stream = await initiate(at(camera), { profile: 'lan', trace: heard.trace });
    expect(performance.now() - beganAtMs).toBeGreaterThan(240);
    expect(performance.now() - beganAtMs).toBeLessThan(250 + PROMPT_MS);
    expect(stream.timeToStreamMs).toBeUndefined();
    let pings = 0;
    const isPing = (output: InitiatorOutput): boolean =>
      output.kind === 'traceFrame' && output.direction === 'received' && output.frame.type === FrameType.PING;
    // Three probes, then at least 5 s of heartbeats of 0.8 to 1.2 s: longer than a dead peer is put up with.
    await heard.said.when((output) => isPing(output) && ++pings >= 9, 10_000, 'six heartbeats');
    expect(performance.now() - beganAtMs).toBeGreaterThan(4500);
    expect(camera.sessionCount).toBe(1);
    expect(stream.metrics().counters.mediaDatagramsReceived).toBe(0);
    source.target?.frame({ units: [Uint8Array.of(1, 2, 3)], timestamp: 0, keyframe: true }, 40);
    const [frame] = await take(stream, 1);
    expect([...(frame?.payload ?? [])]).toEqual([1, 2, 3]);
    expect(stream.timeToStreamMs).toBeGreaterThan(4500);
    await stream.close();
    await camera.destroy();
  });
});

describe.concurrent.each(socketKinds)('initiate() (%s)', (socket) => {
  it('L1: rejects with HANDSHAKE_TIMEOUT, its attempts and the hint ECONNREFUSED where nothing listens', async () => {
    const target = `127.0.0.1:${await freePort()}`;
    const error = await rejection(initiate(target, { timeoutMs: 800 }), 800 + PROMPT_MS);
    expect(error).toMatchObject({ code: 'HANDSHAKE_TIMEOUT', reason: 'ECONNREFUSED', peer: target });
    expect(error.attempts).toBeGreaterThan(5);
    expect(error.elapsedMs).toBeGreaterThanOrEqual(800);
    expect(error.message).toContain('nothing listens there?');
  });

  it('L1: rejects with HANDSHAKE_TIMEOUT where nobody answers, and with CONFIRM_TIMEOUT where nothing follows the confirm', async () => {
    const [silent, half] = [await FakeCamera.open('nothing'), await FakeCamera.open('START_ACK')];
    const [first, second] = await Promise.all([
      rejection(initiate(silent.address, { timeoutMs: 700 }), 700 + PROMPT_MS),
      rejection(initiate(half.address, { timeoutMs: 700 }), 700 + PROMPT_MS),
    ]);
    expect(first).toMatchObject({ code: 'HANDSHAKE_TIMEOUT', reason: undefined });
    expect(first.attempts).toBe(silent.received.seen.length);
    expect(second).toMatchObject({ code: 'CONFIRM_TIMEOUT', attempts: expect.any(Number) });
    await half.received.when((bytes) => kindOf(bytes) === 'BYE', PROMPT_MS, 'one BYE');
    await Promise.all([silent.close(), half.close()]);
  });

  it('finds a camera that begins to listen only later', async () => {
    const port = await freePort();
    const heard = hearing<InitiatorOutput>();
    const finding = initiate(`127.0.0.1:${port}`, { trace: heard.trace });
    let starts = 0;
    const isStart = (output: InitiatorOutput): boolean =>
      output.kind === 'traceFrame' && output.frame.type === FrameType.START;
    await heard.said.when((output) => isStart(output) && ++starts === 6, 5000, 'six STARTs');
    const camera = await respond({ socket, port, streams: { door: testSource() } });
    const stream = await soon(finding, 5000, 'the camera');
    expect(stream.attempts).toBeGreaterThan(6);
    await stream.close();
    await camera.destroy();
  });

  it('rejects with CANCELLED when its signal was aborted before', async () => {
    const fake = await FakeCamera.open('nothing');
    const error = await rejection(initiate(fake.address, { signal: AbortSignal.abort() }), PROMPT_MS);
    expect(error.code).toBe('CANCELLED');
    await fake.close();
  });

  it('rejects with CANCELLED at once when its signal is aborted while nobody answers', async () => {
    const fake = await FakeCamera.open('nothing');
    const abort = new AbortController();
    const pending = rejection(initiate(fake.address, { signal: abort.signal }), 5000);
    await fake.received.when((bytes) => kindOf(bytes) === 'START', 5000, 'START');
    abort.abort();
    expect(await soon(pending, PROMPT_MS, 'the rejection')).toMatchObject({ code: 'CANCELLED' });
    await fake.close();
  });

  it('rejects with CANCELLED at once when its signal is aborted while the confirm is not answered', async () => {
    const fake = await FakeCamera.open('START_ACK');
    const abort = new AbortController();
    const pending = rejection(initiate(fake.address, { signal: abort.signal }), 10_000);
    await fake.received.when((bytes) => kindOf(bytes) === 'START_CONFIRM', 5000, 'START_CONFIRM');
    const abortedAtMs = performance.now();
    abort.abort();
    const error = await pending;
    const tookMs = performance.now() - abortedAtMs;
    await fake.received.when((bytes) => kindOf(bytes) === 'BYE', 5000, 'BYE');
    await fake.close();
    expect(error.code).toBe('CANCELLED');
    expect(tookMs).toBeLessThan(PROMPT_MS);
  });

  it('rejects with CANCELLED when its signal is aborted between the handshake and the first media', async () => {
    const camera = await respond({ socket, port: 0, streams: { idle: new IdleSource() } });
    const abort = new AbortController();
    const trace = (output: InitiatorOutput): void => {
      if (output.kind === 'streaming') setImmediate(() => abort.abort());
    };
    const error = await rejection(initiate(at(camera), { signal: abort.signal, trace }), PROMPT_MS);
    await camera.destroy();
    expect(error.code).toBe('CANCELLED');
  });

  it('says BYE when its signal is aborted after streaming', async () => {
    const heard = hearing<ResponderOutput>();
    const camera = await respond({ socket, port: 0, streams: { door: testSource() }, trace: heard.trace });
    const abort = new AbortController();
    const stream = await initiate(at(camera), { signal: abort.signal });
    await take(stream, 2);
    abort.abort();
    expect(await soon(stream.closed, PROMPT_MS, 'the end')).toMatchObject({ code: ErrorCode.NO_ERROR, byPeer: false });
    const bye = await heard.said.when((output) => output.kind === 'peerBye', PROMPT_MS, 'BYE');
    expect(bye).toMatchObject({ code: ErrorCode.NO_ERROR });
    await camera.destroy();
  });

  it('lets a signal end a camera too, with SHUTDOWN', async () => {
    const abort = new AbortController();
    const camera = await respond({ socket, port: 0, streams: { door: testSource() }, signal: abort.signal });
    const stream = await initiate(at(camera));
    abort.abort();
    expect(await soon(stream.ended, PROMPT_MS, 'BYE')).toMatchObject({ code: ErrorCode.SHUTDOWN });
    await soon(camera.closed, PROMPT_MS, 'closed');
    await stream.destroy();
  });
});

describe.concurrent.each(socketKinds)('addresses (%s)', (socket) => {
  it.each(['0.0.0.0', '::', '192.0.2.1'])('of a camera on %s need a security mode', async (host) => {
    const listening = respond({ socket, port: 0, host, streams: { door: testSource() } });
    await expect(listening).rejects.toThrow(ConfigError);
    await expect(listening).rejects.toThrow(/security/);
  });

  it.each(['192.0.2.1:4444', '[2001:db8::1]', 'camera.example'])(
    'of a target %s need a security mode',
    async (target) => {
      const pending = initiate(target);
      await expect(pending).rejects.toThrow(ConfigError);
      await expect(pending).rejects.toThrow(/security/);
    },
  );

  it.skipIf(!hasIpv6())('of IPv6 work', async () => {
    const camera = await respond({ socket, port: 0, host: '::1', streams: { door: testSource() } });
    const stream = await initiate(`[::1]:${camera.local.port}/door`);
    expect(await take(stream, 3)).toHaveLength(3);
    expect(stream.peer).toEqual({ address: '::1', port: camera.local.port });
    await stream.close();
    await camera.destroy();
  });

  it.skipIf(!hasIpv6())('of both families reach one camera on ::, unless it wants IPv6 only', async () => {
    const open = { port: 0, host: '::', security: { mode: 'none' }, streams: { door: testSource() } } as const;
    const both = await respond(open);
    const streams = await Promise.all(['127.0.0.1', '[::1]'].map((host) => initiate(`${host}:${both.local.port}`)));
    for (const stream of streams) expect(await take(stream, 3)).toHaveLength(3);
    await Promise.all(streams.map((stream) => stream.close()));
    await both.destroy();

    const six = await respond({ socket, ...open, dualStack: false, streams: { door: testSource() } });
    const error = await rejection(initiate(`127.0.0.1:${six.local.port}`, { timeoutMs: 300 }), 300 + PROMPT_MS);
    expect(error.code).toBe('HANDSHAKE_TIMEOUT');
    await six.destroy();
  });

  it('of all interfaces work with security said to be none', async () => {
    const camera = await respond({
      socket,
      port: 0,
      host: '0.0.0.0',
      security: { mode: 'none' },
      streams: { door: testSource() },
    });
    const stream = await initiate(`localhost:${camera.local.port}`);
    expect(await take(stream, 3)).toHaveLength(3);
    await stream.close();
    await camera.destroy();
  });
});
