import { parentPort } from 'node:worker_threads';
import type { RrccCall, RrccResult } from './worker.ts';

/**
 * Called by the module of a worker thread: executes its calls. The thread is stopped when a result is not wanted any more, so that the
 * handler needs no signal.
 */
export function serveThread(handler: (call: RrccCall) => RrccResult | Promise<RrccResult>): void {
  const port = parentPort;
  if (port === null) throw new Error('serveThread is for worker threads');
  port.on('message', async (call: RrccCall) => {
    try {
      port.postMessage({ value: await handler(call) });
    } catch (error) {
      port.postMessage({ failed: error instanceof Error ? error.message : String(error) });
    }
  });
}
