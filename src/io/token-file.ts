import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { ConfigError } from '../errors.ts';

/** As it stands in a TOKEN frame. */
const TOKEN_BYTES_MAX = 52;

/**
 * The token of a viewer's last session, for its next one (docs/PROTOCOL.md, section 7.9).
 *
 * @returns `undefined` for a file that is not there, or has no token: the handshake is the normal one then.
 * @throws ConfigError for one that is there and cannot be read.
 */
export function readTokenFile(path: string, setting: string): Uint8Array | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'latin1');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(setting, 'read', error);
  }
  if (!/^[0-9a-f]{2,104}\n?$/.test(text)) return undefined;
  const token = Uint8Array.from(Buffer.from(text.trim(), 'hex'));
  return token.length > 0 && token.length <= TOKEN_BYTES_MAX ? token : undefined;
}

/**
 * Keeps a token so that its owner alone can read it (0600).
 *
 * @param token absent: the one that was there was shown and is worth nothing any more.
 * @throws ConfigError if the file cannot be written.
 */
export function writeTokenFile(path: string, setting: string, token: Uint8Array | undefined): void {
  try {
    writeFileSync(path, token === undefined ? '' : `${Buffer.from(token).toString('hex')}\n`, { mode: 0o600 });
    chmodSync(path, 0o600);
  } catch (error) {
    throw unusable(setting, 'written', error);
  }
}

function unusable(setting: string, done: 'read' | 'written', error: unknown): ConfigError {
  const problem = `cannot be ${done}: ${error instanceof Error ? error.message : String(error)}`;
  return new ConfigError([{ setting, problem, tryInstead: 'give a file that you may read and write' }]);
}
