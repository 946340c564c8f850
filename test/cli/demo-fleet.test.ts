import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { CLIP_FRAMES, Cleanup, figure, firstframe, type JsonEvent, temporaryFolder } from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';
import { made } from '../support/redpepper-tls.ts';

vi.setConfig({ maxConcurrency: 2 });

const missing = ffmpegMissing ?? (typeof made === 'string' ? made : undefined);
if (missing !== undefined) process.stderr.write(`skipped: demo --fleet: ${missing}\n`);
const testWithAll = test.skipIf(missing !== undefined);
/** The clip lasts 6 s, and keys are made and the algorithm starts before it. */
const DEMO_MS = 40_000;

const named = (events: readonly JsonEvent[], name: string): JsonEvent[] => events.filter(({ event }) => event === name);

/** A folder for PATH in which there is nothing else. */
function onlyPrograms(cleanup: Cleanup, ...names: string[]): string {
  const bin = join(temporaryFolder(cleanup), 'bin');
  mkdirSync(bin);
  const folders = (process.env['PATH'] ?? '').split(':');
  for (const name of names) {
    const folder = folders.find((one) => existsSync(join(one, name)));
    if (folder === undefined) throw new Error(`there is no ${name}`);
    symlinkSync(join(folder, name), join(bin, name));
  }
  return bin;
}

describe.concurrent('demo --fleet', () => {
  testWithAll('has an agent start the clip, an algorithm judge it, and ends by itself with a summary', async () => {
    await using cleanup = new Cleanup();
    const demo = cleanup.use(firstframe(['demo', '--fleet', '--seed', '3'], { cwd: temporaryFolder(cleanup) }));
    expect(await demo.exit(DEMO_MS)).toMatchObject({ code: 0 });
    const { stdout } = demo;
    expect(demo.stderr).toBe('');
    const said = [
      /^algorithm bench\/algorithms\/moving-edge\.ts: ready \(ProcVision/m,
      /^manager 127\.0\.0\.1:\d+: agent camera-1 joined \(RedPepper over TLS 1\.3\)$/m,
      /^manager → camera-1 stream\.start clip: stream clip, running true, address 127\.0\.0\.1, port \d+, viewers 0$/m,
      /^viewer → camera 127\.0\.0\.1:\d+\/clip: START, 20 % loss each way \(--seed 3\)$/m,
      /^camera → viewer media after [\d.]+ ms$/m,
      /^ +[\d.]+ s {2}picture +1 {2}OK +[\d.]+ ms$/m,
      /^ +[\d.]+ s {2}picture +\d+ {2}NG +[\d.]+ % of the picture changed {2}\(\d+x\d+ at \d+,\d+\) {2}[\d.]+ ms$/m,
      /^ended by the camera after .*\(NO_ERROR\)$/m,
      /^ {2}verdicts +\d+ OK, \d+ NG, 0 errors; [\d.]+ ms from picture to verdict/m,
      /^manager → camera-1 stats clip: .*mediaBytesSent \d{6,}/m,
      /^manager → camera-1 stream\.stop clip: stream clip, running false$/m,
    ];
    const places = said.map((pattern) => stdout.search(pattern));
    expect(places.indexOf(-1), `${said[places.indexOf(-1)]} in\n${stdout}`).toBe(-1);
    expect(places).toEqual([...places].sort((a, b) => a - b));
    expect(demo.leftovers()).toEqual([]);
  });

  testWithAll(
    'with --json tells every inspection, and media went by the START protocol, secured if asked',
    async () => {
      await using cleanup = new Cleanup();
      const options = ['--json', '--drop', '0%', '--security', 'keys'];
      const demo = cleanup.use(firstframe(['demo', '--fleet', ...options], { cwd: temporaryFolder(cleanup) }));
      expect(await demo.exit(DEMO_MS)).toMatchObject({ code: 0 });
      const { events } = demo;
      expect(demo.stdout.trimEnd().split('\n')).toHaveLength(events.length);
      const inspections = named(events, 'inspection');
      expect(inspections[0]).toMatchObject({ frame: 1, width: 640, height: 360, result: 'OK' });
      const dropped = inspections.reduce((sum, { dropped: before }) => sum + Number(before), 0);
      expect(inspections.length + dropped).toBe(CLIP_FRAMES);
      const [inspected] = named(events, 'inspected');
      expect(inspected).toMatchObject({ ok: expect.any(Number), errors: 0, leftOut: dropped });
      expect(figure(inspected ?? { event: '' }, 'ok') + figure(inspected ?? { event: '' }, 'ng')).toBe(
        inspections.length,
      );
      expect(named(events, 'answered').map(({ method }) => method)).toEqual(['stream.start', 'stats', 'stream.stop']);
      const [ended] = named(events, 'ended');
      expect(ended).toMatchObject({ byPeer: true, stats: { framesDecodable: CLIP_FRAMES } });
    },
  );

  testWithAll('Ctrl-C closes all of it', async () => {
    await using cleanup = new Cleanup();
    const demo = cleanup.use(firstframe(['demo', '--fleet', '--json', '--drop', '0%']));
    await demo.event('inspection');
    const atMs = demo.signal('SIGINT');
    const { code, atMs: endedAtMs } = await demo.exit(DEMO_MS);
    expect(code).toBe(130);
    expect(endedAtMs - atMs).toBeLessThan(6200);
    expect(demo.stderr).toBe('');
    expect(demo.leftovers()).toEqual([]);
  });

  test('without ffmpeg it says so, and how to get it', async () => {
    await using cleanup = new Cleanup();
    const demo = cleanup.use(firstframe(['demo', '--fleet'], { env: { PATH: onlyPrograms(cleanup, 'sh') } }));
    expect((await demo.exit(DEMO_MS)).code).toBe(2);
    expect(demo.stderr).toContain('there is no ffmpeg; install it, such as with: apt install ffmpeg');
    expect(demo.leftovers()).toEqual([]);
  });

  test('does not go with a folder for video', async () => {
    await using cleanup = new Cleanup();
    const demo = cleanup.use(firstframe(['demo', '--fleet', '--folder', 'x']));
    expect((await demo.exit(DEMO_MS)).code).toBe(2);
    expect(demo.stderr).toContain("option '--fleet' cannot be used with option '--folder <path>'");
  });

  testWithAll('without openssl it says so, and leaves nothing behind', async () => {
    await using cleanup = new Cleanup();
    const env = { PATH: onlyPrograms(cleanup, 'sh', 'ffmpeg') };
    const demo = cleanup.use(firstframe(['demo', '--fleet'], { env }));
    expect((await demo.exit(DEMO_MS)).code).toBe(2);
    expect(demo.stderr).toContain('openssl is not installed. Try: install openssl 1.1.1 or newer');
    expect(demo.leftovers()).toEqual([]);
  });
});
