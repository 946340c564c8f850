import type { ProcvisionRunnerState, RunnerFault } from '../../../../machines/index.ts';
import { bodyFaults, type JsonObject } from './codec.ts';
import type { AlgorithmHello, CallAnswer } from './messages.ts';

/** How a process ended, as far as the core is concerned. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** Why it could not be started. */
  readonly problem?: string;
}

/** What the application, and the processes, tell a runner. */
export type RunnerInput =
  | { readonly kind: 'start' | 'close' }
  | {
      readonly kind: 'call';
      /** The application's own number of it. */
      readonly call: number;
      readonly data: JsonObject;
      /** From the moment it is sent, in ms. */
      readonly limitMs: number;
    }
  | { readonly kind: 'withdraw'; readonly call: number }
  | { readonly kind: 'exited'; readonly end: ProcessEnd };

/** Why a call brought nothing, where the algorithm did not say so itself. */
export type CallFailure = RunnerFault | 'full' | 'tooLarge' | 'closed' | 'failed';

/** What a runner asks for. */
export type RunnerOutput =
  | { readonly kind: 'spawn' | 'terminate' | 'kill' }
  | { readonly kind: 'state'; readonly state: ProcvisionRunnerState | 'Failed' }
  | { readonly kind: 'ready'; readonly hello: AlgorithmHello }
  | { readonly kind: 'answered'; readonly call: number; readonly answer: CallAnswer }
  | {
      readonly kind: 'unanswered';
      readonly call: number;
      readonly why: CallFailure;
      readonly detail: string;
      readonly errorCode?: string;
    }
  /** Nothing will happen any more. */
  | { readonly kind: 'over'; readonly acknowledged: boolean; readonly failed: boolean };

/** What is counted by a runner. */
export const runnerCounters = [
  'processes',
  'calls',
  'answers',
  'strayAnswers',
  'strayPongs',
  'unknownType',
  'unknownKey',
  'notJson',
  'full',
  'emptyFrame',
  'frameTooLarge',
  'truncated',
  ...bodyFaults,
] as const;
