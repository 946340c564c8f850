import type { SocketChoice } from '../config/settings.ts';
import type { Counters } from '../engine/counters.ts';
import type { ControlSend, FeedbackSend, SharedInput } from '../engine/io-types.ts';
import { MediaSend } from '../engine/media-gate.ts';
import type { ReusedMemory } from '../media/datagram-memory.ts';
import { bindSocket, type OpenSocket } from './bind-socket.ts';
import { monotonicMs } from './clock.ts';
import type { DatagramSocket, SocketEvents } from './datagram-socket.ts';
import { ImpairedSocket, type Impairment, impairedEvents } from './impaired-socket.ts';
import type { UdpSocketOptions } from './udp-socket.ts';

/** An endpoint of either role. */
export interface SteppedEndpoint<Input, Output> {
  readonly counters: Counters;
  step(input: Input | SharedInput, nowMs: number): readonly Output[];
  deadlineMs(): number;
}

/** What an endpoint's socket is like. */
export interface RunnerSocketOptions extends UdpSocketOptions {
  readonly socket: SocketChoice;
  /** See {@link bindSocket}. */
  readonly notice: (text: string) => void;
  readonly impairment: Impairment | undefined;
  /** See {@link bindSocket}. */
  readonly open?: OpenSocket | undefined;
  /** What the endpoint copies media into, to be released when the socket needs nothing of it. */
  readonly mediaMemory?: ReusedMemory | undefined;
}

/** A timer that fires this late means that the event loop stood still, and datagrams may wait that must be read first. */
const STALL_MS = 5;

/**
 * Runs one endpoint on one socket and one timer: the only place where the core meets real time.
 */
export class EndpointRunner<Input extends { readonly kind: string }, Output extends { readonly kind: string }> {
  readonly #endpoint: SteppedEndpoint<Input, Output>;
  readonly #application: (output: Output) => void;
  readonly #toldAtOnce: ReadonlySet<Output['kind']>;
  readonly #mediaMemory: ReusedMemory | undefined;
  #socket: DatagramSocket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #timerAtMs = Number.POSITIVE_INFINITY;
  #immediate: NodeJS.Immediate | undefined;
  /** Steps whose outputs are being performed. */
  #depth = 0;
  readonly #next: (Input | SharedInput)[] = [];
  #stopped = false;

  private constructor(
    endpoint: SteppedEndpoint<Input, Output>,
    application: (output: Output) => void,
    toldAtOnce: ReadonlySet<Output['kind']>,
    mediaMemory: ReusedMemory | undefined,
  ) {
    this.#endpoint = endpoint;
    this.#application = application;
    this.#toldAtOnce = toldAtOnce;
    this.#mediaMemory = mediaMemory;
  }

  /**
   * Binds a socket for the endpoint. Rejects as {@link bindSocket} does.
   *
   * @param toldAtOnce kinds of outputs that many sessions have in one turn, so that their answers are to leave together: the application
   * is told of them before what was sent has left. Default: none.
   */
  static async bind<Input extends { readonly kind: string }, Output extends { readonly kind: string }>(
    endpoint: SteppedEndpoint<Input, Output>,
    options: RunnerSocketOptions,
    application: (output: Output) => void,
    toldAtOnce: ReadonlySet<Output['kind']> = new Set(),
  ): Promise<EndpointRunner<Input, Output>> {
    const runner = new EndpointRunner(endpoint, application, toldAtOnce, options.mediaMemory);
    const events = runner.#events();
    const { impairment, socket: choice, notice, open } = options;
    if (impairment === undefined) {
      runner.#socket = await bindSocket(options, events, choice, notice, open);
    } else {
      const socket = await bindSocket(options, impairedEvents(events, impairment), choice, notice, open);
      runner.#socket = new ImpairedSocket(socket, events, impairment);
    }
    return runner;
  }

  get socket(): DatagramSocket {
    if (this.#socket === undefined) throw new Error('the socket is not bound');
    return this.#socket;
  }

  /** Gives the endpoint an input now, sends what it says, and hands the rest to the application. */
  step(input: Input | SharedInput): void {
    if (this.#stopped) return;
    this.#perform(input);
    while (this.#depth === 0) {
      const next = this.#next.shift();
      if (next === undefined) break;
      this.#perform(next);
    }
    // Datagrams, frames and timers come many together; what the application asks for does not.
    if (input.kind !== 'datagram' && input.kind !== 'media' && input.kind !== 'timeout') this.#socket?.flush();
    this.#arm();
  }

  /** As {@link step}, after the outputs of the step under way if there is one: so they keep the order of their causes. */
  stepNext(input: Input | SharedInput): void {
    if (this.#depth === 0) this.step(input);
    else this.#next.push(input);
  }

  /** Stops the timer and closes the socket after what waits was sent. */
  async close(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    clearImmediate(this.#immediate);
    await this.#socket?.close();
  }

  #perform(input: Input | SharedInput): void {
    const outputs = this.#endpoint.step(input, monotonicMs());
    this.#depth++;
    try {
      for (const output of outputs) this.#do(output);
    } finally {
      this.#depth--;
    }
  }

  #do(output: Output): void {
    if (isSend(output)) this.#send(output);
    else if (output instanceof MediaSend) this.#socket?.send(output.bytes, output.to, 'media');
    else this.#tell(output);
  }

  /** What was sent before it has left by then, unless it is told at once: an application may take its time. */
  #tell(output: Output): void {
    if (!this.#toldAtOnce.has(output.kind)) this.#socket?.flush();
    this.#application(output);
  }

  #send(output: ControlSend | FeedbackSend): void {
    const { bytes, to, plane } = output;
    this.#socket?.send(bytes, to, plane, 'replaces' in output ? output.replaces : undefined);
  }

  #events(): SocketEvents {
    const { counters } = this.#endpoint;
    return {
      datagram: (bytes, from) => this.step({ kind: 'datagram', bytes, from }),
      sendFailed: (to, hint, bytes) => this.step({ kind: 'sendFailed', to, hint, bytes }),
      failed: () => this.step({ kind: 'socketFailed' }),
      dropped: (cause) => counters.add(cause === 'queue' ? 'sendQueueDropped' : 'linkImpaired'),
      // While outputs are performed, some may not have been given to the socket.
      emptied: () => {
        if (this.#depth === 0) this.#mediaMemory?.release();
      },
    };
  }

  /** A timer that is too early costs less than to move it each time that a deadline goes back. */
  #arm(): void {
    const deadlineMs = this.#endpoint.deadlineMs();
    if (deadlineMs >= this.#timerAtMs || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#timerAtMs = deadlineMs;
    const waitMs = Math.ceil(deadlineMs - monotonicMs());
    this.#timer = setTimeout(() => this.#fire(deadlineMs), Math.min(Math.max(waitMs, 0), 2 ** 31 - 1));
  }

  #fire(armedForMs: number): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    const nowMs = monotonicMs();
    if (this.#endpoint.deadlineMs() > nowMs) return this.#arm();
    if (nowMs - armedForMs < STALL_MS) return this.step({ kind: 'timeout' });
    this.#immediate = setImmediate(() => this.step({ kind: 'timeout' }));
  }
}

function isSend(output: { readonly kind: string }): output is ControlSend | FeedbackSend {
  return output.kind === 'send';
}
