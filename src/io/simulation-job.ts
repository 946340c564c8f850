import type { HandshakeScenario } from '../sim/handshake-result.ts';
import type { HandshakeChunk } from '../sim/handshake-tally.ts';

/** What a worker is asked for: `count` runs from the `first`-th of a seed on. */
export interface SimulationTask {
  /** The same for all tasks of one scenario. */
  readonly job: number;
  readonly scenario: HandshakeScenario;
  readonly seed: number;
  readonly first: number;
  readonly count: number;
}

/** What it answers, with the names of the task. */
export type SimulationAnswer = Pick<SimulationTask, 'job' | 'first'> &
  (
    | { readonly kind: 'done'; readonly chunk: HandshakeChunk }
    | { readonly kind: 'threw'; readonly seed: number; readonly message: string; readonly stack: string | undefined }
  );
