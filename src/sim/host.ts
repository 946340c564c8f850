import type { EventQueue } from './event-queue.ts';

/** An endpoint of either role, as the engine makes them. */
export interface SteppedEndpoint<Input, Output> {
  step(input: Input, nowMs: number): readonly Output[];
  deadlineMs(): number;
}

/** How a host's monotonic clock differs from the world's. */
export interface HostClock {
  /** Its time when the world's is 0, in ms; not negative. Default 0. */
  readonly offsetMs?: number;
  /** Its ms for each ms of the world; 1.0001 is 100 ppm fast. Default 1. */
  readonly rate?: number;
}

/** What a host does when it is woken after a pause: Node does not promise either order. */
export type WakeOrder = 'datagramsFirst' | 'timersFirst';

/** Datagrams that the socket of a host that stands still keeps at most; what comes then is lost. */
export const SOCKET_DATAGRAMS_MAX = 4096;

/** A failed allocation, thrown half-way through a step. */
export class AllocationFailure extends RangeError {
  constructor() {
    super('simulated: allocation failed');
    this.name = 'AllocationFailure';
  }
}

/** What a host is made of. */
export interface HostOptions<Endpoint, Output> {
  readonly queue: EventQueue;
  /** Starts the program anew. */
  readonly boot: () => Endpoint;
  readonly perform: (output: Output) => void;
  /** The program died of something that the simulation injected. */
  readonly died: () => void;
  readonly clock?: HostClock;
}

/**
 * A machine that runs one endpoint: its clock, its timer, and what can happen to it as a whole. It can stand still (`pause`), die
 * (`crash`) and come back with nothing but its options (`restart`).
 */
export class Host<Input extends { readonly kind: string }, Output, Endpoint extends SteppedEndpoint<Input, Output>> {
  endpoint: Endpoint;
  readonly #options: HostOptions<Endpoint, Output>;
  readonly #offsetMs: number;
  readonly #rate: number;
  #waiting: Input[] = [];
  #datagramsWaiting = 0;
  #state: 'running' | 'paused' | 'down' = 'running';
  #localMs = Number.NEGATIVE_INFINITY;
  #wakeAtMs = Number.POSITIVE_INFINITY;

  constructor(options: HostOptions<Endpoint, Output>) {
    this.#options = options;
    this.#offsetMs = options.clock?.offsetMs ?? 0;
    this.#rate = options.clock?.rate ?? 1;
    this.endpoint = options.boot();
  }

  get state(): 'running' | 'paused' | 'down' {
    return this.#state;
  }

  /** Monotonic time of this host now, in its own ms. */
  get localMs(): number {
    this.#localMs = Math.max(this.#localMs, this.#offsetMs + this.#rate * this.#options.queue.nowMs);
    return this.#localMs;
  }

  /**
   * Gives the endpoint an input now, or when the host goes on. Outputs are performed in order.
   *
   * @returns false when the input is lost, because the host is down or its socket is full.
   */
  give(input: Input): boolean {
    if (this.#state === 'down') return false;
    if (this.#state === 'running') {
      this.#step(input);
      return true;
    }
    if (input.kind === 'datagram' && ++this.#datagramsWaiting > SOCKET_DATAGRAMS_MAX) return false;
    this.#waiting.push(input);
    return true;
  }

  /** The host stands still: its timers do not fire, what arrives waits. */
  pause(): void {
    if (this.#state === 'running') this.#state = 'paused';
  }

  /** It goes on. */
  resume(order: WakeOrder = 'datagramsFirst'): void {
    if (this.#state !== 'paused') return;
    this.#state = 'running';
    this.#datagramsWaiting = 0;
    if (order === 'timersFirst') this.#timeout();
    for (const input of this.#waiting.splice(0)) this.give(input);
    if (order === 'datagramsFirst') this.#timeout();
  }

  /** The program is gone without a word. */
  crash(): void {
    this.#state = 'down';
    this.#waiting = [];
    this.#datagramsWaiting = 0;
    this.#wakeAtMs = Number.POSITIVE_INFINITY;
  }

  /** A new program in its place, whether the one before had crashed or not. It may die before it began. */
  restart(): void {
    this.crash();
    this.#mayDie(() => {
      this.endpoint = this.#options.boot();
      this.#state = 'running';
    });
  }

  #timeout(): void {
    if (this.endpoint.deadlineMs() <= this.localMs) this.#step({ kind: 'timeout' } as unknown as Input);
    else this.#schedule();
  }

  #step(input: Input): void {
    const { endpoint } = this;
    let outputs: readonly Output[] = [];
    this.#mayDie(() => {
      outputs = endpoint.step(input, this.localMs);
    });
    for (const output of outputs) {
      // What an output leads to may end the program.
      if (this.endpoint === endpoint && this.state !== 'down') this.#options.perform(output);
    }
    if (this.#state === 'running') this.#schedule();
  }

  #mayDie(run: () => void): void {
    try {
      run();
    } catch (error) {
      if (!(error instanceof AllocationFailure)) throw error;
      this.crash();
      this.#options.died();
    }
  }

  #schedule(): void {
    const deadlineMs = this.endpoint.deadlineMs();
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const atMs = (deadlineMs - this.#offsetMs) / this.#rate;
    if (atMs >= this.#wakeAtMs) return;
    this.#wakeAtMs = atMs;
    const { endpoint } = this;
    this.#options.queue.at(atMs, () => {
      if (this.#wakeAtMs !== atMs || this.endpoint !== endpoint) return;
      this.#wakeAtMs = Number.POSITIVE_INFINITY;
      if (this.#state !== 'running') return;
      // Rounding must not wake it a hair too early, again and again.
      this.#localMs = Math.max(this.localMs, deadlineMs);
      this.#step({ kind: 'timeout' } as unknown as Input);
    });
  }
}
