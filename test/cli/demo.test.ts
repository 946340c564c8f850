import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { CLIP, CLIP_FRAMES, Cleanup, figure, firstframe, Run, temporaryFolder } from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';
import { decodeComplaints, probeFrames } from '../support/probe.ts';

vi.setConfig({ maxConcurrency: 4 });

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
/** The clip lasts 6 s; a newcomer should not wait more than twice that. */
const DEMO_MS = 12_000;
/** npm builds first, which takes long when other tests keep the machine busy. */
const BUILD_MS = 30_000;

// Retried once: at 20 % loss each way a datagram has nine tries within its play-out time, 0.36^9 = 0.01 % of them need more, and
// one such among 150 repaired can cost half a group of pictures.
describe.concurrent('the demo', () => {
  test('as npm start tells the whole handshake, both times and the figures, in less than 12 s', {
    retry: 1,
  }, async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const demo = cleanup.use(new Run('npm', ['start', '--', '--folder', folder, '--seed', '7'], { cwd: ROOT }));
    await demo.line(/viewer beside it/, BUILD_MS);
    expect(await demo.exit(DEMO_MS)).toMatchObject({ code: 0 });
    const { stdout } = demo;
    expect(stdout).toMatch(/camera 127\.0\.0\.1:\d+\/clip, viewer beside it, 20 % loss each way \(--seed 7\)/);
    const message = String.raw`(arrived after +[\d.]+ ms|lost on the way)`;
    for (const [way, type] of [
      ['viewer → camera', 'START '],
      ['camera → viewer', 'START_ACK '],
      ['viewer → camera', 'START_CONFIRM '],
      ['camera → viewer', 'READY '],
    ] as const) {
      expect(stdout).toMatch(new RegExp(String.raw`^ +[\d.]+ ms  ${way}  ${type}.*B  ${message}$`, 'm'));
    }
    // The first copy of each that arrived, in the order that the protocol has.
    const arrived = [...stdout.matchAll(/ (START|START_ACK|START_CONFIRM|READY) .*arrived/g)].map(([, type]) => type);
    expect([...new Set(arrived)]).toEqual(['START', 'START_ACK', 'START_CONFIRM', 'READY']);
    expect(stdout).toMatch(/^time to stream +[\d.]+ ms$/m);
    expect(stdout).toMatch(/^ {2}time to first frame +[\d.]+ ms$/m);
    expect(stdout).toMatch(/^ {2}datagrams +\d+ \(.*\); \d+ repaired, \d+ lost/m);
    expect(stdout.match(/frames\/s/g)?.length).toBeGreaterThanOrEqual(4);
    const [, frames, of] = /^(\d+) of (\d+) frames \(/m.exec(stdout) ?? [];
    expect(Number(of)).toBe(CLIP_FRAMES);
    expect(Number(frames)).toBeGreaterThanOrEqual(0.9 * CLIP_FRAMES);
    const path = join(folder, 'received.h264');
    expect(stdout).toContain('received.h264');
    expect(demo.leftovers()).toEqual([]);
    if (ffmpegMissing === undefined) {
      expect(await decodeComplaints(path)).toBe('');
      expect(await probeFrames(path)).toBe(Number(frames));
    }
  });

  test('without loss writes the clip, byte for byte, where it says', async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const demo = cleanup.use(firstframe(['demo', '--drop', '0%'], { cwd }));
    expect(await demo.exit(DEMO_MS)).toMatchObject({ code: 0 });
    const [, path = ''] = /are in (\S+), byte for byte those of the clip/.exec(demo.stdout) ?? [];
    expect(path).toBe('firstframe-out/received.h264');
    expect(readFileSync(join(cwd, path)).equals(readFileSync(CLIP))).toBe(true);
    expect(demo.stdout).toContain(`${CLIP_FRAMES} of ${CLIP_FRAMES} frames (100 %)`);
    expect(demo.stdout).toContain('viewer beside it, no loss');
    expect(demo.stderr).toBe('');
  });

  test('with --json writes JSON lines only, with all figures', { retry: 1 }, async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const demo = cleanup.use(firstframe(['demo', '--json', '--seed', '5'], { cwd }));
    expect(await demo.exit(DEMO_MS)).toMatchObject({ code: 0 });
    const lines = demo.stdout.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line))).toEqual(demo.events);
    const ended = await demo.event('ended');
    expect(ended).toMatchObject({ of: CLIP_FRAMES, path: 'firstframe-out/received.h264' });
    expect(figure(ended, 'frames')).toBeGreaterThanOrEqual(0.9 * CLIP_FRAMES);
    expect(figure(ended, 'timeToStreamMs')).toBeGreaterThan(0);
    expect(figure(ended, 'timeToFirstFrameMs')).toBeGreaterThanOrEqual(figure(ended, 'timeToStreamMs'));
    expect(figure(ended, 'stats', 'repaired')).toBeGreaterThan(30);
    expect(figure(ended, 'camera', 'counters', 'handshakesCompleted')).toBe(1);
  });

  test('is over at once after Ctrl-C', async () => {
    await using cleanup = new Cleanup();
    const demo = cleanup.use(firstframe(['demo', '--drop', '0%'], { cwd: temporaryFolder(cleanup) }));
    await demo.line(/frames\/s/);
    const atMs = demo.signal('SIGINT');
    const exit = await demo.exit();
    expect(exit.atMs - atMs).toBeLessThan(1500);
  });

  test('ends after Ctrl-C within 6.2 s, with 130 and with what it has got', async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const demo = cleanup.use(firstframe(['demo', '--drop', '0%'], { cwd }));
    await demo.line(/frames\/s/);
    const atMs = demo.signal('SIGINT');
    const exit = await demo.exit();
    expect(exit.code).toBe(130);
    expect(exit.atMs - atMs).toBeLessThan(6200);
    expect(demo.leftovers()).toEqual([]);
    expect(demo.stdout).toMatch(/\n\d+ of 150 frames/);
  });

  test('serves metrics of both ends', async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const demo = cleanup.use(firstframe(['demo', '--drop', '0%', '--metrics', '127.0.0.1:0'], { cwd }));
    const [, url = ''] = await demo.line(/metrics at (\S+)/);
    await demo.line(/frames\/s/);
    const text = await (await fetch(url)).text();
    expect(text).toMatch(/firstframe_handshakes_completed_total\{role="initiator"\} 1/);
    expect(text).toMatch(/firstframe_handshakes_completed_total\{role="responder"\} 1/);
  });
});
