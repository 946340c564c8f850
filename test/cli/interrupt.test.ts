import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { FrameType } from '../../src/protocol/frame.ts';
import {
  CLIP,
  Cleanup,
  type Exit,
  figure,
  firstframe,
  type Run,
  startCamera,
  startStreamingViewer,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { HandMadePeer } from '../support/hand-made-peer.ts';

vi.setConfig({ maxConcurrency: 8 });

/** For a machine that is busy with other tests, ms. */
const MARGIN_MS = 2000;
/** What needs no answer of anybody, ms. */
const AT_ONCE_MS = 1500;
/** From the first BYE until nobody answers any more, ms (docs/PROTOCOL.md, section 4). */
const CLOSE_MS = 6200;
/** How long an end that was told BYE stays for stray copies, ms. */
const DRAIN_MS = 3500;

const looped = ['--stream', `door=${CLIP}`, '--loop'];

/** Sends a signal, waits for the end, and checks that nothing is left. */
async function endBy(run: Run, signal: NodeJS.Signals, withinMs: number): Promise<Exit & { readonly afterMs: number }> {
  expect(run.noteSockets()).toHaveLength(1);
  const atMs = run.signal(signal);
  return ended(run, atMs, withinMs);
}

/** Waits for an end that something at `sinceMs` brought about, and checks that nothing is left. */
async function ended(run: Run, sinceMs: number, withinMs: number): Promise<Exit & { readonly afterMs: number }> {
  const exit = await run.exit(withinMs + MARGIN_MS);
  expect(run.leftovers()).toEqual([]);
  expect(run.stderr).not.toMatch(/\n\s+at /);
  return { ...exit, afterMs: exit.atMs - sinceMs };
}

describe.concurrent('the other end dies', () => {
  for (const { profile, deadMs } of [
    { profile: 'default', deadMs: 12_000 },
    { profile: 'lan', deadMs: 3000 },
  ]) {
    test(`a camera notices a killed viewer within ${deadMs / 1000} s (profile ${profile})`, async () => {
      await using cleanup = new Cleanup();
      const camera = await startCamera(cleanup, [...looped, '--profile', profile, '--once']);
      const viewer = await startStreamingViewer(cleanup, camera.address);
      const atMs = viewer.signal('SIGKILL');
      const closed = await camera.run.event('closed', undefined, deadMs + MARGIN_MS);
      expect(closed).toMatchObject({ code: ErrorCode.PEER_DEAD, wasStreaming: true });
      const { code, afterMs } = await ended(camera.run, atMs, deadMs);
      expect(code).toBe(0);
      // Not before its time either: a viewer that is only slow must not be cut off.
      expect(afterMs).toBeGreaterThan(0.4 * deadMs);
    });

    test(`a viewer notices a killed camera within ${deadMs / 1000} s (profile ${profile}), and exits with 1`, async () => {
      await using cleanup = new Cleanup();
      const camera = await startCamera(cleanup, looped);
      const viewer = await startStreamingViewer(cleanup, camera.address, ['--profile', profile]);
      viewer.noteSockets();
      const atMs = camera.run.signal('SIGKILL');
      const { code, afterMs } = await ended(viewer, atMs, deadMs);
      expect(code).toBe(1);
      expect(afterMs).toBeGreaterThan(0.8 * deadMs);
      expect(await viewer.event('ended')).toMatchObject({ code: ErrorCode.PEER_DEAD, byPeer: false });
      expect(viewer.stderr).toMatch(/PEER_DEAD.*Try: .*--reconnect/);
    });
  }
});

describe.concurrent('Ctrl-C on the viewer', () => {
  test('while nobody answers ends it at once', async () => {
    await using cleanup = new Cleanup();
    const nobody = cleanup.use(await HandMadePeer.silent());
    const viewer = startViewer(cleanup, `127.0.0.1:${nobody.port}`);
    await nobody.frame(FrameType.START);
    const { code, afterMs } = await endBy(viewer, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
    expect(viewer.events).toMatchObject([{ event: 'failed', code: 'CANCELLED' }]);
    expect(nobody.types).not.toContain(FrameType.BYE);
  });

  test('after START_ACK says BYE, and ends with the BYE_ACK', async () => {
    await using cleanup = new Cleanup();
    const camera = cleanup.use(await HandMadePeer.camera({ byeAck: true }));
    const viewer = startViewer(cleanup, `127.0.0.1:${camera.port}`);
    await camera.frame(FrameType.START_CONFIRM);
    const { code, afterMs } = await endBy(viewer, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
    expect(camera.types).toContain(FrameType.BYE);
  });

  test('after START_ACK of a camera that never answers says BYE five times, and ends after 6.2 s', async () => {
    await using cleanup = new Cleanup();
    const camera = cleanup.use(await HandMadePeer.camera());
    const viewer = startViewer(cleanup, `127.0.0.1:${camera.port}`);
    await camera.frame(FrameType.START_CONFIRM);
    const { code, afterMs } = await endBy(viewer, 'SIGINT', CLOSE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeGreaterThan(CLOSE_MS - 200);
    expect(camera.types.filter((type) => type === FrameType.BYE)).toHaveLength(5);
  });

  test('while streaming ends it at once, and the session at the camera', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...looped, '--once']);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    const { code, afterMs, atMs } = await endBy(viewer, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
    expect(await viewer.event('ended')).toMatchObject({ code: 0, byPeer: false });
    camera.run.noteSockets();
    const exit = await ended(camera.run, atMs, DRAIN_MS);
    expect(exit.code).toBe(0);
    expect(exit.afterMs).toBeLessThan(DRAIN_MS + MARGIN_MS);
    expect(await camera.run.event('closed')).toMatchObject({ code: 0, wasStreaming: true });
  });

  test('while streaming from a camera that was killed ends it after 6.2 s', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    camera.run.signal('SIGKILL');
    await camera.run.exit();
    const { code, afterMs } = await endBy(viewer, 'SIGINT', CLOSE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeGreaterThan(CLOSE_MS - 200);
    expect(afterMs).toBeLessThan(CLOSE_MS + MARGIN_MS);
  });

  test('a second time ends it at once, whoever does not answer', async () => {
    await using cleanup = new Cleanup();
    const camera = cleanup.use(await HandMadePeer.camera({ ready: true }));
    const viewer = cleanup.use(firstframe(['view', `127.0.0.1:${camera.port}`]));
    await viewer.line(/Streaming/);
    viewer.signal('SIGINT');
    await viewer.line(/closing \(Ctrl-C again to leave at once\)/);
    await camera.frame(FrameType.BYE);
    const { code, afterMs } = await endBy(viewer, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
  });

  test('after the camera said BYE does not prolong its 3.5 s, and a second time cuts them short', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const patient = await startStreamingViewer(cleanup, camera.address);
    const hasty = cleanup.use(firstframe(['view', camera.address]));
    await hasty.line(/first whole frame/);
    const byeAtMs = camera.run.signal('SIGINT');
    await Promise.all([patient.event('ended'), hasty.line(/ended by the camera/)]);
    patient.signal('SIGINT');
    hasty.signal('SIGINT');
    await hasty.line(/closing \(Ctrl-C again/);
    const hastyExit = await endBy(hasty, 'SIGINT', AT_ONCE_MS);
    expect(hastyExit.code).toBe(130);
    expect(hastyExit.afterMs).toBeLessThan(AT_ONCE_MS);
    const patientExit = await ended(patient, byeAtMs, DRAIN_MS);
    expect(patientExit.code).toBe(130);
    expect(patientExit.afterMs).toBeGreaterThan(DRAIN_MS - 200);
    expect(patientExit.afterMs).toBeLessThan(DRAIN_MS + MARGIN_MS);
  });

  test('while it waits to reconnect ends it at once', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = startViewer(cleanup, `${camera.address}/garden`, ['--reconnect']);
    await viewer.complaint(/NO_SUCH_STREAM.*Trying again in/);
    const atMs = viewer.signal('SIGINT');
    const { code, afterMs } = await ended(viewer, atMs, AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
  });
});

describe.concurrent('Ctrl-C on the camera', () => {
  test('without viewers ends it at once', async () => {
    await using cleanup = new Cleanup();
    const { run } = await startCamera(cleanup, looped);
    const { code, afterMs } = await endBy(run, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
  });

  test('with viewers ends it as soon as they have answered, and them after 3.5 s with 1', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewers = await Promise.all([1, 2].map(() => startStreamingViewer(cleanup, camera.address)));
    for (const viewer of viewers) viewer.noteSockets();
    const { code, afterMs, atMs } = await endBy(camera.run, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
    for (const viewer of viewers) {
      const exit = await ended(viewer, atMs, DRAIN_MS);
      expect(exit.code).toBe(1);
      expect(exit.afterMs).toBeLessThan(DRAIN_MS + MARGIN_MS);
      expect(await viewer.event('ended')).toMatchObject({ code: ErrorCode.SHUTDOWN, byPeer: true });
      expect(viewer.stderr).toMatch(/SHUTDOWN.*Try: try again later; --reconnect/);
    }
  });

  test('with a viewer that has not confirmed ends it at once, without a word to it', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = cleanup.use(await HandMadePeer.halfOpenViewer(camera.port));
    const { code, afterMs } = await endBy(camera.run, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
    expect(viewer.types).toEqual([FrameType.START_ACK]);
    expect(await camera.run.event('closed')).toMatchObject({ code: ErrorCode.SHUTDOWN, wasStreaming: false });
  });

  test('with a viewer that was killed ends it after 6.2 s', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    viewer.signal('SIGKILL');
    await viewer.exit();
    const { code, afterMs } = await endBy(camera.run, 'SIGINT', CLOSE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeGreaterThan(CLOSE_MS - 200);
    expect(afterMs).toBeLessThan(CLOSE_MS + MARGIN_MS);
    expect(await camera.run.event('closed')).toMatchObject({ code: ErrorCode.CLOSE_TIMEOUT });
  });

  test('a second time ends it at once, whoever does not answer', async () => {
    await using cleanup = new Cleanup();
    const camera = cleanup.use(firstframe(['send', '--listen', '127.0.0.1:0', ...looped]));
    const [, address = ''] = await camera.line(/listening on (\S+),/);
    const viewer = await startStreamingViewer(cleanup, address);
    viewer.signal('SIGKILL');
    await viewer.exit();
    camera.signal('SIGINT');
    await camera.line(/saying BYE to all viewers \(Ctrl-C again to leave at once\)/);
    const { code, afterMs } = await endBy(camera, 'SIGINT', AT_ONCE_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(AT_ONCE_MS);
  });

  test('after a viewer said BYE waits for no more than the rest of its 3.5 s', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    const { atMs } = await endBy(viewer, 'SIGINT', AT_ONCE_MS);
    camera.run.signal('SIGINT');
    const { code, afterMs } = await ended(camera.run, atMs, DRAIN_MS);
    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(DRAIN_MS + MARGIN_MS);
  });
});

describe.concurrent('SIGTERM', () => {
  test('ends viewer and camera as Ctrl-C does, with 143', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    expect(await endBy(viewer, 'SIGTERM', AT_ONCE_MS)).toMatchObject({ code: 143 });
    expect(await camera.run.event('closed')).toMatchObject({ code: 0, wasStreaming: true });
    expect(await endBy(camera.run, 'SIGTERM', DRAIN_MS)).toMatchObject({ code: 143 });
  });
});

describe.concurrent('commands of exec:', () => {
  test('and all that they started are gone with the camera and with the viewer', async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    // One that goes on in the background, and one that is deaf to SIGTERM.
    const background = `sleep 1001 & (trap "" TERM; sleep 1002) &`;
    const camera = await startCamera(cleanup, ['--stream', `door=exec:${background} cat ${CLIP}; sleep 1003`]);
    const output = `exec:${background} cat > ${join(folder, 'door.h264')}`;
    const viewer = await startStreamingViewer(cleanup, camera.address, ['-o', output]);
    await viewer.event('status', (event) => figure(event, 'framesDecodable') > 0);
    expect(viewer.processes().length).toBeGreaterThan(3);
    expect(camera.run.processes().length).toBeGreaterThan(3);
    // 3 s for the command to end with its input, 2 s from SIGTERM to SIGKILL.
    const exit = await endBy(viewer, 'SIGINT', 5000);
    expect(exit.code).toBe(130);
    expect(await endBy(camera.run, 'SIGINT', DRAIN_MS + 2000)).toMatchObject({ code: 130 });
  });

  test('are gone too when a second Ctrl-C cuts everything short', async () => {
    await using cleanup = new Cleanup();
    const source = `door=exec:cat ${CLIP}; sleep 1004`;
    const camera = cleanup.use(firstframe(['send', '--listen', '127.0.0.1:0', '--stream', source]));
    const [, address = ''] = await camera.line(/listening on (\S+),/);
    const viewer = await startStreamingViewer(cleanup, address);
    viewer.signal('SIGKILL');
    camera.signal('SIGINT');
    await camera.line(/saying BYE/);
    camera.signal('SIGINT');
    await camera.until('exit', () => (camera.isRunning ? undefined : true), AT_ONCE_MS + MARGIN_MS);
    // SIGTERM is enough for a second Ctrl-C: nobody waits, but they need a moment.
    await vi.waitFor(() => expect(camera.leftovers()).toEqual([]), { timeout: AT_ONCE_MS });
  });
});
