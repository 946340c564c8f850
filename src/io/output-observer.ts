import type { InitiatorOutput, ResponderOutput } from '../engine/io-types.ts';
import type { Log } from '../observe/log.ts';
import { OutputLog } from '../observe/output-log.ts';
import { monotonicMs } from './clock.ts';

/** Hears an endpoint's outputs. */
export type OutputObserver<Output> = (output: Output, nowMs: number) => void;

/**
 * Joins those who want to hear of every output: the application's `trace`, and a logger that shows debug lines. `undefined` when
 * nobody does, so that nothing is traced.
 */
export function outputObserver<Output extends InitiatorOutput | ResponderOutput>(settings: {
  readonly trace: OutputObserver<Output> | undefined;
  readonly logger: Log | undefined;
}): OutputObserver<Output> | undefined {
  const { trace, logger } = settings;
  if (logger?.isLevelEnabled('debug') !== true) return trace;
  const log = new OutputLog(logger, monotonicMs);
  return (output, nowMs) => {
    log.add(output);
    trace?.(output, nowMs);
  };
}
