import { once } from 'node:events';
import { Command, Option } from 'commander';
import { isWildcard, type ListenAddress, parseListen } from '../config/address.ts';
import { refused } from '../config/parsed.ts';
import { resolveSecurity } from '../config/security.ts';
import { ConfigError } from '../errors.ts';
import { REDPEPPER_PORT, redPepperAgent, trialCommands } from '../neighbours/redpepper/index.ts';
import { addressText, plainText } from '../observe/text.ts';
import { endpointOptions, observe, tellMetrics } from './endpoint-options.ts';
import { errorText } from './exit-code.ts';
import { type KeyOptions, readKeys } from './fleet-keys.ts';
import { interruptible } from './interrupt.ts';
import { OfferedStreams } from './offered-streams.ts';
import { type CommonOptions, duration, listenAddress, reader, withCommonOptions } from './options.ts';
import { commandOutput, complain } from './output.ts';
import { reloadViewers, viewersOf, withAllowedViewers } from './security-options.ts';
import { streamSources, withStreamOptions } from './send.ts';

interface AgentOptions extends CommonOptions, KeyOptions {
  readonly manager: ListenAddress;
  readonly id: string;
  readonly stream: readonly string[];
  readonly loop?: boolean;
  readonly fps?: number;
  readonly listen: ListenAddress;
  readonly retry: number;
  readonly serverName?: string;
  readonly allowedViewers?: string;
}

/** Where the manager is: no wildcard, and no port that it would have to guess. */
const managerAddress = reader((text) => {
  const parsed = parseListen(text, REDPEPPER_PORT);
  if (!parsed.ok || (!isWildcard(parsed.value.host) && parsed.value.port !== 0)) return parsed;
  return refused(`"${text}" is no place to connect to`, `write 127.0.0.1:${REDPEPPER_PORT} or manager.local`);
});

/** Adds the options that say where keys are. */
export function withKeyOptions(command: Command, credentials: string): Command {
  return command
    .option('--keys <folder>', 'where "firstframe fleet keys" put them; the next four change single files')
    .option('--cert <file>', 'own certificate, PEM')
    .option('--key <file>', 'own private key, PEM')
    .option('--ca <file>', "who signed the other end's certificate, PEM")
    .option('--credentials-file <file>', credentials);
}

/** `firstframe agent`. */
export function agentCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('agent')
    .description('Offers streams to a fleet: a manager starts and stops them, by RedPepper over TLS.')
    .addOption(
      new Option('-m, --manager <address>', 'where "firstframe fleet" listens, such as manager.local:7051')
        .argParser(managerAddress)
        .makeOptionMandatory(),
    )
    .requiredOption('--id <name>', 'who this is, as the manager knows it');
  withStreamOptions(command)
    .addOption(
      new Option('-l, --listen <address>', 'for media: one port for each stream from this one on, 0 for any')
        .argParser(listenAddress)
        .default(listenAddress('127.0.0.1:0'), '127.0.0.1:0'),
    )
    .addOption(
      new Option('--retry <time>', 'longest wait between tries to connect').argParser(duration).default(10_000, '10s'),
    );
  command.option('--server-name <name>', "name in the manager's certificate (default: its host)");
  withKeyOptions(command, 'the credentials of this agent, one line');
  withAllowedViewers(command);
  return withCommonOptions(command).action(async (options: AgentOptions) => {
    const output = commandOutput({ json: options.json === true, stdoutTaken: false });
    const { tls, credentials } = readKeys(options, options.id);
    const { host, port } = options.listen;
    const security = resolveSecurity({ mode: options.security, addresses: [host] });
    if (!security.ok) throw new ConfigError([{ setting: '--listen', ...security }]);
    const sources = streamSources(options);
    // Wrong ones are told now, not when they are started.
    for (const make of Object.values(sources)) make();
    const viewers = viewersOf(options);
    using interrupt = interruptible(
      () => output.line('stopping all streams (Ctrl-C again to leave at once)'),
      viewers && (() => reloadViewers(viewers, output)),
    );
    await using observation = await observe(options);
    tellMetrics(observation, output);
    await using streams = new OfferedStreams(
      sources,
      { ...endpointOptions(options, viewers), host, logger: observation.log },
      port,
      observation,
      (stream, state) => {
        const { address, port: at, failed } = state;
        const where = typeof address === 'string' ? `runs at ${addressText(address, Number(at))}` : 'stopped';
        output.line(`stream ${stream} ${failed === undefined ? where : `broke off: ${failed}`}`);
        output.event({ event: 'stream', ...state });
      },
    );
    const { manager, id, retry } = options;
    const agent = redPepperAgent({
      host: manager.host,
      port: manager.port,
      tls: { ...tls, ...(options.serverName === undefined ? {} : { servername: options.serverName }) },
      id,
      credentials: credentials.trim(),
      methods: streams.methods(),
      commands: { ...trialCommands, ...streams.commands() },
      reconnect: { backoffInitialMs: Math.min(500, retry), backoffMaxMs: retry, livedMs: 10_000 },
    });
    const where = addressText(manager.host, manager.port);
    output.line(
      `agent ${id} for ${where}, ${streams.names.length === 1 ? 'stream' : 'streams'} ${streams.names.join(', ')}`,
    );
    output.event({ event: 'agent', id, manager: where, streams: streams.names });
    agent.on('connected', () => {
      output.line(`connected to ${where}`);
      output.event({ event: 'connected', manager: where });
    });
    agent.on('disconnected', ({ reason }) => {
      output.line(`disconnected from ${where}${reason === '' ? '' : `: ${plainText(reason)}`}`);
      output.event({ event: 'disconnected', manager: where, reason });
    });
    agent.on('unreachable', ({ error }) => {
      output.line(`cannot reach ${where}: ${plainText(errorText(error))}`);
      output.event({ event: 'unreachable', manager: where, message: errorText(error) });
    });
    agent.on('waiting', ({ waitMs }) => output.event({ event: 'waiting', waitMs }));
    agent.on('handlerFailed', ({ method, error }) => complain(`${plainText(method)}: ${errorText(error)}`));
    if (!interrupt.signal.aborted) await once(interrupt.signal, 'abort');
    await agent.close();
    finish(interrupt.exitCode);
  });
}
