import { EventEmitter } from 'node:events';
import type { Entropy } from '../../engine/io-types.ts';
import { cryptoEntropy } from '../../io/entropy.ts';
import { systemTiming, type Timing, within } from '../../io/sources/timing.ts';
import { MESSAGE_BYTES_MAX } from '../core/framing.ts';
import type { LinkNumber } from '../core/stepped-core.ts';
import { CoreRunner } from '../core-runner.ts';
import { listenTls, type TransportListener } from '../tcp-transport.ts';
import { AllowedAddresses } from './allowed-addresses.ts';
import { Calls, type RedPepperRequestOptions } from './calls.ts';
import { CommandWaiters, type RedPepperCommandOptions } from './command-waiters.ts';
import type { CommandResult } from './commands.ts';
import {
  ManagerCore,
  type ManagerCoreOptions,
  type ManagerCounter,
  type ManagerInput,
  type ManagerOutput,
} from './core/manager-core.ts';
import { ByeReason } from './core/session-host.ts';
import { sessionDefaults } from './core/session-options.ts';
import type { RedPepperMap, RedPepperValue } from './core/value.ts';
import { CredentialCheck, type RedPepperIdentity } from './credentials.ts';
import { answerCall, type RedPepperMethods, WORK_MS, withinLimit } from './handlers.ts';

/** Keys of one end, PEM. */
export interface RedPepperTls {
  readonly key: string | Uint8Array;
  readonly cert: string | Uint8Array;
  /** Who must have signed the other end's certificate. */
  readonly ca: string | Uint8Array;
}

/** The port of RedPepper. */
export const REDPEPPER_PORT = 7051;

/** How a manager runs. */
export interface RedPepperManagerOptions extends ManagerCoreOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 7051; 0 for any. */
  readonly port?: number;
  /** TLS 1.3; an agent without a certificate of this authority is not listened to. */
  readonly tls: RedPepperTls;
  /** Agents that may connect, by their ids. */
  readonly identities: Readonly<Record<string, RedPepperIdentity>>;
  /** Addresses and ranges that agents may come from, such as `10.0.0.0/8`. Default: all. */
  readonly allow?: readonly string[];
  /** What agents may ask. Default: nothing. */
  readonly methods?: RedPepperMethods;
  /** How long a handler may take, in ms. Default 30,000. */
  readonly workMs?: number;
  /** Connections at the same time. Default 256. */
  readonly connectionsMax?: number;
  /** Largest message, in bytes. Default 1,048,576. */
  readonly messageBytesMax?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
  /** Default: the operating system's random bytes. */
  readonly entropy?: Entropy;
}

/** What a manager tells its application. */
export interface RedPepperManagerEvents {
  /** An agent proved who it is. */
  joined: [{ readonly agent: string; readonly address: string }];
  /** Its connection is over. @param reason of the Bye, whoever said it; empty when nobody did. */
  left: [{ readonly agent: string; readonly reason: string }];
  /** A connection ended before its agent proved anything; not told while the manager closes. */
  turnedAway: [{ readonly address: string; readonly reason: string }];
  notification: [{ readonly agent: string; readonly type: string; readonly data: RedPepperValue }];
  /** A handler failed, and the peer was not told why. */
  handlerFailed: [{ readonly method: string; readonly error: unknown }];
}

interface Connection {
  readonly address: string;
  readonly ended: AbortController;
  agent: string | undefined;
}

/** The side that agents connect to. Made by {@link redPepperManager}. */
export class RedPepperManager extends EventEmitter<RedPepperManagerEvents> implements AsyncDisposable {
  readonly #options: RedPepperManagerOptions;
  readonly #timing: Timing;
  readonly #core: ManagerCore;
  readonly #runner: CoreRunner<ManagerInput, ManagerOutput>;
  readonly #calls: Calls;
  readonly #commands: CommandWaiters;
  readonly #credentials: CredentialCheck;
  readonly #allowed: AllowedAddresses;
  readonly #allowedOf = new Map<string, AllowedAddresses>();
  readonly #connections = new Map<LinkNumber, Connection>();
  readonly #links = new Map<string, LinkNumber>();
  #listener: TransportListener | undefined;
  #closing: Promise<void> | undefined;
  #emptied: () => void = () => {};

  private constructor(options: RedPepperManagerOptions) {
    super();
    const { entropy = cryptoEntropy, timing = systemTiming, identities, messageBytesMax = MESSAGE_BYTES_MAX } = options;
    this.#options = options;
    this.#timing = timing;
    this.#credentials = new CredentialCheck(identities);
    this.#allowed = new AllowedAddresses(options.allow ?? ['0.0.0.0/0', '::/0']);
    for (const [id, { allow }] of Object.entries(identities)) {
      if (allow !== undefined) this.#allowedOf.set(id, new AllowedAddresses(allow));
    }
    this.#core = new ManagerCore(options, entropy);
    this.#runner = new CoreRunner(this.#core, (output) => this.#hear(output), timing);
    this.#calls = new Calls(entropy, messageBytesMax, (input) => this.#runner.step(input));
    this.#commands = new CommandWaiters(this.#calls, timing);
  }

  /** See {@link redPepperManager}. */
  static async listen(options: RedPepperManagerOptions): Promise<RedPepperManager> {
    const manager = new RedPepperManager(options);
    const { host, port = REDPEPPER_PORT, tls, connectionsMax = 256, helloMs = sessionDefaults.helloMs } = options;
    const { messageBytesMax, timing } = options;
    manager.#listener = await listenTls(
      {
        port,
        connectionsMax,
        ...(host === undefined ? {} : { host }),
        ...(messageBytesMax === undefined ? {} : { messageBytesMax }),
        ...(timing === undefined ? {} : { timing }),
      },
      {
        key: Buffer.from(tls.key),
        cert: Buffer.from(tls.cert),
        ca: Buffer.from(tls.ca),
        requestCert: true,
        rejectUnauthorized: true,
        minVersion: 'TLSv1.3',
        // Who does not even begin TLS is given no more time than who does not say hello.
        handshakeTimeout: helloMs,
      },
      (transport, socket) => {
        const { remoteAddress = '' } = socket;
        const link = manager.#runner.attach(transport);
        manager.#connections.set(link, { address: remoteAddress, ended: new AbortController(), agent: undefined });
      },
    );
    return manager;
  }

  /** Where it listens. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Agents that are connected. */
  get agents(): readonly string[] {
    return [...this.#links.keys()];
  }

  /** Agents that may connect. */
  get knownAgents(): readonly string[] {
    return this.#credentials.ids;
  }

  /** Counters by name. */
  get counters(): Readonly<Record<ManagerCounter, number>> {
    return this.#core.counters;
  }

  /** Where an agent is connected from. */
  addressOf(agent: string): string | undefined {
    const link = this.#links.get(agent);
    return link === undefined ? undefined : this.#connections.get(link)?.address;
  }

  /** Waits for an agent; resolves to whether it is there. */
  waitFor(agent: string, limitMs: number, signal?: AbortSignal): Promise<boolean> {
    if (this.#links.has(agent)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const done = (there: boolean): void => {
        cancel();
        this.off('joined', look);
        signal?.removeEventListener('abort', stop);
        resolve(there);
      };
      const look = (joined: { readonly agent: string }): void => {
        if (joined.agent === agent) done(true);
      };
      const stop = (): void => done(false);
      const cancel = this.#timing.after(limitMs, stop);
      this.on('joined', look);
      signal?.addEventListener('abort', stop, { once: true });
      if (signal?.aborted === true) stop();
    });
  }

  /** Has an agent execute a method. Rejects with RedPepperError. */
  request(
    agent: string,
    method: string,
    args: readonly string[] = [],
    kwargs: RedPepperMap = {},
    options: RedPepperRequestOptions = {},
  ): Promise<RedPepperValue> {
    return this.#calls.request(this.#links.get(agent), method, args, kwargs, options);
  }

  /** Has an agent run a command, and waits for its result. Rejects with RedPepperError. */
  command(
    agent: string,
    type: string,
    args: readonly RedPepperValue[] = [],
    kwargs: RedPepperMap = {},
    options: RedPepperCommandOptions = {},
  ): Promise<CommandResult> {
    return this.#commands.run(this.#links.get(agent), type, args, kwargs, options);
  }

  /** Says Bye to all, and listens no more. */
  close(reason: string = ByeReason.shutdown): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(reason: string): Promise<void> {
    await this.#listener?.close();
    const empty = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    this.#runner.step({ kind: 'close', link: 'all', reason });
    if (this.#connections.size > 0) await within(empty, 5000, this.#timing);
    this.#runner.stop();
  }

  #hear(output: ManagerOutput): void {
    switch (output.kind) {
      case 'judge':
        return void this.#judge(output.link, output.agent, output.credentials);
      case 'admitted':
        return this.#admitted(output.link, output.agent);
      case 'execute':
        return void this.#execute(output);
      case 'settled':
        return this.#calls.settled(output);
      case 'notified':
        return this.#notified(output.link, output.type, output.data);
      case 'over':
        return this.#over(output.link, output.reason);
    }
  }

  /** All of it is done in any case, so that its time tells nothing. */
  async #judge(link: LinkNumber, agent: string, credentials: string): Promise<void> {
    const address = this.#connections.get(link)?.address;
    const allowed = this.#allowed.has(address) && (this.#allowedOf.get(agent)?.has(address) ?? true);
    const proved = await this.#credentials.check(agent, credentials);
    this.#runner.step({ kind: 'judged', link, admitted: proved && allowed });
  }

  #admitted(link: LinkNumber, agent: string): void {
    const connection = this.#connections.get(link);
    if (connection === undefined) return;
    connection.agent = agent;
    this.#links.set(agent, link);
    this.emit('joined', { agent, address: connection.address });
  }

  async #execute({ link, id, method, args, kwargs }: Extract<ManagerOutput, { kind: 'execute' }>): Promise<void> {
    const { methods = {}, workMs = WORK_MS } = this.#options;
    const connection = this.#connections.get(link);
    if (connection === undefined) return;
    const { agent, ended } = connection;
    const failed = (name: string, error: unknown): void => {
      this.emit('handlerFailed', { method: name, error });
    };
    const work = (signal: AbortSignal) => answerCall(methods, method, { agent, args, kwargs, signal }, failed);
    const answer = await withinLimit(work, ended.signal, workMs, this.#timing);
    this.#runner.step({ kind: 'finished', link, id, ...answer });
  }

  #notified(link: LinkNumber, type: string, data: RedPepperValue): void {
    this.#commands.notified(link, type, data);
    const { agent } = this.#connections.get(link) ?? {};
    if (agent !== undefined) this.emit('notification', { agent, type, data });
  }

  #over(link: LinkNumber, reason: string): void {
    const connection = this.#connections.get(link);
    if (connection === undefined) return;
    const { agent, address, ended } = connection;
    this.#connections.delete(link);
    ended.abort();
    this.#commands.disconnected(link);
    // One that was superseded has a successor by now.
    if (agent !== undefined && this.#links.get(agent) === link) this.#links.delete(agent);
    // One that comes as the manager closes is nobody's concern.
    if (agent === undefined && this.#closing === undefined) this.emit('turnedAway', { address, reason });
    else if (agent !== undefined) this.emit('left', { agent, reason });
    if (this.#connections.size === 0) this.#emptied();
  }
}

/** Listens for agents. Rejects with the operating system's error, such as EADDRINUSE; TypeError for hashes and ranges that cannot be read. */
export function redPepperManager(options: RedPepperManagerOptions): Promise<RedPepperManager> {
  return RedPepperManager.listen(options);
}
