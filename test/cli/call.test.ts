import { describe, expect, test, vi } from 'vitest';
import { CLIP, Cleanup, runToEnd, startCamera } from '../support/command.ts';

vi.setConfig({ maxConcurrency: 4 });

const streams = ['--stream', `door=${CLIP}`, '--loop', '--stream', 'test=test'];

describe.concurrent('firstframe call', () => {
  test('prints the answer as JSON, through a bad link', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, streams);
    const stats = await runToEnd(['call', `${camera.address}/test`, 'stats', '--drop', '20%', '--seed', '1']);
    expect({ code: stats.code, stderr: stats.stderr }).toEqual({ code: 0, stderr: '' });
    expect(JSON.parse(stats.stdout)).toMatchObject({ stream: 'test', viewers: 1 });
    const json = await runToEnd(['call', `${camera.address}/door`, 'keyframe', '--json']);
    expect([json.code, json.events]).toEqual([0, [{ event: 'answer', method: 'keyframe', status: 0, body: '' }]]);
  });

  test('tells what a method says beside 0 by exit code 1', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, streams);
    const fixed = await runToEnd(['call', `${camera.address}/door`, 'bitrate', '1000000']);
    expect([fixed.code, fixed.stdout, fixed.stderr]).toEqual([1, '', 'firstframe: bitrate says 1\n']);
    const changed = await runToEnd(['call', `${camera.address}/test`, 'bitrate', '1000000']);
    expect([changed.code, changed.stdout, changed.stderr]).toEqual([0, '', '']);
  });

  test('ends with 1 when there is no such method, 2 when it cannot be sent, 1 when nobody answers', async () => {
    await using cleanup = new Cleanup();
    const camera = await startCamera(cleanup, streams);
    const unknown = await runToEnd(['call', `${camera.address}/door`, 'dance', '--json']);
    expect([unknown.code, unknown.events]).toMatchObject([1, [{ event: 'failed', code: 'NO_SUCH_METHOD' }]]);
    expect(unknown.stderr).toMatch(/asking for dance failed: .*\(NO_SUCH_METHOD\)\. Try: check its name/);
    const tooLarge = await runToEnd(['call', `${camera.address}/door`, 'stats', 'x'.repeat(16_385)]);
    expect([tooLarge.code, tooLarge.stderr]).toMatchObject([2, expect.stringMatching(/at most 16384 bytes/)]);
    const nobody = await runToEnd(['call', '127.0.0.1:1', 'stats', '--timeout', '300ms', '--json']);
    expect([nobody.code, nobody.events]).toMatchObject([1, [{ event: 'failed', code: 'HANDSHAKE_TIMEOUT' }]]);
  });
});
