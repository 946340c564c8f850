import { createReadStream } from 'node:fs';
import { Readable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { h264Stream } from '../../src/io/sources/h264-stream.ts';
import { IDLE_FLUSH_MS_MAX, LiveAnnexB } from '../../src/io/sources/live-annex-b.ts';
import { SourceError } from '../../src/io/sources/source-error.ts';
import { toAnnexB } from '../../src/media/h264.ts';
import { firstSlice } from '../media/h264-samples.ts';
import { h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import { seeded, seedFromEnv } from '../support/seeded.ts';
import {
  Collector,
  join264,
  laterSlice,
  ManualTiming,
  PPS,
  SPS,
  sameBytes,
  temporaryFolder,
  tinyUnits,
  turn,
} from './sources-support.ts';

const folder = temporaryFolder();
const DELIMITER = Uint8Array.of(9, 0xf0);

/** A pipe that a test writes to. */
class Pipe extends Readable {
  override _read(): void {}

  async write(bytes: Uint8Array): Promise<void> {
    this.push(Buffer.from(bytes));
    await turn();
  }

  async close(): Promise<void> {
    this.push(null);
    await turn();
  }
}

async function streaming(options: { framesPerSecond?: number } = {}) {
  const pipe = new Pipe();
  const timing = new ManualTiming();
  const collector = new Collector();
  const source = h264Stream(pipe, { timing, name: 'the pipe', ...options });
  await source.start(collector);
  return { pipe, timing, collector, source };
}

describe('a pipe as a source', () => {
  it('gives the same frames however the bytes are chunked', async () => {
    const random = seeded(seedFromEnv('io/sources-h264-stream'));
    const bytes = join264(tinyUnits(12));
    const { pipe, collector, source } = await streaming();
    for (let offset = 0; offset < bytes.length; ) {
      const end = Math.min(bytes.length, offset + 1 + random.below(700));
      await pipe.write(bytes.subarray(offset, end));
      offset = end;
    }
    await pipe.close();
    expect(await collector.finished).toBeUndefined();
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
    expect(collector.frames.length).toBe(12);
    expect(source.runs).toBe('always');
    await source.stop();
  });

  it('gives a frame out as soon as the next begins', async () => {
    const { pipe, collector } = await streaming();
    await pipe.write(join264(tinyUnits(3)));
    expect(collector.frames.length).toBe(2);
    await pipe.write(join264([[DELIMITER, SPS]]));
    expect(collector.frames.length).toBe(3);
  });

  it('gives a frame out when no byte came for half a frame interval, and 20 ms at most', async () => {
    for (const [framesPerSecond, idleMs] of [
      [25, IDLE_FLUSH_MS_MAX],
      [100, 5],
      [5, IDLE_FLUSH_MS_MAX],
    ] as const) {
      const { pipe, timing, collector } = await streaming({ framesPerSecond });
      await pipe.write(join264(tinyUnits(1)));
      await timing.advance(idleMs - 1);
      expect(collector.frames.length).toBe(0);
      await timing.advance(1);
      expect(collector.frames.length).toBe(1);
    }
  });

  it('does not take a chunk within a picture for its end while bytes keep coming', async () => {
    const { pipe, timing, collector } = await streaming();
    const bytes = join264(tinyUnits(1));
    for (let offset = 0; offset < bytes.length; offset += 500) {
      await pipe.write(bytes.subarray(offset, offset + 500));
      await timing.advance(15);
    }
    expect(collector.frames.length).toBe(0);
    await timing.advance(5);
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
  });

  it('keeps all frames whole when each comes by itself with pauses between', async () => {
    const units = tinyUnits(10);
    const { pipe, timing, collector } = await streaming();
    for (const [index, nals] of units.entries()) {
      await pipe.write(toAnnexB(nals));
      await timing.advance(40);
      expect(collector.frames.length).toBe(index + 1);
    }
    expect(sameBytes(collector.bytes(), join264(units))).toBe(true);
    expect(collector.steps()).toEqual(new Array(9).fill(3600));
  });

  it('keeps parameter sets that come before a pause for the picture after it', async () => {
    const { pipe, timing, collector, source } = await streaming();
    const units = [DELIMITER, SPS, PPS, firstSlice(0x65, 500)];
    await pipe.write(toAnnexB(units.slice(0, 3)));
    await timing.advance(100);
    expect(collector.frames.length).toBe(0);
    await pipe.write(toAnnexB(units.slice(3)));
    await timing.advance(100);
    expect(collector.frames).toMatchObject([{ keyframe: true, units }]);
    expect(source.describe()).toMatchObject({ spropParameterSets: [SPS, PPS], framerate: 25 });
  });

  it('never cuts at a pause again after an encoder that pauses within a unit', async () => {
    const units = tinyUnits(6);
    const { pipe, timing, collector } = await streaming();
    const first = toAnnexB(units[0] ?? []);
    await pipe.write(first.subarray(0, 1000));
    await timing.advance(30);
    expect(collector.frames.length).toBe(1);
    await pipe.write(first.subarray(1000));
    for (const nals of units.slice(1)) {
      const bytes = toAnnexB(nals);
      await pipe.write(bytes.subarray(0, 200));
      await timing.advance(30);
      await pipe.write(bytes.subarray(200));
      await timing.advance(30);
    }
    await pipe.close();
    expect(sameBytes(join264(collector.frames.slice(1).map((frame) => frame.units)), join264(units.slice(1)))).toBe(
      true,
    );
  });

  it('never cuts at a pause again after an encoder that pauses between the slices of a picture', async () => {
    const { pipe, timing, collector } = await streaming();
    for (let picture = 0; picture < 3; picture++) {
      await pipe.write(toAnnexB([SPS, PPS, firstSlice(0x65, 300)]));
      await timing.advance(30);
      await pipe.write(toAnnexB([laterSlice(0x65, 300)]).subarray(1));
      await timing.advance(30);
    }
    await pipe.close();
    expect(collector.frames.slice(-2).map(({ units }) => units.length)).toEqual([4, 4]);
  });

  it('stamps frames with the time at which they began to arrive', async () => {
    const { pipe, timing, collector } = await streaming();
    for (const [index, nals] of tinyUnits(4).entries()) {
      await pipe.write(toAnnexB(nals));
      await timing.advance(index === 1 ? 500 : 33);
    }
    expect(collector.steps()).toEqual([33 * 90, 500 * 90, 33 * 90]);
  });

  it('stamps them so too when they come without a pause', async () => {
    const { pipe, timing, collector } = await streaming();
    for (const nals of tinyUnits(5)) {
      await pipe.write(toAnnexB(nals));
      await timing.advance(10);
    }
    expect(collector.steps()).toEqual([900, 900, 900]);
  });

  it('gives frames that come in one piece different timestamps', async () => {
    const { pipe, collector } = await streaming();
    await pipe.write(join264(tinyUnits(5)));
    expect(collector.steps()).toEqual([90, 90, 90]);
  });

  it('counts timestamps by the frame rate that it was told', async () => {
    const { pipe, timing, collector } = await streaming({ framesPerSecond: 50 });
    for (const nals of tinyUnits(4)) {
      await pipe.write(toAnnexB(nals));
      await timing.advance(33);
    }
    expect(collector.steps()).toEqual([1800, 1800, 1800]);
    expect(collector.intervalsMs).toEqual([20, 20, 20, 20]);
  });

  it('measures the frame interval where neither option nor SPS tells it', async () => {
    const { pipe, timing, collector } = await streaming();
    const sps = SPS.subarray(0, 8);
    for (let frame = 0; frame < 60; frame++) {
      await pipe.write(toAnnexB([sps, PPS, firstSlice(0x65, 300)]));
      await timing.advance(100);
    }
    expect(collector.intervalsMs.at(-1)).toBeGreaterThan(95);
  });

  it('gives the last frame out at the end of the input, and ends', async () => {
    const { pipe, collector } = await streaming();
    await pipe.write(join264(tinyUnits(2)));
    await pipe.close();
    expect(await collector.finished).toBeUndefined();
    expect(collector.frames.length).toBe(2);
    expect(collector.endings).toBe(1);
  });

  it('fails when the input ends without any H.264, and when it breaks', async () => {
    const empty = await streaming();
    await empty.pipe.write(new TextEncoder().encode('no such device\n'));
    await empty.pipe.close();
    expect(await empty.collector.finished).toMatchObject({
      message: expect.stringMatching(/the pipe ended without any H/),
    });
    const broken = await streaming();
    await broken.pipe.write(join264(tinyUnits(2)));
    broken.pipe.destroy(new Error('unplugged'));
    expect(await broken.collector.finished).toMatchObject({ message: expect.stringMatching(/unplugged/) });
    expect(broken.collector.frames.length).toBe(2);
    expect(broken.collector.endings).toBe(1);
  });

  it('is silent after it was stopped, and leaves no timer', async () => {
    const { pipe, timing, collector, source } = await streaming();
    await pipe.write(join264(tinyUnits(2)));
    await source.stop();
    await turn();
    expect(timing.waiting).toBe(0);
    expect(collector.frames.length).toBe(1);
    expect(collector.endings).toBe(0);
    expect(pipe.destroyed).toBe(true);
    await expect(source.start(new Collector())).rejects.toBeInstanceOf(SourceError);
  });

  it('does not cut a plain file where the disk is slow', async () => {
    const bytes = join264(tinyUnits(12));
    const readable = createReadStream(folder.write('plain.h264', bytes), { highWaterMark: 100 });
    const timing = new ManualTiming();
    const collector = new Collector();
    await h264Stream(readable, { timing }).start(collector);
    expect(await collector.finished).toBeUndefined();
    expect(timing.waiting).toBe(0);
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
  });

  it('holds no more than a picture of endless bytes without a start code', async () => {
    const collector = new Collector();
    const pipe = new Pipe();
    const live = new LiveAnnexB(pipe, collector, new ManualTiming(), {});
    live.begin();
    const before = process.memoryUsage().arrayBuffers;
    await pipe.write(Uint8Array.of(0, 0, 1, 0x65));
    const chunk = new Uint8Array(1 << 20).fill(0x55);
    for (let index = 0; index < 64; index++) await pipe.write(chunk);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(48 << 20);
    live.finish();
    expect(collector.frames).toEqual([]);
  });

  itWithFfmpeg('gives the frames of an encoder unchanged in chunks of a pipe', async () => {
    const bytes = h264Clip({ extra: ['-x264-params', 'aud=1:slices=3'] });
    const { pipe, collector } = await streaming();
    for (let offset = 0; offset < bytes.length; offset += 4096) await pipe.write(bytes.subarray(offset, offset + 4096));
    await pipe.close();
    await collector.finished;
    expect(collector.frames.length).toBe(50);
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
  });
});
