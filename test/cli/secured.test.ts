import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { CLIP, Cleanup, runToEnd, SOON_MS, startCamera, temporaryFolder } from '../support/command.ts';

vi.setConfig({ maxConcurrency: 3 });

const door = ['--stream', `door=${CLIP}`, '--loop'];

describe.concurrent('a secured camera and its viewers', () => {
  test('in mode psk the secret comes from a file or the environment', async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const psk = join(folder, 'home.psk');
    await runToEnd(['keygen', '--psk', psk]);
    const secret = readFileSync(psk, 'utf8').split('\n')[1] ?? '';
    const options = { env: { FIRSTFRAME_PSK: secret } };
    const { address } = await startCamera(cleanup, [...door, '--security', 'psk'], options);
    const view = ['view', address, '--duration', '1s', '--security', 'psk'];
    expect(await runToEnd([...view, '--psk-file', psk])).toMatchObject({ code: 0 });
    const other = join(folder, 'other.psk');
    await runToEnd(['keygen', '--psk', other]);
    const refused = await runToEnd([...view, '--psk-file', other, '--timeout', '1s']);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('HANDSHAKE_TIMEOUT') });
  });

  test('in mode keys the list of viewers is read again on SIGHUP', async () => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const [cameraKey, viewerKey, list] = ['camera.key', 'viewer.key', 'viewers'].map((name) => join(folder, name));
    if (cameraKey === undefined || viewerKey === undefined || list === undefined) throw new Error('unreachable');
    const cameraPublic = (await runToEnd(['keygen', cameraKey])).stdout.trim();
    const viewerPublic = (await runToEnd(['keygen', viewerKey])).stdout.trim();
    writeFileSync(list, '# nobody\n');
    const { run, address } = await startCamera(cleanup, [
      ...door,
      ...['--security', 'keys', '--key-file', cameraKey],
      ...['--allowed-viewers', list],
    ]);
    const keys = ['--security', 'keys', '--key-file', viewerKey, '--peer-key', cameraPublic];
    const refused = await runToEnd(['view', address, ...keys]);
    expect(refused).toMatchObject({ code: 1, stderr: expect.stringContaining('AUTH_FAILED') });
    writeFileSync(list, `${viewerPublic} the hall\n`);
    run.signal('SIGHUP');
    expect(await run.event('viewersReloaded', undefined, SOON_MS)).toMatchObject({ viewers: 1 });
    expect(await runToEnd(['view', address, ...keys, '--duration', '1s'])).toMatchObject({ code: 0 });
    expect(await runToEnd(['call', address, 'stats', ...keys])).toMatchObject({ code: 0 });
  });

  test.each(['psk', 'keys'])('the demo works in mode %s, byte for byte', async (mode) => {
    await using cleanup = new Cleanup();
    const folder = temporaryFolder(cleanup);
    const demo = await runToEnd(['demo', '--security', mode, '--drop', '0%', '--folder', folder]);
    expect(demo).toMatchObject({ code: 0, stdout: expect.stringContaining('byte for byte those of the clip') });
  });
});
