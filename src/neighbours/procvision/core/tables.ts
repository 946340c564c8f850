import {
  type ProcvisionRunnerContext,
  type ProcvisionRunnerEvent,
  type ProcvisionRunnerState,
  procvisionRunnerMachine,
} from '../../../../machines/index.ts';
import { compileMachine } from '../../../engine/compile.ts';

/** What every runner runs on. */
export const procvisionRunnerTable = compileMachine<
  ProcvisionRunnerState,
  ProcvisionRunnerContext,
  ProcvisionRunnerEvent,
  undefined
>(procvisionRunnerMachine);
