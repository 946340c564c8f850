import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** Frees whatever nothing holds any more; afterwards a `WeakRef` to it is empty. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const gc: () => void = runInNewContext('gc');
  // A WeakRef holds its target until the job that made it, or looked at it, is over.
  await setImmediate();
  gc();
}
