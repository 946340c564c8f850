import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { endOf, TappedWorld, toldAtMs } from '../support/tapped-world.ts';

const frameBytes = 20 * (1200 - 12 - 8);

function quantile(values: readonly number[], q: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}

const largestMedia = (world: TappedWorld, fromMs: number) =>
  Math.max(
    0,
    ...world.fromCamera
      .filter(({ plane, atMs }) => plane === 'media' && atMs >= fromMs)
      .map(({ bytes }) => bytes.length),
  );

describe('repair over the whole engine', () => {
  it.each([
    [400, 0.99],
    [200, 0.95],
  ])(
    'with %i ms of play-out brings at least %f of frames of 20 datagrams at loss 0.3 each way and 50 ms',
    (latencyMs, wanted) => {
      const base = seedFromEnv('sim/repair');
      const firstFrames: number[] = [];
      let complete = 0;
      let frames = 0;
      for (let run = 0; run < 40; run++) {
        const world = new TappedWorld({ seed: base + run, link: { oneWayMs: 25, loss: 0.3 }, keep: false });
        world.play({ count: 100, bytes: frameBytes, intervalMs: 40 });
        const viewer = world.join({ media: { latencyMs } });
        world.run(7000);
        const stats = viewer.endpoint.stats();
        complete += stats?.framesComplete ?? 0;
        frames += (stats?.framesComplete ?? 0) + (stats?.framesIncomplete ?? 0);
        const first = toldAtMs(viewer, 'firstFrame');
        if (first !== undefined) firstFrames.push(first);
      }
      process.stdout.write(
        `first decodable frame at 30 % loss, 50 ms, 20 datagrams, play-out ${latencyMs} ms: ` +
          `p50 ${Math.round(quantile(firstFrames, 0.5))} ms, p99 ${Math.round(quantile(firstFrames, 0.99))} ms; ` +
          `${complete} of ${frames} frames whole\n`,
      );
      expect(firstFrames).toHaveLength(40);
      expect(frames).toBeGreaterThan(3700);
      expect(complete / frames).toBeGreaterThanOrEqual(wanted);
    },
  );

  it('resends at most as many bytes as were sent in the last second', () => {
    const world = new TappedWorld({ seed: 4, link: { oneWayMs: 25, loss: 0.5 } });
    world.play({ count: 100, bytes: 5000, intervalMs: 40 });
    world.join();
    world.run(6000);
    const seen = new Set<string>();
    let first = 0;
    let again = 0;
    for (const { bytes, plane } of world.fromCamera) {
      if (plane !== 'media') continue;
      const key = Buffer.from(bytes).toString('hex');
      if (seen.has(key)) again += bytes.length;
      else first += bytes.length;
      seen.add(key);
    }
    expect(again).toBeGreaterThan(0);
    expect(again).toBeLessThanOrEqual(first);
  });

  it('can be switched off: nothing is asked for', () => {
    const world = new TappedWorld({ seed: 4, link: { oneWayMs: 25, loss: 0.3 } });
    world.play({ count: 50, bytes: 5000, intervalMs: 40 });
    world.join({ media: { repair: false } });
    world.run(4000);
    expect(world.tapped.filter(({ plane }) => plane === 'feedback')).toEqual([]);
  });
});

describe('a path that does not carry 1,200 bytes', () => {
  it('but 700: the camera steps down to 600 and the stream goes on', () => {
    for (const loss of [0, 0.1]) {
      const world = new TappedWorld({ seed: 11, link: { oneWayMs: 25, datagramBytesMax: 700, loss } });
      world.play({ count: 500, bytes: 6000, intervalMs: 40 });
      const viewer = world.join();
      world.run(15_000);
      expect(viewer.endpoint.state).toBe('Streaming');
      expect(world.camera.counters.snapshot().counters.datagramSizeStepsDown).toBe(1);
      expect(largestMedia(world, 5000)).toBe(600);
      expect(toldAtMs(viewer, 'firstFrame')).toBeLessThan(3000);
      expect(viewer.endpoint.stats()?.framesComplete).toBeGreaterThan(250);
    }
  });

  it('but 300: the camera steps down to 296 and the stream goes on', () => {
    const world = new TappedWorld({ seed: 12, link: { oneWayMs: 25, datagramBytesMax: 300 } });
    world.play({ count: 500, bytes: 6000, intervalMs: 40 });
    const viewer = world.join();
    world.run(15_000);
    expect(viewer.endpoint.state).toBe('Streaming');
    expect(largestMedia(world, 10_000)).toBe(296);
    expect(viewer.endpoint.stats()?.framesComplete).toBeGreaterThan(100);
  });

  it('for media but 200: the camera gives up with BYE(MTU_TOO_SMALL)', () => {
    const small: TappedWorld = new TappedWorld({
      seed: 13,
      link: { oneWayMs: 25 },
      tap: ({ from, bytes, plane }) => {
        const [only] = small.viewers;
        if (only !== undefined && from.address === '10.0.0.1') {
          only.toViewer.partitioned = plane === 'media' && bytes.length > 200;
        }
      },
    });
    small.play({ count: 500, bytes: 6000, intervalMs: 40 });
    const watcher = small.join();
    small.run(15_000);
    expect(endOf(watcher)?.code).toBe(ErrorCode.MTU_TOO_SMALL);
    expect(small.cameraClosed[0]?.code).toBe(ErrorCode.MTU_TOO_SMALL);
  });

  it('does not make a camera step down by loss alone', () => {
    const base = seedFromEnv('sim/repair');
    let steps = 0;
    for (let run = 0; run < 20; run++) {
      const world = new TappedWorld({ seed: base + run, link: { oneWayMs: 25, loss: 0.3 }, keep: false });
      world.play({ count: 500, bytes: 6000, intervalMs: 40 });
      world.join();
      world.run(10_000);
      steps += world.camera.counters.snapshot().counters.datagramSizeStepsDown;
    }
    expect(steps).toBe(0);
  });
});
