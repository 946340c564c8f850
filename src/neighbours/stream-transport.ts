import type { Readable, Writable } from 'node:stream';
import { systemTiming, type Timing } from '../io/sources/timing.ts';
import { LengthPrefixReader, MESSAGE_BYTES_MAX, withPrefix } from './core/framing.ts';
import { Tally } from './core/tally.ts';
import {
  CLOSE_MS,
  QUEUE_BYTES_MAX,
  type Refusal,
  type Transport,
  type TransportCounter,
  type TransportEnd,
  type TransportEvents,
  type TransportLimits,
  transportCounters,
} from './core/transport.ts';

/** What a byte stream is made with. */
export interface StreamTransportOptions extends TransportLimits {
  /** See {@link CLOSE_MS}. */
  readonly closeMs?: number;
  /** Clock and timers; default real ones. */
  readonly timing?: Timing;
}

/**
 * Messages over a byte stream of Node: a pair of pipes, a TCP or a TLS connection. Each message is one write, with its length before
 * it. What waits is what Node's own buffer holds, and no more is given to it than the limit.
 */
export class StreamTransport implements Transport {
  readonly reliable = true;
  readonly messageBytesMax: number;
  readonly #readable: Readable;
  readonly #writable: Writable;
  readonly #options: StreamTransportOptions;
  readonly #reader: LengthPrefixReader;
  readonly #counters = new Tally(transportCounters);
  #events: TransportEvents | undefined;
  #state: 'open' | 'closing' | 'closed' = 'open';
  #ended = false;
  #faulty = false;
  #refused = false;
  #cancel: () => void = () => {};

  /** @param writable may be the same as `readable`. */
  constructor(readable: Readable, writable: Writable, options: StreamTransportOptions = {}) {
    this.#readable = readable;
    this.#writable = writable;
    this.#options = options;
    this.messageBytesMax = options.messageBytesMax ?? MESSAGE_BYTES_MAX;
    this.#reader = new LengthPrefixReader(this.messageBytesMax);
    // Both keep their listeners for good: an EPIPE may come after everything else is over.
    const failed = (error: NodeJS.ErrnoException): void => this.#over('failed', error.code ?? error.message);
    readable.on('error', failed);
    if ((writable as unknown) !== readable) writable.on('error', failed);
    writable.on('drain', () => this.#drained());
  }

  get counters(): Readonly<Record<TransportCounter, number>> {
    return this.#counters.snapshot();
  }

  open(events: TransportEvents): void {
    this.#events = events;
    this.#readable.on('end', () => this.#end());
    this.#readable.on('close', () => this.#gone());
    this.#writable.on('close', () => this.#gone());
    this.#readable.on('data', (chunk: Uint8Array) => this.#read(chunk));
    // What happened before anybody listened is told all the same.
    if (this.#readable.destroyed || this.#writable.destroyed) setImmediate(() => this.#gone());
  }

  send(message: Uint8Array): Refusal | undefined {
    const refusal = this.#refusalOf(message);
    this.#counters.add(refusal ?? 'sent');
    if (refusal === undefined) this.#writable.write(withPrefix(message));
    return refusal;
  }

  pause(): void {
    this.#readable.pause();
  }

  resume(): void {
    if (!this.#faulty) this.#readable.resume();
  }

  close(): void {
    if (this.#state !== 'open') return;
    this.#state = 'closing';
    const { closeMs = CLOSE_MS, timing = systemTiming } = this.#options;
    this.#cancel = timing.after(closeMs, () => this.destroy());
    this.#writable.end(() => this.#flushed());
    // Reads on, into nothing, so that the end of the peer's direction is seen.
    this.#readable.resume();
  }

  destroy(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closing';
    this.#readable.destroy();
    this.#writable.destroy();
    setImmediate(() => this.#over('local'));
  }

  #refusalOf(message: Uint8Array): Refusal | undefined {
    if (this.#state !== 'open' || this.#writable.destroyed || this.#writable.writableEnded) return 'closed';
    if (message.length === 0) return 'empty';
    if (message.length > this.messageBytesMax) return 'tooLarge';
    const { queueBytesMax = QUEUE_BYTES_MAX } = this.#options;
    if (this.#writable.writableLength + message.length <= queueBytesMax) return undefined;
    this.#refused = true;
    return 'queueFull';
  }

  #read(chunk: Uint8Array): void {
    if (this.#state !== 'open' || this.#faulty) return;
    const fault = this.#reader.read(chunk, (message) => {
      this.#counters.add('received');
      this.#events?.message(message);
      return this.#state === 'open';
    });
    if (fault === undefined || this.#state !== 'open') return;
    this.#faulty = true;
    this.#counters.add('malformed');
    this.#readable.pause();
    this.#events?.malformed(fault);
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    if (this.#state === 'open') this.#events?.ended(this.#reader.pendingBytes > 0);
    else this.#flushed();
  }

  /** A close is complete when everything is written and the peer ended too, where the two are one connection. */
  #flushed(): void {
    if (this.#state !== 'closing' || !this.#writable.writableFinished) return;
    const oneConnection = (this.#writable as unknown) === this.#readable;
    if (!oneConnection) this.#readable.destroy();
    if (!oneConnection || this.#ended) this.#over(this.#ended ? 'ended' : 'local');
  }

  /** A half of it was closed: for a connection that is all of it, for pipes the other half may still be read, or written to. */
  #gone(): void {
    if (this.#state === 'open' && this.#readable.readable && !this.#ended && this.#writable.destroyed) return;
    const oneConnection = (this.#writable as unknown) === this.#readable;
    if (this.#state === 'open' && !oneConnection && this.#ended && !this.#writable.destroyed) return;
    if (this.#state === 'open') return this.#over(this.#ended ? 'ended' : 'failed', 'closed');
    if (this.#readable.destroyed && this.#writable.destroyed) this.#over(this.#ended ? 'ended' : 'local');
  }

  #drained(): void {
    if (!this.#refused || this.#state !== 'open') return;
    this.#refused = false;
    this.#events?.writable();
  }

  #over(cause: TransportEnd['cause'], detail?: string): void {
    if (this.#state === 'closed') return;
    const local = this.#state === 'closing' && cause === 'failed';
    this.#state = 'closed';
    this.#cancel();
    this.#readable.destroy();
    this.#writable.destroy();
    this.#events?.closed({ cause: local ? 'local' : cause, truncated: this.#reader.pendingBytes > 0, detail });
  }
}
