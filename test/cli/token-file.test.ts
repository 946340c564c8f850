import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CLIP, Cleanup, figure, runToEnd, startCamera, temporaryFolder } from '../support/command.ts';

test('view --token-file keeps the token that send --fast gave it, and shows it the next time, once', async () => {
  await using cleanup = new Cleanup();
  const camera = await startCamera(cleanup, ['--stream', `door=${CLIP}`, '--loop', '--fast']);
  const path = join(temporaryFolder(cleanup), 'door.token');
  const tokens: string[] = [];
  for (const granted of [0, 1, 2]) {
    const viewer = await runToEnd([
      'view',
      `${camera.address}/door`,
      '--json',
      '--token-file',
      path,
      '--duration',
      '1s',
    ]);
    expect({ code: viewer.code, stderr: viewer.stderr }).toEqual({ code: 0, stderr: '' });
    await camera.run.event(
      'status',
      (event) =>
        figure(event, 'metrics', 'counters', 'handshakesCompleted') === granted + 1 &&
        figure(event, 'metrics', 'counters', 'fastGranted') === granted,
    );
    tokens.push(readFileSync(path, 'latin1'));
    expect(statSync(path).mode & 0o777).toBe(0o600);
  }
  expect(new Set(tokens).size).toBe(3);
});
