import type { FramingFault } from '../../src/neighbours/core/framing.ts';
import type { Transport, TransportEnd, TransportEvents } from '../../src/neighbours/core/transport.ts';

/** Opens a transport and keeps everything that it tells. */
export class Heard implements TransportEvents {
  readonly messages: Uint8Array[] = [];
  readonly faults: FramingFault[] = [];
  readonly ends: TransportEnd[] = [];
  endings = 0;
  /** The last of {@link endings} was within a message. */
  truncated = false;
  writables = 0;
  readonly #waiting: (() => void)[] = [];
  readonly transport: Transport;

  constructor(transport: Transport) {
    this.transport = transport;
    transport.open(this);
  }

  /** The messages as texts. */
  get texts(): string[] {
    return this.messages.map((bytes) => new TextDecoder().decode(bytes));
  }

  message(bytes: Uint8Array): void {
    this.messages.push(bytes);
    this.#wake();
  }

  malformed(fault: FramingFault): void {
    this.faults.push(fault);
    this.#wake();
  }

  ended(truncated: boolean): void {
    this.endings++;
    this.truncated = truncated;
    this.#wake();
  }

  writable(): void {
    this.writables++;
    this.#wake();
  }

  closed(end: TransportEnd): void {
    this.ends.push(end);
    this.#wake();
  }

  /** Fulfilled when `condition` holds, which is looked at after each event. */
  async until(condition: (heard: this) => boolean): Promise<void> {
    while (!condition(this)) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  #wake(): void {
    for (const wake of this.#waiting.splice(0)) wake();
  }
}

/** A text as bytes. */
export const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
