import { describe, expect, it } from 'vitest';
import { h264File } from '../../src/io/sources/h264-file.ts';
import { SourceError } from '../../src/io/sources/source-error.ts';
import { hex } from '../media/h264-samples.ts';
import { encoderArguments, ffmpeg, h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import {
  Collector,
  eagerTiming,
  join264,
  ManualTiming,
  PPS,
  SPS,
  sameBytes,
  temporaryFolder,
  tinyUnits,
} from './sources-support.ts';

const folder = temporaryFolder();

async function playToEnd(path: string, framesPerSecond?: number): Promise<Collector> {
  const collector = new Collector();
  const options = framesPerSecond === undefined ? {} : { framesPerSecond };
  const source = h264File(path, { timing: eagerTiming(), ...options });
  await source.start(collector);
  expect(await collector.finished).toBeUndefined();
  await source.stop();
  return collector;
}

describe('a file as a source', () => {
  it('gives every frame of the file, byte for byte, and ends', async () => {
    const bytes = join264(tinyUnits(12));
    const collector = await playToEnd(folder.write('tiny.h264', bytes));
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
    expect(collector.frames.map(({ keyframe }) => keyframe)).toEqual(
      Array.from({ length: 12 }, (_, frame) => frame % 5 === 0),
    );
    expect(collector.endings).toBe(1);
  });

  it('reads on over many chunks of a large file', async () => {
    const bytes = join264(tinyUnits(2000, 50));
    const collector = await playToEnd(folder.write('long.h264', bytes), 1000);
    expect(collector.frames.length).toBe(2000);
    expect(sameBytes(collector.bytes(), bytes)).toBe(true);
  });

  it('describes itself by its parameter sets once it is started, and by its options before', async () => {
    const path = folder.write('described.h264', join264(tinyUnits(2)));
    const source = h264File(path, { timing: eagerTiming() });
    expect(source.runs).toBe('on-demand');
    expect(source.describe()).toEqual({ format: 'h264', payloadType: 96 });
    await source.start(new Collector());
    expect(source.describe()).toEqual({
      format: 'h264',
      payloadType: 96,
      framerate: 25,
      spropParameterSets: [SPS, PPS],
    });
    await source.stop();
    expect(h264File(path, { framesPerSecond: 60 }).describe().framerate).toBe(60);
  });

  it('takes the rate of the SPS, and timestamps advance by it', async () => {
    const collector = await playToEnd(folder.write('rate.h264', join264(tinyUnits(4))));
    expect(collector.steps()).toEqual([3600, 3600, 3600]);
    expect(collector.intervalsMs).toEqual([40, 40, 40, 40]);
  });

  it('takes the rate of its option before that of the SPS, without rounding that adds up', async () => {
    const collector = await playToEnd(folder.write('ntsc.h264', join264(tinyUnits(300))), 29.97);
    const ticks = collector.steps().reduce((sum, step) => sum + step, 0);
    expect(ticks).toBe(Math.round((299 * 90_000) / 29.97));
  });

  it('begins with another timestamp each time', async () => {
    const path = folder.write('random.h264', join264(tinyUnits(1)));
    const starts = [await playToEnd(path), await playToEnd(path), await playToEnd(path)];
    expect(new Set(starts.map(({ frames }) => frames[0]?.timestamp)).size).toBeGreaterThan(1);
  });

  it('paces frames by the clock', async () => {
    const timing = new ManualTiming();
    const collector = new Collector();
    const source = h264File(folder.write('paced.h264', join264(tinyUnits(5))), { timing, framesPerSecond: 10 });
    await source.start(collector);
    await collector.reached(1);
    await timing.advance(99);
    expect(collector.frames.length).toBe(1);
    await timing.advance(1);
    await collector.reached(2);
    await source.stop();
    await timing.advance(1000);
    expect(collector.frames.length).toBe(2);
    expect(collector.endings).toBe(0);
  });

  it('loops without a gap, timestamps going on', async () => {
    const bytes = join264(tinyUnits(6));
    const collector = new Collector();
    const source = h264File(folder.write('loop.h264', bytes), { timing: eagerTiming(), loop: true });
    await source.start(collector);
    await collector.reached(18);
    await source.stop();
    const threeTimes = new Uint8Array(Buffer.concat([bytes, bytes, bytes]));
    expect(sameBytes(join264(collector.frames.slice(0, 18).map(({ units }) => units)), threeTimes)).toBe(true);
    expect(new Set(collector.steps())).toEqual(new Set([3600]));
    expect(collector.endings).toBe(0);
  });

  it('plays from the beginning again after it was stopped', async () => {
    const source = h264File(folder.write('again.h264', join264(tinyUnits(5))), { timing: eagerTiming(), loop: true });
    for (let round = 0; round < 2; round++) {
      const collector = new Collector();
      await source.start(collector);
      await collector.reached(3);
      await source.stop();
      expect(collector.frames[0]?.keyframe).toBe(true);
      expect(collector.frames[0]?.units.length).toBe(3);
    }
  });

  it('can be stopped while it starts', async () => {
    const source = h264File(folder.write('early.h264', join264(tinyUnits(5))), { timing: eagerTiming() });
    const collector = new Collector();
    const started = source.start(collector);
    await source.stop();
    await started;
    expect(collector.frames).toEqual([]);
    await expect(source.start(new Collector())).resolves.toBeUndefined();
    await source.stop();
  });

  it('leaves out what stands before the first keyframe', async () => {
    const units = tinyUnits(8);
    const collector = await playToEnd(folder.write('middle.h264', join264(units.slice(2))));
    expect(sameBytes(collector.bytes(), join264(units.slice(5)))).toBe(true);
  });

  it.each([
    ['there is no file', () => folder.path('none.h264'), /there is no such file; check the path/],
    ['it is a directory', () => folder.path('.'), /is a directory; give a file in it/],
    ['the file is empty', () => folder.write('empty.h264', ''), /has no H\.264 in it; see with "ffprobe/],
    ['it is text', () => folder.write('notes.txt', 'not a video\n'.repeat(9999)), /has no H\.264 in it/],
    [
      'no keyframe is in it',
      () => folder.write('nokey.h264', join264([[SPS, PPS], ...tinyUnits(4).slice(1)])),
      /has no keyframe in it/,
    ],
    [
      'it is an MP4 file',
      () => folder.write('x.mp4', hex('00000020 66747970 69736f6d 00000200')),
      /is an MP4 or MOV file.*ffmpeg -i/,
    ],
  ])('says so, and what to try, when %s', async (_case, path, message) => {
    const source = h264File(path(), { timing: eagerTiming() });
    const start = source.start(new Collector());
    await expect(start).rejects.toThrow(message);
    await expect(start).rejects.toBeInstanceOf(SourceError);
    await source.stop();
  });

  it('can be started again after it could not be started', async () => {
    const source = h264File(folder.path('later.h264'), { timing: eagerTiming() });
    await expect(source.start(new Collector())).rejects.toThrow('no such file');
    folder.write('later.h264', join264(tinyUnits(2)));
    const collector = new Collector();
    await source.start(collector);
    expect(await collector.finished).toBeUndefined();
    expect(collector.frames.length).toBe(2);
  });

  it('refuses a frame rate that cannot be', () => {
    for (const framesPerSecond of [0, -1, Number.NaN, 5000]) {
      expect(() => h264File('x.h264', { framesPerSecond })).toThrow(SourceError);
    }
  });

  itWithFfmpeg('gives every frame of an encoder, byte for byte, at its rate', async () => {
    for (const extra of [[], ['-x264-params', 'aud=1'], ['-tune', 'zerolatency', '-x264-params', 'slices=4']]) {
      const bytes = h264Clip({ framesPerSecond: 30, extra });
      const collector = await playToEnd(folder.write('x264.h264', bytes));
      expect(collector.frames.length).toBe(50);
      expect(sameBytes(collector.bytes(), bytes)).toBe(true);
      expect(collector.frames.filter(({ keyframe }) => keyframe).length).toBe(5);
      expect(collector.steps()[0]).toBe(3000);
    }
  });

  itWithFfmpeg('names the container when the file is one of ffmpeg, and what to do works', async () => {
    for (const [name, kind] of [
      ['out.mp4', 'MP4'],
      ['out.mkv', 'Matroska'],
      ['out.ts', 'transport stream'],
      ['out.flv', 'FLV'],
      ['out.avi', 'AVI'],
    ] as const) {
      const path = folder.path(name);
      ffmpeg([...encoderArguments(), '-y', path]);
      await expect(h264File(path).start(new Collector())).rejects.toThrow(kind);
    }
    const taken = folder.path('taken.h264');
    ffmpeg([
      '-y',
      '-i',
      folder.path('out.mp4'),
      '-an',
      '-c:v',
      'copy',
      '-bsf:v',
      'h264_mp4toannexb',
      '-f',
      'h264',
      taken,
    ]);
    expect((await playToEnd(taken)).frames.length).toBe(50);
  });
});
