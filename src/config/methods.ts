import type { AnswerOutcome, Peer, SessionHandle } from '../engine/io-types.ts';

/** What goes into an exchange: bytes as they are, or a text as UTF-8. At most 16 KiB. For JSON: `JSON.stringify()`. */
export type ExchangeBody = Uint8Array | string;

/** A round that the other end asks a method for. */
export interface MethodRequest {
  readonly method: string;
  readonly body: Uint8Array;
  /** From 1. */
  readonly round: number;
  /** The same in all rounds of an exchange. */
  readonly requestId: bigint;
  readonly session: SessionHandle;
  /** Who asks. */
  readonly peer: Peer;
  /** Aborted when the answer is no longer wanted, or cannot arrive. */
  readonly signal: AbortSignal;
  /** Settles when nothing more happens to the exchange; `delivered` means that the answer arrived. Never rejects. */
  readonly ended: Promise<AnswerOutcome>;
  /** The body as text. */
  text(): string;
  /** The body as JSON. @throws SyntaxError when it is none. */
  json(): unknown;
}

/** What a method says: a body alone, or with the method's own result. */
export type MethodResult =
  | ExchangeBody
  | undefined
  | {
      /** u16; default 0. */
      readonly status?: number;
      readonly body?: ExchangeBody;
    };

/**
 * A method: called once for each round, however often the network brings the request. If it throws, or gives what cannot be sent, the exchange
 * fails at the other end with FAILED or TOO_LARGE.
 */
export type Method = (request: MethodRequest) => MethodResult | Promise<MethodResult>;

/** Methods by name, 1 to 64 bytes of UTF-8. */
export type Methods = Readonly<Record<string, Method>>;

/** How long, and whether a further round may follow. */
export interface CallOptions {
  /** For each round, 1..30,000 ms; default 30,000. */
  readonly timeoutMs?: number;
  /** Cancels it. */
  readonly signal?: AbortSignal;
  /** The answer is open: `continue()` or `stop()` must follow within 30 s. Default false: one round. */
  readonly rounds?: boolean;
}
