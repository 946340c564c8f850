import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFile } from '../io/package-file.ts';
import { agentCommand } from './agent.ts';
import { benchCommand } from './bench.ts';
import { callCommand } from './call.ts';
import { demoCommand } from './demo.ts';
import { ExitCode, errorText, exitCodeOf } from './exit-code.ts';
import { fleetCommand } from './fleet.ts';
import { keygenCommand } from './keygen.ts';
import { complain } from './output.ts';
import { relayCommand } from './relay.ts';
import { sendCommand } from './send.ts';
import { simulateCommand } from './simulate.ts';
import { viewCommand } from './view.ts';

const AFTER_HELP = `
Examples:
  firstframe send --stream door=clip.h264 --loop          a camera on 127.0.0.1:4444
  firstframe view 127.0.0.1/door --output door.h264       watches it and keeps what decodes
  firstframe view 127.0.0.1 --drop 20% --output null      the same through a bad link
  firstframe call 127.0.0.1/door stats                    asks it for a method, here its figures
  firstframe relay --to 127.0.0.1:4444 --loss 30%         a bad link between any two UDP programs
  firstframe demo                                         both in one process
  firstframe simulate --loss 30% --rtt 50ms               10,000 handshakes on virtual time
  firstframe fleet keys ./keys                            keys for a fleet of camera hosts
  firstframe keygen --psk home.psk                        a secret for --security psk
  firstframe bench time-to-stream --loss 30% --rtt 50ms   how fast it is, in real time

Exit codes: 0 ok, 1 handshake, session or call failed, 2 usage, 3 network; 130, 143 or 129 when
ended by Ctrl-C, SIGTERM or a closed terminal.`;

/**
 * Runs the command.
 *
 * @param argv as `process.argv`.
 * @returns the exit code.
 */
export async function run(argv: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.ok;
  const finish = (code: number): void => {
    exitCode = code;
  };
  const program = new Command('firstframe')
    .description(
      'From "I want this camera" to the first picture over UDP, through loss, and never media to a stranger.',
    )
    .version(version())
    .addHelpText('after', AFTER_HELP)
    .configureHelp({ subcommandTerm })
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, 'firstframe: ')) });
  const commands = [
    sendCommand,
    viewCommand,
    callCommand,
    relayCommand,
    demoCommand,
    simulateCommand,
    agentCommand,
    fleetCommand,
    keygenCommand,
    benchCommand,
  ];
  for (const command of commands.map((make) => make(finish))) {
    for (const each of [command, ...command.commands]) {
      each.copyInheritedSettings(program).showHelpAfterError('(try --help)');
    }
    program.addCommand(command);
  }
  try {
    await program.parseAsync(argv);
    return exitCode;
  } catch (error) {
    const code = exitCodeOf(error);
    if (!(error instanceof Error && 'exitCode' in error)) complain(errorText(error));
    return code;
  }
}

/** A command's line without `[options]`, which all have: it leaves room for what they do. */
function subcommandTerm(command: Command): string {
  const { registeredArguments } = command;
  return [
    command.name(),
    ...registeredArguments.map((one) => (one.required ? `<${one.name()}>` : `[${one.name()}]`)),
  ].join(' ');
}

function version(): string {
  const { version } = JSON.parse(readFileSync(packageFile('package.json'), 'utf8')) as { version: string };
  return version;
}
