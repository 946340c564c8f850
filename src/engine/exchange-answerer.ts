import {
  type AnswererContext,
  type AnswererEvent,
  type AnswererState,
  answererTimers,
} from '../../machines/exchange-answerer.ts';
import { EXCHANGE_MESSAGE_BYTES_MAX, EXCHANGE_MS } from '../protocol/constants.ts';
import { ContinueVerdict, ExchangeFault, ExchangeResult } from '../protocol/exchange-fault.ts';
import { type ContinueFrame, type ExchangeStatus, FrameType, type RequestFrame } from '../protocol/frame.ts';
import type { DropReason } from './counters.ts';
import { Deadlines } from './deadlines.ts';
import { MachineDriver } from './driver.ts';
import type { EntryEvents } from './exchange-asker.ts';
import { type ExchangeHost, exchangeRepeatMs } from './exchange-host.ts';
import { IncomingMessage, type MessagePart, OutgoingMessage, partOf } from './exchange-message.ts';
import { answererTable } from './tables.ts';

const EMPTY = new Uint8Array(0);

/** One exchange that came to this side: gives the outputs of its machine their meaning. */
export class Answerer {
  readonly #host: ExchangeHost;
  readonly #requestId: bigint;
  readonly #method: string;
  readonly #events: EntryEvents;
  readonly #deadlines = new Deadlines(answererTimers);
  readonly #driver: MachineDriver<AnswererState, AnswererContext, AnswererEvent, undefined>;
  #incoming: IncomingMessage | undefined;
  #outgoing: OutgoingMessage | undefined;
  #status: ExchangeStatus = { exchange: ExchangeResult.OK, method: 0 };
  #executed = false;

  constructor(host: ExchangeHost, requestId: bigint, method: string, events: EntryEvents) {
    this.#host = host;
    this.#requestId = requestId;
    this.#method = method;
    this.#events = events;
    this.#driver = new MachineDriver(answererTable, undefined, (output) => this.#perform(output));
  }

  get state(): AnswererState {
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

  /** @param full there is no room for one more. @returns why the frame had no effect. */
  request(frame: RequestFrame, full: boolean): DropReason | undefined {
    if (frame.round !== 1) return 'exchangeMalformed';
    if (this.state === 'Ended') return this.#dispatch({ type: 'frame.copy' });
    return this.#message(frame, full);
  }

  /** @returns why the frame had no effect. */
  continue(frame: ContinueFrame): DropReason | undefined {
    const { round } = this.#driver.context;
    if (frame.status.exchange === ContinueVerdict.STOP) {
      return frame.round < round ? 'exchangeCopy' : this.#dispatch({ type: 'frame.stop' });
    }
    if (frame.status.exchange !== ContinueVerdict.CONTINUE) return 'exchangeMalformed';
    if (this.state === 'Ended') return 'exchangeCopy';
    const tellsProgress = frame.fragment !== undefined && frame.body === undefined && frame.round === round;
    if (!tellsProgress) {
      if (frame.round < round) return 'exchangeCopy';
      return frame.round > 1 && frame.body !== undefined ? this.#message(frame, false) : 'exchangeMalformed';
    }
    const outgoing = this.#outgoing;
    if (outgoing?.advance(frame.fragment.offset) !== true) return 'exchangeCopy';
    return this.#dispatch({ type: 'frame.progress', whole: outgoing.received });
  }

  /** What the application says to a round. @returns false when it is not asked for, or no longer. */
  answer(round: number, status: ExchangeStatus, body: Uint8Array): boolean {
    if (this.state !== 'Working' || round !== this.#driver.context.round) return false;
    this.#status = status;
    this.#outgoing = new OutgoingMessage(body);
    this.#dispatch({ type: 'app.answer' });
    return true;
  }

  forget(): void {
    this.#dispatch({ type: 'app.forget' });
  }

  disconnected(): void {
    this.#dispatch({ type: 'app.disconnected' });
  }

  /** A part of a round's message: of the one that is coming in, of the next after an answer, or a copy. */
  #message(frame: RequestFrame | ContinueFrame, full: boolean): DropReason | undefined {
    const part = partOf(frame);
    if (part === undefined) return 'exchangeMalformed';
    const { round } = this.#driver.context;
    const { state } = this;
    if (frame.round === round && (state === 'Working' || state === 'Responding')) {
      return this.#dispatch({ type: 'frame.copy' });
    }
    const due = state === 'Receiving' ? round : state === 'New' || this.#mayGoOn ? round + 1 : undefined;
    if (frame.round !== due) return 'exchangeCopy';
    const tooLarge = part.total > EXCHANGE_MESSAGE_BYTES_MAX;
    if (state === 'New' && (full || tooLarge)) {
      this.#status = {
        exchange: ExchangeResult.ERROR,
        method: tooLarge ? ExchangeFault.TOO_LARGE : ExchangeFault.BUSY,
      };
      return this.#dispatch({ type: 'frame.message', whole: false, refused: true });
    }
    if (tooLarge) return 'exchangeMalformed';
    if (state !== 'Receiving') this.#incoming = new IncomingMessage(part.total);
    const incoming = this.#incoming;
    if (incoming === undefined || part.total !== incoming.total) return 'exchangeMalformed';
    incoming.add(part.offset, part.bytes);
    return this.#dispatch({ type: 'frame.message', whole: incoming.whole, refused: false });
  }

  /** Nothing follows an exchange that failed. */
  get #mayGoOn(): boolean {
    return this.state === 'Responding' && this.#status.exchange === ExchangeResult.OK;
  }

  #dispatch(event: AnswererEvent): DropReason | undefined {
    const before = this.state;
    if (!this.#driver.send(event)) return 'exchangeCopy';
    if (this.state === 'Ended' && before !== 'Ended') {
      this.#incoming = undefined;
      this.#outgoing = undefined;
      this.#events.ended();
    }
    return undefined;
  }

  #perform(output: string): void {
    const host = this.#host;
    const { sends, outcome } = this.#driver.context;
    switch (output) {
      case 'sendReceipt':
        return this.#sendReceipt();
      case 'execute':
        return this.#execute();
      case 'sendMessage':
      case 'sendMore':
        return this.#sendParts(this.#outgoing?.more());
      case 'repeatMessage':
        host.count('exchangeRepeats');
        return this.#sendParts(this.#outgoing?.again(sends));
      case 'sendCopy':
        return this.#outgoing === undefined ? undefined : this.#sendParts([this.#outgoing.first()]);
      case 'sendRefusal':
        host.count('exchangesRefused');
        return host.send({ type: FrameType.RESPONSE, requestId: this.#requestId, round: 1, status: this.#status });
      case 'armRepeat':
        return this.#deadlines.arm('repeat', host.nowMs + exchangeRepeatMs(host, sends));
      case 'disarmRepeat':
        return this.#deadlines.disarm('repeat');
      case 'armLimit':
        return this.#deadlines.arm('limit', host.nowMs + EXCHANGE_MS);
      case 'armKeep':
        this.#deadlines.disarmAll();
        return this.#deadlines.arm('keep', host.nowMs + EXCHANGE_MS);
      case 'reportEnd':
        // Of one whose first round never was complete the application knows nothing.
        if (!this.#executed) return;
        return host.emit({ kind: 'askEnded', session: host.session, requestId: this.#requestId, outcome });
      case 'release':
        this.#deadlines.disarmAll();
        return this.#events.released();
    }
  }

  /** Of a copy all is here, also when it was the message of a round before and is no longer kept. */
  #sendReceipt(): void {
    const { received = 0, total = 0 } = this.#incoming ?? {};
    const { round } = this.#driver.context;
    const fragment = { offset: received, total };
    this.#host.send({ type: FrameType.RECEIPT, requestId: this.#requestId, round, fragment });
  }

  #execute(): void {
    const host = this.#host;
    this.#executed = true;
    host.count('exchangesExecuted');
    host.emit({
      kind: 'asked',
      session: host.session,
      requestId: this.#requestId,
      round: this.#driver.context.round,
      method: this.#method,
      body: this.#incoming?.bytes() ?? EMPTY,
    });
  }

  #sendParts(parts: readonly MessagePart[] = []): void {
    const { round } = this.#driver.context;
    for (const part of parts) {
      this.#host.send({ type: FrameType.RESPONSE, requestId: this.#requestId, round, status: this.#status, ...part });
    }
  }
}
