import type { RrccOutcome } from '../../../../machines/index.ts';
import { earliestMs, wakeDue } from '../../core/part.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from '../../core/stepped-core.ts';
import { Tally } from '../../core/tally.ts';
import { decodeEnvelope, type EnvelopeBody, envelopeFaults, type WholeEnvelope } from './codec.ts';
import { LeaderExchange } from './leader-exchange.ts';
import type { Response, Status } from './rrcc_pb.ts';

/** What the application wants of a leader. */
export type LeaderInput =
  | {
      readonly kind: 'call';
      /** Random, u64, not 0, none that lives. */
      readonly exchangeId: bigint;
      readonly method: string;
      readonly params: Uint8Array;
      readonly contentType: string;
      /** u32 ms; 0 for the follower's default. */
      readonly deadlineMs: number;
    }
  | {
      readonly kind: 'continue';
      readonly exchangeId: bigint;
      readonly params: Uint8Array;
      readonly contentType: string;
    }
  | { readonly kind: 'finish' | 'cancel'; readonly exchangeId: bigint };

/** Why an exchange is over. */
export type LeaderEnding = RrccOutcome | 'full' | 'tooLarge' | 'outOfStep';

/** What a leader tells the application. */
export type LeaderOutput =
  | {
      readonly kind: 'response';
      readonly exchangeId: bigint;
      readonly round: number;
      readonly status: Status;
      readonly result: Uint8Array;
      readonly contentType: string;
      readonly error: string;
    }
  | { readonly kind: 'ended'; readonly exchangeId: bigint; readonly ending: LeaderEnding };

/** Limits of a leader. */
export interface LeaderOptions {
  /** Exchanges at the same time. Default 64. */
  readonly exchangesMax?: number;
  /** Exchanges outlive their connection and go on over the next; otherwise all fail with it. Default false. */
  readonly outliveLink?: boolean;
}

/** What is counted by a leader. */
export const leaderCounters = [
  'calls',
  'sent',
  'sentAgain',
  'responses',
  'full',
  'tooLarge',
  'unknownExchange',
  'otherRound',
  'lateConfirm',
  'secondResponse',
  'notForLeader',
  'malformedStream',
  ...envelopeFaults,
] as const;

type Output = LeaderOutput | LinkOutput;

/** RRCC's leader without sockets and timers. */
export class LeaderCore implements SteppedCore<LeaderInput, LeaderOutput> {
  readonly #exchangesMax: number;
  readonly #outliveLink: boolean;
  readonly #counters = new Tally(leaderCounters);
  readonly #exchanges = new Map<bigint, LeaderExchange>();
  #link: { readonly number: LinkNumber; readonly messageBytesMax: number } | undefined;
  #outputs: Output[] = [];
  #response: Response | undefined;
  #nowMs = 0;

  constructor(options: LeaderOptions = {}) {
    this.#exchangesMax = options.exchangesMax ?? 64;
    this.#outliveLink = options.outliveLink ?? false;
  }

  /** Counters by name, see {@link leaderCounters}. */
  get counters(): Readonly<Record<(typeof leaderCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  /** Exchanges that live. */
  get exchanges(): number {
    return this.#exchanges.size;
  }

  deadlineMs(): number {
    return earliestMs(this.#exchanges.values());
  }

  step(input: LeaderInput | LinkInput, nowMs: number): readonly Output[] {
    this.#nowMs = nowMs;
    this.#take(input);
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #take(input: LeaderInput | LinkInput): void {
    switch (input.kind) {
      case 'call':
        return this.#call(input);
      case 'continue':
        return this.#continue(input);
      case 'finish':
      case 'cancel':
        this.#exchanges.get(input.exchangeId)?.dispatch({ type: `app.${input.kind}` }, this.#nowMs);
        return;
      case 'connected':
        this.#link = { number: input.link, messageBytesMax: input.messageBytesMax };
        return;
      case 'message':
        return this.#message(input.bytes);
      case 'malformed':
        this.#counters.add('malformedStream');
        this.#outputs.push({ kind: 'disconnect', link: input.link });
        return;
      case 'ended':
        this.#outputs.push({ kind: 'disconnect', link: input.link });
        return;
      case 'disconnected':
        return this.#disconnected(input.link);
      case 'timeout':
        return wakeDue(this.#exchanges.values(), this.#nowMs);
    }
  }

  #call(call: LeaderInput & { readonly kind: 'call' }): void {
    const { exchangeId, method, params, contentType, deadlineMs } = call;
    this.#counters.add('calls');
    if (this.#exchanges.size >= this.#exchangesMax || this.#exchanges.has(exchangeId)) {
      this.#counters.add('full');
      return this.#end(exchangeId, 'full');
    }
    if (this.#link === undefined && !this.#outliveLink) return this.#end(exchangeId, 'disconnected');
    const exchange = new LeaderExchange(exchangeId, deadlineMs, {
      send: (bytes, again) => this.#send(bytes, again),
      deliver: () => this.#deliver(exchange),
      ended: (outcome) => {
        this.#exchanges.delete(exchangeId);
        this.#end(exchangeId, outcome);
      },
    });
    const body: EnvelopeBody = { case: 'request', value: { method, params, contentType, deadlineMs } };
    if (this.#isTooLarge(exchange, body)) return this.#end(exchangeId, 'tooLarge');
    this.#exchanges.set(exchangeId, exchange);
    exchange.say('app.call', body, this.#nowMs);
  }

  #continue({ exchangeId, params, contentType }: LeaderInput & { readonly kind: 'continue' }): void {
    const exchange = this.#exchanges.get(exchangeId);
    if (exchange?.state !== 'Evaluate') return this.#end(exchangeId, 'outOfStep');
    const body: EnvelopeBody = { case: 'confirmContinue', value: { continue: true, params, contentType } };
    if (!this.#isTooLarge(exchange, body)) return exchange.say('app.continue', body, this.#nowMs);
    this.#end(exchangeId, 'tooLarge');
    exchange.dispatch({ type: 'app.finish' }, this.#nowMs);
  }

  #isTooLarge(exchange: LeaderExchange, body: EnvelopeBody): boolean {
    if (this.#link === undefined || exchange.nextBytes(body) <= this.#link.messageBytesMax) return false;
    this.#counters.add('tooLarge');
    return true;
  }

  #message(bytes: Uint8Array): void {
    const decoded = decodeEnvelope(bytes);
    if (!decoded.ok) return this.#counters.add(decoded.reason);
    const { envelope } = decoded;
    const exchange = this.#exchanges.get(envelope.exchangeId);
    if (exchange === undefined) return this.#counters.add('unknownExchange');
    this.#answer(exchange, envelope);
  }

  #answer(exchange: LeaderExchange, { body, round }: WholeEnvelope): void {
    if (body.case === 'confirm') {
      const current = round === exchange.round && body.value.confirms === BigInt(exchange.round);
      if (exchange.dispatch({ type: 'frame.confirm', current }, this.#nowMs)) return;
      return this.#counters.add(current ? 'lateConfirm' : 'otherRound');
    }
    if (body.case !== 'response') return this.#counters.add('notForLeader');
    const current = round === exchange.round && body.value.inReplyTo === BigInt(exchange.round);
    this.#response = body.value;
    if (!exchange.dispatch({ type: 'frame.response', current }, this.#nowMs)) {
      this.#counters.add(current ? 'secondResponse' : 'otherRound');
    }
    this.#response = undefined;
  }

  #deliver({ exchangeId, round }: LeaderExchange): void {
    if (this.#response === undefined) return;
    const { status, result, contentType, error } = this.#response;
    this.#counters.add('responses');
    this.#outputs.push({ kind: 'response', exchangeId, round, status, result, contentType, error });
  }

  #send(bytes: Uint8Array, again: boolean): void {
    if (this.#link === undefined) return;
    this.#counters.add(again ? 'sentAgain' : 'sent');
    this.#outputs.push({ kind: 'send', link: this.#link.number, bytes });
  }

  #end(exchangeId: bigint, ending: LeaderEnding): void {
    this.#outputs.push({ kind: 'ended', exchangeId, ending });
  }

  #disconnected(link: LinkNumber): void {
    if (this.#link?.number !== link) return;
    this.#link = undefined;
    if (this.#outliveLink) return;
    for (const exchange of [...this.#exchanges.values()]) exchange.dispatch({ type: 'app.disconnected' }, this.#nowMs);
  }
}
