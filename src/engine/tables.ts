import {
  type AnswererContext,
  type AnswererEvent,
  type AnswererState,
  type AskerContext,
  type AskerEvent,
  type AskerState,
  answererMachine,
  askerMachine,
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

/** The asking side's machine, which every exchange that a session asks for runs on. */
export const askerTable = compileMachine<AskerState, AskerContext, AskerEvent, undefined>(askerMachine);

/** The answering side's machine, which every exchange that comes to a session runs on. */
export const answererTable = compileMachine<AnswererState, AnswererContext, AnswererEvent, undefined>(answererMachine);
