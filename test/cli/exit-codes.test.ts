import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, test, vi } from 'vitest';
import { CLIP, Cleanup, MAIN, runToEnd, startCamera, startViewer, temporaryFolder } from '../support/command.ts';
import { HandMadePeer } from '../support/hand-made-peer.ts';

vi.setConfig({ maxConcurrency: 6 });

const anyPort = ['--listen', '127.0.0.1:0'];
const clip = ['--stream', `door=${CLIP}`];

describe.concurrent('exit code 0', () => {
  for (const parts of [
    ['--help'],
    ['send', '--help'],
    ['view', '--help'],
    ['relay', '--help'],
    ['demo', '--help'],
    ['agent', '--help'],
    ['fleet', '--help'],
    ['help', 'send'],
  ]) {
    test(`of firstframe ${parts.join(' ')}`, async () => {
      const { code, stdout, stderr } = await runToEnd(parts);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      expect(stdout).toMatch(/^Usage: firstframe/);
    });
  }

  test('of a command whose reader leaves at once, as head does', async () => {
    await using cleanup = new Cleanup();
    const child = spawn(process.execPath, [MAIN, '--help'], { stdio: ['ignore', 'pipe', 'pipe'] });
    cleanup.defer(() => child.kill('SIGKILL'));
    child.stdout.destroy();
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'exit')]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  test('of firstframe --version', async () => {
    const { code, stdout } = await runToEnd(['--version']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });
});

describe.concurrent('exit code 1', () => {
  test('when the camera has no such stream; it says which it has', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, [...clip, '--stream', 'test=test']);
    for (const target of [`${camera.address}/garden`, camera.address]) {
      const { code, stderr, events } = await runToEnd(['view', target, '--json']);
      expect(code).toBe(1);
      expect(stderr).toMatch(/NO_SUCH_STREAM, .*"streams here: door, test".*Try: name one of its streams/);
      expect(events).toMatchObject([{ event: 'failed', code: 'NO_SUCH_STREAM', peer: camera.address }]);
    }
  });

  test('when nobody answers in time; it gives the likely reason', async () => {
    await using cleanup = new Cleanup();
    const { code, stderr, events } = await runToEnd(['view', '127.0.0.1:1', '--timeout', '1s', '--json']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/no answer from 127\.0\.0\.1:1 within 1\.0 s \(HANDSHAKE_TIMEOUT, .*ECONNREFUSED.*Try: /);
    expect(events[0]?.['elapsedMs']).toBeGreaterThanOrEqual(1000);
    expect(events[0]?.['elapsedMs']).toBeLessThan(2000);
    const silent = cleanup.use(await HandMadePeer.silent());
    const quiet = await runToEnd(['view', `127.0.0.1:${silent.port}`, '--timeout', '500ms']);
    expect(quiet.code).toBe(1);
    expect(quiet.stderr).toMatch(/HANDSHAKE_TIMEOUT, \d+ attempts\)/);
  });

  test('when the confirm stays without an answer', async () => {
    await using cleanup = new Cleanup();
    const camera = cleanup.use(await HandMadePeer.camera());
    const { code, stderr } = await runToEnd(['view', `127.0.0.1:${camera.port}`, '--timeout', '1s']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/answered, but nothing came after the confirm within 1\.0 s \(CONFIRM_TIMEOUT/);
  });

  test('when the schedule "seed" has asked three times', async () => {
    const { code, events } = await runToEnd(['view', '127.0.0.1:1', '--profile', 'seed', '--json']);
    expect(code).toBe(1);
    expect(events).toMatchObject([{ code: 'HANDSHAKE_TIMEOUT', attempts: 3 }]);
  });

  test('when the file of the stream is gone meanwhile; the camera tells, and goes on', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'door.h264');
    copyFileSync(CLIP, path);
    const camera = await startCamera(cleanup, ['--stream', `door=${path}`]);
    rmSync(path);
    const { code, stderr } = await runToEnd(['view', `${camera.address}/door`, '--timeout', '500ms']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/RESOURCE/);
    await camera.run.complaint(/stream door: cannot read .*door\.h264: there is no such file/);
    copyFileSync(CLIP, path);
    const viewer = startViewer(cleanup, camera.address, ['--duration', '200ms']);
    expect(await viewer.exit()).toMatchObject({ code: 0 });
  });

  test('when the source of the stream has failed; the camera tells why, and goes on', async () => {
    await using cleanup = new Cleanup();
    const source = 'door=exec:echo lens cap on >&2; exit 3';
    const camera = await startCamera(cleanup, ['--stream', source, '--stream', 'test=test']);
    expect(await camera.run.event('sourceFailed')).toMatchObject({ stream: 'door' });
    await camera.run.complaint(/stream door: .*ended with exit code 3; it said last:\s+lens cap on/);
    expect((await runToEnd(['view', `${camera.address}/door`])).code).toBe(1);
    const other = startViewer(cleanup, `${camera.address}/test`, ['--duration', '200ms']);
    expect(await other.exit()).toMatchObject({ code: 0 });
  });
});

describe.concurrent('exit code 2', () => {
  const mistakes: readonly (readonly [what: string, parts: readonly string[], says: RegExp])[] = [
    ['no command', [], /Usage: firstframe/],
    ['an unknown command', ['watch'], /unknown command 'watch'/],
    ['an unknown option', ['view', '127.0.0.1', '--bogus'], /unknown option '--bogus'/],
    ['a missing target', ['view'], /missing required argument 'target'/],
    ['too many targets', ['view', '127.0.0.1', '127.0.0.2'], /too many arguments/],
    ['no stream', ['send', ...anyPort], /required option '-s, --stream <name=source>'/],
    ['a duration without unit', ['view', '127.0.0.1', '--timeout', '5'], /no unit; write 5s \(units: ms, s, min, h\)/],
    ['a duration of no unit', ['view', '127.0.0.1', '--latency', '5parsec'], /unknown unit "parsec"/],
    ['a share without percent', ['view', '127.0.0.1', '--drop', '20'], /write 20%/],
    ['a share of nearly all', ['view', '127.0.0.1', '--drop', '99%'], /0\.95/],
    ['a seed below 0', ['view', '127.0.0.1', '--seed', '-1'], /whole number of 0 to 4294967295/],
    ['a timeout of nothing', ['view', '127.0.0.1', '--timeout', '1ms'], /from 100 to 600000 ms/],
    ['an unknown profile', ['view', '127.0.0.1', '--profile', 'moon'], /default, lan, internet, seed/],
    ['an unknown log level', ['view', '127.0.0.1', '--log', 'loud'], /trace, debug, info/],
    ['a secured mode without its secret', ['view', '127.0.0.1', '--security', 'psk'], /--psk-file.* is missing/s],
    ['a port that is none', ['view', '127.0.0.1:70000'], /"70000" is no port/],
    ['a URL as target', ['view', 'rtsp://127.0.0.1/door'], /leave that out: 127\.0\.0\.1:4444\/door/],
    ['a listening port without colon', ['send', '--listen', '4444', ...clip], /write :4444 for a port/],
    ['a stream without name', ['send', ...anyPort, '--stream', CLIP], /has no name.*write door=/],
    ['a stream named twice', ['send', ...anyPort, ...clip, ...clip], /"door" is there twice/],
    [
      'a source of no kind',
      ['send', ...anyPort, '--stream', 'a=http://x/y'],
      /http:\/\/ is no source.*exec:'ffmpeg -i/,
    ],
    [
      'a test source of no kind',
      ['send', ...anyPort, '--stream', 'a=test?hue=1'],
      /parameter "hue".*fps, bytes, keyframes/,
    ],
    ['a frame rate of 0', ['send', ...anyPort, ...clip, '--fps', '0'], /number of 0\.01 to 1000/],
    ['a datagram size between', ['send', ...anyPort, ...clip, '--datagram-bytes', '700'], /1200, 600, 296/],
    ['an output in no folder', ['view', '127.0.0.1:1', '-o', '/no/such/x.h264'], /no such folder.*mkdir -p/],
    [
      'an output that is a container',
      ['view', '127.0.0.1:1', '-o', 'x.mp4'],
      /exec:'ffmpeg -f h264 -i - -c copy x\.mp4'/,
    ],
    ['a viewer outside loopback without --security', ['view', '192.0.2.1'], /"192\.0\.2\.1".*--security none/],
    ['a viewer of a host name without --security', ['view', 'camera.invalid'], /--security none/],
    ['a camera for all without --security', ['send', '--listen', ':0', ...clip], /every interface.*--security none/],
  ];

  for (const [what, parts, says] of mistakes) {
    test(`for ${what}`, async () => {
      await using cleanup = new Cleanup();
      const { code, stderr, stdout } = await runToEnd(parts, { cwd: temporaryFolder(cleanup) });
      expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) });
      expect(stderr).not.toMatch(/\n\s+at /);
      expect(stdout).not.toMatch(/listening|Usage/);
    });
  }

  test('with a word on --help', async () => {
    const { stderr } = await runToEnd(['view', '127.0.0.1', '--bogus']);
    expect(stderr).toMatch(/unknown option '--bogus'\n\(try --help\)/);
  });

  test('for a camera whose file is missing', async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const { code, stderr } = await runToEnd(['send', ...anyPort, '--stream', 'a=gone.h264'], { cwd, ms: 5000 });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/gone\.h264.*no such file/) });
  });

  test('for a camera whose file is no H.264', async () => {
    const { code, stderr } = await runToEnd(['send', ...anyPort, '--stream', 'a=/etc/passwd'], { ms: 5000 });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/no H\.264 in it/) });
  });

  test('for a demo whose clip is missing', async () => {
    await using cleanup = new Cleanup();
    const cwd = temporaryFolder(cleanup);
    const { code, stderr } = await runToEnd(['demo', '--clip', 'gone.h264'], { cwd, ms: 5000 });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/gone\.h264.*no such file/) });
  });
});

describe.concurrent('exit code 3', () => {
  test('when the port is in use', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, clip);
    const { code, stderr } = await runToEnd(['send', '--listen', camera.address, ...clip]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/EADDRINUSE.*Try: another port/) });
  });

  test('when the port of the metrics is in use', async () => {
    await using cleanup = new Cleanup();
    const metrics = ['--metrics', '127.0.0.1:0'];
    const camera = await startCamera(cleanup, [...clip, ...metrics]);
    const url = String((await camera.run.event('metrics'))['url']);
    const { code, stderr } = await runToEnd(['send', ...anyPort, ...clip, '--metrics', new URL(url).host]);
    expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(/EADDRINUSE.*Try: another port/) });
  });

  test('when the port of an RTP source is in use', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, clip);
    const { code } = await runToEnd(['send', ...anyPort, '--stream', `rtp=rtp://:${camera.port}`]);
    expect(code).toBe(3);
  });

  for (const [what, parts, says] of [
    [
      'an address of another machine',
      ['send', '--listen', '192.0.2.1:0', ...clip],
      /EADDRNOTAVAIL.*Try: an address of/,
    ],
    ['a camera on an unknown host name', ['send', '--listen', 'a.invalid:0', ...clip], /a\.invalid/],
    ['a viewer of an unknown host name', ['view', 'a.invalid'], /LOCAL_NETWORK.*a\.invalid/],
  ] as const) {
    test(`for ${what}`, async () => {
      const { code, stderr } = await runToEnd([...parts, '--security', 'none']);
      expect({ code, stderr }).toEqual({ code: 3, stderr: expect.stringMatching(says) });
    });
  }
});
