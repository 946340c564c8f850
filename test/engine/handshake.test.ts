import { describe, expect, it } from 'vitest';
import { frameOf, kindOf } from '../support/frames.ts';
import { seedFromEnv } from '../support/seeded.ts';
import { TappedWorld, toldAtMs } from '../support/tapped-world.ts';
import { WatchedWorld } from '../support/watched-world.ts';

const badLink = { oneWayMs: 25, jitterMs: 5, loss: 0.3, duplication: 0.05, corruption: 0.01 };

describe('a handshake without loss', () => {
  it('takes two round trips to the first media: START, START_ACK, START_CONFIRM, READY, media', () => {
    const world = new TappedWorld({ seed: 1, link: { oneWayMs: 25 } });
    world.play({ count: 1 });
    const viewer = world.join();
    world.run(110);
    expect(toldAtMs(viewer, 'streaming')).toBe(100);
    expect(toldAtMs(viewer, 'firstMedia')).toBe(100);
    const told = viewer.outputs.map(({ output }) => output);
    expect(told).toContainEqual({ kind: 'firstMedia', timeToStreamMs: 100 });
    expect(told).toContainEqual(expect.objectContaining({ kind: 'streaming', elapsedMs: 100, rttMs: 50 }));
    const firstOf = (kind: string) => world.tapped.find(({ bytes }) => kindOf(bytes) === kind)?.atMs;
    expect(['START', 'START_ACK', 'START_CONFIRM', 'READY', 'RTP'].map(firstOf)).toEqual([0, 25, 50, 75, 75]);
    const order = world.fromCamera.map(({ bytes }) => kindOf(bytes));
    expect(order.indexOf('READY')).toBeLessThan(order.indexOf('RTP'));
    expect(order.slice(0, order.indexOf('READY')).every((kind) => kind === 'START_ACK')).toBe(true);
  });

  it('gives both ends the same ids and the viewer only the announced SSRC (S4)', () => {
    const world = new TappedWorld({ seed: 2, link: { oneWayMs: 10 } });
    world.play({ count: 3 });
    const viewer = world.join();
    world.run(300);
    const ack = world.fromCamera.map(({ bytes }) => bytes).find((bytes) => kindOf(bytes) === 'START_ACK');
    const frame = frameOf(ack ?? new Uint8Array());
    expect(frame).toMatchObject({ streamId: viewer.endpoint.streamId, sessionTag: viewer.endpoint.sessionTag });
    const media = world.fromCamera.filter(({ plane }) => plane === 'media').map(({ bytes }) => bytes);
    expect(media.length).toBeGreaterThan(0);
    for (const bytes of media) {
      expect(new DataView(bytes.buffer, bytes.byteOffset).getUint32(8)).toBe('ssrc' in frame ? frame.ssrc : -1);
    }
  });

  it('tells the application of frames, the SDP and the stream once each, in that sense', () => {
    const world = new TappedWorld({ seed: 3, link: { oneWayMs: 10 } });
    world.play({ count: 5, intervalMs: 20 });
    const viewer = world.join();
    world.run(2000);
    const count = (kind: string) => viewer.outputs.filter(({ output }) => output.kind === kind).length;
    expect(['streaming', 'sdp', 'firstMedia', 'firstFrame'].map(count)).toEqual([1, 1, 1, 1]);
    expect(viewer.endpoint.stats()).toMatchObject({ lost: 0, framesIncomplete: 0 });
  });
});

describe('handshakes at 30 % loss each way, 5 % duplication and 1 % corruption', () => {
  it('over 2,000 seeds keep every promise: media only after a START_CONFIRM, answers no larger than their causes, copies byte for byte (S1, S2, S3, S4, S12, S13)', () => {
    const base = seedFromEnv('engine/handshake');
    let streaming = 0;
    for (let run = 0; run < 2000; run++) {
      const world = new WatchedWorld({ seed: base + run, link: badLink, keepOutputs: false });
      world.play(4);
      const viewer = world.join();
      world.run(400);
      world.watch.finish(world);
      if (world.watch.violationCount > 0) expect([run, world.watch.violations]).toEqual([run, []]);
      if (viewer.endpoint.state === 'Streaming') streaming++;
    }
    expect(streaming).toBeGreaterThan(1900);
  });
});
