import { spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { Writable } from 'node:stream';
import { describe, expect, it } from 'vitest';
import type { MediaSink } from '../../src/io/media-sink.ts';
import { annexbFile, annexbStream } from '../../src/io/sinks/annexb-sink.ts';
import { execSink } from '../../src/io/sinks/exec-sink.ts';
import { nullSink } from '../../src/io/sinks/null-sink.ts';
import { parseSink } from '../../src/io/sinks/parse-sink.ts';
import { SinkError } from '../../src/io/sinks/sink-error.ts';
import { testSink } from '../../src/io/sinks/test-sink.ts';
import { AccessUnitReader } from '../../src/io/sources/access-unit-reader.ts';
import type { ReceivedFrame } from '../../src/media/access-unit.ts';
import { toAnnexB } from '../../src/media/h264.ts';
import { makeTestFrame } from '../../src/media/test-frames.ts';
import { countFrames, ffmpeg, h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import {
  eagerTiming,
  isRunning,
  join264,
  ManualTiming,
  sameBytes,
  temporaryFolder,
  tinyUnits,
  turn,
} from './sources-support.ts';

const folder = temporaryFolder();

function frame(payload: Uint8Array, keyframe: boolean, decodable = true): ReceivedFrame {
  return { payload, keyframe, decodable, timestamp: 0, completedAtMs: 0 };
}

/** Frames of a stream as a viewer receives them. */
function received(bytes: Uint8Array): ReceivedFrame[] {
  const reader = new AccessUnitReader();
  return [...reader.push(bytes), ...reader.end()].map(({ units, keyframe }) => frame(toAnnexB(units), keyframe));
}

const tiny = join264(tinyUnits(12));

/** The error that a sink will report. */
function failureOf(sink: MediaSink): Promise<Error> {
  return new Promise((resolve) => {
    sink.onFailure = resolve;
  });
}

function feed(sink: MediaSink, frames: readonly ReceivedFrame[]): void {
  for (const one of frames) sink.frame(one);
}

/** Takes nothing until it is told to. */
class Stuck extends Writable {
  readonly #held: (() => void)[] = [];
  readonly taken: Uint8Array[] = [];

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    this.#held.push(() => {
      this.taken.push(chunk);
      done();
    });
  }

  async release(): Promise<void> {
    for (let next = this.#held.shift(); next !== undefined; next = this.#held.shift()) {
      next();
      await turn();
    }
  }
}

describe('a file as a sink', () => {
  it('becomes the stream, byte for byte', async () => {
    const path = folder.path('out.h264');
    const sink = annexbFile(path);
    expect(sink.wants).toBe('frames');
    sink.describe('v=0');
    feed(sink, received(tiny));
    const report = await sink.close();
    expect(sameBytes(readFileSync(path), tiny)).toBe(true);
    expect(report).toEqual({ target: path, written: 12, bytes: tiny.length, dropped: 0, skipped: 0 });
    expect(await sink.close()).toEqual(report);
  });

  it('is there before the first frame', async () => {
    const path = folder.path('early.h264');
    const sink = annexbFile(path);
    expect(readFileSync(path).length).toBe(0);
    expect(await sink.close()).toMatchObject({ written: 0, bytes: 0 });
  });

  it('leaves an older file as it is until the first frame comes', async () => {
    const path = folder.write('older.h264', 'an older recording');
    await annexbFile(path).close();
    expect(readFileSync(path, 'utf8')).toBe('an older recording');
    const sink = annexbFile(path);
    feed(sink, received(tiny));
    await sink.close();
    expect(sameBytes(readFileSync(path), tiny)).toBe(true);
  });

  it('begins at a keyframe, and after a frame that cannot be decoded with the next keyframe', async () => {
    const path = folder.path('gaps.h264');
    const frames = received(tiny);
    const sink = annexbFile(path);
    feed(sink, frames.slice(2, 7));
    sink.frame(frame(Uint8Array.of(1), false, false));
    sink.frame(frame(Uint8Array.of(2), true, false));
    feed(sink, frames.slice(8));
    const report = await sink.close();
    const kept = [...frames.slice(5, 7), ...frames.slice(10)].map(({ payload }) => payload);
    expect(sameBytes(readFileSync(path), Buffer.concat(kept))).toBe(true);
    expect(report).toMatchObject({ written: 4, skipped: 7, dropped: 0 });
  });

  it.each([
    ['there is no such folder', () => folder.path('no/such/folder.h264'), /no such folder; make it first/],
    ['it is a directory', () => folder.path('.'), /is a directory/],
  ])('is refused at once when %s', (_case, path, message) => {
    expect(() => annexbFile(path())).toThrow(message);
    expect(() => annexbFile(path())).toThrow(SinkError);
  });

  it.runIf(existsSync('/dev/full'))('reports a full disk once, and counts what did not fit', async () => {
    const sink = annexbFile('/dev/full');
    const failure = failureOf(sink);
    feed(sink, received(tiny));
    expect((await failure).message).toMatch(/the disk is full; make room/);
    sink.onFailure = () => expect.unreachable();
    feed(sink, received(tiny));
    expect(await sink.close()).toMatchObject({ written: 0, bytes: 0, dropped: 24 });
  });
});

describe('a pipe as a sink', () => {
  it('drops whole frames up to the next keyframe when too much waits', async () => {
    const out = new Stuck();
    const sink = annexbStream(out, 'the pipe', { pendingBytesMax: 3000 });
    const frames = Array.from({ length: 9 }, (_, index) =>
      frame(new Uint8Array(1000).fill(index + 1), index % 3 === 0),
    );
    feed(sink, frames.slice(0, 5));
    await out.release();
    feed(sink, frames.slice(5));
    const closed = sink.close();
    await out.release();
    expect(await closed).toEqual({ target: 'the pipe', written: 6, bytes: 6000, dropped: 3, skipped: 0 });
    expect(out.taken.map((chunk) => chunk[0])).toEqual([1, 2, 3, 7, 8, 9]);
    expect(out.writableEnded).toBe(false);
  });

  it('takes a frame that is larger than all that may wait when nothing waits', async () => {
    const out = new Stuck();
    const sink = annexbStream(out, 'the pipe', { pendingBytesMax: 100 });
    sink.frame(frame(new Uint8Array(1000), true));
    const closed = sink.close();
    await out.release();
    expect(await closed).toMatchObject({ written: 1 });
  });

  it('is not waited for longer than three seconds when nobody reads', async () => {
    const timing = new ManualTiming();
    const sink = annexbStream(new Stuck(), 'the pipe', { timing });
    feed(sink, received(tiny));
    const closed = sink.close();
    await timing.advance(3000);
    expect(await closed).toMatchObject({ written: 0, dropped: 12 });
  });

  it('survives that its reader goes away (EPIPE), and says so once', async () => {
    const reader = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
    await new Promise((resolve) => reader.once('exit', resolve));
    const sink = annexbStream(reader.stdin, 'stdout');
    let failures = 0;
    const failure = new Promise<Error>((resolve) => {
      sink.onFailure = (error) => {
        failures++;
        resolve(error);
      };
    });
    feed(sink, received(tiny));
    expect((await failure).message).toMatch(/stdout/);
    feed(sink, received(tiny));
    await turn();
    expect(failures).toBe(1);
    expect(await sink.close()).toMatchObject({ written: 0, dropped: 24 });
  });

  it('names the reader that ended when the pipe says EPIPE', async () => {
    const out = new Stuck();
    const sink = annexbStream(out, 'stdout');
    const failure = failureOf(sink);
    out.destroy(Object.assign(new Error('write EPIPE'), { code: 'EPIPE' }));
    expect((await failure).message).toMatch(/stdout is not read any more; what it was piped into has ended/);
    await sink.close();
  });
});

describe('a command as a sink', () => {
  it('gets the stream on its stdin, byte for byte, and is waited for', async () => {
    const path = folder.path('cat.h264');
    const sink = execSink(`cat > ${path}`);
    feed(sink, received(tiny));
    const report = await sink.close();
    expect(report).toEqual({ target: `exec:cat > ${path}`, written: 12, bytes: tiny.length, dropped: 0, skipped: 0 });
    expect(sameBytes(readFileSync(path), tiny)).toBe(true);
  });

  it('reports a player that ends by itself, with what it said', async () => {
    const sink = execSink('head -c 10 > /dev/null; echo "no display" >&2; exit 4');
    const failure = failureOf(sink);
    feed(sink, received(tiny));
    expect((await failure).message).toMatch(/ended with exit code 4; it said last:\n {2}no display/);
    feed(sink, received(tiny));
    await turn();
    expect((await sink.close()).dropped).toBeGreaterThanOrEqual(12);
  });

  it('reports a player that was closed without an error, and a command that does not exist', async () => {
    expect((await failureOf(execSink('exit 0'))).message).toMatch(/ended with exit code 0; run the command by itself/);
    expect((await failureOf(execSink('firstframe-no-such-player'))).message).toMatch(/exit code 127.*not found/s);
  });

  it('reports a failure at its very end', async () => {
    const sink = execSink('cat > /dev/null; echo "cannot finish" >&2; exit 1');
    const failure = failureOf(sink);
    feed(sink, received(tiny));
    await sink.close();
    expect((await failure).message).toMatch(/cannot finish/);
  });

  it('is ended when it does not end with its input, and leaves no process', async () => {
    const pids = folder.path('pids');
    const sink = execSink(`trap '' TERM; sleep 1000 & echo $$ > ${pids}; echo $! >> ${pids}; cat > /dev/null; wait`, {
      timing: eagerTiming(),
    });
    sink.onFailure = (error) => expect.unreachable(error.message);
    feed(sink, received(tiny));
    while (!existsSync(pids) || readFileSync(pids, 'utf8').split('\n').length < 3) await turn();
    await sink.close();
    expect(readFileSync(pids, 'utf8').trim().split('\n').map(Number).some(isRunning)).toBe(false);
  });

  it('is refused when it is empty', () => {
    expect(() => execSink(' ')).toThrow(/no command to run; give one, as in exec:'ffplay -'/);
  });

  itWithFfmpeg('can be ffmpeg, which decodes all frames', async () => {
    const path = folder.path('decoded.mp4');
    const sink = execSink(`ffmpeg -v error -y -f h264 -i - -c:v libx264 -preset ultrafast ${path}`);
    sink.onFailure = (error) => expect.unreachable(error.message);
    const frames = received(h264Clip());
    feed(sink, frames.slice(3));
    await sink.close();
    expect(countFrames(path)).toBe(40);
  });

  itWithFfmpeg('leaves a file that decodes without any error when frames in its middle are missing', async () => {
    const path = folder.path('middle.h264');
    const sink = annexbFile(path);
    const frames = received(h264Clip({ extra: ['-tune', 'zerolatency'] }));
    feed(
      sink,
      frames.map((one, index) => (index >= 13 && index < 20 ? { ...one, decodable: false } : one)),
    );
    await sink.close();
    expect(countFrames(path)).toBe(43);
    expect(ffmpeg(['-i', path, '-f', 'null', '-']).toString()).toBe('');
  });
});

describe('test frames into a sink', () => {
  const test = (frameNumber: number, timestampMs = 0): ReceivedFrame =>
    frame(makeTestFrame({ frameNumber, timestampMs, bytes: 500, keyframe: true }), true);

  it('are verified: whole, all there, in order', async () => {
    const sink = testSink({ nowMs: () => 0 });
    feed(
      sink,
      [5, 6, 9, 8, 10, 10].map((number) => test(number)),
    );
    const broken = test(11);
    broken.payload[400] = (broken.payload[400] ?? 0) ^ 1;
    feed(sink, [broken, frame(new Uint8Array(3), true)]);
    expect(await sink.close()).toMatchObject({
      ...{ target: 'test', written: 8, bytes: 3503, dropped: 0 },
      ...{ damaged: 2, missing: 1, outOfOrder: 1, duplicates: 1 },
    });
  });

  it('go on in order when their number wraps', () => {
    const sink = testSink({ nowMs: () => 0 });
    feed(
      sink,
      [2 ** 32 - 1, 0, 1].map((number) => test(number)),
    );
    expect(sink.report()).toMatchObject({ missing: 0, outOfOrder: 0 });
  });

  it('tell how long they were on their way', () => {
    let nowMs = 1000;
    const sink = testSink({ nowMs: () => nowMs });
    expect(sink.report().latency).toBeUndefined();
    for (let index = 1; index <= 100; index++) {
      nowMs = 1000 + index;
      sink.frame(test(index, 1000));
    }
    expect(sink.report().latency).toEqual({ p50Ms: 50, p99Ms: 99, maxMs: 100 });
  });

  it('tell nothing about time when another machine stamped them', () => {
    for (const stampMs of [5000, -100_000]) {
      const sink = testSink({ nowMs: () => 1000 });
      feed(sink, [test(1, 990), test(2, stampMs)]);
      expect(sink.report().latency).toBeUndefined();
    }
  });
});

describe('a sink on the command line', () => {
  it('can be null, which counts', async () => {
    const sink = parseSink('null');
    feed(sink, received(tiny));
    sink.datagram(new Uint8Array(3));
    expect(await sink.close()).toEqual({ target: 'null', written: 12, bytes: tiny.length, dropped: 0 });
    expect(nullSink().wants).toBe('frames');
  });

  it('can be a file, test, an RTP address or a command', async () => {
    const sdpPath = folder.path('parsed.sdp');
    for (const [text, wants, target] of [
      [folder.path('parsed.h264'), 'frames', folder.path('parsed.h264')],
      ['test', 'frames', 'test'],
      ['rtp://127.0.0.1:5006', 'datagrams', 'rtp://127.0.0.1:5006'],
      ['exec:cat > /dev/null', 'frames', 'exec:cat > /dev/null'],
      ...(process.stdout.isTTY ? [] : [['-', 'frames', 'stdout'] as const]),
    ] as const) {
      const sink = parseSink(text, { sdpPath });
      expect(sink.wants).toBe(wants);
      expect((await sink.close()).target).toBe(target);
    }
  });

  it.each([
    ['', /an output is missing; give null, file\.h264, - \(stdout\)/],
    ['exec:', /no command to run/],
    ['rtp://:x', /is not an RTP address/],
    ['rtp://127.0.0.1:5006?pt=96', /is not an RTP address/],
    ['rtmp://live/door', /rtmp:\/\/ is no output/],
    ['clip.mp4', /raw H\.264 stream is no \.mp4 file.*-c copy clip\.mp4/],
    ['clip.mkv', /raw H\.264 stream is no \.mkv file.*-i - clip\.mkv/],
  ])('is refused with what to give instead: "%s"', (text, message) => {
    expect(() => parseSink(text)).toThrow(message);
    expect(() => parseSink(text)).toThrow(SinkError);
  });
});
