import type { MethodRequest, MethodResult, Methods } from '../config/methods.ts';
import type { AnswerOutcome, ExchangeInput, ExchangeOutput, Peer, SessionHandle } from '../engine/io-types.ts';
import { ExchangeFault, ExchangeResult } from '../protocol/exchange-fault.ts';
import { bodyBytes } from './caller.ts';

const decoder = new TextDecoder();
const STATUS_MAX = 0xffff;
const NOTHING: Uint8Array = new Uint8Array(0);

/** What a runner of methods belongs to. */
export interface MethodHost {
  /** Methods by name, the first that has it counts. */
  readonly methods: readonly Methods[];
  give(input: ExchangeInput): void;
  /** A method threw, or gave what cannot be sent. */
  failed(method: string, error: Error): void;
}

interface Running {
  readonly abort: AbortController;
  readonly ended: Promise<AnswerOutcome>;
  settle(outcome: AnswerOutcome): void;
}

/** Runs this end's methods for one session. The engine asks for each round once. */
export class MethodRunner {
  readonly #session: SessionHandle;
  /** Who asks, as methods are told. */
  peer: Peer;
  readonly #host: MethodHost;
  readonly #running = new Map<bigint, Running>();

  constructor(session: SessionHandle, peer: Peer, host: MethodHost) {
    this.#session = session;
    this.peer = peer;
    this.#host = host;
  }

  /** What the endpoint says. */
  output(output: ExchangeOutput): void {
    if (output.kind === 'asked') void this.#run(output);
    else if (output.kind === 'askEnded') this.#end(output.requestId, output.outcome);
  }

  /** The session is over, and the endpoint, which may be gone with its thread, says no more. */
  close(): void {
    for (const requestId of [...this.#running.keys()]) this.#end(requestId, 'disconnected');
  }

  async #run(asked: ExchangeOutput & { readonly kind: 'asked' }): Promise<void> {
    const { requestId, round, method } = asked;
    const run = this.#host.methods.find((methods) => Object.hasOwn(methods, method))?.[method];
    if (run === undefined) {
      // Never from within a step of the endpoint.
      await undefined;
      return this.#answer(requestId, round, ExchangeResult.ERROR, ExchangeFault.NO_SUCH_METHOD);
    }
    const running = this.#running.get(requestId) ?? this.#begin(requestId);
    let fault: number = ExchangeFault.FAILED;
    try {
      const result = await run(this.#request(asked, running));
      fault = ExchangeFault.TOO_LARGE;
      const { status, body } = readResult(result);
      this.#answer(requestId, round, ExchangeResult.OK, status, body);
    } catch (error) {
      this.#answer(requestId, round, ExchangeResult.ERROR, fault);
      this.#host.failed(method, error instanceof Error ? error : new Error(String(error)));
    }
  }

  #begin(requestId: bigint): Running {
    let settle: Running['settle'] = () => {};
    const ended = new Promise<AnswerOutcome>((resolve) => {
      settle = resolve;
    });
    const running = { abort: new AbortController(), ended, settle };
    this.#running.set(requestId, running);
    return running;
  }

  #end(requestId: bigint, outcome: AnswerOutcome): void {
    const running = this.#running.get(requestId);
    this.#running.delete(requestId);
    running?.settle(outcome);
    if (outcome !== 'delivered') running?.abort.abort();
  }

  #request(asked: ExchangeOutput & { readonly kind: 'asked' }, { abort, ended }: Running): MethodRequest {
    const { requestId, round, method, body } = asked;
    const { signal } = abort;
    const text = (): string => decoder.decode(body);
    const who = { session: this.#session, peer: this.peer };
    return { method, body, round, requestId, ...who, signal, ended, text, json: () => JSON.parse(text()) as unknown };
  }

  #answer(requestId: bigint, round: number, exchange: number, method: number, body = NOTHING): void {
    this.#host.give({ kind: 'answer', requestId, round, status: { exchange, method }, body });
  }
}

/** @throws RangeError for what cannot be sent. */
function readResult(result: MethodResult): { readonly status: number; readonly body: Uint8Array } {
  const plain = result === undefined || typeof result === 'string' || result instanceof Uint8Array;
  const { status = 0, body = '' } = plain ? { body: result ?? '' } : result;
  if (!Number.isInteger(status) || status < 0 || status > STATUS_MAX) throw new RangeError(`${status} is no status`);
  return { status, body: bodyBytes(body) };
}
