import { readFileSync } from 'node:fs';
import { h264Frames, testFrames } from 'firstframe/sim';
import { simulationTest as test } from 'firstframe/vitest';
import { expect } from 'vitest';

/** Your code: a player that shows a frame each 40 ms and counts how often it had none to show. */
class Player {
  readonly #waiting: Uint8Array[] = [];
  shown = 0;
  stalls = 0;

  push(frame: Uint8Array): void {
    this.#waiting.push(frame);
  }

  tick(): void {
    if (this.#waiting.shift() !== undefined) this.shown++;
    else this.stalls++;
  }
}

test('my player seldom stalls on a lossy Wi-Fi', ({ simulate }) => {
  const simulation = simulate({ link: 'lossy-wifi' });
  const player = new Player();
  const viewer = simulation.join({ onFrame: (frame) => player.push(frame.payload), media: { latencyMs: 400 } });
  simulation.play(testFrames(1500, 6000), { intervalMs: 40 });

  simulation.run(1000);
  for (let tick = 0; tick < 1500; tick++) {
    player.tick();
    simulation.run(40);
  }

  expect(viewer).toStreamWithin(500);
  expect(player.stalls / 1500).toBeLessThan(0.05);
});

test('my viewer sees a picture at once, and again after the Wi-Fi was gone for two seconds', ({ simulate }) => {
  const simulation = simulate({ link: 'wifi', format: 'h264' });
  const viewer = simulation.join();
  simulation.play(h264Frames(readFileSync('bench/clips/mandelbrot.h264')));
  simulation.run(1000);
  expect(viewer).toShowAFrameWithin(100);

  viewer.host.toViewer.partitioned = true;
  viewer.host.toCamera.partitioned = true;
  simulation.run(2000);
  viewer.host.toViewer.partitioned = false;
  viewer.host.toCamera.partitioned = false;
  const before = viewer.frameCount;
  simulation.run(2000);
  expect(viewer.state).toBe('Streaming');
  expect(viewer.frameCount).toBeGreaterThan(before);
});

test('a hundred viewers behind a bad link all get a picture', ({ simulate }) => {
  const simulation = simulate({ link: { loss: 0.3, oneWayMs: 25 } });
  simulation.play(testFrames(100));
  for (let i = 0; i < 100; i++) simulation.join();
  simulation.run(2000);
  for (const viewer of simulation.viewers) expect(viewer).toReceiveFrames(1);
});
