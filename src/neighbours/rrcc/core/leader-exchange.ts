import {
  type RrccLeaderEvent,
  type RrccLeaderState,
  type RrccOutcome,
  rrccLeaderTimers,
  rtoMs,
} from '../../../../machines/index.ts';
import { Deadlines } from '../../../engine/deadlines.ts';
import { MachineDriver } from '../../../engine/driver.ts';
import type { Part } from '../../core/part.ts';
import { type EnvelopeBody, encodeEnvelope } from './codec.ts';
import { rrccLeaderTable } from './tables.ts';

/** Timer C: 500 ms, doubled from copy to copy, 2 s at most. */
const CONFIRM_BACKOFF = { rtoInitialMs: 500, rtoFactor: 2, rtoMaxMs: 2000 } as const;
/** Timer R where the request has no deadline, in ms. */
export const RESPONSE_MS = 30_000;
/** How long a Response may be evaluated, in ms: after that the follower has forgotten the exchange. */
export const EVALUATE_MS = 60_000;

/** What an exchange asks of its leader. */
export interface LeaderExchangeHost {
  /** @param again it is a copy. */
  send(bytes: Uint8Array, again: boolean): void;
  /** The Response that came is the one that was waited for. */
  deliver(): void;
  /** The exchange is Closed. */
  ended(outcome: RrccOutcome): void;
}

/** One exchange of a leader: gives the outputs of its machine their meaning. */
export class LeaderExchange implements Part {
  readonly exchangeId: bigint;
  readonly #host: LeaderExchangeHost;
  readonly #responseMs: number;
  readonly #deadlines = new Deadlines(rrccLeaderTimers);
  readonly #driver = new MachineDriver(rrccLeaderTable, undefined, (output) => this.#perform(output));
  #body: EnvelopeBody = { case: undefined };
  #nowMs = 0;

  /** @param deadlineMs of the request; 0 for the follower's default. */
  constructor(exchangeId: bigint, deadlineMs: number, host: LeaderExchangeHost) {
    this.exchangeId = exchangeId;
    this.#host = host;
    this.#responseMs = deadlineMs === 0 ? RESPONSE_MS : deadlineMs;
  }

  get state(): RrccLeaderState {
    return this.#driver.state;
  }

  /** Also the id of its message. */
  get round(): number {
    return this.#driver.context.round;
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    const due = this.#deadlines.takeDue(nowMs);
    if (due !== undefined) this.dispatch({ type: `timer.${due}` }, nowMs);
  }

  /** Size of the next message if it has this body. */
  nextBytes(body: EnvelopeBody): number {
    return this.#encode(this.round + 1, 1, body).length;
  }

  /** Begins, or goes on to the next round, with a message of this body. */
  say(event: 'app.call' | 'app.continue', body: EnvelopeBody, nowMs: number): void {
    this.#body = body;
    this.dispatch({ type: event }, nowMs);
  }

  /** @returns false when the state has no row for it. */
  dispatch(event: RrccLeaderEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const { round, attempt, sends, outcome } = this.#driver.context;
    const deadlines = this.#deadlines;
    switch (output) {
      case 'sendMessage':
        return this.#host.send(this.#encode(round, attempt, this.#body), attempt > 1);
      case 'sendStop':
        return this.#host.send(this.#encode(round + 1, 1, { case: 'confirmContinue', value: {} }), false);
      case 'deliver':
        this.#body = { case: undefined };
        return this.#host.deliver();
      case 'armC':
        return deadlines.arm('C', this.#nowMs + rtoMs(CONFIRM_BACKOFF, sends));
      case 'disarmC':
        return deadlines.disarm('C');
      case 'armR':
        return deadlines.arm('R', this.#nowMs + this.#responseMs);
      case 'disarmR':
        return deadlines.disarm('R');
      case 'armEvaluate':
        return deadlines.arm('evaluate', this.#nowMs + EVALUATE_MS);
      case 'disarmEvaluate':
        return deadlines.disarm('evaluate');
      case 'release':
        deadlines.disarmAll();
        if (outcome !== '') this.#host.ended(outcome);
    }
  }

  #encode(round: number, attempt: number, body: EnvelopeBody): Uint8Array {
    return encodeEnvelope({ exchangeId: this.exchangeId, messageId: round, attempt, round }, body);
  }
}
