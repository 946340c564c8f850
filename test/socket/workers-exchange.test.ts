import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { ownSecurity } from '../../src/cli/security-options.ts';
import type { Methods } from '../../src/config/methods.ts';
import type { InitiateOptions } from '../../src/config/settings.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { MediaSink } from '../../src/io/media-sink.ts';
import type { ReceivedStream } from '../../src/io/received-stream.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { type ResponderWorkers, respondWorkers } from '../../src/io/workers/respond-workers.ts';
import type { WorkerViewerSession } from '../../src/io/workers/worker-options.ts';
import { patterned } from '../support/exchange-world.ts';
import { soon } from '../support/witness.ts';

/** Threads start while others use the machine. */
const LATE_MS = 20_000;

const open: (ResponderWorkers | ReceivedStream)[] = [];
afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.destroy();
});

interface Pair {
  readonly camera: ResponderWorkers;
  readonly stream: ReceivedStream;
  readonly viewer: WorkerViewerSession;
}

async function pair(methods: Methods = {}, options: InitiateOptions<MediaSink> = {}): Promise<Pair> {
  const streams = { test: testSource({ bytesPerFrame: 500 }) };
  const camera = await respondWorkers({ workers: 2, port: 0, streams, methods });
  open.push(camera);
  const streaming = once(camera, 'streaming');
  const stream = await initiate(`127.0.0.1:${camera.local.port}`, options);
  open.push(stream);
  const [viewer] = (await streaming) as [WorkerViewerSession];
  return { camera, stream, viewer };
}

describe('exchanges with a camera that has workers', () => {
  it('run the application’s methods in the main thread, with the session that it knows, and a camera’s own beside them', async () => {
    const seen: unknown[] = [];
    const { stream, viewer } = await pair({
      echo: ({ body, session, peer }) => {
        seen.push([session, peer.port]);
        return { status: 7, body };
      },
    });
    const answer = await stream.call('echo', patterned(16_384));
    expect([answer.status, answer.body]).toEqual([7, patterned(16_384)]);
    expect(seen).toEqual([[viewer.session, viewer.peer.port]]);
    expect((await stream.call('stats')).json()).toMatchObject({ stream: 'test' });
    await expect(stream.call('none')).rejects.toMatchObject({ code: 'NO_SUCH_METHOD' });
  });

  it('go on in rounds, tell a method when its exchange is over, and the application when one throws', async () => {
    const rounds: number[] = [];
    let outcome: Promise<string> | undefined;
    const { camera, stream } = await pair({
      count: ({ round, ended, text }) => {
        rounds.push(round);
        outcome = ended;
        return `${text()}!`;
      },
      wrong: () => Promise.reject(new Error('no lens')),
      large: () => new Uint8Array(16_385),
    });
    let answer = await stream.call('count', 'a', { rounds: true });
    for (const next of ['b', 'c']) answer = await answer.continue(next);
    answer.stop();
    expect([answer.text(), rounds, await outcome]).toEqual(['c!', [1, 2, 3], 'delivered']);
    const failed = once(camera, 'methodFailed');
    await expect(stream.call('wrong')).rejects.toMatchObject({ code: 'FAILED' });
    expect(await failed).toMatchObject([{ method: 'wrong', error: { message: 'no lens' } }]);
    await expect(stream.call('large')).rejects.toMatchObject({ code: 'TOO_LARGE' });
  });

  it('ask a viewer, in rounds too, and tell each other', async () => {
    const { camera, stream, viewer } = await pair({}, { methods: { name: ({ round }) => `viewer ${round}` } });
    const first = await viewer.call('name', '', { rounds: true });
    expect([first.text(), (await first.continue()).text()]).toEqual(['viewer 1', 'viewer 2']);
    await expect(viewer.call('none')).rejects.toMatchObject({ code: 'NO_SUCH_METHOD' });
    await expect(viewer.call('')).rejects.toBeInstanceOf(RangeError);
    expect(() => viewer.notify('hello', new Uint8Array(1025))).toThrow(RangeError);
    const told = once(stream, 'notified');
    viewer.notify('hello', 'viewer');
    expect(await told).toMatchObject([{ method: 'hello' }]);
    const heard = once(camera, 'notified');
    stream.notify('hello', 'camera');
    expect(await heard).toMatchObject([
      { session: viewer.session, method: 'hello', body: new TextEncoder().encode('camera') },
    ]);
    await stream.close();
    await expect(viewer.call('name')).rejects.toMatchObject({ code: 'SESSION_ENDED' });
  });

  it('are BUSY, and notifications lost and counted, while a worker is too far behind', async () => {
    const { camera: own, viewer: security } = ownSecurity('keys');
    // A worker that asks whether a viewer may look stands still until it is told.
    let meanwhile = (): void => {};
    const allows = (): boolean => {
      meanwhile();
      return true;
    };
    const camera = await respondWorkers({
      ...{ workers: 1, port: 0, streams: { test: testSource({ bytesPerFrame: 500 }) } },
      security: { ...own, allowedViewers: { allows } },
    });
    open.push(camera);
    const target = `127.0.0.1:${camera.local.port}`;
    const streaming = once(camera, 'streaming');
    open.push(await initiate(target, { security }));
    const [viewer] = (await streaming) as [WorkerViewerSession];
    const busy = new Promise<unknown>((resolve) => {
      meanwhile = () => {
        meanwhile = () => {};
        for (let count = 0; count < 300; count++) viewer.notify('hello');
        viewer.call('name').catch(resolve);
      };
    });
    open.push(await initiate(target, { security }));
    expect(await busy).toMatchObject({ code: 'BUSY' });
    expect(camera.metrics().counters.workerMessagesDropped).toBe(300 - 256 + 1);
    await expect(viewer.call('name')).rejects.toMatchObject({ code: 'NO_SUCH_METHOD' });
  });

  it('end when their worker dies: calls fail, and methods are told', async () => {
    let begun: (signal: AbortSignal) => void = () => {};
    const running = new Promise<AbortSignal>((resolve) => {
      begun = resolve;
    });
    const never = () => new Promise<string>(() => {});
    const { camera, stream, viewer } = await pair(
      {
        wait: ({ signal }) => {
          begun(signal);
          return never();
        },
      },
      { methods: { wait: never } },
    );
    stream.call('wait').catch(() => {});
    const signal = await running;
    const call = viewer.call('wait');
    const failed = expect(call).rejects.toMatchObject({ code: 'SESSION_ENDED' });
    await camera.killWorker(viewer.worker);
    await soon(failed, LATE_MS, 'the call fails');
    expect(signal.aborted).toBe(true);
  });
});
