import {
  type InitiatorContext,
  type InitiatorEvent,
  type InitiatorInput,
  type InitiatorState,
  initiatorMachine,
  type ResponderContext,
  type ResponderEvent,
  type ResponderState,
  responderMachine,
} from '../../machines/index.ts';
import { compileMachine } from './compile.ts';

/** The initiator's machine, which every viewer's session runs on. */
export const initiatorTable = compileMachine<InitiatorState, InitiatorContext, InitiatorEvent, InitiatorInput>(
  initiatorMachine,
);

/** The responder's machine, which every session of a camera runs on. */
export const responderTable = compileMachine<ResponderState, ResponderContext, ResponderEvent, undefined>(
  responderMachine,
);
