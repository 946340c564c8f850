import type { CounterName } from '../../src/engine/counters.ts';
import type { ExchangeHost } from '../../src/engine/exchange-host.ts';
import type { ExchangeOutput } from '../../src/engine/io-types.ts';
import {
  type ContinueFrame,
  type FrameBody,
  FrameType,
  type NotifyFrame,
  type ReceiptFrame,
  type RequestFrame,
  type ResponseFrame,
} from '../../src/protocol/frame.ts';
import { profiles } from '../../src/protocol/profiles.ts';

/** The exchange that frames made here are of, unless they say otherwise. */
export const ID = 77n;

/** When a test begins on a {@link TableHost}, in ms. */
export const BEGIN_MS = 1000;

/** A session as an exchange sees it, on the table: time stands still until a test sets it, and all that is done is kept. */
export class TableHost implements ExchangeHost {
  readonly session = 7;
  /** Waits of 50, 100, 200 ms and so on, up to 2 s, without jitter. */
  readonly profile = profiles.seed;
  nowMs = BEGIN_MS;
  #sent: FrameBody[] = [];
  #told: ExchangeOutput[] = [];
  #counted: Partial<Record<CounterName, number>> = {};

  unit(): number {
    return 0.5;
  }

  count(name: CounterName): void {
    this.#counted[name] = (this.#counted[name] ?? 0) + 1;
  }

  emit(output: ExchangeOutput): void {
    this.#told.push(output);
  }

  send(body: FrameBody): void {
    this.#sent.push(body);
  }

  /** Frames since the last call. */
  takeSent(): FrameBody[] {
    const sent = this.#sent;
    this.#sent = [];
    return sent;
  }

  /** What the application heard since the last call. */
  takeTold(): ExchangeOutput[] {
    const told = this.#told;
    this.#told = [];
    return told;
  }

  /** Counters that are not 0, since the last call. */
  takeCounted(): Partial<Record<CounterName, number>> {
    const counted = this.#counted;
    this.#counted = {};
    return counted;
  }
}

/** What one exchange told its table. */
export class TableEvents {
  endedTimes = 0;
  releasedTimes = 0;

  ended(): void {
    this.endedTimes++;
  }

  released(): void {
    this.releasedTimes++;
  }
}

/** What has deadlines. */
interface Timed {
  deadlineMs(): number;
  timeout(): void;
}

/** Sets the clock to the next deadline and lets it expire. @returns ms since the time before. */
export function expire(host: TableHost, timed: Timed): number {
  const waitMs = timed.deadlineMs() - host.nowMs;
  host.nowMs = timed.deadlineMs();
  timed.timeout();
  return waitMs;
}

const header = { flags: 0, streamId: 1n, sessionTag: 2n, attempt: 0 };
/** STATUS of a CONTINUE that goes on. */
export const GO_ON = { exchange: 1, method: 0 };
/** STATUS of a CONTINUE that stops. */
export const STOP = { exchange: 0, method: 0 };
/** STATUS of a RESPONSE that went well. */
export const OK = { exchange: 0, method: 0 };

/** A whole NOTIFY without a body. */
export function notify(fields: Partial<NotifyFrame> = {}): NotifyFrame {
  return { ...header, type: FrameType.NOTIFY, requestId: ID, method: 'm', ...fields };
}

/** A whole REQUEST of round 1 without a body. */
export function request(fields: Partial<RequestFrame> = {}): RequestFrame {
  return { ...header, type: FrameType.REQUEST, requestId: ID, round: 1, method: 'm', ...fields };
}

/** A RECEIPT of round 1 without a FRAGMENT. */
export function receipt(fields: Partial<ReceiptFrame> = {}): ReceiptFrame {
  return { ...header, type: FrameType.RECEIPT, requestId: ID, round: 1, ...fields };
}

/** A whole RESPONSE of round 1 that went well, without a body. */
export function response(fields: Partial<ResponseFrame> = {}): ResponseFrame {
  return { ...header, type: FrameType.RESPONSE, requestId: ID, round: 1, status: OK, ...fields };
}

/** A CONTINUE of round 1 that goes on. */
export function goOn(fields: Partial<ContinueFrame> = {}): ContinueFrame {
  return { ...header, type: FrameType.CONTINUE, requestId: ID, round: 1, status: GO_ON, ...fields };
}

/** A CONTINUE that stops. */
export function stop(round = 1): ContinueFrame {
  return goOn({ round, status: STOP });
}
