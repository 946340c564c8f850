import type { Timing } from '../../io/sources/timing.ts';
import { plainText } from '../../observe/text.ts';
import type { Transport } from '../core/transport.ts';
import { CoreRunner } from '../core-runner.ts';
import {
  FollowerCore,
  type FollowerInput,
  type FollowerOptions,
  type FollowerOutput,
  type followerCounters,
} from './core/follower-core.ts';
import { type Answer, failure } from './core/follower-exchange.ts';
import { Status } from './core/rrcc_pb.ts';
import { inProcess, type RrccCall, type RrccHandler, type RrccResult, type RrccWorker, WorkerDied } from './worker.ts';

/** A method that a follower executes. */
export interface RrccMethod {
  readonly worker: RrccWorker;
  /** Why the parameters are refused before they are executed; `undefined` when they are good. */
  readonly check?: (params: Uint8Array, contentType: string) => string | undefined;
}

/** What a follower does and how it runs. */
export interface RrccFollowerOptions extends Omit<FollowerOptions, 'refuse'> {
  /** By name. */
  readonly methods: Readonly<Record<string, RrccHandler | RrccMethod>>;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/** The side that answers. It never ends by itself, and while it has no exchange it has no timer either. */
export interface RrccFollower extends AsyncDisposable {
  /** Counters by name. */
  readonly counters: Readonly<Record<(typeof followerCounters)[number], number>>;
  /** Records of exchanges that it holds. */
  readonly records: number;
  /** Connections that it answers on. */
  readonly connections: number;
  /** Whether it waits for time to pass. */
  readonly waiting: boolean;
  /** Answers on one more connection. Exchanges may go on there that began on another. */
  attach(transport: Transport): void;
  /** Stops what runs and closes the connections. */
  close(): Promise<void>;
}

/** Longest text of an error that is told to the leader. */
const ERROR_CHARS_MAX = 200;

/** Makes a follower on a connection, or without one yet. */
export function rrccFollower(transport: Transport | undefined, options: RrccFollowerOptions): RrccFollower {
  const follower = new Follower(options);
  if (transport !== undefined) follower.attach(transport);
  return follower;
}

class Follower implements RrccFollower {
  readonly #methods: ReadonlyMap<string, RrccMethod>;
  readonly #core: FollowerCore;
  readonly #runner: CoreRunner<FollowerInput, FollowerOutput>;
  readonly #running = new Map<string, AbortController>();

  constructor(options: RrccFollowerOptions) {
    const { methods, timing, ...rules } = options;
    this.#methods = new Map(
      Object.entries(methods).map(([name, method]) => [
        name,
        typeof method === 'function' ? { worker: inProcess(method) } : method,
      ]),
    );
    this.#core = new FollowerCore({ ...rules, refuse: (...message) => this.#refuse(...message) });
    this.#runner = new CoreRunner(this.#core, (output) => this.#hear(output), timing);
  }

  get counters() {
    return this.#core.counters;
  }

  get records(): number {
    return this.#core.records;
  }

  get connections(): number {
    return this.#runner.links;
  }

  get waiting(): boolean {
    return this.#runner.waiting;
  }

  attach(transport: Transport): void {
    this.#runner.attach(transport);
  }

  async close(): Promise<void> {
    this.#runner.stop();
    for (const controller of this.#running.values()) controller.abort();
    this.#running.clear();
    await Promise.all([...this.#methods.values()].map(({ worker }) => worker.close?.()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #refuse(name: string, params: Uint8Array, contentType: string): Answer | undefined {
    const method = this.#methods.get(name);
    if (method === undefined) return failure(Status.UNKNOWN_METHOD, 'unknown method');
    try {
      const problem = method.check?.(params, contentType);
      return problem === undefined ? undefined : failure(Status.BAD_PARAMS, short(problem));
    } catch (error) {
      return failure(Status.INTERNAL, short(textOf(error)));
    }
  }

  #hear(output: FollowerOutput): void {
    const key = `${output.exchangeId} ${output.run}`;
    if (output.kind === 'abort') {
      this.#running.get(key)?.abort();
      this.#running.delete(key);
      return;
    }
    const { exchangeId, run, method, params, contentType, round, deadlineMs } = output;
    const controller = new AbortController();
    this.#running.set(key, controller);
    const call = { method, params, contentType, round, deadlineMs };
    this.#work(method, call, controller.signal).then(
      (result) => this.#done(key, { kind: 'finished', exchangeId, run, answer: success(result) }),
      (error: unknown) => {
        if (error instanceof WorkerDied) return this.#done(key, { kind: 'died', exchangeId, run });
        this.#done(key, { kind: 'finished', exchangeId, run, answer: failure(Status.FAILED, short(textOf(error))) });
      },
    );
  }

  /** Also a worker that throws where it should reject only fails its call. */
  async #work(method: string, call: RrccCall, signal: AbortSignal): Promise<RrccResult> {
    const worker = this.#methods.get(method)?.worker;
    if (worker === undefined) throw new Error('unknown method');
    return worker.run(call, signal);
  }

  #done(key: string, input: FollowerInput): void {
    this.#running.delete(key);
    this.#runner.step(input);
  }
}

/** What a method gave, checked: one that is not typed may give anything. */
function success(given: RrccResult): Answer {
  const { result, contentType } = given instanceof Uint8Array ? { result: given, contentType: '' } : Object(given);
  if (!(result instanceof Uint8Array) || typeof contentType !== 'string') {
    return failure(Status.FAILED, 'the method gave no bytes');
  }
  return { result, contentType, status: Status.OK, error: '' };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The first line, and not all of a long one: no stack trace goes to the peer. */
function short(text: string): string {
  return plainText(text.split('\n')[0] ?? '', ERROR_CHARS_MAX);
}
