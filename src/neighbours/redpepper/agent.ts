import { EventEmitter } from 'node:events';
import type { Entropy } from '../../engine/io-types.ts';
import { cryptoEntropy } from '../../io/entropy.ts';
import { systemTiming, type Timing, within } from '../../io/sources/timing.ts';
import { MESSAGE_BYTES_MAX } from '../core/framing.ts';
import type { LinkNumber } from '../core/stepped-core.ts';
import { CoreRunner } from '../core-runner.ts';
import { connectTls } from '../tcp-transport.ts';
import { Calls, type RedPepperRequestOptions } from './calls.ts';
import { type RedPepperCommands, readOrder, runCommand } from './commands.ts';
import { AgentCore, type AgentCoreOptions, type AgentInput, type AgentOutput } from './core/agent-core.ts';
import { encodeMessage, MessageType } from './core/message.ts';
import { ByeReason, type SessionCounter } from './core/session-host.ts';
import type { RedPepperMap, RedPepperValue } from './core/value.ts';
import { answerCall, type RedPepperMethods, WORK_MS, withinLimit } from './handlers.ts';
import { REDPEPPER_PORT, type RedPepperTls } from './manager.ts';
import { RedPepperError } from './redpepper-error.ts';

/** How an agent runs. */
export interface RedPepperAgentOptions extends AgentCoreOptions {
  /** Of the manager. Default 127.0.0.1. */
  readonly host?: string;
  /** Default 7051. */
  readonly port?: number;
  /** TLS 1.3. */
  readonly tls: RedPepperTls & {
    /** Name that the manager's certificate must have. Default: the host. */
    readonly servername?: string;
  };
  /** What the manager may ask. Default: nothing. */
  readonly methods?: RedPepperMethods;
  /** What the manager may have run. Default: nothing. */
  readonly commands?: RedPepperCommands;
  /** Commands that run at the same time. Default 16. */
  readonly commandsMax?: number;
  /** How long a handler may take, in ms. Default 30,000. */
  readonly workMs?: number;
  /** Largest message, in bytes. Default 1,048,576. */
  readonly messageBytesMax?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
  /** Default: the operating system's random bytes. */
  readonly entropy?: Entropy;
}

/** What an agent tells its application. */
export interface RedPepperAgentEvents {
  /** The manager knows it. */
  connected: [];
  /** The connection is over. @param reason of the Bye, whoever said it; empty when nobody did. */
  disconnected: [{ readonly reason: string }];
  /** A try came to nothing. */
  unreachable: [{ readonly error: unknown }];
  /** The next try is due in so many ms. */
  waiting: [{ readonly waitMs: number }];
  /** Too many failures in a row. */
  gaveUp: [];
  /** A handler failed, and the peer was not told why. */
  handlerFailed: [{ readonly method: string; readonly error: unknown }];
}

/** The side that connects, and does what it is asked. It comes again after every end. Made by {@link redPepperAgent}. */
export class RedPepperAgent extends EventEmitter<RedPepperAgentEvents> implements AsyncDisposable {
  readonly #options: RedPepperAgentOptions;
  readonly #timing: Timing;
  readonly #messageBytesMax: number;
  readonly #core: AgentCore;
  readonly #runner: CoreRunner<AgentInput, AgentOutput>;
  readonly #calls: Calls;
  #trying: AbortController | undefined;
  /** The connection that is open, or not yet over. */
  #connection: { readonly link: LinkNumber; readonly ended: AbortController; isOpen: boolean } | undefined;
  #running = 0;
  #closing: Promise<void> | undefined;
  #over: () => void = () => {};

  constructor(options: RedPepperAgentOptions) {
    super();
    const { entropy = cryptoEntropy, timing = systemTiming, messageBytesMax = MESSAGE_BYTES_MAX } = options;
    this.#options = options;
    this.#timing = timing;
    this.#messageBytesMax = messageBytesMax;
    this.#core = new AgentCore(options, entropy);
    this.#runner = new CoreRunner(this.#core, (output) => this.#hear(output), timing);
    this.#calls = new Calls(entropy, messageBytesMax, (input) => this.#runner.step(input));
    this.#runner.step({ kind: 'start' });
  }

  /** Whether the manager knows it. */
  get isConnected(): boolean {
    return this.#connection?.isOpen ?? false;
  }

  /** Counters by name. */
  get counters(): Readonly<Record<SessionCounter, number>> {
    return this.#core.counters;
  }

  /** Asks the manager. Rejects with RedPepperError. */
  request(
    method: string,
    args: readonly string[] = [],
    kwargs: RedPepperMap = {},
    options: RedPepperRequestOptions = {},
  ): Promise<RedPepperValue> {
    return this.#calls.request(this.#openLink, method, args, kwargs, options);
  }

  /** Tells the manager something. @returns false when there is no connection. Throws RedPepperError `tooLarge`. */
  notify(type: string, data: RedPepperValue): boolean {
    const link = this.#openLink;
    if (link === undefined) return false;
    const bytes = encodeMessage({ t: MessageType.NOTIFICATION, type, data });
    if (bytes.length > this.#messageBytesMax) throw new RedPepperError(type, 'tooLarge');
    this.#runner.step({ kind: 'notify', link, bytes });
    return true;
  }

  /** Says Bye and does not come again. */
  close(reason: string = ByeReason.shutdown): Promise<void> {
    this.#closing ??= this.#close(reason);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  get #openLink(): LinkNumber | undefined {
    return this.#connection?.isOpen === true ? this.#connection.link : undefined;
  }

  async #close(reason: string): Promise<void> {
    const over = new Promise<void>((resolve) => {
      this.#over = resolve;
    });
    this.#runner.step({ kind: 'stop', reason });
    this.#trying?.abort();
    if (this.#connection !== undefined) await within(over, 5000, this.#timing);
    this.#runner.stop();
  }

  #hear(output: AgentOutput): void {
    switch (output.kind) {
      case 'connect':
        return void this.#connect();
      case 'abandon':
        return this.#trying?.abort();
      case 'open':
        if (this.#connection !== undefined) this.#connection.isOpen = true;
        this.emit('connected');
        return;
      case 'waiting':
        this.emit('waiting', { waitMs: output.untilMs - this.#timing.nowMs() });
        return;
      case 'gaveUp':
        this.emit('gaveUp');
        return;
      case 'execute':
        return void this.#execute(output);
      case 'settled':
        return this.#calls.settled(output);
      case 'over':
        return this.#ended(output.reason);
    }
  }

  async #connect(): Promise<void> {
    const trying = new AbortController();
    this.#trying = trying;
    const { host = '127.0.0.1', port = REDPEPPER_PORT, tls, timing } = this.#options;
    const { servername } = tls;
    try {
      const transport = await connectTls(
        {
          host,
          port,
          signal: trying.signal,
          messageBytesMax: this.#messageBytesMax,
          ...(timing === undefined ? {} : { timing }),
        },
        {
          key: Buffer.from(tls.key),
          cert: Buffer.from(tls.cert),
          ca: Buffer.from(tls.ca),
          minVersion: 'TLSv1.3',
          ...(servername === undefined ? {} : { servername }),
        },
      );
      if (trying.signal.aborted) return transport.destroy();
      const link = this.#runner.attach(transport);
      this.#connection = { link, ended: new AbortController(), isOpen: false };
    } catch (error) {
      if (trying.signal.aborted) return;
      this.emit('unreachable', { error });
      this.#runner.step({ kind: 'failed' });
    }
  }

  async #execute({ link, id, method, args, kwargs }: Extract<AgentOutput, { kind: 'execute' }>): Promise<void> {
    const connection = this.#connection;
    if (connection?.link !== link) return;
    const { methods = {}, commands, workMs = WORK_MS } = this.#options;
    if (method === 'command' && commands !== undefined) {
      return this.#command(link, id, kwargs, commands, connection.ended.signal);
    }
    const failed = (name: string, error: unknown): void => this.#failed(name, error);
    const work = (signal: AbortSignal) =>
      answerCall(methods, method, { agent: undefined, args, kwargs, signal }, failed);
    const answer = await withinLimit(work, connection.ended.signal, workMs, this.#timing);
    this.#runner.step({ kind: 'finished', link, id, ...answer });
  }

  /** Answers that it began, and then tells how it goes. */
  async #command(
    link: LinkNumber,
    id: string,
    kwargs: RedPepperMap,
    commands: RedPepperCommands,
    signal: AbortSignal,
  ): Promise<void> {
    const { commandsMax = 16 } = this.#options;
    const isFull = this.#running >= commandsMax;
    const { success, data } = await answerCall(
      { command: () => (isFull ? undefined : { ...readOrder(kwargs) }) },
      'command',
      { agent: undefined, args: [], kwargs, signal },
      (name, error) => this.#failed(name, error),
    );
    const begins = success && !isFull;
    const refusal = success ? 'too many commands' : data;
    this.#runner.step({ kind: 'finished', link, id, success: begins, data: begins ? null : refusal });
    if (!begins) return;
    this.#running++;
    await runCommand(
      commands,
      readOrder(kwargs),
      signal,
      (type, told) => this.#tell(type, told),
      (error) => this.#failed('command', error),
    );
    this.#running--;
  }

  #tell(type: string, data: RedPepperMap): void {
    try {
      this.notify(type, data);
    } catch (error) {
      if (!(error instanceof RedPepperError)) throw error;
      this.notify(type, { ...data, output: 'output too large', message: '' });
    }
  }

  #failed(method: string, error: unknown): void {
    this.emit('handlerFailed', { method, error });
  }

  #ended(reason: string): void {
    this.#connection?.ended.abort();
    this.#connection = undefined;
    this.emit('disconnected', { reason });
    this.#over();
  }
}

/** Connects to a manager, and again after every end, until it is closed. */
export function redPepperAgent(options: RedPepperAgentOptions): RedPepperAgent {
  return new RedPepperAgent(options);
}
