import { Run } from './command.ts';

const PROBE_MS = 30_000;

/** How many pictures ffprobe decodes in a file. Unlike `countFrames` it lets other tests go on meanwhile. */
export async function probeFrames(path: string): Promise<number> {
  const show = ['-count_frames', '-show_entries', 'stream=nb_read_frames', '-of', 'csv=p=0'];
  await using probe = new Run('ffprobe', ['-v', 'error', '-select_streams', 'v:0', ...show, path]);
  await probe.exit(PROBE_MS);
  return Number.parseInt(probe.stdout, 10);
}

/** What ffmpeg has to say against a file when it decodes all of it; empty when nothing. */
export async function decodeComplaints(path: string): Promise<string> {
  await using decoder = new Run('ffmpeg', ['-nostdin', '-v', 'error', '-i', path, '-f', 'null', '-']);
  const { code } = await decoder.exit(PROBE_MS);
  return code === 0 ? decoder.stderr : `exit code ${code}: ${decoder.stderr}`;
}
