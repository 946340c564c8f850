/** RedPepper's cores on virtual time, each with a driver at the other end that is nothing but bytes. */
import { LengthPrefixReader, MESSAGE_BYTES_MAX, withPrefix } from '../../src/neighbours/core/framing.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../src/neighbours/core/stepped-core.ts';
import {
  AgentCore,
  type AgentCoreOptions,
  type AgentInput,
  type AgentOutput,
} from '../../src/neighbours/redpepper/core/agent-core.ts';
import {
  ManagerCore,
  type ManagerCoreOptions,
  type ManagerInput,
  type ManagerOutput,
} from '../../src/neighbours/redpepper/core/manager-core.ts';
import { EventQueue } from '../../src/sim/event-queue.ts';
import { Prng } from '../../src/sim/prng.ts';
import { Driver, type DriverClock } from './redpepper-player.ts';

/** How long a judgement takes, ms. */
const JUDGEMENT_MS = 10;

/** A core, the virtual clock, and any number of connections. */
class World<Input extends { readonly kind: string }, Output extends { readonly kind: string }> {
  readonly queue = new EventQueue();
  /** What the core told its application, with its time. */
  readonly told: { readonly atMs: number; readonly output: Output }[] = [];
  readonly drivers: Driver[] = [];
  readonly #core: SteppedCore<Input, Output>;
  #armedAtMs = Number.POSITIVE_INFINITY;

  constructor(core: SteppedCore<Input, Output>) {
    this.#core = core;
  }

  run(untilMs: number): void {
    this.queue.runUntil(untilMs);
  }

  step(input: Input | LinkInput): void {
    for (const output of this.#core.step(input, this.queue.nowMs)) {
      if (output.kind === 'send') this.#send(output as LinkOutput & { kind: 'send' });
      else if (output.kind === 'disconnect') this.disconnect((output as LinkOutput).link);
      else {
        this.told.push({ atMs: this.queue.nowMs, output: output as Output });
        this.heard(output as Output);
      }
    }
    this.#arm();
  }

  /** For what is answered. */
  heard(_: Output): void {}

  connect(answersPings = true): Driver {
    const link: LinkNumber = this.drivers.length + 1;
    const reader = new LengthPrefixReader();
    const clock: DriverClock = { nowMs: () => this.queue.nowMs, at: (atMs, act) => this.queue.at(atMs, act) };
    const write = (bytes: Uint8Array): void => {
      const fault = reader.read(bytes, (message) => {
        this.step({ kind: 'message', link, bytes: message });
        return true;
      });
      if (fault !== undefined) this.step({ kind: 'malformed', link, fault });
    };
    // As the answer to a Ping is written while the core is asked.
    const later = (bytes: Uint8Array): void => this.queue.at(this.queue.nowMs, () => write(bytes));
    const close = (): void => this.disconnect(link);
    const driver = new Driver(clock, { write: later, close }, answersPings);
    this.drivers.push(driver);
    this.step({ kind: 'connected', link, reliable: true, messageBytesMax: MESSAGE_BYTES_MAX });
    return driver;
  }

  disconnect(link: LinkNumber): void {
    this.drivers[link - 1]?.closed();
    this.queue.at(this.queue.nowMs, () =>
      this.step({ kind: 'disconnected', link, end: { cause: 'local', truncated: false } }),
    );
  }

  #send({ link, bytes }: LinkOutput & { readonly kind: 'send' }): void {
    const driver = this.drivers[link - 1];
    if (driver?.closedAtMs === undefined) driver?.received(withPrefix(bytes));
  }

  #arm(): void {
    const atMs = this.#core.deadlineMs();
    if (atMs === this.#armedAtMs || atMs === Number.POSITIVE_INFINITY) return;
    this.#armedAtMs = atMs;
    this.queue.at(Math.max(atMs, this.queue.nowMs), () => {
      if (this.#armedAtMs === atMs) this.#armedAtMs = Number.POSITIVE_INFINITY;
      this.step({ kind: 'timeout' });
    });
  }
}

/** A manager that knows `webserver1` with `notasecret`, and judges in 10 ms. */
export class ManagerWorld extends World<ManagerInput, ManagerOutput> {
  readonly manager: ManagerCore;

  constructor(options: ManagerCoreOptions = {}, seed = 1) {
    const manager = new ManagerCore({ pingIntervalMs: 2000, pingTimeoutMs: 1000, ...options }, new Prng(seed, 1));
    super(manager);
    this.manager = manager;
  }

  override heard(output: ManagerOutput): void {
    if (output.kind !== 'judge') return;
    const { link, agent, credentials } = output;
    const admitted = agent === 'webserver1' && credentials === 'notasecret';
    this.queue.at(this.queue.nowMs + JUDGEMENT_MS, () => this.step({ kind: 'judged', link, admitted }));
  }
}

/** An agent that is `webserver1`, for which every try is a connection at once. */
export class AgentWorld extends World<AgentInput, AgentOutput> {
  readonly agent: AgentCore;
  /** When it connected. */
  readonly triesAtMs: number[] = [];
  /** Whether anybody listens. */
  listens = true;

  constructor(options: Partial<AgentCoreOptions> = {}, seed = 1) {
    const agent = new AgentCore({ id: 'webserver1', credentials: 'notasecret', ...options }, new Prng(seed, 1));
    super(agent);
    this.agent = agent;
  }

  override heard(output: AgentOutput): void {
    if (output.kind !== 'connect') return;
    this.triesAtMs.push(this.queue.nowMs);
    this.queue.at(this.queue.nowMs, () => {
      if (this.listens) this.connect();
      else this.step({ kind: 'failed' });
    });
  }
}
