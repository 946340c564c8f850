import type { HelloEvent, HelloFailure, HelloState } from '../../../machines/index.ts';
import { helloTimers } from '../../../machines/index.ts';
import { Deadlines } from '../../engine/deadlines.ts';
import { MachineDriver } from '../../engine/driver.ts';
import type { Part } from './part.ts';
import { helloTable } from './tables.ts';
import { Tally } from './tally.ts';

/** How hellos are exchanged. */
export interface HelloOptions {
  /** This end sends the first hello; the other answers. */
  readonly opens: boolean;
  /** From the start to Established, in ms. RedPepper 3,000, ProcVision 2,000. */
  readonly deadlineMs: number;
  /** What is wrong with the peer's hello is counted and borne. Default false. */
  readonly lenient?: boolean;
  /** Messages that are held while the hello is judged. Default 32. */
  readonly heldMax?: number;
}

/** What a hello asks of the protocol. */
export interface HelloHost<Message> {
  sendHello(): void;
  /** Tells the peer why, if the protocol can; the connection is closed by {@link ended}. */
  sendRefusal(failure: HelloFailure): void;
  /** The peer's hello came first: call `admitted` or `refused`, now or later. Never asked of an end that opens. */
  judge(): void;
  /** Hellos were exchanged. */
  established(): void;
  /** A message that was held, in its order, after {@link established}. */
  deliver(message: Message): void;
  /** The exchange, or the connection after it, is over. Told once. */
  ended(failure: HelloFailure): void;
}

/** What is counted. */
export const helloCounters = ['incompatible', 'outOfOrder', 'late', 'repeated'] as const;

/** The hello of one connection. */
export class Hello<Message> implements Part {
  readonly #options: Required<HelloOptions>;
  readonly #host: HelloHost<Message>;
  readonly #deadlines = new Deadlines(helloTimers);
  readonly #counters = new Tally(helloCounters);
  readonly #driver;
  #held: Message[] = [];
  #nowMs = 0;

  constructor(options: HelloOptions, host: HelloHost<Message>) {
    this.#options = { lenient: false, heldMax: 32, ...options };
    this.#host = host;
    this.#driver = new MachineDriver(helloTable, this.#options, (output) => this.#perform(output));
  }

  get state(): HelloState {
    return this.#driver.state;
  }

  /** Counters by name, see {@link helloCounters}. */
  get counters(): Readonly<Record<(typeof helloCounters)[number], number>> {
    return this.#counters.snapshot();
  }

  deadlineMs(): number {
    return this.#deadlines.earliestMs();
  }

  timeout(nowMs: number): void {
    while (this.#deadlines.takeDue(nowMs) !== undefined) this.#send({ type: 'timer.deadline' }, nowMs);
  }

  /** The connection is there. */
  start(nowMs: number): void {
    this.#send({ type: 'app.start' }, nowMs);
  }

  /** The peer's hello came. @param compatible its version can be spoken with. */
  hello(compatible: boolean, nowMs: number): void {
    if (!compatible) this.#counters.add('incompatible');
    if (!this.#send({ type: 'frame.hello', compatible }, nowMs)) this.#counters.add('repeated');
  }

  /**
   * Any other message came.
   *
   * @returns true when it is for the protocol now; false when it is held, or ended the connection, or came after its end.
   */
  other(message: Message, nowMs: number): boolean {
    if (this.state === 'Established') return true;
    if (this.state === 'Judging' && this.#held.length < this.#options.heldMax) {
      this.#held.push(message);
      return !this.#send({ type: 'frame.other', roomLeft: true }, nowMs);
    }
    this.#counters.add('outOfOrder');
    this.#send({ type: 'frame.other', roomLeft: false }, nowMs);
    // A lenient opener goes on without a hello.
    return this.#driver.state === 'Established';
  }

  /** The judgement: the peer may stay. */
  admitted(nowMs: number): void {
    this.#send({ type: 'app.admitted' }, nowMs);
    for (let held = this.#held.shift(); held !== undefined && this.state === 'Established'; held = this.#held.shift()) {
      this.#host.deliver(held);
    }
  }

  /** The judgement: the peer may not. */
  refused(nowMs: number): void {
    this.#send({ type: 'app.refused' }, nowMs);
  }

  /** This end closes the connection. */
  close(nowMs: number): void {
    this.#send({ type: 'app.close' }, nowMs);
  }

  /** The connection is gone. */
  disconnected(nowMs: number): void {
    this.#send({ type: 'app.disconnected' }, nowMs);
  }

  #send(event: HelloEvent, nowMs: number): boolean {
    this.#nowMs = nowMs;
    return this.#driver.send(event);
  }

  #perform(output: string): void {
    const { failure } = this.#driver.context;
    switch (output) {
      case 'sendHello':
        return this.#host.sendHello();
      case 'sendRefusal':
        return failure === '' ? undefined : this.#host.sendRefusal(failure);
      case 'askJudgement':
        return this.#host.judge();
      case 'reportEstablished':
        return this.#host.established();
      case 'reportLate':
        return this.#counters.add('late');
      case 'armDeadline':
        return this.#deadlines.arm('deadline', this.#nowMs + this.#options.deadlineMs);
      case 'disarmDeadline':
        return this.#deadlines.disarmAll();
      case 'release':
        this.#deadlines.disarmAll();
        this.#held = [];
        if (failure !== '') this.#host.ended(failure);
    }
  }
}
