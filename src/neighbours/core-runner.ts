import { systemTiming, type Timing } from '../io/sources/timing.ts';
import type { LinkInput, LinkNumber, LinkOutput, SteppedCore } from './core/stepped-core.ts';
import type { Transport } from './core/transport.ts';

/** A timer that fires this late means that the event loop stood still, and messages may wait that must be read first. */
const STALL_MS = 5;
/** What a timer of Node takes; a later deadline is looked at again then. */
const TIMER_MS_MAX = 2 ** 31 - 1;

/**
 * Runs one protocol core on its connections and one timer: with real time, or in a simulated world. While the core waits for nothing
 * there is no timer at all.
 */
export class CoreRunner<Input extends { readonly kind: string }, Output extends { readonly kind: string }> {
  readonly #core: SteppedCore<Input, Output>;
  readonly #application: (output: Output) => void;
  readonly #timing: Timing;
  readonly #links = new Map<LinkNumber, Transport>();
  #lastLink: LinkNumber = 0;
  #cancel: () => void = () => {};
  #timerAtMs = Number.POSITIVE_INFINITY;
  #inputs: (Input | LinkInput)[] = [];
  #stepping = false;
  #stopped = false;

  /** @param application takes every output that is not for a connection. */
  constructor(core: SteppedCore<Input, Output>, application: (output: Output) => void, timing: Timing = systemTiming) {
    this.#core = core;
    this.#application = application;
    this.#timing = timing;
  }

  /** Connections that are not closed yet. */
  get links(): number {
    return this.#links.size;
  }

  /** Whether a timer is set. */
  get waiting(): boolean {
    return this.#timerAtMs !== Number.POSITIVE_INFINITY;
  }

  /** Gives the core a connection. @returns its number. */
  attach(transport: Transport): LinkNumber {
    this.#lastLink++;
    const link = this.#lastLink;
    this.#links.set(link, transport);
    const { reliable, messageBytesMax } = transport;
    this.step({ kind: 'connected', link, reliable, messageBytesMax });
    transport.open({
      message: (bytes) => this.step({ kind: 'message', link, bytes }),
      malformed: (fault) => this.step({ kind: 'malformed', link, fault }),
      ended: (truncated) => this.step({ kind: 'ended', link, truncated }),
      writable: () => this.step({ kind: 'writable', link }),
      closed: (end) => {
        this.#links.delete(link);
        this.step({ kind: 'disconnected', link, end });
      },
    });
    return link;
  }

  /** Gives the core an input now. One that comes while another is handled, from the application, is handled after it. */
  step(input: Input | LinkInput): void {
    if (this.#stopped) return;
    this.#inputs.push(input);
    if (this.#stepping) return;
    this.#stepping = true;
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        for (const output of this.#core.step(next, this.#timing.nowMs())) this.#do(output);
      }
    } finally {
      this.#stepping = false;
    }
    this.#arm();
  }

  /** Stops the timer and closes every connection after what waits was sent. The core hears of nothing any more. */
  stop(): void {
    this.#stopped = true;
    this.#inputs = [];
    this.#cancel();
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    for (const transport of this.#links.values()) transport.close();
  }

  #do(output: Output | LinkOutput): void {
    if (!isForLink(output)) return this.#application(output);
    const { link } = output;
    const transport = this.#links.get(link);
    if (output.kind === 'disconnect') return transport?.close();
    const refusal = transport?.send(output.bytes);
    // Handled after the input that is being handled, as everything is.
    if (refusal !== undefined) this.#inputs.push({ kind: 'refused', link, refusal });
  }

  #arm(): void {
    const deadlineMs = this.#core.deadlineMs();
    if (deadlineMs === this.#timerAtMs || this.#stopped) return;
    this.#cancel();
    this.#timerAtMs = deadlineMs;
    if (deadlineMs === Number.POSITIVE_INFINITY) return;
    const waitMs = Math.max(0, deadlineMs - this.#timing.nowMs());
    this.#cancel = this.#timing.after(Math.min(waitMs, TIMER_MS_MAX), () => this.#fire(deadlineMs));
  }

  #fire(deadlineMs: number): void {
    this.#timerAtMs = Number.POSITIVE_INFINITY;
    if (this.#timing.nowMs() - deadlineMs < STALL_MS) return this.step({ kind: 'timeout' });
    this.#cancel = this.#timing.afterInput(() => this.step({ kind: 'timeout' }));
  }
}

function isForLink(output: { readonly kind: string }): output is LinkOutput {
  return output.kind === 'send' || output.kind === 'disconnect';
}
