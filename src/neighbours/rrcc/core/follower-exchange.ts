import { type RrccFollowerEvent, type RrccFollowerState, rrccFollowerTimers } from '../../../../machines/index.ts';
import { Deadlines } from '../../../engine/deadlines.ts';
import { MachineDriver } from '../../../engine/driver.ts';
import type { Part } from '../../core/part.ts';
import type { LinkNumber } from '../../core/stepped-core.ts';
import { type EnvelopeBody, encodeEnvelope } from './codec.ts';
import { ConfirmState, Status } from './rrcc_pb.ts';
import { rrccFollowerTable } from './tables.ts';

/** What a worker is given. */
export interface Work {
  readonly exchangeId: bigint;
  /** Tells this execution from others of the same exchange. */
  readonly run: number;
  readonly round: number;
  readonly method: string;
  readonly params: Uint8Array;
  readonly contentType: string;
  /** How long it may take, in ms. */
  readonly deadlineMs: number;
}

/** What a worker gives, or what is said in its place. */
export interface Answer {
  readonly status: Status;
  readonly result: Uint8Array;
  readonly contentType: string;
  /** Short text, only if the status is not OK. */
  readonly error: string;
}

/** What an exchange asks of its follower. */
export interface FollowerExchangeHost {
  /** How long records are kept, in ms. */
  readonly keepMs: number;
  /** @param small the same, said shorter, where `bytes` are too many for the link. */
  send(link: LinkNumber, bytes: Uint8Array, small?: Uint8Array): void;
  execute(work: Work): void;
  /** Its {@link FollowerExchange.run} is not wanted any more. */
  abort(exchange: FollowerExchange): void;
  ended(exchange: FollowerExchange): void;
  closed(exchange: FollowerExchange): void;
}

/** A message that begins a round. */
export interface RoundStart {
  readonly params: Uint8Array;
  readonly contentType: string;
  /** Why it is refused. */
  readonly refusal: Answer | undefined;
}

const EMPTY = new Uint8Array(0);

/** An answer without a result. */
export function failure(status: Status, error: string): Answer {
  return { status, result: EMPTY, contentType: '', error };
}

/** One exchange of a follower: gives the outputs of its machine their meaning. */
export class FollowerExchange implements Part {
  readonly exchangeId: bigint;
  readonly method: string;
  readonly #workMs: number;
  readonly #host: FollowerExchangeHost;
  readonly #deadlines = new Deadlines(rrccFollowerTimers);
  readonly #driver = new MachineDriver(rrccFollowerTable, undefined, (output) => this.#perform(output));
  #link: LinkNumber = 0;
  #attempt = 0;
  #start: RoundStart = { params: EMPTY, contentType: '', refusal: undefined };
  #answer: Answer | undefined;
  #run = 0;
  #nowMs = 0;

  /** @param workMs how long each round may take. */
  constructor(exchangeId: bigint, method: string, workMs: number, host: FollowerExchangeHost) {
    this.exchangeId = exchangeId;
    this.method = method;
    this.#workMs = workMs;
    this.#host = host;
  }

  get state(): RrccFollowerState {
    return this.#driver.state;
  }

  /** Also the id of the leader's message. */
  get round(): number {
    return this.#driver.context.round;
  }

  /** The execution that may finish. */
  get run(): number {
    return this.#run;
  }

  /** Bytes of the kept Response. */
  get answerBytes(): number {
    return this.#answer?.result.length ?? 0;
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    const due = this.#deadlines.takeDue(nowMs);
    if (due !== undefined) this.dispatch({ type: `timer.${due}` }, nowMs);
  }

  /** A message of the leader came: where from, and which copy of it. */
  heard(link: LinkNumber, attempt: number): void {
    this.#link = link;
    this.#attempt = attempt;
  }

  /** Begins the first round, or the next one after an answer. */
  begin(type: 'frame.request' | 'frame.continue', start: RoundStart, nowMs: number): void {
    this.#start = start;
    this.#answer = undefined;
    this.dispatch({ type, refused: start.refusal !== undefined }, nowMs);
  }

  /** The worker is done. */
  finished(answer: Answer, nowMs: number): void {
    this.#answer = answer;
    this.dispatch({ type: 'app.finished' }, nowMs);
  }

  /** Gives up the kept Response; the id is still known. */
  dropAnswer(): void {
    this.#answer = undefined;
  }

  /** @returns false when the state has no row for it. */
  dispatch(event: RrccFollowerEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const deadlines = this.#deadlines;
    switch (output) {
      case 'confirmAccepted':
        return this.#confirm(ConfirmState.ACCEPTED);
      case 'confirmRunning':
        return this.#confirm(ConfirmState.RUNNING);
      case 'confirmDone':
        return this.#confirm(ConfirmState.DONE);
      case 'confirmRefused':
        return this.#confirm(ConfirmState.REFUSED);
      case 'execute':
        return this.#execute();
      case 'abortWork':
        return this.#host.abort(this);
      case 'answerRefused':
        this.#answer = this.#start.refusal;
        return;
      case 'answerLate':
        this.#answer = failure(Status.DEADLINE_EXCEEDED, `not done within ${this.#workMs} ms`);
        return;
      case 'sendResponse':
        return this.#respond();
      case 'forgetParams':
        this.#start = { params: EMPTY, contentType: '', refusal: undefined };
        return;
      case 'armDeadline':
        return deadlines.arm('deadline', this.#nowMs + this.#workMs);
      case 'disarmDeadline':
        return deadlines.disarm('deadline');
      case 'armKeep':
        if (this.state === 'Ended') this.#host.ended(this);
        return deadlines.arm('keep', this.#nowMs + this.#host.keepMs);
      case 'armCrashed':
        // The leader's next copy comes when its timer R expires, which is the deadline of the work.
        return deadlines.arm('keep', this.#nowMs + this.#workMs + this.#host.keepMs);
      case 'disarmKeep':
        return deadlines.disarm('keep');
      case 'release':
        deadlines.disarmAll();
        return this.#host.closed(this);
    }
  }

  #execute(): void {
    const { params, contentType } = this.#start;
    this.#run++;
    this.#host.execute({
      exchangeId: this.exchangeId,
      run: this.#run,
      round: this.round,
      method: this.method,
      params,
      contentType,
      deadlineMs: this.#workMs,
    });
  }

  /** The Confirm of a round has the id 2 × round − 1, its Response the one after it: copies keep theirs. */
  #confirm(state: ConfirmState): void {
    const body: EnvelopeBody = { case: 'confirm', value: { confirms: BigInt(this.round), state } };
    this.#host.send(this.#link, this.#encode(2 * this.round - 1, body));
  }

  #respond(): void {
    if (this.#answer === undefined) return;
    const small = failure(Status.INTERNAL, `${this.answerBytes} bytes of result are too many for this connection`);
    this.#host.send(this.#link, this.#response(this.#answer), this.#response(small));
  }

  #response({ status, result, contentType, error }: Answer): Uint8Array {
    const inReplyTo = BigInt(this.round);
    const body: EnvelopeBody = { case: 'response', value: { inReplyTo, status, result, contentType, error } };
    return this.#encode(2 * this.round, body);
  }

  #encode(messageId: number, body: EnvelopeBody): Uint8Array {
    return encodeEnvelope({ exchangeId: this.exchangeId, messageId, attempt: this.#attempt, round: this.round }, body);
  }
}
