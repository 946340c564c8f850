import { readFileSync } from 'node:fs';
import { Command } from 'commander';
import { packageFile } from '../io/package-file.ts';
import { ExitCode, errorText, exitCodeOf } from './exit-code.ts';
import { complain } from './output.ts';

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

type MakeCommand = (finish: (exitCode: number) => void) => Command;

/** Each by its name, in the order of the help, and loaded only when it is asked for: all of them take twice as long as `view` alone. */
const commands: Readonly<Record<string, () => Promise<MakeCommand>>> = {
  send: async () => (await import('./send.ts')).sendCommand,
  view: async () => (await import('./view.ts')).viewCommand,
  call: async () => (await import('./call.ts')).callCommand,
  relay: async () => (await import('./relay.ts')).relayCommand,
  demo: async () => (await import('./demo.ts')).demoCommand,
  simulate: async () => (await import('./simulate.ts')).simulateCommand,
  agent: async () => (await import('./agent.ts')).agentCommand,
  fleet: async () => (await import('./fleet.ts')).fleetCommand,
  keygen: async () => (await import('./keygen.ts')).keygenCommand,
  bench: async () => (await import('./bench.ts')).benchCommand,
};

/**
 * Runs the command.
 *
 * @param argv as `process.argv`.
 * @returns the exit code.
 */
export async function run(argv: readonly string[]): Promise<number> {
  // A reader that has gone, such as `head`, ends nothing: only its words are lost.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {});
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
  for (const make of await commandsFor(argv[2])) {
    const command = make(finish);
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

/** The one that is named, or all of them, for the help and for whoever mistyped a name. */
async function commandsFor(name: string | undefined): Promise<readonly MakeCommand[]> {
  const named = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  return named === undefined ? Promise.all(Object.values(commands).map((load) => load())) : [await named()];
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
