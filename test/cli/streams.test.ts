import { createSocket } from 'node:dgram';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import {
  CLIP,
  CLIP_FRAMES,
  Cleanup,
  figure,
  MAIN,
  Run,
  SOON_MS,
  startCamera,
  startStreamingViewer,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';
import { decodeComplaints, probeFrames } from '../support/probe.ts';

vi.setConfig({ maxConcurrency: 9 });

/** The clip lasts 6 s; a viewer stays 3.5 s more for stray copies of BYE. */
const CLIP_MS = 30_000;
const clip = readFileSync(CLIP);

if (ffmpegMissing !== undefined) process.stderr.write(`skipped: streams checked by ffmpeg: ${ffmpegMissing}\n`);
const testWithFfmpeg = test.skipIf(ffmpegMissing !== undefined);

/** A live picture of ffmpeg's, 25 frames/s in real time, to stdout. */
function encoder(frames: number, keyframeInterval: number, ...extra: readonly string[]): string[] {
  return [
    ...['-nostdin', '-v', 'error', '-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x240:rate=25'],
    ...['-frames:v', `${frames}`, '-c:v', 'libx264', '-tune', 'zerolatency', '-pix_fmt', 'yuv420p'],
    ...['-g', `${keyframeInterval}`, ...extra],
  ];
}

/** A UDP port of 127.0.0.1 that nobody has, with the one above it (RTCP). */
async function freePort(): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const socket = createSocket('udp4');
      socket.once('error', reject);
      socket.bind(0, '127.0.0.1', () => {
        const { port } = socket.address();
        socket.close(() => resolve(port));
      });
    });
    if (port % 2 === 0) return port;
  }
}

function isBound(port: number): boolean {
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return ['udp', 'udp6'].some((table) => readFileSync(`/proc/net/${table}`, 'utf8').includes(`:${hex} `));
}

describe.concurrent('two processes', () => {
  test('without loss the file of the viewer is the file of the camera, byte for byte, and both end with 0', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'door.h264');
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--once']);
    const viewer = startViewer(cleanup, `${camera.address}/door`, ['-o', path]);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { target: path, written: CLIP_FRAMES, dropped: 0 } });
    expect(figure(ended, 'stats', 'framesDecodable')).toBe(CLIP_FRAMES);
    expect(readFileSync(path).equals(clip)).toBe(true);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(await camera.run.exit()).toMatchObject({ code: 0 });
    expect(viewer.stderr + camera.run.stderr).toBe('');
  });

  // Retried once, see demo.test.ts.
  testWithFfmpeg(
    'through 20 % loss each way at least 90 % of frames arrive, and ffmpeg decodes them all',
    { retry: 1 },
    async () => {
      await using cleanup = new Cleanup();
      const path = join(temporaryFolder(cleanup), 'door.h264');
      const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`]);
      const viewer = startViewer(cleanup, `${camera.address}/door`, ['-o', path, '--drop', '20%', '--seed', '7']);
      const ended = await viewer.event('ended', undefined, CLIP_MS);
      const written = figure(ended, 'sink', 'written');
      expect(written).toBeGreaterThanOrEqual(0.9 * CLIP_FRAMES);
      expect(figure(ended, 'metrics', 'counters', 'linkImpaired')).toBeGreaterThan(50);
      expect(figure(ended, 'stats', 'repaired')).toBeGreaterThan(50);
      expect(await decodeComplaints(path)).toBe('');
      expect(await probeFrames(path)).toBe(written);
      expect(await viewer.exit()).toMatchObject({ code: 0 });
    },
  );

  test('without repair the same loss costs frames: the repair is what saves them', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`]);
    const options = ['--drop', '20%', '--seed', '7', '--no-repair'];
    const viewer = startViewer(cleanup, `${camera.address}/door`, options);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(figure(ended, 'stats', 'repaired')).toBe(0);
    expect(figure(ended, 'stats', 'framesDecodable')).toBeLessThan(0.9 * CLIP_FRAMES);
  });

  testWithFfmpeg('a command as output gets every frame in its stdin', async () => {
    await using cleanup = new Cleanup();
    const progress = join(temporaryFolder(cleanup), 'progress');
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`]);
    const player = `exec:ffmpeg -v error -progress ${progress} -f h264 -i - -f null -`;
    const viewer = startViewer(cleanup, `${camera.address}/door`, ['-o', player]);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(figure(ended, 'sink', 'written')).toBe(CLIP_FRAMES);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    const text = readFileSync(progress, 'utf8');
    expect(text).toMatch(/progress=end\n$/);
    expect(text.match(/frame=\s*\d+/g)?.at(-1)).toBe(`frame=${CLIP_FRAMES}`);
  });

  testWithFfmpeg('stdout as output is a stream that a pipe can take, and holds nothing else', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`]);
    const probe = 'ffprobe -v error -count_frames -show_entries stream=nb_read_frames -of csv=p=0 -f h264 -i -';
    const line = `"$0" "$1" view "$2" --output - | tee copy.h264 | ${probe}`;
    const cwd = temporaryFolder(cleanup);
    const pipe = cleanup.use(new Run('sh', ['-c', line, process.execPath, MAIN, camera.address], { cwd }));
    expect(await pipe.exit(CLIP_MS)).toMatchObject({ code: 0 });
    expect(pipe.stdout.trim()).toBe(`${CLIP_FRAMES}`);
    expect(readFileSync(join(cwd, 'copy.h264')).equals(clip)).toBe(true);
    expect(pipe.stderr).toMatch(/written +150 to stdout/);
  });

  test('test frames arrive whole, in order and none missing; a clip is not taken for one', async () => {
    await using cleanup = new Cleanup();
    const streams = ['--stream', 'test=test?fps=100&bytes=5kB&keyframes=10', '--stream', `door=${CLIP}`];
    const camera = await startCamera(cleanup, streams);
    const view = (stream: string, ...more: string[]) =>
      startViewer(cleanup, `${camera.address}/${stream}`, ['-o', 'test', '--duration', '2s', ...more]);
    const [clean, lossy, wrong] = await Promise.all(
      [view('test'), view('test', '--drop', '10%', '--seed', '3'), view('door')].map((viewer) =>
        viewer.event('ended', undefined, CLIP_MS),
      ),
    );
    if (clean === undefined || lossy === undefined || wrong === undefined) throw new Error('unreachable');
    const flawless = { damaged: 0, missing: 0, outOfOrder: 0, duplicates: 0, dropped: 0 };
    expect(clean['sink']).toMatchObject(flawless);
    expect(figure(clean, 'sink', 'written')).toBeGreaterThan(150);
    expect(figure(clean, 'sink', 'latency', 'p50Ms')).toBeLessThan(100);
    expect(lossy['sink']).toMatchObject({ damaged: 0, outOfOrder: 0, duplicates: 0 });
    expect(figure(lossy, 'sink', 'written')).toBeGreaterThan(140);
    expect(figure(wrong, 'sink', 'damaged')).toBe(figure(wrong, 'sink', 'written'));
    expect(figure(wrong, 'sink', 'damaged')).toBeGreaterThan(40);
  });

  testWithFfmpeg('a command as source: a live encoder whose newest group the viewer gets', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'cam.h264');
    const source = `cam=exec:ffmpeg ${encoder(150, 30).join(' ')} -f h264 -`;
    const camera = await startCamera(cleanup, ['--stream', source, '--once']);
    const viewer = startViewer(cleanup, camera.address, ['-o', path]);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(ended).toMatchObject({ code: 0, byPeer: true });
    const written = figure(ended, 'sink', 'written');
    // It begins with the newest key frame, one each 30, however late it came, and then misses nothing.
    expect(written % 30).toBe(0);
    expect(written).toBeGreaterThanOrEqual(30);
    expect(figure(ended, 'stats', 'framesIncomplete')).toBe(0);
    expect(await decodeComplaints(path)).toBe('');
    expect(await probeFrames(path)).toBe(written);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(await camera.run.exit()).toMatchObject({ code: 0 });
  });

  testWithFfmpeg('stdin as source: every frame that is piped in arrives, and its end ends the stream', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'cam.h264');
    const camera = await startCamera(cleanup, ['--stream', 'cam=-', '--once'], { stdin: true });
    const viewer = await startStreamingViewer(cleanup, camera.address, ['-o', path]);
    const ffmpeg = cleanup.use(new Run('ffmpeg', [...encoder(75, 30), '-f', 'h264', '-']));
    ffmpeg.pipeTo(camera.run.stdin);
    const ended = await viewer.event('ended', undefined, CLIP_MS);
    expect(ended).toMatchObject({ code: 0, byPeer: true, sink: { written: 75, dropped: 0 } });
    expect(readFileSync(path).equals(ffmpeg.bytes)).toBe(true);
    expect(await probeFrames(path)).toBe(75);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(await camera.run.exit()).toMatchObject({ code: 0 });
  });

  testWithFfmpeg('RTP of an encoder goes in, and comes out for a player that reads the SDP file', async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const [sdp, played] = [join(folder, 'play.sdp'), join(folder, 'played.h264')];
    const [portIn, portOut] = [await freePort(), await freePort()];
    const camera = await startCamera(cleanup, ['--stream', `cam=rtp://:${portIn}`]);
    const output = ['-o', `rtp://127.0.0.1:${portOut}`, '--sdp', sdp];
    const viewer = await startStreamingViewer(cleanup, `${camera.address}/cam`, output);
    await vi.waitFor(() => expect(existsSync(sdp)).toBe(true), { timeout: SOON_MS });
    const frames = 100;
    // The player learns that a picture is over from the next one: the last never comes out, and one more may be cut off.
    const expected = frames - 2;
    const until = ['-frames:v', `${expected}`, '-y', played];
    const receive = ['-v', 'error', '-protocol_whitelist', 'file,udp,rtp', '-i', sdp, '-c', 'copy', ...until];
    const player = cleanup.use(new Run('ffmpeg', ['-nostdin', ...receive]));
    await vi.waitFor(() => expect(isBound(portOut)).toBe(true), { timeout: SOON_MS });
    const rtp = ['-f', 'rtp', `rtp://127.0.0.1:${portIn}?pkt_size=1200`];
    const ffmpeg = cleanup.use(new Run('ffmpeg', encoder(frames, 25, ...rtp)));
    expect(await ffmpeg.exit(CLIP_MS)).toMatchObject({ code: 0 });
    expect(await player.exit()).toMatchObject({ code: 0 });
    expect(await probeFrames(played)).toBe(expected);
    expect(await decodeComplaints(played)).toBe('');
    viewer.signal('SIGINT');
    expect(figure(await viewer.event('ended'), 'sink', 'dropped')).toBe(0);
    expect(await viewer.exit()).toMatchObject({ code: 130 });
  });
});
