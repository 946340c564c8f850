import { execFileSync, spawnSync } from 'node:child_process';
import { it } from 'vitest';

const WAIT_MS = 30_000;
const clips = new Map<string, Uint8Array>();

/** Why tests that need ffmpeg cannot run here; `undefined` when they can. */
export const ffmpegMissing: string | undefined = findReason();

/** A test that runs where ffmpeg with libx264 and ffprobe are, and is skipped with the printed reason where they are not. */
export function itWithFfmpeg(name: string, test: () => Promise<void>): void {
  if (ffmpegMissing === undefined) {
    it(name, test, WAIT_MS);
  } else {
    process.stderr.write(`skipped: "${name}": ${ffmpegMissing}\n`);
    it.skip(`${name} (${ffmpegMissing})`, test);
  }
}

/** What a clip is like. */
export interface ClipOptions {
  readonly frames?: number;
  readonly framesPerSecond?: number;
  readonly keyframeInterval?: number;
  /** Further arguments for the encoder. */
  readonly extra?: readonly string[];
}

/** An H.264 clip (Annex B) of x264's: 320 x 240 pixels, by default 50 frames at 25 a second, a keyframe each 10. */
export function h264Clip(options: ClipOptions = {}): Uint8Array {
  const key = JSON.stringify(options);
  const clip = clips.get(key) ?? new Uint8Array(ffmpeg([...encoderArguments(options), '-f', 'h264', '-']));
  clips.set(key, clip);
  return clip;
}

/** What to say to ffmpeg before the output, to get the pictures of {@link h264Clip}. */
export function encoderArguments(options: ClipOptions = {}): string[] {
  const { frames = 50, framesPerSecond = 25, keyframeInterval = 10, extra = [] } = options;
  const input = ['-f', 'lavfi', '-i', `testsrc2=size=320x240:rate=${framesPerSecond}`, '-frames:v', `${frames}`];
  return [...input, '-c:v', 'libx264', '-pix_fmt', 'yuv420p', '-g', `${keyframeInterval}`, ...extra];
}

/** Runs ffmpeg to its end and returns its stdout; throws when it fails. */
export function ffmpeg(parts: readonly string[]): Buffer {
  return execFileSync('ffmpeg', ['-hide_banner', '-nostdin', '-loglevel', 'error', ...parts], {
    maxBuffer: 1 << 28,
    timeout: WAIT_MS,
  });
}

/** How many pictures ffprobe can decode in a file. */
export function countFrames(path: string): number {
  const show = ['-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
  const text = execFileSync('ffprobe', ['-v', 'error', '-select_streams', 'v:0', ...show, path], {
    encoding: 'utf8',
    timeout: WAIT_MS,
  });
  return Number.parseInt(text, 10);
}

function findReason(): string | undefined {
  const encoders = spawnSync('ffmpeg', ['-hide_banner', '-encoders'], { encoding: 'utf8' });
  if (encoders.error !== undefined) return 'ffmpeg is not installed';
  if (!encoders.stdout.includes('libx264')) return 'ffmpeg has no libx264';
  return spawnSync('ffprobe', ['-version']).error === undefined ? undefined : 'ffprobe is not installed';
}
