import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  type Run,
  startCamera,
  startStreamingViewer,
  temporaryFolder,
} from '../../support/command.ts';
import { furtherFrames } from '../../support/progress.ts';
import { WallClock, wallClockMissing } from '../../support/wall-clock.ts';

const LIMIT_MS = 30_000;
const HOUR_MS = 3_600_000;

/** How far the times of log lines that follow each other jump at most, forwards and backwards, in hours. */
function jumpsOf(run: Run): readonly [forwards: number, backwards: number] {
  const times = run.stderr
    .split('\n')
    .filter((line) => line.startsWith('{') && line.endsWith('}'))
    .map((line) => Date.parse(String((JSON.parse(line) as { readonly time?: unknown }).time)));
  const steps = times.slice(1).map((time, index) => Math.round((time - (times[index] ?? time)) / HOUR_MS));
  return [Math.max(...steps), Math.min(...steps)];
}

/** Wall clocks that jump. */
export function clockFaults(): void {
  if (wallClockMissing !== undefined) process.stderr.write(`skipped: wall clocks that jump: ${wallClockMissing}\n`);

  describe.skipIf(wallClockMissing !== undefined).concurrent('a wall clock', () => {
    test('S15: that jumps by an hour and back, at the camera forwards and at the viewer backwards, changes nothing', async () => {
      await using cleanup = new Cleanup();
      const [atCamera, atViewer] = [new WallClock(cleanup), new WallClock(cleanup)];
      const path = join(temporaryFolder(cleanup), 'door.h264');
      const told = ['--profile', 'lan', '--log', 'debug'];
      const parts = ['--stream', `door=${CLIP}`, '--once', ...told];
      const camera = await startCamera(cleanup, parts, { env: atCamera.env });
      const viewer = await startStreamingViewer(cleanup, camera.address, ['-o', path, ...told], { env: atViewer.env });
      await furtherFrames(viewer, 1, LIMIT_MS);
      atCamera.jumpTo(1);
      atViewer.jumpTo(-1);
      await furtherFrames(viewer, 50, LIMIT_MS);
      atCamera.jumpTo(0);
      atViewer.jumpTo(0);
      const ended = await viewer.event('ended', undefined, LIMIT_MS);
      expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { written: CLIP_FRAMES } });
      expect(await viewer.exit()).toMatchObject({ code: 0 });
      expect(await camera.run.exit(LIMIT_MS)).toMatchObject({ code: 0 });
      expect(readFileSync(path).equals(readFileSync(CLIP))).toBe(true);
      expect(camera.run.events.filter(({ event }) => event === 'streaming')).toHaveLength(1);
      // The clocks did jump, or this would show nothing.
      expect([jumpsOf(camera.run), jumpsOf(viewer)]).toEqual([
        [1, -1],
        [1, -1],
      ]);
    });
  });
}
