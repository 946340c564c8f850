import { describe, expect, it } from 'vitest';
import { initiate } from '../../src/io/initiate.ts';
import { respond } from '../../src/io/respond.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { clipPath } from '../support/clip.ts';
import { FakeCamera } from '../support/fake-camera.ts';
import { freePort } from '../support/free-port.ts';
import { IdleSource } from '../support/idle-source.ts';

/** What would keep the process alive, of the kinds that endpoints use. */
function handles(): string[] {
  const kinds = ['UDPWRAP', 'Timeout', 'Immediate', 'FSReqPromise', 'FILEHANDLE'];
  return process.getActiveResourcesInfo().filter((kind) => kinds.includes(kind));
}

/** Longer than vitest's own short timers, shorter than any of a session's. */
const SETTLED_MS = 700;

/**
 * What is left when everything had its turn to be freed: handles are closed a turn of the event loop after the promise that
 * tells of it.
 */
async function left(): Promise<string[]> {
  const untilMs = performance.now() + SETTLED_MS;
  while (handles().length > 0 && performance.now() < untilMs) {
    await new Promise<void>((resolve) => {
      setImmediate(resolve);
    });
  }
  return handles();
}

describe('when everything is closed no handle keeps the process alive', () => {
  it('after viewers and a camera said goodbye', async () => {
    expect(await left()).toEqual([]);
    const camera = await respond({
      port: 0,
      streams: { clip: h264File(clipPath, { loop: true }), door: testSource(), idle: new IdleSource() },
    });
    const target = `127.0.0.1:${camera.local.port}`;
    const streams = await Promise.all(['clip', 'door', 'idle'].map((name) => initiate(`${target}/${name}`)));
    expect(handles().length).toBeGreaterThan(3);
    await Promise.all(streams.map((stream) => stream.close()));
    await camera.close();
    expect(await left()).toEqual([]);
  });

  it('after both sides were destroyed', async () => {
    expect(await left()).toEqual([]);
    const camera = await respond({ port: 0, streams: { door: testSource(), clip: h264File(clipPath) } });
    const target = `127.0.0.1:${camera.local.port}`;
    const streams = await Promise.all([initiate(`${target}/door`), initiate(`${target}/clip`)]);
    await Promise.all([...streams.map((stream) => stream.destroy()), camera.destroy()]);
    expect(await left()).toEqual([]);
  });

  it('after handshakes that failed, were refused and were cancelled', async () => {
    expect(await left()).toEqual([]);
    const camera = await respond({ port: 0, streams: { door: testSource() }, authorize: () => false });
    const fake = await FakeCamera.open('START_ACK');
    const abort = new AbortController();
    const failing = [
      initiate(`127.0.0.1:${camera.local.port}/door`),
      initiate(`127.0.0.1:${camera.local.port}/attic`),
      initiate(`127.0.0.1:${await freePort()}`, { timeoutMs: 200 }),
      initiate(fake.address, { timeoutMs: 200 }),
      initiate(`127.0.0.1:${await freePort()}`, { signal: abort.signal }),
    ];
    abort.abort();
    const results = await Promise.allSettled(failing);
    expect(results.map(({ status }) => status)).toEqual(failing.map(() => 'rejected'));
    await Promise.all([fake.close(), camera.close()]);
    expect(await left()).toEqual([]);
  });

  it('after a camera could not bind or start its source', async () => {
    expect(await left()).toEqual([]);
    const camera = await respond({ port: 0, streams: { door: testSource() } });
    const { port } = camera.local;
    await expect(respond({ port, streams: { door: testSource() } })).rejects.toThrow();
    const broken = new IdleSource();
    broken.start = () => Promise.reject(new Error('broken'));
    await expect(respond({ port: 0, streams: { broken } })).rejects.toThrow('broken');
    await camera.close();
    expect(await left()).toEqual([]);
  });
});
