import { afterEach, describe, expect, it } from 'vitest';
import type { InitiateOptions, RespondOptions } from '../../src/config/settings.ts';
import { Counters } from '../../src/engine/counters.ts';
import type { ReceivedStream, Responder } from '../../src/index.ts';
import { ExchangeError, initiate, type MediaSource, MethodStatus, respond, testSource } from '../../src/index.ts';
import { cameraMethods } from '../../src/io/camera-methods.ts';
import type { MediaSink } from '../../src/io/media-sink.ts';
import { PublishedStream } from '../../src/io/published-stream.ts';
import type { ViewerSession } from '../../src/io/viewer.ts';
import { patterned } from '../support/exchange-world.ts';

const open: (Responder | ReceivedStream)[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.destroy();
});

/** A camera and its viewer over sockets of this machine. */
async function pair(
  camera: Partial<RespondOptions<MediaSource>> = {},
  viewer: InitiateOptions<MediaSink> = {},
): Promise<{ readonly camera: Responder; readonly stream: ReceivedStream; readonly session: ViewerSession }> {
  const responder = await respond({ port: 0, streams: { test: testSource({ bytesPerFrame: 500 }) }, ...camera });
  open.push(responder);
  const streaming = new Promise<ViewerSession>((resolve) => responder.once('streaming', resolve));
  const stream = await initiate(`127.0.0.1:${responder.local.port}`, viewer);
  open.push(stream);
  return { camera: responder, stream, session: await streaming };
}

function codeOf(error: unknown): string {
  return error instanceof ExchangeError ? error.code : String(error);
}

describe('exchanges between programs', () => {
  it('a viewer asks for a method of the camera, in bytes, text and JSON', async () => {
    const { stream } = await pair({
      methods: {
        echo: ({ body }) => body,
        add: (request) => {
          const { a, b } = request.json() as { a: number; b: number };
          return { status: 7, body: JSON.stringify({ sum: a + b }) };
        },
      },
    });
    expect((await stream.call('echo', patterned(16_384))).body).toEqual(patterned(16_384));
    const answer = await stream.call('add', JSON.stringify({ a: 2, b: 3 }));
    expect([answer.status, answer.json()]).toEqual([7, { sum: 5 }]);
  });

  it('a camera asks for a method of its viewer', async () => {
    const { session } = await pair({}, { methods: { name: async () => 'a viewer' } });
    expect((await session.call('name')).text()).toBe('a viewer');
  });

  it('goes on in rounds, executes each once at 30 % loss, and tells the method when it is over', async () => {
    const rounds: number[] = [];
    let outcome: Promise<string> | undefined;
    const methods: RespondOptions<MediaSource>['methods'] = {
      count: ({ round, ended, text }) => {
        rounds.push(round);
        outcome = ended;
        return `${text()}!`;
      },
    };
    const { stream } = await pair({ methods, drop: { fraction: 0.3, seed: 3 } });
    let answer = await stream.call('count', 'a', { rounds: true });
    for (const next of ['b', 'c']) answer = await answer.continue(next);
    answer.stop();
    expect([answer.text(), rounds, await outcome]).toEqual(['c!', [1, 2, 3], 'delivered']);
    await expect(answer.continue()).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('says why there is no answer', async () => {
    const failures: string[] = [];
    const { camera, stream } = await pair({
      methods: {
        throws: () => {
          throw new Error('on purpose');
        },
        large: () => patterned(16_385),
        never: () => new Promise(() => {}),
      },
    });
    camera.on('methodFailed', ({ method, error }) => failures.push(`${method}: ${error.message}`));
    const codes: string[] = [];
    for (const method of ['nothing', 'toString', 'throws', 'large'])
      codes.push((await stream.call(method).catch(codeOf)) as string);
    expect(codes).toEqual(['NO_SUCH_METHOD', 'NO_SUCH_METHOD', 'FAILED', 'TOO_LARGE']);
    expect(failures).toEqual(['throws: on purpose', 'large: a message has at most 16384 bytes, not 16385']);
    expect(await stream.call('never', '', { timeoutMs: 50 }).catch(codeOf)).toBe('TIMED_OUT');
    const abort = new AbortController();
    const cancelled = stream.call('never', '', { signal: abort.signal }).catch(codeOf);
    abort.abort();
    expect(await cancelled).toBe('CANCELLED');
    expect(await stream.call('never', '', { signal: abort.signal }).catch(codeOf)).toBe('CANCELLED');
    const lost = stream.call('never').catch(codeOf);
    await stream.close();
    expect(await lost).toBe('SESSION_ENDED');
    expect(await stream.call('never').catch(codeOf)).toBe('SESSION_ENDED');
  });

  it('tells a method by its signal that nobody waits any more', async () => {
    const { stream } = await pair({
      methods: {
        wait: ({ signal }) => new Promise((resolve) => signal.addEventListener('abort', () => resolve('late'))),
      },
    });
    const aborted = new AbortController();
    const call = stream.call('wait', '', { signal: aborted.signal }).catch(codeOf);
    setImmediate(() => aborted.abort());
    expect(await call).toBe('CANCELLED');
  });

  it('has 16 open at most, and one more fails at once', async () => {
    const { stream } = await pair({ methods: { never: () => new Promise(() => {}) } });
    const calls = Array.from({ length: 17 }, () => stream.call('never', '', { timeoutMs: 1000 }).catch(codeOf));
    expect(await calls[16]).toBe('BUSY');
    await stream.destroy();
    expect(new Set(await Promise.all(calls.slice(0, 16)))).toEqual(new Set(['SESSION_ENDED']));
  });

  it('refuses what cannot be sent', async () => {
    const { stream } = await pair();
    await expect(stream.call('')).rejects.toBeInstanceOf(RangeError);
    await expect(stream.call('m', patterned(16_385))).rejects.toBeInstanceOf(RangeError);
    await expect(stream.call('m', '', { timeoutMs: 30_001 })).rejects.toBeInstanceOf(RangeError);
    expect(() => stream.notify('m', patterned(1025))).toThrow(RangeError);
    await expect(respond({ streams: { a: testSource() }, methods: { m: 1 as never } })).rejects.toThrow(/methods/);
  });

  it('notifies both ways', async () => {
    const { camera, stream, session } = await pair();
    const atCamera = new Promise((resolve) => camera.once('notified', resolve));
    const atViewer = new Promise((resolve) => stream.once('notified', resolve));
    stream.notify('hello', 'camera');
    session.notify('hello', 'viewer');
    const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
    expect(await atCamera).toEqual({ session: session.session, method: 'hello', body: bytes('camera') });
    expect(await atViewer).toEqual({ method: 'hello', body: bytes('viewer') });
  });
});

describe("a camera's own methods", () => {
  it('keyframe asks the source, or sends the newest group again', async () => {
    const { stream } = await pair({
      streams: { test: testSource({ bytesPerFrame: 500, keyframeInterval: 1_000_000 }) },
    });
    const keyframe = new Promise((resolve) => {
      stream.on('frame', (frame) => {
        if (frame.keyframe && frame.timestamp > 0) resolve(true);
      });
    });
    expect((await stream.call('keyframe')).status).toBe(MethodStatus.DONE);
    expect(await keyframe).toBe(true);
  });

  it('a source that cannot make one leaves it to the newest group', async () => {
    const source = testSource({ bytesPerFrame: 500, keyframeInterval: 1_000_000, framesPerSecond: 1 });
    const plain: MediaSource = {
      runs: source.runs,
      start: (target) => source.start(target),
      stop: () => source.stop(),
      describe: () => source.describe(),
    };
    const { camera, stream } = await pair({ streams: { test: plain } });
    const before = camera.metrics().counters.mediaDatagramsSent - camera.metrics().counters.mediaTailProbes;
    expect((await stream.call('keyframe')).status).toBe(MethodStatus.DONE);
    expect((await stream.call('bitrate', '1000000')).status).toBe(MethodStatus.UNSUPPORTED);
    expect(camera.metrics().counters.mediaDatagramsSent - camera.metrics().counters.mediaTailProbes).toBeGreaterThan(
      before,
    );
  });

  it('keyframe is heeded at most once a second', () => {
    let [nowMs, asked, refreshed] = [0, 0, 0];
    const source = testSource();
    const published = (able: boolean): PublishedStream =>
      new PublishedStream(
        'test',
        Object.assign(source, { requestKeyframe: () => able && ++asked > 0 }),
        () => {},
        () => {},
      );
    for (const able of [true, false]) {
      const { keyframe } = cameraMethods({
        stream: published(able),
        startedAtMs: 0,
        nowMs: () => nowMs,
        metrics: () => new Counters().snapshot(),
        refresh: () => refreshed++,
        close: () => {},
      });
      for (const atMs of [0, 1, 999, 1000, 1500]) {
        nowMs = atMs;
        expect(keyframe?.(undefined as never)).toEqual({ status: MethodStatus.DONE });
      }
    }
    expect([asked, refreshed]).toEqual([2, 2]);
  });

  it('bitrate takes a number, stats are JSON', async () => {
    const { stream } = await pair();
    expect((await stream.call('bitrate', '1000000')).status).toBe(MethodStatus.DONE);
    for (const wrong of ['', '-1', '1e6', 'fast', '0']) {
      expect([wrong, (await stream.call('bitrate', wrong)).status]).toEqual([wrong, MethodStatus.BAD_REQUEST]);
    }
    expect((await stream.call('stats')).json()).toMatchObject({
      stream: 'test',
      viewers: 1,
      counters: { handshakesCompleted: 1 },
    });
  });

  it('stop ends the session after its answer', async () => {
    const { stream } = await pair();
    expect((await stream.call('stop')).status).toBe(MethodStatus.DONE);
    expect(await stream.ended).toMatchObject({ code: 0, byPeer: true });
  });

  it('can be replaced by the program', async () => {
    const { stream } = await pair({ methods: { stop: () => ({ status: 9 }) } });
    expect((await stream.call('stop')).status).toBe(9);
  });
});
