import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { DropOptions } from '../../src/config/options.ts';
import type { InitiatorOutput } from '../../src/engine/io-types.ts';
import type { SocketKind } from '../../src/io/datagram-socket.ts';
import { initiate } from '../../src/io/initiate.ts';
import type { StreamEnd } from '../../src/io/received-stream.ts';
import { respond } from '../../src/io/respond.ts';
import { annexbFile } from '../../src/io/sinks/annexb-sink.ts';
import { h264File } from '../../src/io/sources/h264-file.ts';
import type { ReceivedFrame } from '../../src/media/access-unit.ts';
import type { ReceiveStats } from '../../src/media/receive-stats.ts';
import { ErrorCode } from '../../src/protocol/error-code.ts';
import type { LinkModel } from '../../src/sim/link-model.ts';
import { CLIP_FRAMES, clipBytes, clipPath } from '../support/clip.ts';
import { countFrames, ffmpeg, ffmpegMissing } from '../support/ffmpeg.ts';
import { TappedRelay } from '../support/relay-tap.ts';
import { socketKinds } from '../support/sockets.ts';
import { soon } from '../support/witness.ts';

const CLIP_MS = 30_000;
/** The least that is promised at this loss: frames of the clip that a player can show. */
const DECODABLE_MIN = 0.9 * CLIP_FRAMES;
const LOSS = 0.2;
/** The default: how long a gap is waited for. */
const PLAY_OUT_MS = 200;
/**
 * Both ends live in this process. When it stands still for longer than this, what is lost is the machine's doing: with stalls of
 * 385 ms 56 to 71 frames were left, while a play-out time of 2 s still gave 148 to 150.
 */
const STALL_MS_MAX = PLAY_OUT_MS / 2;
const PATIENT_MS = 2000;
const seeds = [{ seed: 1 }, { seed: 2 }, { seed: 3 }];

interface Result {
  readonly frames: readonly ReceivedFrame[];
  readonly end: StreamEnd;
  readonly stats: ReceiveStats | undefined;
  readonly file: string;
}

const folder = mkdtempSync(join(tmpdir(), 'firstframe-identity-'));
const loopDelay = monitorEventLoopDelay({ resolution: 2 });
const runs = new Map<string, Promise<Result>>();

afterAll(() => rmSync(folder, { recursive: true }));

/** The clip from its beginning to its end, over real sockets into a file. */
async function play(
  name: string,
  drop?: DropOptions,
  faults?: LinkModel,
  latencyMs = PLAY_OUT_MS,
  socket: SocketKind = 'dgram',
): Promise<Result> {
  const file = join(folder, `${name}.h264`);
  await using camera = await respond({ socket, port: 0, streams: { clip: h264File(clipPath) } });
  const relay =
    faults === undefined
      ? undefined
      : await TappedRelay.open({ camera: camera.local, seed: 1, toCamera: faults, toViewer: faults });
  const target = relay?.address ?? `127.0.0.1:${camera.local.port}`;
  const frames: ReceivedFrame[] = [];
  const sink = annexbFile(file);
  const trace = (output: InitiatorOutput): void => {
    if (output.kind === 'frame') frames.push(output.frame);
  };
  const stream = await initiate(target, { socket, sink, trace, latencyMs, ...(drop === undefined ? {} : { drop }) });
  const end = await soon(stream.ended, CLIP_MS, `the end of the clip (${name})`);
  await Promise.all([stream.destroy(), camera.destroy()]);
  await relay?.close();
  return { frames, end, stats: stream.stats(), file };
}

/** All at once, because the clip takes its 6 s of real time. */
beforeAll(async () => {
  for (const kind of socketKinds) {
    runs.set(`clean-${kind}`, play(`clean-${kind}`, undefined, undefined, PLAY_OUT_MS, kind));
  }
  runs.set('jumbled', play('jumbled', undefined, { oneWayMs: 2, jitterMs: 10, duplication: 0.05, reorder: 0.05 }));
  for (const { seed } of seeds) runs.set(`loss-${seed}`, play(`loss-${seed}`, { fraction: LOSS, seed }));
  runs.set('patient', play('patient', { fraction: LOSS, seed: 4 }, undefined, PATIENT_MS));
  loopDelay.enable();
  await Promise.all(runs.values());
  loopDelay.disable();
}, 2 * CLIP_MS);

async function resultOf(name: string): Promise<Result> {
  const run = runs.get(name);
  if (run === undefined) throw new Error(`no run ${name}`);
  return run;
}

/** A promise about 200 ms cannot be tested on a machine that stood still for half of them. */
function skipAfterStall(skip: (note: string) => void): void {
  const stallMs = loopDelay.max / 1e6;
  if (stallMs <= STALL_MS_MAX) return;
  const note = `this machine stood still for ${stallMs.toFixed(0)} ms, more than ${STALL_MS_MAX} ms`;
  process.stderr.write(`skipped: 90 % at 20 % loss with a play-out time of ${PLAY_OUT_MS} ms: ${note}\n`);
  skip(note);
}

function joined(frames: readonly ReceivedFrame[]): Buffer {
  return Buffer.concat(frames.map(({ payload }) => payload));
}

describe('a clip over real sockets', () => {
  it.for(socketKinds)(
    'arrives without loss byte for byte, every frame decodable, and ends with NO_ERROR (%s)',
    async (kind) => {
      const { frames, end, stats, file } = await resultOf(`clean-${kind}`);
      expect(frames).toHaveLength(CLIP_FRAMES);
      expect(frames.every(({ decodable }) => decodable)).toBe(true);
      expect(joined(frames).equals(clipBytes())).toBe(true);
      expect((await readFile(file)).equals(clipBytes())).toBe(true);
      expect(end).toMatchObject({ code: ErrorCode.NO_ERROR, byPeer: true, sink: { written: CLIP_FRAMES, dropped: 0 } });
      expect(stats).toMatchObject({ lost: 0, framesIncomplete: 0, framesDecodable: CLIP_FRAMES });
    },
  );

  it('has the timestamps of 25 frames a second, and a keyframe each 50 frames', async () => {
    const { frames } = await resultOf('clean-dgram');
    const first = frames[0]?.timestamp ?? 0;
    expect(frames.map(({ timestamp }) => (timestamp - first) >>> 0)).toEqual(frames.map((_, index) => index * 3600));
    expect(frames.flatMap(({ keyframe }, index) => (keyframe ? [index] : []))).toEqual([0, 50, 100]);
  });

  it('arrives byte for byte also where datagrams are delayed, doubled and out of order', async () => {
    const { frames, stats } = await resultOf('jumbled');
    expect(joined(frames).equals(clipBytes())).toBe(true);
    expect(stats?.duplicated).toBeGreaterThan(0);
    expect((stats?.reordered ?? 0) + (stats?.repaired ?? 0)).toBeGreaterThan(0);
  });

  it.for(seeds)(
    'arrives at 20 % loss each way with at least 90 % of its frames decodable (seed $seed)',
    async ({ seed }, { skip }) => {
      skipAfterStall(skip);
      const { frames, end, stats, file } = await resultOf(`loss-${seed}`);
      const decodable = frames.filter((frame) => frame.decodable);
      process.stderr.write(
        `20 % loss each way, seed ${seed}: ${decodable.length} of ${CLIP_FRAMES} frames decodable\n`,
      );
      expect(decodable.length).toBeGreaterThanOrEqual(DECODABLE_MIN);
      expect(stats?.repaired).toBeGreaterThan(0);
      expect(end.code).toBe(ErrorCode.NO_ERROR);
      expect((await readFile(file)).equals(joined(decodable))).toBe(true);
    },
  );

  it('arrives at 20 % loss each way with at least 90 % of its frames decodable, however busy the machine, with 2 s to repair', async () => {
    const { frames, end, stats, file } = await resultOf('patient');
    const decodable = frames.filter((frame) => frame.decodable);
    expect(decodable.length).toBeGreaterThanOrEqual(DECODABLE_MIN);
    expect(stats?.repaired).toBeGreaterThan(0);
    expect(end.code).toBe(ErrorCode.NO_ERROR);
    expect((await readFile(file)).equals(joined(decodable))).toBe(true);
  });

  it.each(seeds)('has at 20 % loss no frame that is not the clip’s own (seed $seed)', async ({ seed }) => {
    const { frames } = await resultOf(`loss-${seed}`);
    const { frames: all } = await resultOf('clean-dgram');
    const known = new Set(all.map(({ payload }) => Buffer.from(payload).toString('base64')));
    for (const { payload } of frames.filter(({ decodable }) => decodable)) {
      expect(known.has(Buffer.from(payload).toString('base64'))).toBe(true);
    }
  });

  describe.skipIf(ffmpegMissing !== undefined)(
    `for ffmpeg${ffmpegMissing === undefined ? '' : ` (${ffmpegMissing})`}`,
    () => {
      it('is the whole clip when nothing was lost', async () => {
        const { file } = await resultOf('clean-dgram');
        expect(countFrames(file)).toBe(CLIP_FRAMES);
        expect(pictures(file)).toEqual(pictures(clipPath));
      });

      it.each(seeds)(
        'decodes without an error at 20 % loss, as many pictures as were written (seed $seed)',
        async ({ seed }) => {
          const { file, end } = await resultOf(`loss-${seed}`);
          expect(countFrames(file)).toBe(end.sink?.written);
          // Exits with an error, and so throws, at the first thing that it cannot decode.
          expect(pictures(file)).toHaveLength(end.sink?.written ?? 0);
        },
      );
    },
  );
});

if (ffmpegMissing !== undefined) process.stderr.write(`skipped: what ffmpeg decodes: ${ffmpegMissing}\n`);

/** The checksum of each picture. */
function pictures(file: string): string[] {
  const strict = ['-xerror', '-err_detect', 'explode', '-i', file];
  const lines = ffmpeg([...strict, '-f', 'framemd5', '-'])
    .toString('utf8')
    .split('\n');
  return lines.filter((line) => /^\d/.test(line)).map((line) => line.split(',').at(-1)?.trim() ?? '');
}
