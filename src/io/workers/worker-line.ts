import type { MessagePort } from 'node:worker_threads';
import type { Peer } from '../../engine/io-types.ts';
import { DatagramRing, type RingKind, type RingReader } from './datagram-ring.ts';
import { type FromWorker, type ToWorker, WAKE } from './worker-messages.ts';

/** Datagrams taken from a ring before timers have their turn. */
const DATAGRAMS_PER_TURN = 64;

/** What a {@link RingPump} and a worker need of a port, or of a Worker. */
export interface MessageSender<Message> {
  postMessage(message: Message): void;
}

/** Reads a ring: when it is woken, until it is empty. */
export class RingPump {
  readonly #ring: DatagramRing;
  readonly #take: RingReader;
  #immediate: NodeJS.Immediate | undefined;

  constructor(memory: SharedArrayBuffer, take: RingReader) {
    this.#ring = new DatagramRing(memory);
    this.#take = take;
  }

  /** Takes what is there. */
  wake(): void {
    if (this.#immediate === undefined) this.#turn();
  }

  /** Takes all that is left; nothing comes any more. */
  finish(): void {
    clearImmediate(this.#immediate);
    while (!this.#ring.drain(DATAGRAMS_PER_TURN, this.#take));
  }

  #turn(): void {
    this.#immediate = undefined;
    if (!this.#ring.drain(DATAGRAMS_PER_TURN, this.#take)) this.#immediate = setImmediate(() => this.#turn());
  }
}

/** Puts datagrams into a ring, and wakes who reads it. */
export class RingWriter {
  readonly #ring: DatagramRing;
  readonly #reader: MessageSender<typeof WAKE>;

  constructor(memory: SharedArrayBuffer, reader: MessageSender<typeof WAKE>) {
    this.#ring = new DatagramRing(memory);
    this.#reader = reader;
  }

  /** @returns false when there is no room. */
  push(kind: RingKind, bytes: Uint8Array, peer: Peer, mark?: number): boolean {
    if (!this.#ring.push(kind, bytes, peer, mark)) return false;
    if (this.#ring.wakes()) this.#reader.postMessage(WAKE);
    return true;
  }
}

/** A worker's end of its line to the main thread. */
export class WorkerLine {
  readonly #port: MessagePort;
  readonly #writer: RingWriter;
  readonly #hear = new Set<(message: Exclude<ToWorker, typeof WAKE>) => void>();

  /** @param toMain ring that the main thread reads. */
  constructor(port: MessagePort, toMain: SharedArrayBuffer, wake: () => void) {
    this.#port = port;
    this.#writer = new RingWriter(toMain, port);
    port.on('message', (message: ToWorker) => {
      if (message === WAKE) return wake();
      for (const hear of this.#hear) hear(message);
    });
  }

  /** Every message is told, in order. */
  listen(hear: (message: Exclude<ToWorker, typeof WAKE>) => void): void {
    this.#hear.add(hear);
  }

  say(message: Exclude<FromWorker, typeof WAKE>): void {
    this.#port.postMessage(message);
  }

  /** @returns false when the main thread is too far behind. */
  push(kind: RingKind, bytes: Uint8Array, peer: Peer, mark?: number): boolean {
    return this.#writer.push(kind, bytes, peer, mark);
  }
}
