import type { Entropy } from '../../engine/io-types.ts';
import { Random } from '../../engine/random.ts';
import type { LinkNumber } from '../core/stepped-core.ts';
import { encodeMessage, MessageType } from './core/message.ts';
import type { SessionInput, SessionOutput } from './core/session-io.ts';
import type { RedPepperMap, RedPepperValue } from './core/value.ts';
import { RedPepperError } from './redpepper-error.ts';

/** What goes with a request. */
export interface RedPepperRequestOptions {
  /** Time limit, in ms. Default 30,000. */
  readonly limitMs?: number;
  /** Gives up waiting; the peer does not hear of it. */
  readonly signal?: AbortSignal;
}

interface Waiting {
  readonly method: string;
  resolve(data: RedPepperValue): void;
  reject(error: RedPepperError): void;
  unlisten(): void;
}

type Settled = Extract<SessionOutput, { kind: 'settled' }>;

/** Requests of one end that wait, as promises. */
export class Calls {
  readonly #random: Random;
  readonly #step: (input: SessionInput) => void;
  readonly #messageBytesMax: number;
  readonly #waiting = new Map<string, Waiting>();

  constructor(entropy: Entropy, messageBytesMax: number, step: (input: SessionInput) => void) {
    this.#random = new Random(entropy);
    this.#messageBytesMax = messageBytesMax;
    this.#step = step;
  }

  /** 32 hex digits. */
  newId(): string {
    return Buffer.from(this.#random.bytes(16)).toString('hex');
  }

  /** Sends a request. Rejects with {@link RedPepperError}, or with RangeError for what MessagePack cannot carry. */
  request(
    link: LinkNumber | undefined,
    method: string,
    args: readonly string[],
    kwargs: RedPepperMap,
    { limitMs, signal }: RedPepperRequestOptions,
  ): Promise<RedPepperValue> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) throw new RedPepperError(method, 'cancelled', undefined, signal.reason);
      if (link === undefined) throw new RedPepperError(method, 'disconnected');
      const id = this.newId();
      const bytes = encodeMessage({ t: MessageType.REQUEST, id, method, args, kwargs });
      if (bytes.length > this.#messageBytesMax) throw new RedPepperError(method, 'tooLarge');
      const cancel = (): void => this.#step({ kind: 'cancel', link, id });
      const unlisten = (): void => signal?.removeEventListener('abort', cancel);
      this.#waiting.set(id, { method, resolve, reject, unlisten });
      signal?.addEventListener('abort', cancel, { once: true });
      this.#step({ kind: 'request', link, id, bytes, limitMs });
    });
  }

  /** The core told how one ended. */
  settled({ id, settlement }: Settled): void {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return;
    this.#waiting.delete(id);
    waiting.unlisten();
    const { method } = waiting;
    if (settlement.outcome !== 'answered') return waiting.reject(new RedPepperError(method, settlement.outcome));
    const { success, data } = settlement.answer;
    if (success) return waiting.resolve(data);
    waiting.reject(new RedPepperError(method, 'failed', typeof data === 'string' ? data : 'no reason given'));
  }
}
