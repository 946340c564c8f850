import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { FrameType } from '../../src/protocol/frame.ts';
import {
  CLIP,
  Cleanup,
  figure,
  firstframe,
  MAIN,
  Run,
  runToEnd,
  startCamera,
  startStreamingViewer,
  startViewer,
  temporaryFolder,
} from '../support/command.ts';
import { ffmpegMissing } from '../support/ffmpeg.ts';
import { HandMadePeer, secrets } from '../support/hand-made-peer.ts';
import { decodeComplaints } from '../support/probe.ts';

vi.setConfig({ maxConcurrency: 6 });

const looped = ['--stream', `door=${CLIP}`, '--loop'];
const metrics = ['--metrics', '127.0.0.1:0'];
const clip = readFileSync(CLIP);

type LogLine = Readonly<Record<string, unknown>>;

/** Every line must be JSON. */
function logLines(text: string): LogLine[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as LogLine);
}

function sample(text: string, series: string): number {
  const line = text.split('\n').find((one) => one.startsWith(`${series} `));
  if (line === undefined) throw new Error(`${series} is not in\n${text}`);
  return Number(line.slice(series.length + 1));
}

/** All the ways in which bytes and ids may turn up in a log. */
function spellings(secret: bigint | Uint8Array): string[] {
  const bytes = typeof secret === 'bigint' ? Buffer.from(secret.toString(16).padStart(16, '0'), 'hex') : secret;
  const some = Buffer.from(bytes).subarray(0, 8);
  return [
    some.toString('hex'),
    some.toString('base64').slice(0, 10),
    [...some].join(','),
    JSON.stringify(new Uint8Array(some)).slice(1, -1),
    BigInt(`0x${some.toString('hex')}`).toString(),
  ];
}

describe.concurrent('--metrics', () => {
  test('of the camera tells sessions, counters and closed sessions while it runs, and frees its port', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...looped, ...metrics]);
    const url = String((await camera.run.event('metrics'))['url']);
    expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/metrics$/);
    const scrape = async () => (await fetch(url)).text();
    const before = await scrape();
    expect(sample(before, 'firstframe_handshakes_completed_total{role="responder"}')).toBe(0);
    const viewer = await startStreamingViewer(cleanup, camera.address);
    await viewer.event('status');
    const during = await scrape();
    expect(sample(during, 'firstframe_handshakes_completed_total{role="responder"}')).toBe(1);
    expect(sample(during, 'firstframe_sessions{role="responder"}')).toBe(1);
    expect(sample(during, 'firstframe_pending{role="responder"}')).toBe(0);
    const sent = sample(during, 'firstframe_media_datagrams_sent_total{role="responder"}');
    expect(sent).toBeGreaterThan(20);
    expect(during).toMatch(/^firstframe_time_to_stream_seconds_bucket\{role="responder",le="\+Inf"\} \d+$/m);
    viewer.signal('SIGINT');
    await camera.run.event('closed');
    const after = await scrape();
    expect(sample(after, 'firstframe_closed_total{role="responder",code="NO_ERROR"}')).toBe(1);
    expect(sample(after, 'firstframe_sessions{role="responder"}')).toBe(0);
    expect(sample(after, 'firstframe_media_datagrams_sent_total{role="responder"}')).toBeGreaterThanOrEqual(sent);
    camera.run.signal('SIGINT');
    expect(await camera.run.exit()).toMatchObject({ code: 130 });
    await expect(scrape()).rejects.toThrow();
  });

  test('of the viewer tells time to stream and to the first frame as histograms', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const viewer = cleanup.use(firstframe(['view', camera.address, ...metrics]));
    const [, url = ''] = await viewer.line(/^metrics at (http:\S+)$/m);
    await viewer.line(/frames\/s/);
    const text = await (await fetch(url)).text();
    for (const name of ['firstframe_time_to_stream_seconds', 'firstframe_time_to_first_frame_seconds']) {
      expect(text).toContain(`# TYPE ${name} histogram`);
      expect(sample(text, `${name}_count{role="initiator"}`)).toBe(1);
      expect(sample(text, `${name}_bucket{role="initiator",le="+Inf"}`)).toBe(1);
      expect(sample(text, `${name}_sum{role="initiator"}`)).toBeGreaterThan(0);
    }
    expect(sample(text, 'firstframe_media_datagrams_received_total{role="initiator"}')).toBeGreaterThan(20);
    expect(sample(text, 'firstframe_sessions{role="initiator"}')).toBe(1);
  });
});

describe.concurrent('--log debug', () => {
  test('writes JSON lines of frames and transitions to stderr, and stdout stays pure video', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...looped, '--log', 'debug']);
    const viewer = startViewer(cleanup, camera.address, ['-o', '-', '--duration', '1500ms', '--log', 'debug']);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(viewer.bytes.length).toBeGreaterThan(50_000);
    expect(viewer.bytes.equals(clip.subarray(0, viewer.bytes.length))).toBe(true);
    const lines = logLines(viewer.stderr);
    const streaming = lines.find(({ event }) => event === 'streaming');
    const stream = streaming?.['streamId'];
    const logged = lines.filter((line) => 'level' in line);
    for (const line of logged) expect(line).toMatchObject({ level: 'debug', time: expect.any(String) });
    const peer = camera.address;
    for (const [from, to] of [
      ['ReadyToStart', 'AwaitingStartAck'],
      ['AwaitingStartAck', 'AwaitingStartConfirm'],
      ['AwaitingStartConfirm', 'Streaming'],
      ['Streaming', 'Closing'],
      ['Closing', 'Closed'],
    ]) {
      expect(logged).toContainEqual(expect.objectContaining({ role: 'initiator', stream, peer, from, to }));
    }
    for (const [direction, type] of [
      ['sent', 'START'],
      ['received', 'START_ACK'],
      ['sent', 'START_CONFIRM'],
      ['received', 'READY'],
      ['sent', 'BYE'],
      ['received', 'BYE_ACK'],
    ]) {
      expect(logged).toContainEqual(expect.objectContaining({ direction, type, stream, peer }));
    }
    camera.run.signal('SIGINT');
    await camera.run.exit();
    const cameraLines = logLines(camera.run.stderr);
    const viewerPeer = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    for (const [from, to] of [
      ['Idle', 'PendingStartRequest'],
      ['PendingStartRequest', 'PendingConfirm'],
      ['PendingConfirm', 'Streaming'],
      ['Streaming', 'Draining'],
      ['Draining', 'Closed'],
    ]) {
      const transition = { role: 'responder', stream, peer: viewerPeer, from, to };
      expect(cameraLines).toContainEqual(expect.objectContaining(transition));
    }
  });

  test('never shows SessionTag, reset token or cookie, neither at the viewer nor at the camera', async () => {
    await using cleanup = new Cleanup();
    const handMade = cleanup.use(await HandMadePeer.camera({ retry: true, ready: true, byeAck: true }));
    const parts = ['--duration', '100ms', '--log', 'trace'];
    const viewer = startViewer(cleanup, `127.0.0.1:${handMade.port}`, parts);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
    expect(viewer.stderr).toContain('received RETRY');
    expect(viewer.stderr).toContain('received START_ACK');
    for (const text of [viewer.stderr, viewer.stdout]) {
      for (const secret of Object.values(secrets).flatMap(spellings)) expect(text).not.toContain(secret);
    }
    const camera = await startCamera(cleanup, [...looped, '--log', 'trace']);
    const viewerOfIt = cleanup.use(await HandMadePeer.halfOpenViewer(camera.port));
    const answer = await viewerOfIt.frame(FrameType.START_ACK);
    if (answer.type !== FrameType.START_ACK) throw new Error('unreachable');
    await camera.run.complaint(/sent START_ACK/);
    camera.run.signal('SIGINT');
    await camera.run.exit();
    for (const secret of [answer.sessionTag, answer.resetToken].flatMap(spellings)) {
      expect(camera.run.stderr + camera.run.stdout).not.toContain(secret);
    }
  });
});

describe.concurrent('--reconnect', () => {
  test('goes on in the same file when the camera comes back, after a farewell and after a crash', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'door.h264');
    const first = await startCamera(cleanup, looped);
    const options = ['-o', path, '--reconnect', '--profile', 'lan'];
    const viewer = await startStreamingViewer(cleanup, first.address, options);
    await viewer.event('status');
    const again = async (times: number): Promise<Run> => {
      const camera = cleanup.use(firstframe(['send', '--listen', first.address, '--json', ...looped]));
      await camera.event('listening');
      const sessions = () => viewer.events.filter(({ event }) => event === 'streaming');
      await viewer.until(`session ${times}`, () => (sessions().length === times ? true : undefined), 15_000);
      await camera.event('status');
      return camera;
    };
    first.run.signal('SIGINT');
    await first.run.exit();
    const second = await again(2);
    second.signal('SIGKILL');
    await second.exit();
    await again(3);
    viewer.signal('SIGINT');
    expect(await viewer.exit()).toMatchObject({ code: 130 });
    const ended = viewer.events.filter(({ event }) => event === 'ended');
    expect(ended).toMatchObject([{ code: 22 }, { code: 12 }, { code: 0 }]);
    const written = ended.map((event) => figure(event, 'sink', 'bytes'));
    expect(Math.min(...written)).toBeGreaterThan(10_000);
    expect(readFileSync(path).length).toBe(written.reduce((sum, bytes) => sum + bytes, 0));
    expect(viewer.stderr).toMatch(/SHUTDOWN.*Trying again in 500 ms\n/);
    expect(viewer.stderr).toMatch(/PEER_DEAD.*Trying again in /);
    if (ffmpegMissing === undefined) expect(await decodeComplaints(path)).toBe('');
  });

  test('does not repeat what cannot succeed', async () => {
    const { code } = await runToEnd(['view', '192.0.2.1', '--reconnect']);
    expect(code).toBe(2);
  });
});

describe.concurrent('a reader that goes away', () => {
  for (const json of [[], ['--json']]) {
    test(`ends neither viewer nor camera ${json.join('')}`, async () => {
      await using cleanup = new Cleanup();
      const sh = (line: string, ...rest: string[]) =>
        cleanup.use(new Run('sh', ['-c', line, process.execPath, MAIN, ...rest]));
      const endings = '; echo "code $?" >&2) | head -n 1';
      const camera = sh(
        `("$0" "$@"${endings}`,
        'send',
        '--listen',
        '127.0.0.1:0',
        '--log',
        'debug',
        '--once',
        ...looped,
        ...json,
      );
      const [, port = ''] = await camera
        .line(/listening on 127\.0\.0\.1:(\d+)|"port":(\d+)/)
        .then(([all]) => /(\d+)$/.exec(all) ?? []);
      const viewer = sh(`("$0" "$@"${endings}`, 'view', `127.0.0.1:${port}`, '--duration', '2s', ...json);
      expect(await viewer.exit()).toMatchObject({ code: 0 });
      expect(viewer.stderr).toBe('code 0\n');
      await camera.exit();
      expect(camera.stderr).toMatch(/code 0\n$/);
      expect(camera.stderr).not.toContain('EPIPE');
    });
  }

  test('of the video ends the viewer, without a stack trace', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const line = '("$0" "$1" view "$2" -o - ; echo "code $?" >&2) | head -c 1000 | wc -c';
    const pipe = cleanup.use(new Run('sh', ['-c', line, process.execPath, MAIN, camera.address]));
    await pipe.exit();
    expect(pipe.stdout.trim()).toBe('1000');
    expect(pipe.stderr).toMatch(/code [01]\n$/);
    expect(pipe.stderr).not.toMatch(/\n\s+at |EPIPE/);
    expect(await camera.run.event('closed')).toMatchObject({ code: 0, wasStreaming: true });
  });

  test('a full disk is told, and is no success', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const { code, stderr } = await runToEnd(['view', camera.address, '-o', '/dev/full']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/disk is full/);
  });

  test('a player that fails is told, and is no success', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, looped);
    const { code, stderr } = await runToEnd(['view', camera.address, '-o', 'exec:echo no display >&2; exit 3']);
    expect(code).not.toBe(0);
    expect(stderr).toMatch(/no display/);
  });
});
