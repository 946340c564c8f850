import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Cleanup, temporaryFolder } from './command.ts';

const LIBRARY = 'faketime/libfaketimeMT.so.1';
const library = findLibrary();

/** Why no process here can have a wall clock of its own; `undefined` when it can. */
export const wallClockMissing: string | undefined =
  library === undefined ? `no ${LIBRARY} in /usr/lib (Debian: apt install faketime)` : undefined;

/** A wall clock for a process: CLOCK_REALTIME alone, by libfaketime. The machine's own and all monotonic clocks stay as they are. */
export class WallClock {
  /** For the process. */
  readonly env: Readonly<Record<string, string>>;
  readonly #path: string;

  constructor(cleanup: Cleanup) {
    this.#path = join(temporaryFolder(cleanup), 'offset');
    this.env = {
      LD_PRELOAD: library ?? '',
      FAKETIME_TIMESTAMP_FILE: this.#path,
      FAKETIME_NO_CACHE: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
    };
    this.jumpTo(0);
  }

  /** From now on it is ahead of the machine's by so many hours, or behind. */
  jumpTo(hours: number): void {
    writeFileSync(this.#path, `${hours < 0 ? '-' : '+'}${Math.abs(hours)}h\n`);
  }
}

function findLibrary(): string | undefined {
  if (process.platform !== 'linux') return undefined;
  const folders = [
    '/usr/lib',
    ...readdirSync('/usr/lib', { withFileTypes: true }).map(({ name }) => join('/usr/lib', name)),
  ];
  return folders.map((folder) => join(folder, LIBRARY)).find((path) => existsSync(path));
}
