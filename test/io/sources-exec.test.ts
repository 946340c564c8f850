import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { execSource } from '../../src/io/sources/exec-source.ts';
import { LastLines } from '../../src/io/sources/last-lines.ts';
import { SourceError } from '../../src/io/sources/source-error.ts';
import { systemTiming } from '../../src/io/sources/timing.ts';
import { encoderArguments, h264Clip, itWithFfmpeg } from '../support/ffmpeg.ts';
import {
  Collector,
  eagerTiming,
  isRunning,
  join264,
  sameBytes,
  temporaryFolder,
  tinyUnits,
} from './sources-support.ts';

const folder = temporaryFolder();
const tiny = join264(tinyUnits(12));
const clip = folder.write('tiny.h264', tiny);

function pidsIn(path: string): number[] {
  return readFileSync(path, 'utf8').trim().split('\n').map(Number);
}

/** Real time in which no pause of an encoder counts as one: on a busy machine it may be stopped amid a picture. */
const pauseless = { ...systemTiming, afterInput: () => () => {} };

async function run(command: string, timing = systemTiming): Promise<Collector & { error?: Error | undefined }> {
  const collector: Collector & { error?: Error | undefined } = new Collector();
  const source = execSource(command, { timing });
  await source.start(collector);
  collector.error = await collector.finished;
  await source.stop();
  return collector;
}

describe('a command as a source', () => {
  it('gives the frames that it writes, byte for byte, and ends with it', async () => {
    const collector = await run(`cat ${clip}`);
    expect(collector.error).toBeUndefined();
    expect(sameBytes(collector.bytes(), tiny)).toBe(true);
    expect(collector.endings).toBe(1);
  });

  it('runs through the shell, pipes included', async () => {
    const collector = await run(`cat ${clip} | cat; echo done >&2`);
    expect(sameBytes(collector.bytes(), tiny)).toBe(true);
  });

  it('fails with exit code and last lines of stderr when the command fails', async () => {
    const { error, frames, endings } = await run('seq 1 30 >&2; echo "no such camera" >&2; exit 3');
    expect(error).toBeInstanceOf(SourceError);
    expect(error?.message).toContain('ended with exit code 3');
    expect(error?.message).toMatch(/\n {2}no such camera$/);
    expect(error?.message).toContain('\n  12\n');
    expect(error?.message).not.toContain('\n  11\n');
    expect(frames).toEqual([]);
    expect(endings).toBe(1);
  });

  it('fails after its frames when the command fails amid them', async () => {
    const { error, frames } = await run(`cat ${clip}; echo unplugged >&2; exit 1`);
    expect(frames.length).toBe(12);
    expect(error?.message).toMatch(/exit code 1; it said last:\n {2}unplugged/);
  });

  it('fails when there is no such command, when it is killed, and when it writes no H.264', async () => {
    expect((await run('firstframe-no-such-command')).error?.message).toMatch(/exit code 127.*not found/s);
    expect((await run('kill -9 $$')).error?.message).toMatch(/was ended by SIGKILL/);
    expect((await run('echo hello')).error?.message).toMatch(
      /without writing any H\.264 to stdout ended with exit code 0/,
    );
  });

  it('does not wait for what a failed command left in the background, and ends it', async () => {
    const pids = folder.path('background');
    const { error } = await run(`sleep 1000 & echo $! > ${pids}; exit 5`);
    expect(error?.message).toContain('exit code 5');
    expect(pidsIn(pids).some(isRunning)).toBe(false);
  });

  it('leaves no process when it is stopped', async () => {
    const pids = folder.path('stopped');
    const collector = new Collector();
    const source = execSource(`echo $$ > ${pids}; sleep 1000 & echo $! >> ${pids}; cat ${clip}; wait`);
    await source.start(collector);
    await collector.reached(11);
    expect(pidsIn(pids).map(isRunning)).toEqual([true, true]);
    await source.stop();
    expect(pidsIn(pids).map(isRunning)).toEqual([false, false]);
    expect(collector.endings).toBe(0);
  });

  it('kills what does not end when it is asked to', async () => {
    const pids = folder.path('stubborn');
    const collector = new Collector();
    const command = `trap '' TERM; echo $$ > ${pids}; cat ${clip}; while :; do sleep 1000; done`;
    const source = execSource(command, { timing: eagerTiming() });
    await source.start(collector);
    await collector.reached(11);
    await source.stop();
    expect(pidsIn(pids).some(isRunning)).toBe(false);
  });

  it('ends a command that is stuck because nobody reads', async () => {
    const collector = new Collector();
    const source = execSource(`cat ${clip}; cat /dev/zero`);
    await source.start(collector);
    await collector.reached(11);
    await source.stop();
    expect(collector.endings).toBe(0);
  });

  it('can be stopped while it starts, and started again', async () => {
    const source = execSource(`cat ${clip}`);
    const started = source.start(new Collector());
    await source.stop();
    await started;
    const collector = new Collector();
    await source.start(collector);
    expect(await collector.finished).toBeUndefined();
    expect(collector.frames.length).toBe(12);
    expect(source.describe().framerate).toBe(25);
    await source.stop();
  });

  it('refuses an empty command', () => {
    expect(() => execSource('  ')).toThrow(/no command to run/);
  });

  itWithFfmpeg('gives the frames of a live encoder', async () => {
    const collector = await run(`ffmpeg -v error ${encoderArguments().join(' ')} -f h264 -`, pauseless);
    expect(collector.error).toBeUndefined();
    const [given, encoded] = [collector.bytes(), h264Clip()];
    const differsAt = given.findIndex((byte, at) => byte !== encoded[at]);
    expect({ bytes: given.length, differsAt }).toEqual({ bytes: encoded.length, differsAt: -1 });
  });

  itWithFfmpeg('tells what ffmpeg said when it cannot', async () => {
    const { error } = await run(`ffmpeg -i ${folder.path('none.mp4')} -f h264 -`);
    expect(error?.message).toMatch(/none\.mp4: No such file or directory/);
  });
});

describe('the last lines of a command', () => {
  it('are kept however they are chunked, progress by carriage return included', () => {
    const lines = new LastLines(3);
    for (const piece of ['one\ntw', 'o\n\nfra', 'me 1\rframe 2\r', 'fr', 'ame 3'])
      lines.push(new TextEncoder().encode(piece));
    expect(lines.lines).toEqual(['frame 1', 'frame 2', 'frame 3']);
  });

  it('are bounded', () => {
    const lines = new LastLines();
    for (let index = 0; index < 1000; index++) lines.push(new TextEncoder().encode('x'.repeat(1000)));
    expect(lines.lines.join('').length).toBeLessThanOrEqual(500);
  });
});
