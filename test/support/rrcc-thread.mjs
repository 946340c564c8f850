// A method in a worker thread. The first byte says what becomes of it, the second is doubled.
import { existsSync, writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
import { serveThread } from '../../dist/src/neighbours/rrcc/index.js';

serveThread(({ params }) => {
  const [fate = 0, value = 0] = params;
  if (fate === 1) throw new Error('boom\n    at somewhere');
  if (fate === 2 && !existsSync(workerData)) {
    writeFileSync(workerData, '');
    process.exit(3);
  }
  while (fate === 3);
  return Uint8Array.of(value * 2);
});
