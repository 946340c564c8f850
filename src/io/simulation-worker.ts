/**
 * A thread of a {@link SimulationPool}: runs what it is sent and sends back what came of it.
 */
import { parentPort } from 'node:worker_threads';
import { HandshakeRunError, HandshakeRunner } from '../sim/handshakes.ts';
import type { SimulationAnswer, SimulationTask } from './simulation-job.ts';

let job = -1;
let runner: HandshakeRunner | undefined;

parentPort?.on('message', (task: SimulationTask) => {
  if (runner === undefined || task.job !== job) {
    runner = new HandshakeRunner(task.scenario);
    job = task.job;
  }
  const { first } = task;
  try {
    const chunk = runner.runMany(task.seed, first, task.count);
    answer({ job, first, kind: 'done', chunk }, [chunk.timesToStreamMs.buffer, chunk.timesToFirstFrameMs.buffer]);
  } catch (error) {
    if (!(error instanceof HandshakeRunError)) throw error;
    const { seed, message, cause } = error;
    answer({ job, first, kind: 'threw', seed, message, stack: cause instanceof Error ? cause.stack : undefined }, []);
  }
});

function answer(message: SimulationAnswer, transfer: readonly ArrayBuffer[]): void {
  parentPort?.postMessage(message, [...transfer]);
}
