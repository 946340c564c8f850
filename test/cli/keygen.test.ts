import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { Cleanup, runToEnd, temporaryFolder } from '../support/command.ts';

describe.concurrent('firstframe keygen', () => {
  test('writes a private key that its owner alone can read, and prints the public one', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'camera.key');
    const made = await runToEnd(['keygen', path]);
    expect(made.code).toBe(0);
    expect(made.stdout).toMatch(/^[A-Za-z0-9+/]{43}\n$/);
    expect(statSync(path).mode & 0o777).toBe(0o600);
    const lines = readFileSync(path, 'utf8').split('\n');
    expect(lines[0]).toBe(`# firstframe private key; its public key is ${made.stdout.trim()}`);
    expect(made.stdout + made.stderr).not.toContain(lines[1]);
    const again = await runToEnd(['keygen', '--public', path]);
    expect(again).toMatchObject({ code: 0, stdout: made.stdout });
  });

  test('writes over nothing', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'camera.key');
    await runToEnd(['keygen', path]);
    const before = readFileSync(path, 'utf8');
    expect(await runToEnd(['keygen', path])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('is there already'),
    });
    expect(await runToEnd(['keygen', '--psk', path])).toMatchObject({ code: 2 });
    expect(readFileSync(path, 'utf8')).toBe(before);
  });

  test('makes a PSK without printing it', async () => {
    await using cleanup = new Cleanup();
    const path = join(temporaryFolder(cleanup), 'home.psk');
    const made = await runToEnd(['keygen', '--psk', path, '--json']);
    expect(made.code).toBe(0);
    const secret = readFileSync(path, 'utf8').split('\n')[1] ?? '';
    expect(secret).toMatch(/^[A-Za-z0-9+/]{43}$/);
    expect(made.stdout + made.stderr).not.toContain(secret);
    expect(statSync(path).mode & 0o777).toBe(0o600);
  });

  test.each([
    ['a folder that is not there', ['keygen', '/nowhere/at/all.key'], 2],
    ['no file', ['keygen'], 2],
    ['the public key of what is no key', ['keygen', '--public', '/dev/null'], 2],
  ])('%s ends with an error', async (_, parts, code) => {
    expect((await runToEnd(parts as string[])).code).toBe(code);
  });

  test.each([
    [['--psk-file', 'x'], /--psk-file: has no use.*--security psk/],
    [['--key-file', 'x'], /--key-file: has no use.*--security keys/],
    [['--peer-key', 'A'.repeat(43), '--security', 'psk'], /--peer-key: has no use/],
    [['--peer-key', 'hello'], /It is no public key/],
  ])('view %s: a key without the mode that uses it is a mistake', async (parts, says) => {
    const { code, stderr } = await runToEnd(['view', '127.0.0.1:9', ...parts]);
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(says) });
  });
});
