import type { RequestEvent, RequestOutcome } from '../../../machines/index.ts';
import { requestTimers } from '../../../machines/index.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { MachineDriver } from '../../engine/driver.ts';
import { earliestMs, type Part, wakeDue } from './part.ts';
import { requestTable } from './tables.ts';
import { Tally } from './tally.ts';

/** Limits of requests. */
export interface RequestTrackerOptions {
  /** Requests that wait for their answer at the same time. Default 64; ProcVision 1. */
  readonly inFlightMax?: number;
  /** Time limit of a copy of a request, in ms, where the request has none of its own. Default 30,000. */
  readonly limitMs?: number;
  /** Copies that are sent at most, with the first. Default 1. */
  readonly attemptsMax?: number;
}

/** How one request ended. */
export type Settlement<Answer> =
  | { readonly outcome: 'answered'; readonly answer: Answer }
  | { readonly outcome: Exclude<RequestOutcome, 'answered'> };

/** What a tracker asks of the protocol. */
export interface RequestTrackerHost<Request, Answer> {
  /** Sends a copy. @param attempt 1 for the first. */
  sendRequest(id: string, request: Request, attempt: number): void;
  /** A request ended. Told once for each. */
  settled(id: string, settlement: Settlement<Answer>): void;
}

/** What is counted. */
export const requestCounters = [
  'sent',
  'sentAgain',
  'full',
  'stray',
  'answered',
  'timedOut',
  'cancelled',
  'disconnected',
] as const;

/** Requests that were sent and wait for their answers, by their ids. */
export class RequestTracker<Request, Answer> implements Part {
  readonly #options: Required<RequestTrackerOptions>;
  readonly #host: RequestTrackerHost<Request, Answer>;
  readonly #counters = new Tally(requestCounters);
  readonly #pending = new Map<string, Pending<Request, Answer>>();

  constructor(options: RequestTrackerOptions, host: RequestTrackerHost<Request, Answer>) {
    this.#options = { inFlightMax: 64, limitMs: 30_000, attemptsMax: 1, ...options };
    this.#host = host;
  }

  /** Requests that wait. */
  get inFlight(): number {
    return this.#pending.size;
  }

  /** Counters by name, see {@link requestCounters}. */
  get counters(): Readonly<Record<(typeof requestCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    return earliestMs(this.#pending.values());
  }

  timeout(nowMs: number): void {
    wakeDue(this.#pending.values(), nowMs);
  }

  /** Whether a request with this id waits. */
  has(id: string): boolean {
    return this.#pending.has(id);
  }

  /**
   * Sends a request.
   *
   * @param id none that waits may have it.
   * @param limitMs for each copy.
   * @returns false when too many wait, and nothing was sent.
   */
  send(id: string, request: Request, nowMs: number, limitMs: number = this.#options.limitMs): boolean {
    if (this.#pending.size >= this.#options.inFlightMax || this.#pending.has(id)) {
      this.#counters.add('full');
      return false;
    }
    const pending = new Pending<Request, Answer>(
      { id, request, limitMs, attemptsMax: this.#options.attemptsMax },
      {
        sendRequest: (_, again, attempt) => {
          this.#counters.add(attempt === 1 ? 'sent' : 'sentAgain');
          this.#host.sendRequest(id, again, attempt);
        },
        settled: (_, settlement) => {
          this.#pending.delete(id);
          this.#counters.add(settlement.outcome);
          this.#host.settled(id, settlement);
        },
      },
    );
    this.#pending.set(id, pending);
    pending.dispatch({ type: 'app.send' }, nowMs);
    return true;
  }

  /** An answer came. @returns false for one that nobody waits for. */
  answered(id: string, answer: Answer, nowMs: number): boolean {
    const pending = this.#pending.get(id);
    if (pending === undefined) {
      this.#counters.add('stray');
      return false;
    }
    pending.answer = { value: answer };
    return pending.dispatch({ type: 'frame.answer' }, nowMs);
  }

  /** The answer is no longer wanted; one that still comes is stray. */
  cancel(id: string, nowMs: number): void {
    this.#pending.get(id)?.dispatch({ type: 'app.cancel' }, nowMs);
  }

  /** The connection is gone: every request that waits fails, in the order in which they were sent. */
  disconnected(nowMs: number): void {
    for (const pending of [...this.#pending.values()]) pending.dispatch({ type: 'app.disconnected' }, nowMs);
  }
}

interface PendingOptions<Request> {
  readonly id: string;
  readonly request: Request;
  readonly limitMs: number;
  readonly attemptsMax: number;
}

/** One request. */
class Pending<Request, Answer> implements Part {
  answer: { readonly value: Answer } | undefined;
  readonly #options: PendingOptions<Request>;
  readonly #host: RequestTrackerHost<Request, Answer>;
  readonly #deadlines = new Deadlines(requestTimers);
  readonly #driver;
  #nowMs = 0;

  constructor(options: PendingOptions<Request>, host: RequestTrackerHost<Request, Answer>) {
    this.#options = options;
    this.#host = host;
    this.#driver = new MachineDriver(requestTable, options, (output) => this.#perform(output));
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    if (this.#deadlines.takeDue(nowMs) !== undefined) this.dispatch({ type: 'timer.limit' }, nowMs);
  }

  dispatch(event: RequestEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const { id, request, limitMs } = this.#options;
    const { attempts } = this.#driver.context;
    switch (output) {
      case 'sendRequest':
        return this.#host.sendRequest(id, request, attempts);
      case 'armLimit':
        return this.#deadlines.arm('limit', this.#nowMs + limitMs);
      case 'settle':
        return this.#settle();
      case 'release':
        return this.#deadlines.disarmAll();
    }
  }

  #settle(): void {
    const { outcome } = this.#driver.context;
    if (outcome === '') return;
    if (outcome !== 'answered') return this.#host.settled(this.#options.id, { outcome });
    if (this.answer !== undefined) this.#host.settled(this.#options.id, { outcome, answer: this.answer.value });
  }
}
