import type { CallOptions, ExchangeBody } from '../config/methods.ts';
import type { ExchangeOutput, Peer, SessionHandle } from '../engine/io-types.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import { Caller, type ExchangeAnswer } from './caller.ts';
import { type MethodHost, MethodRunner } from './method-runner.ts';
import type { SecuredSession } from './secured-session.ts';

/** A viewer's session, as told to the application. */
export interface ViewerSession extends SecuredSession {
  readonly session: SessionHandle;
  /** Where it is now; it may move in secured modes. */
  readonly peer: Peer;
  readonly streamId: bigint;
  /** Who it is, 32 bytes: one of the list. Mode `keys` only. */
  readonly publicKey: Uint8Array | undefined;
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
  peer: Peer;
  readonly streamId: bigint;
  readonly publicKey: Uint8Array | undefined;
  readonly #keys: SessionKeys | undefined;
  readonly #caller: Caller;
  readonly #methods: MethodRunner;

  /** @param secured of a secured session. */
  constructor(
    session: SessionHandle,
    peer: Peer,
    streamId: bigint,
    host: MethodHost,
    secured: { readonly keys: SessionKeys | undefined; readonly publicKey: Uint8Array | undefined },
  ) {
    this.session = session;
    this.peer = peer;
    this.streamId = streamId;
    this.publicKey = secured.publicKey;
    this.#keys = secured.keys;
    this.#caller = new Caller((input) => host.give(input));
    this.#methods = new MethodRunner(session, peer, host);
  }

  /** It has another address or port. */
  moved(peer: Peer): void {
    this.peer = peer;
    this.#methods.peer = peer;
  }

  get channelBinding(): Uint8Array | undefined {
    return this.#keys?.channelBinding;
  }

  exportKey(label: string, bytes?: number): Uint8Array | undefined {
    return this.#keys?.exportKey(label, bytes).bytes.slice();
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
