import { Argument, Command, Option } from 'commander';
import { isWildcard, type ListenAddress, parseListen } from '../config/address.ts';
import { formatBytes, formatDuration } from '../config/units.ts';
import { ConfigError } from '../errors.ts';
import { parseSink } from '../io/sinks/parse-sink.ts';
import {
  REDPEPPER_PORT,
  RedPepperError,
  type RedPepperManager,
  type RedPepperMap,
  type RedPepperValue,
  redPepperManager,
} from '../neighbours/redpepper/index.ts';
import { addressText, plainText } from '../observe/text.ts';
import { withKeyOptions } from './agent.ts';
import { observe } from './endpoint-options.ts';
import { ExitCode } from './exit-code.ts';
import { type KeyOptions, makeKeys, readIdentities, readKeys } from './fleet-keys.ts';
import { type Interrupt, interruptible } from './interrupt.ts';
import { type CommonOptions, duration, reader, withCommonOptions } from './options.ts';
import { commandOutput, complain, type Output } from './output.ts';
import { withPeerKey } from './security-options.ts';
import { View } from './view.ts';

const actions = ['list', 'start', 'stop', 'stats', 'keys'] as const;

interface FleetOptions extends CommonOptions, KeyOptions {
  readonly listen: ListenAddress;
  readonly timeout: number;
  readonly allow?: readonly string[];
  readonly name?: readonly string[];
  readonly view?: string;
  readonly duration?: number;
  readonly peerKey?: Uint8Array;
}

const fleetAddress = reader((text) => parseListen(text, REDPEPPER_PORT));
const several = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** `firstframe fleet`. */
export function fleetCommand(finish: (exitCode: number) => void): Command {
  const command = new Command('fleet')
    .description('Tells the agents of camera hosts what to do, by RedPepper over TLS, and watches their streams.')
    .addArgument(new Argument('<action>', 'what to do').choices(actions))
    .argument('[agent]', 'of which agent; for "keys" the folder')
    .argument('[stream]', 'which stream; for "keys" the agent (default: camera-1)')
    .addOption(
      new Option('-l, --listen <address>', 'where agents connect to; :7051 is all interfaces')
        .argParser(fleetAddress)
        .default(fleetAddress(`127.0.0.1:${REDPEPPER_PORT}`), `127.0.0.1:${REDPEPPER_PORT}`),
    )
    .addOption(new Option('--timeout <time>', 'how long to wait for agents').argParser(duration).default(20_000, '20s'))
    .option('--allow <range>', 'where agents may come from, such as 10.0.0.0/8; more than once', several)
    .option('--view <where>', 'after "start", watch the stream: null or file.h264')
    .option('--duration <time>', 'stop watching after, such as 10s', duration)
    .option('--name <host>', 'for "keys": what agents call the manager, beside localhost; more than once', several);
  withKeyOptions(command, 'the agents that may connect, JSON');
  withPeerKey(command);
  return withCommonOptions(command).action(
    async (action: (typeof actions)[number], agent: string | undefined, stream: string | undefined, options) => {
      const output = commandOutput({ json: options.json === true, stdoutTaken: options.view === '-' });
      if (action === 'keys') return keys(agent ?? missing('folder', 'keys ./keys'), stream, options, output);
      const needsStream = action === 'start' || action === 'stop';
      if (needsStream && agent === undefined) missing('agent', `${action} camera-1 door`);
      if (needsStream && stream === undefined) missing('stream', `${action} ${agent} door`);
      using interrupt = interruptible(() => output.line('saying Bye to all agents (Ctrl-C again to leave at once)'));
      await using fleet = await Fleet.open(options, output, interrupt);
      const code = await fleet.perform(action, agent, stream);
      finish(interrupt.exitCode === 0 ? code : interrupt.exitCode);
    },
  );
}

function missing(what: string, example: string): never {
  const tryInstead = `write firstframe fleet ${example}`;
  throw new ConfigError([{ setting: what, problem: 'it is missing', tryInstead }]);
}

async function keys(folder: string, id: string | undefined, options: FleetOptions, output: Output): Promise<void> {
  const agent = id ?? 'camera-1';
  await makeKeys(folder, agent, options.name ?? []);
  output.line(`keys of the manager and of agent ${agent} are in ${folder}; keep ca.key to yourself`);
  output.line(
    `on the camera host: firstframe agent --manager 127.0.0.1 --keys ${folder} --id ${agent} --stream door=clip.h264`,
  );
  output.line(`here:               firstframe fleet --keys ${folder} start ${agent} door --view door.h264`);
  output.event({ event: 'keys', folder, agent });
}

/** One run of the command: a manager that does one thing. */
class Fleet implements AsyncDisposable {
  readonly #options: FleetOptions;
  readonly #output: Output;
  readonly #interrupt: Interrupt;
  readonly #manager: RedPepperManager;

  private constructor(options: FleetOptions, output: Output, interrupt: Interrupt, manager: RedPepperManager) {
    this.#options = options;
    this.#output = output;
    this.#interrupt = interrupt;
    this.#manager = manager;
  }

  static async open(options: FleetOptions, output: Output, interrupt: Interrupt): Promise<Fleet> {
    const { tls, credentials, credentialsPath } = readKeys(options, 'manager');
    const { host, port } = options.listen;
    const manager = await redPepperManager({
      host,
      port,
      tls,
      identities: readIdentities(credentials, credentialsPath),
      ...(options.allow === undefined ? {} : { allow: options.allow }),
    }).catch((error: unknown) => {
      if (!(error instanceof TypeError)) throw error;
      const tryInstead = 'write what firstframe fleet keys writes, and ranges such as 10.0.0.0/8';
      throw new ConfigError([{ setting: '--credentials-file or --allow', problem: error.message, tryInstead }]);
    });
    output.line(`waiting for agents at ${addressText(host, manager.port)}`);
    output.event({ event: 'listening', address: host, port: manager.port });
    manager.on('joined', ({ agent, address }) => output.event({ event: 'joined', agent, address }));
    manager.on('left', ({ agent, reason }) => output.event({ event: 'left', agent, reason }));
    manager.on('turnedAway', ({ address, reason }) => {
      complain(`a connection from ${address} was turned away: ${plainText(reason)}`);
      output.event({ event: 'turnedAway', address, reason });
    });
    return new Fleet(options, output, interrupt, manager);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#manager.close();
  }

  /** @returns the exit code. */
  async perform(action: 'list' | 'start' | 'stop' | 'stats', agent: string | undefined, stream: string | undefined) {
    const agents = agent === undefined ? this.#manager.knownAgents : [agent];
    const { timeout } = this.#options;
    const there = await Promise.all(agents.map((one) => this.#manager.waitFor(one, timeout, this.#interrupt.signal)));
    const present = agents.filter((_, index) => there[index] === true);
    const absent = agents.filter((_, index) => there[index] === false);
    if (this.#interrupt.signal.aborted) return ExitCode.failed;
    for (const one of absent) {
      const known = this.#manager.knownAgents.includes(one);
      const why = known ? `did not connect within ${formatDuration(timeout)}` : 'is none that may connect';
      complain(`agent ${plainText(one)} ${why}`);
      this.#output.event({ event: 'absent', agent: one, known });
    }
    if (present.length === 0) return ExitCode.failed;
    try {
      for (const one of present) {
        if (action === 'list') await this.#list(one);
        else if (action === 'stats') await this.#stats(one, stream);
        else if (action === 'stop') await this.#stop(one, stream ?? '');
        else return await this.#start(one, stream ?? '');
      }
    } catch (error) {
      if (!(error instanceof RedPepperError)) throw error;
      complain(error.message);
      return ExitCode.failed;
    }
    return ExitCode.ok;
  }

  async #list(agent: string): Promise<void> {
    const states = maps(await this.#ask(agent, 'stream.list'));
    this.#output.line(`${agent} at ${this.#addressOf(agent)}`);
    for (const state of states)
      this.#output.line(`  ${String(state['stream']).padEnd(16)} ${this.#where(agent, state)}`);
    this.#output.event({ event: 'agent', agent, address: this.#addressOf(agent), streams: states });
  }

  async #stats(agent: string, stream: string | undefined): Promise<void> {
    const answer = await this.#ask(agent, 'stats', stream === undefined ? [] : [stream]);
    const states = Array.isArray(answer) ? maps(answer) : maps([answer]);
    if (states.length === 0) this.#output.line(`${agent}: no stream runs`);
    for (const state of states) {
      const { viewers = 0, mediaBytesSent = 0, mediaDatagramsSent = 0, nacksReceived = 0 } = state;
      const sent = `${formatBytes(Number(mediaBytesSent))} in ${mediaDatagramsSent} datagrams`;
      const figures =
        state['running'] === true ? `  viewers ${viewers}, ${sent}, ${nacksReceived} repair requests` : '';
      this.#output.line(`${agent}/${state['stream']}  ${this.#where(agent, state)}${figures}`);
    }
    this.#output.event({ event: 'stats', agent, streams: states });
  }

  async #stop(agent: string, stream: string): Promise<void> {
    await this.#ask(agent, 'stream.stop', [stream]);
    this.#output.line(`${agent}/${stream} stopped`);
    this.#output.event({ event: 'stopped', agent, stream });
  }

  async #start(agent: string, stream: string): Promise<number> {
    const [state = {}] = maps([await this.#ask(agent, 'stream.start', [stream])]);
    const target = `${this.#mediaAddress(agent, state)}/${stream}`;
    this.#output.line(`firstframe view ${target}`);
    this.#output.event({ event: 'started', agent, stream, target });
    const { view } = this.#options;
    if (view === undefined) return ExitCode.ok;
    const sink = parseSink(view);
    await using observation = await observe(this.#options);
    try {
      const options = { ...this.#options, output: view, latency: 200 };
      // Its own time limit is that of the handshake, not of the agents.
      const { timeout: _, ...rest } = options;
      return await new View(target, rest, this.#output, this.#interrupt, observation, sink).run();
    } finally {
      await sink.close();
    }
  }

  #ask(agent: string, method: string, args: readonly string[] = []): Promise<RedPepperValue> {
    return this.#manager.request(agent, method, args, {}, { signal: this.#interrupt.signal });
  }

  /** Where an agent is, as this end sees it. */
  #addressOf(agent: string): string {
    return (this.#manager.addressOf(agent) ?? '').replace(/^::ffff:(?=\d)/i, '');
  }

  #mediaAddress(agent: string, state: RedPepperMap): string {
    const address = typeof state['address'] === 'string' ? state['address'] : '';
    return addressText(address === '' || isWildcard(address) ? this.#addressOf(agent) : address, Number(state['port']));
  }

  #where(agent: string, state: RedPepperMap): string {
    return state['running'] === true ? `runs at ${this.#mediaAddress(agent, state)}` : 'does not run';
  }
}

/** The maps of a list, as foreign words go to a terminal: texts harmless. */
function maps(value: RedPepperValue): RedPepperMap[] {
  if (!Array.isArray(value)) return [];
  return value.flatMap((element: RedPepperValue) => {
    if (typeof element !== 'object' || element === null || Array.isArray(element)) return [];
    const entries = Object.entries(element).map(([key, field]: [string, RedPepperValue]) => [
      key,
      typeof field === 'string' ? plainText(field) : field,
    ]);
    return [Object.fromEntries(entries) as RedPepperMap];
  });
}
