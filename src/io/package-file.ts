import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** Path of a file of this package, wherever it is installed and whether it runs from source or from `dist`. */
export function packageFile(relative: string): string {
  let folder = import.meta.dirname;
  while (!existsSync(join(folder, 'package.json')) && dirname(folder) !== folder) folder = dirname(folder);
  return join(folder, relative);
}
