import {
  type RedPepperSessionContext,
  type RedPepperSessionEvent,
  type RedPepperSessionState,
  redPepperSessionMachine,
} from '../../../../machines/index.ts';
import { compileMachine } from '../../../engine/compile.ts';

/** What every session runs on. */
export const redPepperSessionTable = compileMachine<
  RedPepperSessionState,
  RedPepperSessionContext,
  RedPepperSessionEvent,
  undefined
>(redPepperSessionMachine);
