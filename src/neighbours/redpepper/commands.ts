import { isMap, type RedPepperMap, type RedPepperValue } from './core/value.ts';
import { RedPepperRefusal } from './redpepper-error.ts';

/** What a command came to. */
export interface CommandResult {
  readonly success: boolean;
  /** It changed something. */
  readonly changed: boolean;
  /** For people. */
  readonly output: string;
}

/** How far a command is. */
export interface CommandProgress {
  readonly current: number;
  readonly total: number;
  readonly message: string;
}

/** A command as its handler sees it. */
export interface CommandCall {
  /** Its type, such as `noop.Noop`. */
  readonly type: string;
  readonly args: readonly RedPepperValue[];
  readonly kwargs: RedPepperMap;
  /** Aborted when the connection ends. */
  readonly signal: AbortSignal;
  progress(progress: CommandProgress): void;
}

/** Commands by their types. */
export type RedPepperCommands = Readonly<Record<string, (call: CommandCall) => CommandResult | Promise<CommandResult>>>;

/** The request that starts a command. */
export interface CommandOrder {
  readonly id: string;
  readonly cmdtype: string;
  readonly args: readonly RedPepperValue[];
  readonly kwargs: RedPepperMap;
}

/** The two commands that RedPepper 0.3.4 has for trying it out, with its words. */
export const trialCommands: RedPepperCommands = {
  'noop.Noop': () => ({ success: true, changed: false, output: 'Operation no-op succeeded:\n' }),
  'echo.Echo': ({ args, kwargs }) => {
    const text = typeof args[0] === 'string' ? args[0] : '';
    const isReverse = kwargs['reverse'] === true;
    const shown = isReverse ? [...text].reverse().join('') : text;
    const name = `echo.Echo("${text}"${isReverse ? ' reverse' : ''})`;
    return { success: true, changed: false, output: `Operation ${name} succeeded:\n${shown}` };
  },
};

/** Reads the request of method `command`. Throws TypeError when a part of it is missing. */
export function readOrder({ id, cmdtype, args, kwargs }: RedPepperMap): CommandOrder {
  if (typeof id !== 'string' || typeof cmdtype !== 'string' || !Array.isArray(args) || !isMap(kwargs)) {
    throw new TypeError('this is no command');
  }
  return { id, cmdtype, args: args as readonly RedPepperValue[], kwargs };
}

/** What a command tells while it runs: the type and the data of Notifications. */
export type CommandTeller = (type: 'command_progress' | 'command_result', data: RedPepperMap) => void;

/** Runs a command to its end. Never rejects: what it throws the peer does not see. @param failed told of errors that are masked. */
export async function runCommand(
  commands: RedPepperCommands,
  { id, cmdtype, args, kwargs }: CommandOrder,
  signal: AbortSignal,
  tell: CommandTeller,
  failed: (error: unknown) => void,
): Promise<void> {
  const name = cmdtype.slice(0, 100);
  const progress = ({ current, total, message }: CommandProgress): void =>
    tell('command_progress', { command_id: id, current, total, message });
  const result = ({ success, changed, output }: CommandResult): void =>
    tell('command_result', { id, success, changed, output });
  progress({ current: 0, total: 1, message: `Running ${name}...` });
  const command = Object.hasOwn(commands, cmdtype) ? commands[cmdtype] : undefined;
  if (command === undefined) return result({ success: false, changed: false, output: `unknown command ${name}` });
  try {
    const done = await command({ type: cmdtype, args, kwargs, signal, progress });
    progress({ current: 1, total: 1, message: `Finished ${name}` });
    result(done);
  } catch (error) {
    if (!(error instanceof RedPepperRefusal)) failed(error);
    const output = error instanceof RedPepperRefusal ? error.message : 'command failed';
    result({ success: false, changed: false, output });
  }
}
