import { chmodSync, readFileSync, writeFileSync } from 'node:fs';
import { parsePrivateKey, parsePsk, parseViewers } from '../config/key-text.ts';
import type { Parsed } from '../config/parsed.ts';
import { ConfigError } from '../errors.ts';
import type { AllowedViewers } from '../security/credentials.ts';

/** A file that is read is no larger than this, in bytes: a list of 10,000 viewers has room. */
const FILE_BYTES_MAX = 2 * 1024 * 1024;

/** Reads a PSK. @param setting what it is for, told in the error. @throws ConfigError without any of the file's content. */
export function readPskFile(path: string, setting: string): Uint8Array {
  return readKeyFile(path, setting, parsePsk);
}

/** Reads a private key. @throws ConfigError without any of the file's content. */
export function readPrivateKeyFile(path: string, setting: string): Uint8Array {
  return readKeyFile(path, setting, parsePrivateKey);
}

/**
 * Writes a secret so that its owner alone can read it (0600).
 *
 * @param comment for people, without line breaks.
 * @throws ConfigError if it cannot be written, or is there already: a key that is lost is lost.
 */
export function writeSecretFile(path: string, comment: string, key: string): void {
  try {
    writeFileSync(path, `# ${comment}\n${key}\n`, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const taken = (error as NodeJS.ErrnoException).code === 'EEXIST';
    const problem = taken ? 'is there already' : `cannot be written: ${error instanceof Error ? error.message : error}`;
    const tryInstead = taken
      ? 'give another name, or remove it by hand if nobody needs it any more'
      : 'give a folder that is there and may be written to';
    throw new ConfigError([{ setting: path, problem, tryInstead }]);
  }
  // A umask can only take rights away; that the owner's own are there is not its business.
  chmodSync(path, 0o600);
}

/** A camera's list of viewers in a file, which can be read again while it runs. */
export class ViewerListFile implements AllowedViewers {
  readonly #path: string;
  #keys: ReadonlySet<string>;

  /** @throws ConfigError for a list that cannot be read. */
  constructor(path: string) {
    this.#path = path;
    this.#keys = this.#read();
  }

  /** Viewers on it. */
  get size(): number {
    return this.#keys.size;
  }

  allows(publicKey: Uint8Array): boolean {
    return this.#keys.has(String(publicKey));
  }

  /** Reads it again. Sessions that are under way stay. @throws ConfigError if it cannot be read: the list before stays. */
  reload(): void {
    this.#keys = this.#read();
  }

  #read(): ReadonlySet<string> {
    return new Set(readKeyFile(this.#path, '--allowed-viewers', parseViewers).map(String));
  }
}

function readKeyFile<Value>(path: string, setting: string, parse: (text: string) => Parsed<Value>): Value {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    const problem = `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    throw new ConfigError([{ setting, problem, tryInstead: 'check the path, and who may read it' }]);
  }
  if (text.length > FILE_BYTES_MAX) {
    throw new ConfigError([
      { setting, problem: `"${path}" is too large`, tryInstead: 'use a file that has keys alone' },
    ]);
  }
  const parsed = parse(text);
  if (parsed.ok) return parsed.value;
  throw new ConfigError([{ setting, problem: `"${path}" ${parsed.problem}`, tryInstead: parsed.tryInstead }]);
}
