import type { Entropy } from '../../engine/io-types.ts';
import { Random } from '../../engine/random.ts';
import { cryptoEntropy } from '../../io/entropy.ts';
import type { Timing } from '../../io/sources/timing.ts';
import type { Transport } from '../core/transport.ts';
import { CoreRunner } from '../core-runner.ts';
import {
  LeaderCore,
  type LeaderInput,
  type LeaderOptions,
  type LeaderOutput,
  type leaderCounters,
} from './core/leader-core.ts';
import { RrccError, type RrccErrorCode, statusName } from './rrcc-error.ts';

/** How a leader runs. */
export interface RrccLeaderOptions extends LeaderOptions {
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
  /** Draws the ids of exchanges; default the operating system's random bytes. */
  readonly entropy?: Entropy;
}

/** What goes with a message. */
export interface RrccMessageOptions {
  /** For example `application/json`. Default none. */
  readonly contentType?: string;
  /** Cancels the exchange. */
  readonly signal?: AbortSignal;
}

/** What goes with a Request. */
export interface RrccCallOptions extends RrccMessageOptions {
  /** How long the follower may take for each round, in whole ms, up to 2^32 - 1. Default 0: the follower's own, 30 s. */
  readonly deadlineMs?: number;
}

/** One result, and the choice what comes next. Without a choice the exchange is forgotten after 60 s. */
export interface RrccRound extends Disposable {
  /** 1 for the Request. */
  readonly round: number;
  readonly result: Uint8Array;
  /** For example `application/json`. */
  readonly contentType: string;
  /** Goes on with these parameters. Rejects as {@link RrccLeader.call} does. */
  continue(params: Uint8Array, options?: RrccMessageOptions): Promise<RrccRound>;
  /** Ends the exchange. Does nothing when it is over. */
  stop(): void;
}

/** The side that asks. */
export interface RrccLeader extends AsyncDisposable {
  /** Counters by name. */
  readonly counters: Readonly<Record<(typeof leaderCounters)[number], number>>;
  /** Exchanges that live. */
  readonly exchanges: number;
  /**
   * Has a method executed.
   *
   * Rejects with {@link RrccError}: `noConfirm`, `noResponse`, `cancelled`, `disconnected`, `full`, `tooLarge`, or the follower's status.
   */
  call(method: string, params: Uint8Array, options?: RrccCallOptions): Promise<RrccRound>;
  /** Goes on over another connection; what is said from now on goes there. */
  attach(transport: Transport): void;
  /** Fails what waits, and closes the connection after what was said has left. */
  close(): Promise<void>;
}

/** Makes a leader on a connection. */
export function rrccLeader(transport: Transport, options: RrccLeaderOptions = {}): RrccLeader {
  const leader = new Leader(options);
  leader.attach(transport);
  return leader;
}

/** Who waits for an exchange. */
interface Waiting {
  readonly method: string;
  readonly resolve: (round: RrccRound) => void;
  readonly reject: (error: RrccError) => void;
  /** Why it was cancelled. */
  reason: unknown;
  readonly unlisten: () => void;
}

class Leader implements RrccLeader {
  readonly #core: LeaderCore;
  readonly #runner: CoreRunner<LeaderInput, LeaderOutput>;
  readonly #random: Random;
  readonly #waiting = new Map<bigint, Waiting>();
  #closed = false;

  constructor(options: RrccLeaderOptions) {
    this.#core = new LeaderCore(options);
    this.#runner = new CoreRunner(this.#core, (output) => this.#hear(output), options.timing);
    this.#random = new Random(options.entropy ?? cryptoEntropy);
  }

  get counters() {
    return this.#core.counters;
  }

  get exchanges(): number {
    return this.#core.exchanges;
  }

  attach(transport: Transport): void {
    this.#runner.attach(transport);
  }

  call(method: string, params: Uint8Array, options: RrccCallOptions = {}): Promise<RrccRound> {
    const { deadlineMs = 0, contentType = '', signal } = options;
    if (!Number.isInteger(deadlineMs) || deadlineMs < 0 || deadlineMs > 0xffff_ffff) {
      return Promise.reject(new RangeError(`deadlineMs must be a whole number below 2^32, not ${deadlineMs}`));
    }
    const exchangeId = this.#random.id();
    return this.#say(exchangeId, method, signal, { kind: 'call', exchangeId, method, params, contentType, deadlineMs });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    for (const exchangeId of [...this.#waiting.keys()]) this.#runner.step({ kind: 'cancel', exchangeId });
    this.#runner.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #say(exchangeId: bigint, method: string, signal: AbortSignal | undefined, input: LeaderInput): Promise<RrccRound> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(new RrccError(method, 'disconnected'));
      if (signal?.aborted === true) {
        this.#runner.step({ kind: 'cancel', exchangeId });
        return reject(new RrccError(method, 'cancelled', undefined, signal.reason));
      }
      const cancel = (): void => {
        waiting.reason = signal?.reason;
        this.#runner.step({ kind: 'cancel', exchangeId });
      };
      const unlisten = (): void => signal?.removeEventListener('abort', cancel);
      const waiting: Waiting = { method, resolve, reject, reason: undefined, unlisten };
      this.#waiting.set(exchangeId, waiting);
      signal?.addEventListener('abort', cancel, { once: true });
      this.#runner.step(input);
    });
  }

  #hear(output: LeaderOutput): void {
    const waiting = this.#waiting.get(output.exchangeId);
    if (waiting === undefined) return;
    if (output.kind === 'ended')
      return this.#end(output.exchangeId, waiting, output.ending === 'finished' ? 'cancelled' : output.ending);
    const { exchangeId, round, result, contentType } = output;
    const status = statusName(output.status);
    if (status !== 'OK') {
      this.#end(exchangeId, waiting, status, output.error);
      return this.#runner.step({ kind: 'finish', exchangeId });
    }
    waiting.unlisten();
    this.#waiting.delete(exchangeId);
    const stop = (): void => this.#runner.step({ kind: 'finish', exchangeId });
    waiting.resolve({
      round,
      result,
      contentType,
      stop,
      [Symbol.dispose]: stop,
      continue: (params, options = {}) =>
        this.#say(exchangeId, waiting.method, options.signal, {
          kind: 'continue',
          exchangeId,
          params,
          contentType: options.contentType ?? '',
        }),
    });
  }

  #end(exchangeId: bigint, waiting: Waiting, code: RrccErrorCode, text?: string): void {
    waiting.unlisten();
    this.#waiting.delete(exchangeId);
    waiting.reject(new RrccError(waiting.method, code, text, waiting.reason));
  }
}
