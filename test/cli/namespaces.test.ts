import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  figure,
  runToEnd,
  startCamera,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';
import { type Cable, layCable, namespacesLeft, namespacesMissing } from '../support/namespaces.ts';
import { countedBy, fraction, install, type Rule } from '../support/nft.ts';
import { decodeComplaints, probeFrames } from '../support/probe.ts';

vi.setConfig({ maxConcurrency: 4 });

const CLIP_MS = 30_000;
const clip = ['--stream', `door=${CLIP}`];
const open = ['--security', 'none'];
const cut: Rule = { hook: 'input', act: 'drop', counter: 'lost' };
const lose: Rule = { ...cut, match: fraction(20) };

if (namespacesMissing !== undefined) process.stderr.write(`skipped: two namespaces: ${namespacesMissing}\n`);

afterAll(() => {
  expect(namespacesLeft()).toEqual([]);
});

/** Streams the clip over a cable. */
async function stream(cleanup: Cleanup, { camera, viewer }: Cable, ...more: readonly string[]) {
  const path = join(temporaryFolder(cleanup), 'door.h264');
  const { namespace, address: host } = camera;
  const sender = await startCamera(cleanup, [...clip, ...open], { namespace, host });
  const inViewer = { namespace: viewer.namespace };
  const receiver = startViewer(cleanup, `${sender.address}/door`, ['-o', path, ...open, ...more], inViewer);
  const ended = await receiver.event('ended', undefined, CLIP_MS);
  expect(await receiver.exit()).toMatchObject({ code: 0 });
  return { path, ended, sender, receiver };
}

describe.skipIf(namespacesMissing !== undefined).concurrent('two network namespaces', () => {
  test('carry the clip over a cable, byte for byte', async () => {
    await using cleanup = new Cleanup();
    const cable = layCable(cleanup);
    const { path, ended, sender } = await stream(cleanup, cable);
    expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { written: CLIP_FRAMES } });
    expect(readFileSync(path).equals(readFileSync(CLIP))).toBe(true);
    const seen = await sender.run.event('streaming');
    expect(seen['peer']).toMatch(new RegExp(`^${cable.viewer.address.replaceAll('.', '\\.')}:\\d+$`));
  });

  test('lose a fifth of all datagrams each way, and at least 90 % of frames arrive', async ({ skip }) => {
    await using cleanup = new Cleanup();
    const cable = layCable(cleanup);
    const reason = install(cable.camera, [lose]) ?? install(cable.viewer, [lose]);
    if (reason !== undefined) {
      process.stderr.write(`skipped: loss between namespaces: ${reason}\n`);
      return skip(reason);
    }
    // Half a second of play-out time: some two dozen tries for each datagram, so that chance has no part in it.
    const { path, ended } = await stream(cleanup, cable, '--latency', '500ms');
    const written = figure(ended, 'sink', 'written');
    expect(written).toBeGreaterThanOrEqual(0.9 * CLIP_FRAMES);
    expect(figure(ended, 'stats', 'repaired')).toBeGreaterThan(50);
    expect(countedBy(cable.viewer, 'lost')).toBeGreaterThan(100);
    expect(countedBy(cable.camera, 'lost')).toBeGreaterThan(10);
    if (ffmpegMissing === undefined) {
      expect(await decodeComplaints(path)).toBe('');
      expect(await probeFrames(path)).toBe(written);
    }
  });

  test('need --security none on either side: without it the exit code is 2, and the message names it', async () => {
    await using cleanup = new Cleanup();
    const { camera, viewer } = layCable(cleanup);
    const view = await runToEnd(['view', camera.address], { namespace: viewer.namespace });
    const send = await runToEnd(['send', '--listen', `${camera.address}:0`, ...clip], { namespace: camera.namespace });
    for (const { code, stderr } of [view, send]) {
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringContaining('--security none') });
      expect(stderr).toContain(camera.address);
    }
  });

  test('that are pulled apart end the session at both ends', async () => {
    await using cleanup = new Cleanup();
    const { camera, viewer } = layCable(cleanup);
    const looped = [...clip, ...open, '--loop', '--once', '--profile', 'lan'];
    const sender = await startCamera(cleanup, looped, { namespace: camera.namespace, host: camera.address });
    const inViewer = { namespace: viewer.namespace };
    const receiver = startViewer(cleanup, sender.address, [...open, '--profile', 'lan'], inViewer);
    await receiver.event('streaming');
    expect(install(camera, [cut]) ?? install(viewer, [cut])).toBeUndefined();
    expect(await receiver.exit()).toMatchObject({ code: 1 });
    expect(await receiver.event('ended')).toMatchObject({ code: 12, byPeer: false });
    expect(await sender.run.exit()).toMatchObject({ code: 0 });
    expect(await sender.run.event('closed')).toMatchObject({ code: 12 });
  });
});
