import type { CallOptions, ExchangeBody } from '../config/methods.ts';
import type { CallHandle, ExchangeInput, ExchangeOutput } from '../engine/io-types.ts';
import { ExchangeError } from '../errors.ts';
import { EXCHANGE_MS } from '../protocol/constants.ts';
import { ExchangeFault } from '../protocol/exchange-fault.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** What the other end's method said to one round. */
export interface ExchangeAnswer {
  /** The method's own result, u16; 0 when all is well. */
  readonly status: number;
  readonly body: Uint8Array;
  /** From 1. */
  readonly round: number;
  /** The body as text. */
  text(): string;
  /** The body as JSON. @throws SyntaxError when it is none. */
  json(): unknown;
  /**
   * One more round.
   *
   * @throws ExchangeError with SESSION_ENDED unless the call was made with `rounds`, and this is its newest answer and not stopped.
   */
  continue(body?: ExchangeBody): Promise<ExchangeAnswer>;
  /** No further round. Without effect on a call of one round. */
  stop(): void;
}

interface Pending {
  readonly method: string;
  readonly resolve: (answer: ExchangeAnswer) => void;
  readonly reject: (error: ExchangeError) => void;
}

/** Asks the other end of one session. */
export class Caller {
  readonly #give: (input: ExchangeInput) => void;
  readonly #pending = new Map<CallHandle, Pending>();
  /** Of calls that may still be cancelled: takes the listener off its signal. */
  readonly #signals = new Map<CallHandle, () => void>();
  #nextCall: CallHandle = 1;
  #closed = false;

  /** @param give hands an input to the endpoint. */
  constructor(give: (input: ExchangeInput) => void) {
    this.#give = give;
  }

  /**
   * Asks for a method of the other end.
   *
   * @throws ExchangeError when there is no answer of the method, RangeError for what cannot be sent.
   */
  async call(method: string, body: ExchangeBody = '', options: CallOptions = {}): Promise<ExchangeAnswer> {
    const { timeoutMs = EXCHANGE_MS, signal, rounds = false } = options;
    if (!(timeoutMs >= 1 && timeoutMs <= EXCHANGE_MS)) throw new RangeError(`timeoutMs is 1 to ${EXCHANGE_MS}`);
    const bytes = bodyBytes(body);
    if (signal?.aborted === true) throw new ExchangeError(ExchangeFault.CANCELLED, method);
    const call = this.#nextCall++;
    const stop = (): void => this.#give({ kind: 'stop', call });
    if (signal !== undefined) {
      signal.addEventListener('abort', stop, { once: true });
      this.#signals.set(call, () => signal.removeEventListener('abort', stop));
    }
    try {
      return await this.#round(call, method, { kind: 'ask', call, method, body: bytes, timeoutMs, rounds });
    } finally {
      if (!rounds) this.#unlisten(call);
    }
  }

  /** Tells the other end, once: it may be lost. @throws RangeError for what cannot be sent. */
  notify(method: string, body: ExchangeBody = ''): void {
    this.#give({ kind: 'notify', method, body: bodyBytes(body) });
  }

  /** What the endpoint says. */
  output(output: ExchangeOutput): void {
    if (output.kind !== 'answered' && output.kind !== 'askFailed') return;
    const { call } = output;
    const pending = this.#pending.get(call);
    this.#pending.delete(call);
    if (pending === undefined) return;
    const { method } = pending;
    if (output.kind === 'askFailed') {
      this.#unlisten(call);
      return pending.reject(new ExchangeError(output.fault, method));
    }
    const { status, body, round } = output;
    pending.resolve({
      status,
      body,
      round,
      text: () => decoder.decode(body),
      json: () => JSON.parse(decoder.decode(body)) as unknown,
      continue: async (next = '') => {
        const bytes = bodyBytes(next);
        if (this.#pending.has(call)) throw new ExchangeError(ExchangeFault.SESSION_ENDED, method);
        return this.#round(call, method, { kind: 'continue', call, body: bytes });
      },
      stop: () => {
        this.#unlisten(call);
        this.#give({ kind: 'stop', call });
      },
    });
  }

  /** The session is over: the endpoint says no more. */
  close(): void {
    this.#closed = true;
    for (const { reject, method } of this.#pending.values()) {
      reject(new ExchangeError(ExchangeFault.SESSION_ENDED, method));
    }
    this.#pending.clear();
    for (const call of [...this.#signals.keys()]) this.#unlisten(call);
  }

  #unlisten(call: CallHandle): void {
    this.#signals.get(call)?.();
    this.#signals.delete(call);
  }

  #round(call: CallHandle, method: string, input: ExchangeInput): Promise<ExchangeAnswer> {
    if (this.#closed) return Promise.reject(new ExchangeError(ExchangeFault.SESSION_ENDED, method));
    return new Promise((resolve, reject) => {
      this.#pending.set(call, { method, resolve, reject });
      try {
        this.#give(input);
      } catch (error) {
        // It cannot be sent, and nothing has changed.
        this.#pending.delete(call);
        reject(error);
      }
    });
  }
}

/** Bytes of a body; the endpoint refuses what is too large. */
export function bodyBytes(body: ExchangeBody): Uint8Array {
  return typeof body === 'string' ? encoder.encode(body) : body;
}
