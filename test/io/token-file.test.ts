import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/errors.ts';
import { readTokenFile, writeTokenFile } from '../../src/io/token-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'firstframe-token-'));
const path = join(folder, 'token');
afterAll(() => rmSync(folder, { recursive: true }));

describe('a token file', () => {
  it('keeps a token for its owner alone, and no token once it was shown', () => {
    expect(readTokenFile(path, '--token-file')).toBeUndefined();
    const token = Uint8Array.from({ length: 35 }, (_, at) => 7 * at);
    writeFileSync(path, 'anything', { mode: 0o644 });
    expect(readTokenFile(path, '--token-file')).toBeUndefined();
    writeTokenFile(path, '--token-file', token);
    expect([readTokenFile(path, '--token-file'), statSync(path).mode & 0o777]).toEqual([token, 0o600]);
    writeTokenFile(path, '--token-file', undefined);
    expect(readTokenFile(path, '--token-file')).toBeUndefined();
  });

  it('is refused where it cannot be read or written', () => {
    expect(() => readTokenFile(folder, '--token-file')).toThrow(ConfigError);
    expect(() => writeTokenFile(folder, '--token-file', Uint8Array.of(1))).toThrow(ConfigError);
  });
});
