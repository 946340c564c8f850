import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  firstframe,
  type JsonEvent,
  startCamera,
  temporaryFolder,
} from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';

vi.setConfig({ maxConcurrency: 2 });

if (ffmpegMissing !== undefined) process.stderr.write(`skipped: view --inspect: ${ffmpegMissing}\n`);
const testWithFfmpeg = test.skipIf(ffmpegMissing !== undefined);

const root = join(import.meta.dirname, '../..');
const movingEdge = `'${process.execPath}' dist/bench/algorithms/moving-edge.js`;
const python = (manners: string): string => `python3 test/support/procvision-algorithm.py ${manners}`;
/** The clip lasts 6 s, and the algorithm starts before it. */
const CLIP_MS = 40_000;

const inspections = (stdout: string): JsonEvent[] =>
  stdout
    .split('\n')
    .filter((line) => line.startsWith('{"frame":'))
    .map((line) => JSON.parse(line) as JsonEvent);

describe.concurrent('view --inspect', () => {
  testWithFfmpeg('has the bundled algorithm judge the bundled clip, and each result is a line of JSON', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--once']);
    const viewer = cleanup.use(firstframe(['view', `${camera.address}/door`, '--inspect', movingEdge], { cwd: root }));
    expect((await viewer.exit(CLIP_MS)).code).toBe(0);
    const results = inspections(viewer.stdout);
    expect(viewer.stdout.trimEnd().split('\n')).toHaveLength(results.length);
    expect(results[0]).toMatchObject({ frame: 1, width: 640, height: 360, result: 'OK' });
    const last = results.at(-1) ?? { event: 'none' };
    expect(last).toMatchObject({ frame: CLIP_FRAMES, result: 'NG', ngReason: expect.stringContaining('%') });
    const dropped = results.reduce((sum, { dropped: before }) => sum + Number(before), 0);
    expect(results.length + dropped).toBe(CLIP_FRAMES);
    expect(viewer.leftovers()).toEqual([]);
  });

  testWithFfmpeg(
    'takes the newest picture when the algorithm is slow, and Ctrl-C ends all of it in order',
    async () => {
      await using cleanup = new Cleanup();
      const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--loop']);
      const options = ['--json', '--inspect', python('slow')];
      const viewer = cleanup.use(firstframe(['view', `${camera.address}/door`, ...options], { cwd: root }));
      const late = await viewer.event('inspection', ({ dropped }) => Number(dropped) >= 2, CLIP_MS);
      expect(late).toMatchObject({ result: 'OK', defectRects: [] });
      viewer.signal('SIGINT');
      const { code } = await viewer.exit(CLIP_MS);
      expect(code).toBe(130);
      expect(viewer.events.at(-1)).toMatchObject({
        event: 'ended',
        sink: { target: expect.stringContaining('inspect:') },
      });
      expect(viewer.leftovers()).toEqual([]);
    },
  );

  testWithFfmpeg('an algorithm that crashes again and again ends the viewer, with what it said', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--loop']);
    const options = ['--json', '--inspect', python('crash')];
    const viewer = cleanup.use(firstframe(['view', `${camera.address}/door`, ...options], { cwd: root }));
    expect((await viewer.exit(CLIP_MS)).code).toBe(1);
    const errors = viewer.events.filter(({ event }) => event === 'inspection').map(({ error }) => error);
    expect(errors[0]).toMatchObject({ code: 'exited', message: expect.stringContaining('it ended with exit code 3') });
    expect(viewer.stderr).toContain('about to fail');
    expect(viewer.stderr).toContain('went wrong too often');
    expect(viewer.leftovers()).toEqual([]);
  });

  testWithFfmpeg('what is no algorithm is told before anything is asked of the camera', async () => {
    await using cleanup = new Cleanup();
    const viewer = cleanup.use(firstframe(['view', '127.0.0.1:9/door', '--inspect', 'echo no algorithm']));
    expect((await viewer.exit(CLIP_MS)).code).toBe(2);
    expect(viewer.stderr).toContain('"echo no algorithm" cannot be run as an algorithm');
    expect(viewer.stderr).not.toMatch(/\n\s+at /);
  });

  test('without ffmpeg it says so, and how to get it', async () => {
    await using cleanup = new Cleanup();
    const bin = join(temporaryFolder(cleanup), 'bin');
    mkdirSync(bin);
    symlinkSync('/bin/sh', join(bin, 'sh'));
    const viewer = cleanup.use(
      firstframe(['view', '127.0.0.1:9/door', '--inspect', 'exec cat'], { env: { PATH: bin } }),
    );
    expect((await viewer.exit(CLIP_MS)).code).toBe(2);
    expect(viewer.stderr).toContain('there is no ffmpeg; install it, such as with: apt install ffmpeg');
  });

  test('does not go with another output', async () => {
    await using cleanup = new Cleanup();
    const viewer = cleanup.use(firstframe(['view', '127.0.0.1:9/door', '--inspect', 'x', '--output', 'test']));
    expect((await viewer.exit(CLIP_MS)).code).toBe(2);
    expect(viewer.stderr).toContain("option '--inspect <command>' cannot be used with option '-o, --output <where>'");
  });
});
