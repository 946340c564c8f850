import { type AskerContext, type AskerEvent, type AskerState, askerTimers } from '../../machines/exchange-asker.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX, EXCHANGE_MS } from '../protocol/constants.ts';
import { ContinueVerdict, ExchangeFault, ExchangeResult } from '../protocol/exchange-fault.ts';
import { type ExchangeStatus, FrameType, type ReceiptFrame, type ResponseFrame } from '../protocol/frame.ts';
import type { DropReason } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { MachineDriver } from './driver.ts';
import { type ExchangeHost, exchangeRepeatMs } from './exchange-host.ts';
import { IncomingMessage, type MessagePart, OutgoingMessage, partOf } from './exchange-message.ts';
import type { CallHandle } from './io-types.ts';
import { askerTable } from './tables.ts';

const GO_ON: ExchangeStatus = { exchange: ContinueVerdict.CONTINUE, method: 0 };
const STOP: ExchangeStatus = { exchange: ContinueVerdict.STOP, method: 0 };

/** ROUND is a u16. */
const ROUND_MAX = 0xffff;

/** What is asked for. */
export interface Question {
  readonly call: CallHandle;
  readonly requestId: bigint;
  readonly method: string;
  readonly body: Uint8Array;
  /** For each round, in ms. */
  readonly timeoutMs: number;
  /** A further round may follow an answer. */
  readonly rounds: boolean;
}

/** What the table of exchanges hears of one of its own. */
export interface EntryEvents {
  /** Only its id is still remembered. */
  ended(): void;
  /** Not even that. */
  released(): void;
}

/** One exchange that this side asked for: gives the outputs of its machine their meaning. */
export class Asker {
  readonly call: CallHandle;
  readonly #host: ExchangeHost;
  readonly #question: Question;
  readonly #events: EntryEvents;
  readonly #deadlines = new Deadlines(askerTimers);
  readonly #driver: MachineDriver<AskerState, AskerContext, AskerEvent, undefined>;
  #outgoing: OutgoingMessage | undefined;
  #incoming: IncomingMessage | undefined;
  #status: ExchangeStatus | undefined;

  constructor(host: ExchangeHost, question: Question, events: EntryEvents) {
    this.call = question.call;
    this.#host = host;
    this.#question = question;
    this.#events = events;
    this.#driver = new MachineDriver(askerTable, undefined, (output) => this.#perform(output));
  }

  get state(): AskerState {
    return this.#driver.state;
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(): void {
    const { nowMs } = this.#host;
    for (let due = this.#deadlines.takeDue(nowMs); due !== undefined; due = this.#deadlines.takeDue(nowMs)) {
      this.#dispatch({ type: `timer.${due}` });
    }
  }

  /** Begins the first round. */
  ask(): void {
    this.#outgoing = new OutgoingMessage(this.#question.body);
    this.#dispatch({ type: 'app.ask' });
  }

  /** One more round. @returns false when this is not the time for it. */
  goOn(body: Uint8Array): boolean {
    if (this.state !== 'Deciding' || this.#driver.context.round === ROUND_MAX) return false;
    this.#outgoing = new OutgoingMessage(body);
    this.#dispatch({ type: 'app.continue' });
    return true;
  }

  stop(): void {
    this.#dispatch({ type: 'app.stop' });
  }

  forget(): void {
    this.#dispatch({ type: 'app.forget' });
  }

  disconnected(): void {
    this.#dispatch({ type: 'app.disconnected' });
  }

  /** @returns why the frame had no effect. */
  receipt(frame: ReceiptFrame): DropReason | undefined {
    const outgoing = this.#outgoing;
    if (frame.round !== this.#driver.context.round || outgoing === undefined) return 'exchangeCopy';
    if (frame.fragment === undefined) return 'exchangeMalformed';
    if (!outgoing.advance(frame.fragment.offset)) return 'exchangeCopy';
    return this.#dispatch({ type: 'frame.RECEIPT', whole: outgoing.received });
  }

  /** @returns why the frame had no effect. */
  response(frame: ResponseFrame): DropReason | undefined {
    if (this.state === 'Ended') return this.#dispatch({ type: 'frame.RESPONSE', whole: true, final: true });
    if (frame.round !== this.#driver.context.round) return 'exchangeCopy';
    const part = partOf(frame);
    if (part === undefined || part.total > EXCHANGE_MESSAGE_BYTES_MAX) return 'exchangeMalformed';
    this.#incoming ??= new IncomingMessage(part.total);
    if (part.total !== this.#incoming.total) return 'exchangeMalformed';
    this.#incoming.add(part.offset, part.bytes);
    this.#status = frame.status;
    const final = !this.#question.rounds || frame.status.exchange !== ExchangeResult.OK;
    return this.#dispatch({ type: 'frame.RESPONSE', whole: this.#incoming.whole, final });
  }

  #dispatch(event: AskerEvent): DropReason | undefined {
    const before = this.state;
    if (!this.#driver.send(event)) return 'exchangeCopy';
    if (this.state === 'Ended' && before !== 'Ended') {
      this.#outgoing = undefined;
      this.#incoming = undefined;
      this.#events.ended();
    }
    return undefined;
  }

  #perform(output: string): void {
    const host = this.#host;
    const { round, sends } = this.#driver.context;
    switch (output) {
      case 'sendMessage':
        this.#incoming = undefined;
        return this.#sendParts(this.#outgoing?.more());
      case 'sendMore':
        return this.#sendParts(this.#outgoing?.more());
      case 'repeatMessage':
        host.count('exchangeRepeats');
        return this.#sendParts(this.#outgoing?.again(sends));
      case 'sendProgress':
        return this.#sendProgress();
      case 'sendStop':
        return host.send({ type: FrameType.CONTINUE, requestId: this.#question.requestId, round, status: STOP });
      case 'armRepeat':
        return this.#deadlines.arm('repeat', host.nowMs + exchangeRepeatMs(host, sends));
      case 'disarmRepeat':
        return this.#deadlines.disarm('repeat');
      case 'armLimit':
        return this.#deadlines.arm('limit', host.nowMs + this.#limitMs);
      case 'armKeep':
        this.#deadlines.disarmAll();
        return this.#deadlines.arm('keep', host.nowMs + EXCHANGE_MS);
      case 'deliverAnswer':
        return this.#deliverAnswer();
      case 'reportFailure':
        return this.#fail(faults[this.#driver.context.outcome]);
      case 'release':
        this.#deadlines.disarmAll();
        return this.#events.released();
    }
  }

  /** The application has as long for its decision as any exchange may take. */
  get #limitMs(): number {
    return this.state === 'Deciding' ? EXCHANGE_MS : this.#question.timeoutMs;
  }

  #sendParts(parts: readonly MessagePart[] = []): void {
    const { requestId, method } = this.#question;
    const { round } = this.#driver.context;
    for (const part of parts) {
      if (round === 1) this.#host.send({ type: FrameType.REQUEST, requestId, round, method, ...part });
      else this.#host.send({ type: FrameType.CONTINUE, requestId, round, status: GO_ON, ...part });
    }
  }

  /** A CONTINUE of the RESPONSE's own round and without a BODY: how much of it is here. */
  #sendProgress(): void {
    const { requestId } = this.#question;
    const { round } = this.#driver.context;
    const { received = 0, total = 0 } = this.#incoming ?? {};
    const fragment = { offset: received, total };
    this.#host.send({ type: FrameType.CONTINUE, requestId, round, status: GO_ON, fragment });
  }

  #deliverAnswer(): void {
    const { exchange, method: status } = this.#status ?? GO_ON;
    const body = this.#incoming?.bytes() ?? new Uint8Array(0);
    if (exchange !== ExchangeResult.OK) return this.#fail(status);
    this.#host.count('exchangesAnswered');
    const { round } = this.#driver.context;
    this.#host.emit({ kind: 'answered', session: this.#host.session, call: this.call, round, status, body });
  }

  #fail(fault: number): void {
    this.#host.count('exchangesFailed');
    this.#host.emit({ kind: 'askFailed', session: this.#host.session, call: this.call, fault });
  }
}

const faults: Readonly<Record<AskerContext['outcome'], number>> = {
  '': ExchangeFault.SESSION_ENDED,
  cancelled: ExchangeFault.CANCELLED,
  timedOut: ExchangeFault.TIMED_OUT,
  disconnected: ExchangeFault.SESSION_ENDED,
};
