import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { keyText } from '../../src/config/key-text.ts';
import { readPrivateKeyFile, readPskFile, ViewerListFile, writeSecretFile } from '../../src/io/key-files.ts';
import { counting } from '../support/secured-pair.ts';

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'firstframe-keys-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('files with keys', () => {
  test('a secret is written for its owner alone, and never over another', () => {
    const path = join(folder, 'camera.key');
    writeSecretFile(path, 'a key', keyText(counting(1)));
    expect(statSync(path).mode & 0o777).toBe(0o600);
    expect(readPrivateKeyFile(path, '--key-file')).toEqual(counting(1));
    expect(() => writeSecretFile(path, 'another', keyText(counting(2)))).toThrow('is there already');
    expect(readPrivateKeyFile(path, '--key-file')).toEqual(counting(1));
  });

  test('what cannot be read, or is none, is told without its content', () => {
    const path = join(folder, 'a.psk');
    expect(() => readPskFile(path, '--psk-file')).toThrow(/--psk-file: cannot be read/);
    writeFileSync(path, 'correct horse battery staple');
    expect(() => readPskFile(path, '--psk-file')).toThrow(/--psk-file: ".*a\.psk" is no PSK/);
    expect(() => readPskFile(path, '--psk-file')).not.toThrow(/horse/);
    writeFileSync(path, 'A'.repeat(3_000_000));
    expect(() => readPskFile(path, '--psk-file')).toThrow(/is too large/);
  });

  test('a list is read again when it is told to, and stays as it was if that fails', () => {
    const path = join(folder, 'viewers');
    writeFileSync(path, keyText(counting(1)));
    const list = new ViewerListFile(path);
    expect([list.size, list.allows(counting(1)), list.allows(counting(2))]).toEqual([1, true, false]);
    writeFileSync(path, `${readFileSync(path, 'utf8')}\n${keyText(counting(2))} the yard\n`);
    expect(list.allows(counting(2)), 'before').toBe(false);
    list.reload();
    expect([list.size, list.allows(counting(2))]).toEqual([2, true]);
    writeFileSync(path, 'nonsense');
    expect(() => list.reload()).toThrow(/--allowed-viewers: .*has no public key in line 1/);
    expect([list.size, list.allows(counting(2))]).toEqual([2, true]);
  });
});
