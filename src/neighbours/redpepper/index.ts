/**
 * `firstframe/redpepper`: RedPepper, a manager that has agents do things, over TLS with credentials. See docs/REDPEPPER.md.
 */

export type { ReconnectOptions } from '../core/reconnect.ts';
export {
  RedPepperAgent,
  type RedPepperAgentEvents,
  type RedPepperAgentOptions,
  redPepperAgent,
} from './agent.ts';
export type { RedPepperRequestOptions } from './calls.ts';
export type { RedPepperCommandOptions } from './command-waiters.ts';
export {
  type CommandCall,
  type CommandProgress,
  type CommandResult,
  type RedPepperCommands,
  trialCommands,
} from './commands.ts';
export { REDPEPPER_VERSION } from './core/message.ts';
export { ByeReason } from './core/session-host.ts';
export type { SessionOptions } from './core/session-options.ts';
export { ExtData, type RedPepperMap, type RedPepperValue } from './core/value.ts';
export { hashCredentials, type RedPepperIdentity, unsaltedSha256 } from './credentials.ts';
export { customMethod, type RedPepperCall, type RedPepperHandler, type RedPepperMethods } from './handlers.ts';
export {
  REDPEPPER_PORT,
  RedPepperManager,
  type RedPepperManagerEvents,
  type RedPepperManagerOptions,
  type RedPepperTls,
  redPepperManager,
} from './manager.ts';
export { RedPepperError, type RedPepperErrorCode, RedPepperRefusal } from './redpepper-error.ts';
