import type { AnswerKeeperEvent } from '../../../machines/index.ts';
import { answerKeeperTimers } from '../../../machines/index.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { MachineDriver } from '../../engine/driver.ts';
import type { Part } from './part.ts';
import { answerKeeperTable } from './tables.ts';
import { Tally } from './tally.ts';

/** Limits of requests that came. */
export interface AnswerKeeperOptions {
  /** Requests that are worked on at the same time. Default 64. */
  readonly workingMax?: number;
  /** Answers that are kept; the oldest goes first. Default 256. */
  readonly keptMax?: number;
  /** Bytes of the answers that are kept; the oldest goes first. Default 4 MiB. */
  readonly keptBytesMax?: number;
  /** How long an answer is kept, in ms. Default 60,000. */
  readonly keepMs?: number;
}

/** What a keeper asks of the protocol. */
export interface AnswerKeeperHost<Request, Answer> {
  /** A request that was not seen before: {@link AnswerKeeper.answer} or `forget`, now or later. */
  execute(id: string, request: Request): void;
  /** Sends an answer, for the first time or again. */
  sendAnswer(id: string, answer: Answer): void;
}

/** What is counted. */
export const answerCounters = ['executed', 'duplicate', 'full', 'sent', 'evicted'] as const;

/** Requests that came, by their ids: each is executed once, and a copy of one gets the stored answer. */
export class AnswerKeeper<Request, Answer> implements Part {
  readonly #options: Required<AnswerKeeperOptions>;
  readonly #host: AnswerKeeperHost<Request, Answer>;
  readonly #counters = new Tally(answerCounters);
  readonly #working = new Map<string, Kept<Request, Answer>>();
  /** Oldest answer first, which is also the first to expire. */
  readonly #kept = new Map<string, Kept<Request, Answer>>();
  #keptBytes = 0;

  constructor(options: AnswerKeeperOptions, host: AnswerKeeperHost<Request, Answer>) {
    this.#options = { workingMax: 64, keptMax: 256, keptBytesMax: 4 * 1_048_576, keepMs: 60_000, ...options };
    this.#host = host;
  }

  /** Requests that are worked on. */
  get working(): number {
    return this.#working.size;
  }

  /** Answers that are kept. */
  get kept(): number {
    return this.#kept.size;
  }

  /** Counters by name, see {@link answerCounters}. */
  get counters(): Readonly<Record<(typeof answerCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    const [oldest] = this.#kept.values();
    return oldest?.deadlineMs() ?? Number.POSITIVE_INFINITY;
  }

  timeout(nowMs: number): void {
    for (const kept of [...this.#kept.values()]) {
      if (kept.deadlineMs() > nowMs) break;
      kept.timeout(nowMs);
    }
  }

  /** A request, or a copy of one, came. @returns false when too much is being worked on, and it was not taken. */
  request(id: string, request: Request, nowMs: number): boolean {
    const known = this.#working.get(id) ?? this.#kept.get(id);
    if (known !== undefined) {
      this.#counters.add('duplicate');
      known.dispatch({ type: 'frame.request' }, nowMs);
      return true;
    }
    if (this.#working.size >= this.#options.workingMax) {
      this.#counters.add('full');
      return false;
    }
    const entry = new Kept<Request, Answer>(id, request, this.#options.keepMs, {
      execute: () => {
        this.#counters.add('executed');
        this.#host.execute(id, request);
      },
      sendAnswer: (_, answer) => {
        this.#counters.add('sent');
        this.#host.sendAnswer(id, answer);
      },
      released: () => {
        this.#working.delete(id);
        if (this.#kept.delete(id)) this.#keptBytes -= entry.bytes;
      },
    });
    this.#working.set(id, entry);
    entry.dispatch({ type: 'frame.request' }, nowMs);
    return true;
  }

  /** The work is done. @param bytes what keeping the answer costs. @returns false for an id that is not worked on. */
  answer(id: string, answer: Answer, bytes: number, nowMs: number): boolean {
    const entry = this.#working.get(id);
    if (entry === undefined) return false;
    this.#working.delete(id);
    this.#kept.set(id, entry);
    this.#keptBytes += bytes;
    entry.answer = { value: answer };
    entry.bytes = bytes;
    entry.dispatch({ type: 'app.answer' }, nowMs);
    while (this.#kept.size > this.#options.keptMax || this.#keptBytes > this.#options.keptBytesMax) {
      const [oldest] = this.#kept.keys();
      if (oldest === undefined) break;
      this.#counters.add('evicted');
      this.forget(oldest, nowMs);
    }
    return true;
  }

  /** The request is as if it had never come. */
  forget(id: string, nowMs: number): void {
    (this.#working.get(id) ?? this.#kept.get(id))?.dispatch({ type: 'app.forget' }, nowMs);
  }
}

interface KeptHost<Request, Answer> extends AnswerKeeperHost<Request, Answer> {
  released(): void;
}

/** One request that came. */
class Kept<Request, Answer> implements Part {
  answer: { readonly value: Answer } | undefined;
  bytes = 0;
  readonly #id: string;
  readonly #request: Request;
  readonly #keepMs: number;
  readonly #host: KeptHost<Request, Answer>;
  readonly #deadlines = new Deadlines(answerKeeperTimers);
  readonly #driver = new MachineDriver(answerKeeperTable, undefined, (output) => this.#perform(output));
  #nowMs = 0;

  constructor(id: string, request: Request, keepMs: number, host: KeptHost<Request, Answer>) {
    this.#id = id;
    this.#request = request;
    this.#keepMs = keepMs;
    this.#host = host;
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    if (this.#deadlines.takeDue(nowMs) !== undefined) this.dispatch({ type: 'timer.keep' }, nowMs);
  }

  dispatch(event: AnswerKeeperEvent, nowMs: number): void {
    this.#nowMs = nowMs;
    this.#driver.send(event);
  }

  #perform(output: string): void {
    switch (output) {
      case 'execute':
        return this.#host.execute(this.#id, this.#request);
      case 'sendAnswer':
        return this.answer === undefined ? undefined : this.#host.sendAnswer(this.#id, this.answer.value);
      case 'armKeep':
        return this.#deadlines.arm('keep', this.#nowMs + this.#keepMs);
      case 'release':
        this.#deadlines.disarmAll();
        return this.#host.released();
    }
  }
}
