import type { ExchangeInput, ExchangeOutput, SessionHandle } from '../../engine/io-types.ts';
import { ExchangeFault, ExchangeResult } from '../../protocol/exchange-fault.ts';
import { CrossingKind, type Crossings } from './crossings.ts';

/** What a worker's line to the application needs. */
export interface ApplicationLineHost {
  /** To the main thread. */
  say(output: ExchangeOutput): void;
  /** To the worker's own engine; never from within one of its steps. */
  give(session: SessionHandle, input: ExchangeInput): void;
  /** The main thread is too far behind for a request or a notification. */
  dropped(): void;
}

/**
 * Exchanges of a worker's viewers with the application, which is in the main thread: its methods run there, and what it asks for
 * comes from there. A camera's own methods run in the worker.
 */
export class ApplicationLine {
  readonly #crossings: Crossings;
  readonly #methods: ReadonlySet<string>;
  readonly #host: ApplicationLineHost;
  /** Requests that the application has, by session. */
  readonly #open = new Map<SessionHandle, Set<bigint>>();

  /** @param methods names of the application's. */
  constructor(crossings: Crossings, methods: ReadonlySet<string>, host: ApplicationLineHost) {
    this.#crossings = crossings;
    this.#methods = methods;
    this.#host = host;
  }

  /** What the engine says of an exchange. @returns false when it is not for the application. */
  take(output: ExchangeOutput): boolean {
    switch (output.kind) {
      case 'asked':
        if (!this.#methods.has(output.method)) return false;
        this.#ask(output);
        return true;
      case 'askEnded':
        if (this.#open.get(output.session)?.delete(output.requestId) !== true) return false;
        break;
      case 'notified':
        if (this.#crossings.enter(CrossingKind.ASKED)) break;
        this.#host.dropped();
        return true;
      default:
        break;
    }
    this.#host.say(output);
    return true;
  }

  /** A session is over. */
  closed(session: SessionHandle): void {
    this.#open.delete(session);
  }

  /** What the application wants came. */
  came(session: SessionHandle, input: ExchangeInput): void {
    if (input.kind === 'ask' || input.kind === 'notify') this.#crossings.leave(CrossingKind.ASK);
    this.#host.give(session, input);
  }

  #ask(asked: ExchangeOutput & { readonly kind: 'asked' }): void {
    const { session, requestId, round } = asked;
    if (this.#crossings.enter(CrossingKind.ASKED)) {
      const open = this.#open.get(session) ?? new Set();
      this.#open.set(session, open.add(requestId));
      return this.#host.say(asked);
    }
    this.#host.dropped();
    const status = { exchange: ExchangeResult.ERROR, method: ExchangeFault.BUSY };
    const body = new Uint8Array(0);
    queueMicrotask(() => this.#host.give(session, { kind: 'answer', requestId, round, status, body }));
  }
}
