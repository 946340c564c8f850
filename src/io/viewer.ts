import type { CallOptions, ExchangeBody } from '../config/methods.ts';
import type { ExchangeOutput, Peer, SessionHandle } from '../engine/io-types.ts';
import { Caller, type ExchangeAnswer } from './caller.ts';
import { type MethodHost, MethodRunner } from './method-runner.ts';

/** A viewer's session, as told to the application. */
export interface ViewerSession {
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly streamId: bigint;
  /**
   * Asks the viewer for one of its methods. Executed once, whatever is lost.
   *
   * @throws ExchangeError when there is no answer of the method, RangeError for what cannot be sent.
   */
  call(method: string, body?: ExchangeBody, options?: CallOptions): Promise<ExchangeAnswer>;
  /** Tells the viewer something, once: it may be lost. At most 1,024 bytes. */
  notify(method: string, body?: ExchangeBody): void;
}

/** One viewer of a camera: what it asks, and what it is asked. */
export class Viewer implements ViewerSession {
  readonly session: SessionHandle;
  readonly peer: Peer;
  readonly streamId: bigint;
  readonly #caller: Caller;
  readonly #methods: MethodRunner;

  constructor(session: SessionHandle, peer: Peer, streamId: bigint, host: MethodHost) {
    this.session = session;
    this.peer = peer;
    this.streamId = streamId;
    this.#caller = new Caller((input) => host.give(input));
    this.#methods = new MethodRunner(session, peer, host);
  }

  call(method: string, body?: ExchangeBody, options?: CallOptions): Promise<ExchangeAnswer> {
    return this.#caller.call(method, body, options);
  }

  notify(method: string, body?: ExchangeBody): void {
    this.#caller.notify(method, body);
  }

  /** What the endpoint says of exchanges. */
  output(output: ExchangeOutput): void {
    this.#methods.output(output);
    this.#caller.output(output);
  }

  /** The session is over. */
  over(): void {
    this.#caller.close();
  }
}
