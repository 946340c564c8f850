import type { CallOptions, ExchangeBody, Methods } from '../config/methods.ts';
import type { ExchangeInput, ExchangeOutput, Peer, SessionHandle } from '../engine/io-types.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import { Caller, type ExchangeAnswer } from './caller.ts';
import { MethodRunner } from './method-runner.ts';
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

/** What viewers need of their camera: one for all of them. */
export interface ViewerHost {
  /** The methods that one of them may ask for, the first list that has it counts. */
  methodsOf(viewer: Viewer): readonly Methods[];
  give(session: SessionHandle, input: ExchangeInput): void;
  /** A method threw, or gave what cannot be sent. */
  failed(method: string, error: Error): void;
}

/** What only secured sessions have; see {@link ViewerSession}. */
export interface ViewerSecrets {
  readonly keys: SessionKeys | undefined;
  readonly publicKey: Uint8Array | undefined;
}

/** One viewer of a camera: what it asks, and what it is asked. Most never do, so that what this takes is made when it is needed. */
export class Viewer implements ViewerSession {
  readonly session: SessionHandle;
  peer: Peer;
  readonly streamId: bigint;
  /** Monotonic ms. */
  readonly streamingSinceMs: number;
  readonly #host: ViewerHost;
  readonly #secrets: ViewerSecrets | undefined;
  #caller: Caller | undefined;
  #methods: MethodRunner | undefined;
  #over = false;

  /** @param secrets absent in mode `none`. */
  constructor(
    { session, peer, streamId }: Pick<ViewerSession, 'session' | 'peer' | 'streamId'>,
    streamingSinceMs: number,
    host: ViewerHost,
    secrets: ViewerSecrets | undefined,
  ) {
    this.session = session;
    this.peer = peer;
    this.streamId = streamId;
    this.streamingSinceMs = streamingSinceMs;
    this.#host = host;
    this.#secrets = secrets;
  }

  get publicKey(): Uint8Array | undefined {
    return this.#secrets?.publicKey;
  }

  /** It has another address or port. */
  moved(peer: Peer): void {
    this.peer = peer;
    if (this.#methods !== undefined) this.#methods.peer = peer;
  }

  get channelBinding(): Uint8Array | undefined {
    return this.#secrets?.keys?.channelBinding;
  }

  exportKey(label: string, bytes?: number): Uint8Array | undefined {
    return this.#secrets?.keys?.exportKey(label, bytes).bytes.slice();
  }

  call(method: string, body?: ExchangeBody, options?: CallOptions): Promise<ExchangeAnswer> {
    return this.#calls.call(method, body, options);
  }

  notify(method: string, body?: ExchangeBody): void {
    this.#calls.notify(method, body);
  }

  /** What the endpoint says of exchanges. */
  output(output: ExchangeOutput): void {
    this.#methods ??= new MethodRunner(this.session, this.peer, {
      methods: this.#host.methodsOf(this),
      give: (input) => this.#host.give(this.session, input),
      failed: (method, error) => this.#host.failed(method, error),
    });
    this.#methods.output(output);
    this.#caller?.output(output);
  }

  /** The session is over. */
  over(): void {
    this.#over = true;
    this.#caller?.close();
    this.#methods?.close();
  }

  get #calls(): Caller {
    if (this.#caller === undefined) {
      this.#caller = new Caller((input) => this.#host.give(this.session, input));
      if (this.#over) this.#caller.close();
    }
    return this.#caller;
  }
}

/** Those of a camera whose sessions live. */
export class Viewers {
  readonly #bySession = new Map<SessionHandle, Viewer>();

  add(viewer: Viewer): void {
    this.#bySession.set(viewer.session, viewer);
  }

  get(session: SessionHandle): Viewer | undefined {
    return this.#bySession.get(session);
  }

  /** Nothing is asked of the viewer any more: a session that drains for seconds is the endpoint's business alone. */
  end(session: SessionHandle): void {
    this.#bySession.get(session)?.over();
    this.#bySession.delete(session);
  }
}
