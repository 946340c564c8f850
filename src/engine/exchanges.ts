import {
  EXCHANGE_MESSAGE_BYTES_MAX,
  EXCHANGE_MS,
  EXCHANGES_OPEN_MAX,
  EXCHANGES_REMEMBERED_MAX,
  NOTIFIES_REMEMBERED_MAX,
  NOTIFY_BYTES_MAX,
} from '../protocol/constants.ts';
import { ExchangeFault } from '../protocol/exchange-fault.ts';
import {
  type ContinueFrame,
  FrameType,
  type NotifyFrame,
  type ReceiptFrame,
  type RequestFrame,
  type ResponseFrame,
} from '../protocol/frame.ts';
import type { DropReason } from './counters.ts';
import { Answerer } from './exchange-answerer.ts';
import { Asker } from './exchange-asker.ts';
import { ExchangeBook, idKey } from './exchange-book.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { CallHandle, ExchangeInput } from './io-types.ts';

/** Frames of section 9. */
export type ExchangeFrame = NotifyFrame | RequestFrame | ReceiptFrame | ResponseFrame | ContinueFrame;

const METHOD_BYTES_MAX = 64;
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

/** All exchanges of one session, both ways (docs/PROTOCOL.md, section 9). It lives from the first exchange to the end of Streaming. */
export class Exchanges {
  readonly #host: ExchangeHost;
  readonly #drawId: () => bigint;
  readonly #asked: ExchangeBook<Asker>;
  readonly #came: ExchangeBook<Answerer>;
  readonly #calls = new Map<CallHandle, Asker>();
  readonly #notified = new Set<string>();

  /** @param drawId a random number, 1..2^64-1. */
  constructor(host: ExchangeHost, drawId: () => bigint) {
    this.#host = host;
    this.#drawId = drawId;
    const evicted = (): void => host.count('exchangesForgotten');
    this.#asked = new ExchangeBook(EXCHANGES_REMEMBERED_MAX, evicted);
    this.#came = new ExchangeBook(EXCHANGES_REMEMBERED_MAX, evicted);
  }

  deadlineMs(): number {
    return Math.min(this.#asked.earliestMs(), this.#came.earliestMs());
  }

  timeout(): void {
    const { nowMs } = this.#host;
    this.#asked.timeout(nowMs);
    this.#came.timeout(nowMs);
  }

  /**
   * What the application wants.
   *
   * @throws RangeError for a method's name or a body that no frame can carry.
   */
  take(input: ExchangeInput): void {
    checkExchange(input);
    switch (input.kind) {
      case 'ask':
        return this.#ask(input);
      case 'continue': {
        if (this.#calls.get(input.call)?.goOn(input.body) !== true) failAsk(this.#host, input.call);
        return;
      }
      case 'stop':
        return this.#calls.get(input.call)?.stop();
      case 'answer': {
        this.#came.get(input.requestId)?.answer(input.round, input.status, input.body);
        return;
      }
      case 'notify':
        return this.#notify(input.method, input.body);
    }
  }

  /** @returns why the frame had no effect. */
  frame(frame: ExchangeFrame): DropReason | undefined {
    switch (frame.type) {
      case FrameType.NOTIFY:
        return this.#notification(frame);
      case FrameType.REQUEST:
        return this.#request(frame);
      case FrameType.RECEIPT: {
        const asker = this.#asked.get(frame.requestId);
        return asker === undefined ? 'exchangeUnknown' : asker.receipt(frame);
      }
      case FrameType.RESPONSE: {
        const asker = this.#asked.get(frame.requestId);
        return asker === undefined ? 'exchangeUnknown' : asker.response(frame);
      }
      case FrameType.CONTINUE: {
        const answerer = this.#came.get(frame.requestId);
        return answerer === undefined ? 'exchangeUnknown' : answerer.continue(frame);
      }
    }
  }

  /** The session streams no more: everything that is open fails, and nothing is sent or told any more. */
  end(): void {
    for (const asker of this.#asked.openOnes()) asker.disconnected();
    for (const answerer of this.#came.openOnes()) answerer.disconnected();
  }

  #ask(input: ExchangeInput & { readonly kind: 'ask' }): void {
    const { call, method, body, timeoutMs = EXCHANGE_MS, rounds = false } = input;
    this.#host.count('exchangesAsked');
    if (this.#asked.open >= EXCHANGES_OPEN_MAX) return failAsk(this.#host, call, ExchangeFault.BUSY);
    const requestId = this.#drawId();
    const question = { call, requestId, method, body, rounds, timeoutMs: Math.min(timeoutMs, EXCHANGE_MS) };
    const asker: Asker = new Asker(this.#host, question, {
      ended: () => {
        this.#calls.delete(call);
        this.#asked.ended(requestId, asker);
      },
      released: () => {
        this.#calls.delete(call);
        this.#asked.remove(requestId);
      },
    });
    this.#asked.add(requestId, asker);
    this.#calls.set(call, asker);
    asker.ask();
  }

  #request(frame: RequestFrame): DropReason | undefined {
    const { requestId, method } = frame;
    const known = this.#came.get(requestId);
    if (known !== undefined) return known.request(frame, false);
    const answerer: Answerer = new Answerer(this.#host, requestId, method, {
      ended: () => this.#came.ended(requestId, answerer),
      released: () => this.#came.remove(requestId),
    });
    const full = this.#came.open >= EXCHANGES_OPEN_MAX;
    this.#came.add(requestId, answerer);
    const reason = answerer.request(frame, full);
    if (answerer.state === 'New') this.#came.remove(requestId);
    return reason;
  }

  #notify(method: string, body: Uint8Array): void {
    this.#host.count('notifiesSent');
    this.#host.send({ type: FrameType.NOTIFY, requestId: this.#drawId(), method, body });
  }

  #notification({ requestId, method, body, fragment }: NotifyFrame): DropReason | undefined {
    if (fragment !== undefined) return 'exchangeMalformed';
    const key = idKey(requestId);
    if (this.#notified.has(key)) return 'exchangeCopy';
    this.#notified.add(key);
    const [oldest] = this.#notified;
    if (this.#notified.size > NOTIFIES_REMEMBERED_MAX && oldest !== undefined) this.#notified.delete(oldest);
    this.#host.count('notifiesReceived');
    const { session } = this.#host;
    this.#host.emit({ kind: 'notified', session, method, body: body?.slice() ?? new Uint8Array(0) });
    return undefined;
  }
}

/** Tells the application that nothing comes of what it asked for. */
export function failAsk(
  host: Pick<ExchangeHost, 'session' | 'count' | 'emit'>,
  call: CallHandle,
  fault: number = ExchangeFault.SESSION_ENDED,
): void {
  host.count('exchangesFailed');
  host.emit({ kind: 'askFailed', session: host.session, call, fault });
}

/** Looks whether frames can carry what an application wants. @throws RangeError for a method's name or a body that none can. */
export function checkExchange(input: ExchangeInput): void {
  if (input.kind === 'ask' || input.kind === 'notify') checkMethod(input.method);
  if (input.kind === 'notify') checkBody(input.body, NOTIFY_BYTES_MAX);
  else if (input.kind !== 'stop') checkBody(input.body, EXCHANGE_MESSAGE_BYTES_MAX);
}

/** @throws RangeError unless METHOD can carry it. */
function checkMethod(method: string): void {
  const bytes = encoder.encode(method);
  if (bytes.length < 1 || bytes.length > METHOD_BYTES_MAX || decoder.decode(bytes) !== method) {
    throw new RangeError(`a method's name has 1 to ${METHOD_BYTES_MAX} bytes of UTF-8, not ${bytes.length}`);
  }
}

/** @throws RangeError above what a message may have. */
function checkBody(body: Uint8Array, bytesMax: number): void {
  if (body.length > bytesMax) throw new RangeError(`a message has at most ${bytesMax} bytes, not ${body.length}`);
}
