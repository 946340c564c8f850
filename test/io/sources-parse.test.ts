import { describe, expect, it } from 'vitest';
import { parseSource } from '../../src/io/sources/parse-source.ts';
import { parseRtpUrl } from '../../src/io/sources/rtp-url.ts';
import { SourceError } from '../../src/io/sources/source-error.ts';
import { testSource } from '../../src/io/sources/test-source.ts';
import { checkTestFrame } from '../../src/media/test-frames.ts';
import { Collector, eagerTiming, join264, ManualTiming, temporaryFolder, tinyUnits } from './sources-support.ts';

const folder = temporaryFolder();

describe('a source on the command line', () => {
  it.each([
    ['clip.h264', 'on-demand', { format: 'h264', payloadType: 96 }],
    ['./test', 'on-demand', { format: 'h264', payloadType: 96 }],
    ['C:\\clips\\door.h264', 'on-demand', { format: 'h264', payloadType: 96 }],
    ['-', 'always', { format: 'h264', payloadType: 96 }],
    ['rtp://:5004', 'always', { format: 'h264', packets: true, payloadType: 96 }],
    ['rtp://127.0.0.1:5004?pt=100', 'always', { format: 'h264', packets: true, payloadType: 100 }],
    ['rtp://[::1]:5004', 'always', { format: 'h264', packets: true, payloadType: 96 }],
    ['test', 'on-demand', { format: 'generic', payloadType: 97, framerate: 30 }],
    ['test?fps=60&bytes=20kB&keyframes=30', 'on-demand', { format: 'generic', payloadType: 97, framerate: 60 }],
    ['exec:cat clip.h264', 'always', { format: 'h264', payloadType: 96 }],
  ] as const)('can be %s', (text, runs, description) => {
    const source = parseSource(text);
    expect(source.runs).toBe(runs);
    expect(source.describe()).toEqual(description);
  });

  it('takes the frame rate that is given beside it', () => {
    for (const text of ['clip.h264', '-', 'test', 'exec:cat clip.h264']) {
      expect(parseSource(text, { framesPerSecond: 12 }).describe().framerate).toBe(12);
    }
  });

  it('loops a file when told so', async () => {
    const path = folder.write('loop.h264', join264(tinyUnits(2)));
    const collector = new Collector();
    const source = parseSource(path, { loop: true, framesPerSecond: 1000 });
    await source.start(collector);
    await collector.reached(6);
    await source.stop();
    expect(collector.frames.slice(0, 6).map(({ keyframe }) => keyframe)).toEqual([
      true,
      false,
      true,
      false,
      true,
      false,
    ]);
  });

  it.each([
    ['', /a source is missing; give clip\.h264, - \(stdin\)/],
    ['exec:', /no command to run/],
    ['rtp://5004', /is not an RTP address; give rtp:\/\/:5004/],
    ['rtp://camera.example:5004', /numeric address/],
    ['rtp://:0', /is not an RTP address/],
    ['rtp://:70000', /is not an RTP address/],
    ['rtp://[127.0.0.1]:5004', /is not an RTP address/],
    ['rtp://:5004?ttl=3', /parameter "ttl".*there is: pt/],
    ['rtp://:5004?pt=200', /200 is not a payload type/],
    ['rtsp://camera/door', /rtsp:\/\/ is no source.*exec:'ffmpeg -i rtsp:\/\/camera\/door/],
    ['test?size=3', /parameter "size".*fps, bytes, keyframes/],
    ['test?bytes=many', /"many" is no value for bytes/],
    ['test?bytes=2B', /cannot have 2 bytes/],
    ['test?bytes=2', /write 2B/],
    ['test?fps=0', /a frame rate of 0/],
    ['test?keyframes=0.5', /0\.5 is not a number of frames/],
  ])('is refused with what to give instead: "%s"', (text, message) => {
    expect(() => parseSource(text)).toThrow(message);
    expect(() => parseSource(text)).toThrow(SourceError);
  });

  it('reads localhost as the address that it is', () => {
    expect(parseRtpUrl('rtp://localhost:5004/')).toMatchObject({ host: '127.0.0.1', port: 5004 });
  });
});

describe('test frames as a source', () => {
  it('are numbered, stamped and whole, at their rate', async () => {
    const timing = new ManualTiming();
    const collector = new Collector();
    const stampMs = (): number => timing.nowMs();
    const source = testSource({ framesPerSecond: 50, bytesPerFrame: 2000, timing, stampMs });
    await source.start(collector);
    await timing.advance(80);
    await source.stop();
    await timing.advance(1000);
    expect(collector.frames.map(({ units }) => checkTestFrame(units[0] ?? new Uint8Array()))).toEqual(
      [0, 1, 2, 3, 4].map((frameNumber) => ({
        ok: true,
        frameNumber,
        timestampMs: 1000 + 20 * frameNumber,
        keyframe: true,
      })),
    );
    expect(collector.frames.map(({ units }) => units[0]?.length)).toEqual(new Array(5).fill(2000));
    expect(collector.steps()).toEqual([1800, 1800, 1800, 1800]);
    expect(collector.intervalsMs[0]).toBe(20);
    expect(timing.waiting).toBe(0);
  });

  it('have keyframes as often as told, and begin at 0 again', async () => {
    const source = testSource({ keyframeInterval: 3, timing: eagerTiming() });
    for (let round = 0; round < 2; round++) {
      const collector = new Collector();
      await source.start(collector);
      await expect(source.start(collector)).rejects.toBeInstanceOf(SourceError);
      await collector.reached(7);
      await source.stop();
      expect(collector.frames.slice(0, 7).map(({ keyframe }) => keyframe)).toEqual([
        true,
        false,
        false,
        true,
        false,
        false,
        true,
      ]);
      expect(checkTestFrame(collector.frames[0]?.units[0] ?? new Uint8Array())).toMatchObject({ frameNumber: 0 });
    }
  });
});
