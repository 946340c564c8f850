import { earliestMs, wakeDue } from '../../core/part.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { decodeEnvelope, envelopeFaults, type WholeEnvelope } from './codec.ts';
import {
  type Answer,
  FollowerExchange,
  type FollowerExchangeHost,
  failure,
  type RoundStart,
  type Work,
} from './follower-exchange.ts';
import { type ConfirmContinue, type Request, Status } from './rrcc_pb.ts';

/** What the workers of a follower tell it. */
export type FollowerInput =
  | { readonly kind: 'finished'; readonly exchangeId: bigint; readonly run: number; readonly answer: Answer }
  | { readonly kind: 'died'; readonly exchangeId: bigint; readonly run: number };

/** What a follower asks of its workers. */
export type FollowerOutput =
  | ({ readonly kind: 'execute' } & Work)
  | { readonly kind: 'abort'; readonly exchangeId: bigint; readonly run: number };

/** Rules and limits of a follower. */
export interface FollowerOptions {
  /** Why a message is refused; `undefined` when it can be executed. */
  readonly refuse: (method: string, params: Uint8Array, contentType: string) => Answer | undefined;
  /** Exchanges that are worked on or can go on. Default 64. */
  readonly exchangesMax?: number;
  /** Ended exchanges whose ids are remembered; the oldest goes first. Default 4,096. */
  readonly endedMax?: number;
  /** Bytes of Responses of ended exchanges; the oldest goes first. Default 4 MiB. */
  readonly endedBytesMax?: number;
  /** How long a round may take where the request says nothing, in ms. Default 30,000. */
  readonly deadlineMs?: number;
  /** How long a Response and an ended id are kept, in ms. Default 60,000. */
  readonly keepMs?: number;
}

/** What is counted by a follower. */
export const followerCounters = [
  'requests',
  'continues',
  'stops',
  'copies',
  'executions',
  'restarts',
  'deaths',
  'refused',
  'busy',
  'late',
  'strayContinue',
  'outOfStep',
  'strayFinish',
  'endedEvicted',
  'responseTooLarge',
  'notForFollower',
  'malformedStream',
  ...envelopeFaults,
] as const;

type Output = FollowerOutput | LinkOutput;

/** RRCC's follower without sockets, timers and workers. */
export class FollowerCore implements SteppedCore<FollowerInput, FollowerOutput> {
  readonly #options: Required<FollowerOptions>;
  readonly #counters = new Tally(followerCounters);
  readonly #live = new Map<bigint, FollowerExchange>();
  /** Oldest first, which is also the first to expire. */
  readonly #ended = new Map<bigint, FollowerExchange>();
  readonly #links = new Map<LinkNumber, number>();
  readonly #host: FollowerExchangeHost;
  #outputs: Output[] = [];
  #nowMs = 0;

  constructor(options: FollowerOptions) {
    this.#options = {
      exchangesMax: 64,
      endedMax: 4096,
      endedBytesMax: 4 * 1_048_576,
      deadlineMs: 30_000,
      keepMs: 60_000,
      ...options,
    };
    this.#host = {
      keepMs: this.#options.keepMs,
      send: (link, bytes, small) => this.#send(link, bytes, small),
      execute: (work) => {
        this.#counters.add('executions');
        this.#outputs.push({ kind: 'execute', ...work });
      },
      abort: ({ exchangeId, run }) => this.#outputs.push({ kind: 'abort', exchangeId, run }),
      ended: (exchange) => this.#remember(exchange),
      closed: ({ exchangeId }) => {
        this.#live.delete(exchangeId);
        this.#ended.delete(exchangeId);
      },
    };
  }

  /** Counters by name, see {@link followerCounters}. */
  get counters(): Readonly<Record<(typeof followerCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  /** Records that are held, ended ones included. */
  get records(): number {
    return this.#live.size + this.#ended.size;
  }

  deadlineMs(): number {
    const [oldest] = this.#ended.values();
    return Math.min(earliestMs(this.#live.values()), oldest?.deadlineMs() ?? Number.POSITIVE_INFINITY);
  }

  step(input: FollowerInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    this.#take(input);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #take(input: FollowerInput | LinkInput): void {
    switch (input.kind) {
      case 'connected':
        this.#links.set(input.link, input.messageBytesMax);
        return;
      case 'message':
        return this.#message(input.link, input.bytes);
      case 'malformed':
        this.#counters.add('malformedStream');
        this.#outputs.push({ kind: 'disconnect', link: input.link });
        return;
      case 'ended':
        this.#outputs.push({ kind: 'disconnect', link: input.link });
        return;
      case 'disconnected':
        this.#links.delete(input.link);
        return;
      case 'timeout':
        return this.#timeout();
      case 'finished':
      case 'died':
        return this.#fromWorker(input);
    }
  }

  #timeout(): void {
    const late = [...this.#live.values()].filter(({ state }) => state === 'Working');
    wakeDue(this.#live.values(), this.#nowMs);
    for (const { state } of late) if (state === 'Answered') this.#counters.add('late');
    for (const exchange of [...this.#ended.values()]) {
      if (exchange.deadlineMs() > this.#nowMs) break;
      exchange.timeout(this.#nowMs);
    }
  }

  #fromWorker(input: FollowerInput): void {
    const exchange = this.#live.get(input.exchangeId);
    if (exchange?.state !== 'Working' || exchange.run !== input.run) return this.#counters.add('strayFinish');
    if (input.kind === 'finished') return exchange.finished(input.answer, this.#nowMs);
    this.#counters.add('deaths');
    exchange.dispatch({ type: 'app.died' }, this.#nowMs);
  }

  #message(link: LinkNumber, bytes: Uint8Array): void {
    const decoded = decodeEnvelope(bytes);
    if (!decoded.ok) return this.#counters.add(decoded.reason);
    const { envelope } = decoded;
    const { body } = envelope;
    if (body.case === 'request') return this.#request(link, envelope, body.value);
    if (body.case === 'confirmContinue') return this.#continue(link, envelope, body.value);
    this.#counters.add('notForFollower');
  }

  #request(link: LinkNumber, envelope: WholeEnvelope, request: Request): void {
    const known = this.#find(envelope.exchangeId);
    if (known !== undefined) return this.#copy(known, link, envelope);
    if (envelope.round !== 1 || envelope.messageId !== 1n) return this.#counters.add('outOfStep');
    const { method, params, contentType, deadlineMs } = request;
    this.#counters.add('requests');
    const workMs = deadlineMs === 0 ? this.#options.deadlineMs : deadlineMs;
    const exchange = new FollowerExchange(envelope.exchangeId, method, workMs, this.#host);
    this.#live.set(exchange.exchangeId, exchange);
    exchange.heard(link, envelope.attempt);
    exchange.begin('frame.request', this.#start(method, params, contentType), this.#nowMs);
  }

  #continue(link: LinkNumber, envelope: WholeEnvelope, next: ConfirmContinue): void {
    const exchange = this.#find(envelope.exchangeId);
    if (exchange === undefined) return this.#counters.add('strayContinue');
    if (!next.continue) return this.#stop(exchange, envelope);
    const { round } = exchange;
    if (envelope.round === round && envelope.messageId === BigInt(round)) return this.#copy(exchange, link, envelope);
    const isNext = envelope.round === round + 1 && envelope.messageId === BigInt(round + 1);
    if (!isNext || exchange.state !== 'Answered') return this.#counters.add('outOfStep');
    this.#counters.add('continues');
    exchange.heard(link, envelope.attempt);
    exchange.begin('frame.continue', this.#start(exchange.method, next.params, next.contentType), this.#nowMs);
  }

  #start(method: string, params: Uint8Array, contentType: string): RoundStart {
    const busy = this.#live.size > this.#options.exchangesMax;
    if (busy) this.#counters.add('busy');
    const refusal = busy
      ? failure(Status.BUSY, `${this.#options.exchangesMax} exchanges at the same time are the limit`)
      : this.#options.refuse(method, params, contentType);
    if (refusal !== undefined) this.#counters.add('refused');
    return { params, contentType, refusal };
  }

  /** Any message with the id of the current round: the same again. */
  #copy(exchange: FollowerExchange, link: LinkNumber, { messageId, round, attempt }: WholeEnvelope): void {
    if (round !== exchange.round || messageId !== BigInt(exchange.round)) return this.#counters.add('outOfStep');
    this.#counters.add('copies');
    if (exchange.state === 'Crashed') this.#counters.add('restarts');
    exchange.heard(link, attempt);
    exchange.dispatch({ type: 'frame.copy' }, this.#nowMs);
  }

  /** May come at any time, also after a message that was lost, and only once: the leader says nothing after it. */
  #stop(exchange: FollowerExchange, { messageId, round }: WholeEnvelope): void {
    const isLater = round > exchange.round && messageId > BigInt(exchange.round);
    if (!isLater || !exchange.dispatch({ type: 'frame.stop' }, this.#nowMs)) return this.#counters.add('outOfStep');
    this.#counters.add('stops');
  }

  #find(exchangeId: bigint): FollowerExchange | undefined {
    return this.#live.get(exchangeId) ?? this.#ended.get(exchangeId);
  }

  #remember(exchange: FollowerExchange): void {
    this.#live.delete(exchange.exchangeId);
    this.#ended.set(exchange.exchangeId, exchange);
    const [oldest] = this.#ended.values();
    if (oldest !== undefined && this.#ended.size > this.#options.endedMax) {
      this.#counters.add('endedEvicted');
      oldest.dispatch({ type: 'app.forget' }, this.#nowMs);
    }
    let bytes = 0;
    for (const ended of [...this.#ended.values()].reverse()) {
      bytes += ended.answerBytes;
      if (bytes > this.#options.endedBytesMax) ended.dropAnswer();
    }
  }

  #send(link: LinkNumber, bytes: Uint8Array, small: Uint8Array | undefined): void {
    const messageBytesMax = this.#links.get(link);
    if (messageBytesMax === undefined) return;
    const fits = bytes.length <= messageBytesMax || small === undefined;
    if (!fits) this.#counters.add('responseTooLarge');
    this.#outputs.push({ kind: 'send', link, bytes: fits ? bytes : small });
  }
}
