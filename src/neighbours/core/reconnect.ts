import { jitterMs, type ReconnectEvent, type ReconnectState, reconnectTimers, rtoMs } from '../../../machines/index.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { MachineDriver } from '../../engine/driver.ts';
import type { Entropy } from '../../engine/io-types.ts';
import { Random } from '../../engine/random.ts';
import type { Part } from './part.ts';
import { reconnectTable } from './tables.ts';
import { Tally } from './tally.ts';

/** The pace of reconnection. */
export interface ReconnectOptions {
  /** Wait after the first failure, in ms. Default 2,000. */
  readonly backoffInitialMs?: number;
  /** Each wait is this many times the one before, at least 1. Default 2. */
  readonly backoffFactor?: number;
  /** Longest wait, in ms. Default 64,000. */
  readonly backoffMaxMs?: number;
  /** Each wait is spread over +/- this fraction of it. Default 0.2. */
  readonly jitter?: number;
  /** How long one try may take, in ms. Default 10,000. */
  readonly limitMs?: number;
  /** A connection that lived this long, in ms, forgives the failures before it; Infinity for never. Default 60,000. */
  readonly livedMs?: number;
  /** Failures in a row after which it gives up; 4 are 3 restarts. Default: never. */
  readonly failuresMax?: number;
}

/** What a reconnection asks of the protocol. */
export interface ReconnectHost {
  /** Begins a try: {@link Reconnect.connected} or {@link Reconnect.disconnected} later. */
  connect(): void;
  /** The try, or the connection, is not wanted any more. */
  abandon(): void;
  /** Too many failures in a row. */
  gaveUp(): void;
}

/** What is counted. */
export const reconnectCounters = ['tries', 'connected', 'tooSlow', 'lived'] as const;

/** A connection that is had again after every end. */
export class Reconnect implements Part {
  readonly #options: Required<ReconnectOptions>;
  readonly #host: ReconnectHost;
  readonly #random: Random;
  readonly #deadlines = new Deadlines(reconnectTimers);
  readonly #counters = new Tally(reconnectCounters);
  readonly #driver;
  #nowMs = 0;

  constructor(options: ReconnectOptions, entropy: Entropy, host: ReconnectHost) {
    this.#options = {
      backoffInitialMs: 2_000,
      backoffFactor: 2,
      backoffMaxMs: 64_000,
      jitter: 0.2,
      limitMs: 10_000,
      livedMs: 60_000,
      failuresMax: Number.MAX_SAFE_INTEGER,
      ...options,
    };
    this.#host = host;
    this.#random = new Random(entropy);
    this.#driver = new MachineDriver(reconnectTable, this.#options, (output) => this.#perform(output));
  }

  get state(): ReconnectState {
    return this.#driver.state;
  }

  /** Failures since a connection last lived a while. */
  get failures(): number {
    return this.#driver.context.failures;
  }

  /** Counters by name, see {@link reconnectCounters}. */
  get counters(): Readonly<Record<(typeof reconnectCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    for (let due = this.#deadlines.takeDue(nowMs); due !== undefined; due = this.#deadlines.takeDue(nowMs)) {
      if (due === 'limit') this.#counters.add('tooSlow');
      if (due === 'lived') this.#counters.add('lived');
      this.#send({ type: `timer.${due}` }, nowMs);
    }
  }

  /** The connection is wanted: tries at once. */
  start(nowMs: number): void {
    this.#send({ type: 'app.start' }, nowMs);
  }

  /** The connection is not wanted any more. */
  stop(nowMs: number): void {
    this.#send({ type: 'app.stop' }, nowMs);
  }

  /** The try succeeded, as far as the protocol is concerned: after its hello. */
  connected(nowMs: number): void {
    if (this.#send({ type: 'app.connected' }, nowMs)) this.#counters.add('connected');
  }

  /** The try failed, or the connection ended, for whatever reason. */
  disconnected(nowMs: number): void {
    this.#send({ type: 'app.disconnected' }, nowMs);
  }

  #send(event: ReconnectEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const { limitMs, livedMs } = this.#options;
    switch (output) {
      case 'connect':
        this.#counters.add('tries');
        return this.#host.connect();
      case 'abandon':
        return this.#host.abandon();
      case 'reportGaveUp':
        return this.#host.gaveUp();
      case 'armLimit':
        return this.#deadlines.arm('limit', this.#nowMs + limitMs);
      case 'disarmLimit':
        return this.#deadlines.disarm('limit');
      case 'armLived':
        return this.#deadlines.arm('lived', this.#nowMs + livedMs);
      case 'disarmLived':
        return this.#deadlines.disarm('lived');
      case 'armBackoff':
        return this.#deadlines.arm('backoff', this.#nowMs + this.#waitMs());
      case 'release':
        return this.#deadlines.disarmAll();
    }
  }

  #waitMs(): number {
    const { backoffInitialMs, backoffFactor, backoffMaxMs, jitter } = this.#options;
    const backoff = { rtoInitialMs: backoffInitialMs, rtoFactor: backoffFactor, rtoMaxMs: backoffMaxMs };
    return jitterMs(rtoMs(backoff, this.failures), jitter, this.#random.unit());
  }
}
