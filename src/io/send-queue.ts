import type { Peer, SessionHandle } from '../engine/io-types.ts';
import type { Plane } from './datagram-socket.ts';

/** A datagram that waits for the socket. */
export interface QueuedDatagram {
  readonly bytes: Uint8Array;
  readonly to: Peer;
  readonly plane: Plane;
  readonly replaces: SessionHandle | undefined;
}

/** Most datagrams that wait, unless {@link SendQueueLimits} say otherwise. */
export const SEND_QUEUE_DATAGRAMS_MAX = 256;
/** Most bytes that wait, unless {@link SendQueueLimits} say otherwise. */
export const SEND_QUEUE_BYTES_MAX = 1024 * 1024;

/** What a {@link SendQueue} keeps at most. */
export interface SendQueueLimits {
  readonly datagramsMax: number;
  readonly bytesMax: number;
}

const usual: SendQueueLimits = { datagramsMax: SEND_QUEUE_DATAGRAMS_MAX, bytesMax: SEND_QUEUE_BYTES_MAX };

/**
 * What waits for the socket: libuv queues without bound, so that no more is handed to it than it can send at once. Control
 * goes before media; when the queue is full the oldest media goes, and only when there is none the oldest of all.
 */
export class SendQueue {
  readonly #limits: SendQueueLimits;
  #urgent: QueuedDatagram[] = [];
  #media: QueuedDatagram[] = [];
  #bytes = 0;

  constructor(limits: SendQueueLimits = usual) {
    this.#limits = limits;
  }

  /** Datagrams that wait. */
  get length(): number {
    return this.#urgent.length + this.#media.length;
  }

  /** @returns how many datagrams had to be dropped for it. */
  push(datagram: QueuedDatagram): number {
    if (datagram.replaces !== undefined) this.#forget(datagram.replaces);
    (datagram.plane === 'media' ? this.#media : this.#urgent).push(datagram);
    return this.#added(datagram);
  }

  /** Gives back what was taken and could not be sent: it is the next of its kind again. @returns as {@link push}. */
  putBack(datagram: QueuedDatagram): number {
    (datagram.plane === 'media' ? this.#media : this.#urgent).unshift(datagram);
    return this.#added(datagram);
  }

  /** The next to send. */
  shift(): QueuedDatagram | undefined {
    const next = this.#urgent.shift() ?? this.#media.shift();
    this.#bytes -= next?.bytes.length ?? 0;
    return next;
  }

  #added(datagram: QueuedDatagram): number {
    this.#bytes += datagram.bytes.length;
    let dropped = 0;
    const { datagramsMax, bytesMax } = this.#limits;
    while (this.length > datagramsMax || this.#bytes > bytesMax) {
      const oldest = this.#media.shift() ?? this.#urgent.shift();
      this.#bytes -= oldest?.bytes.length ?? 0;
      dropped++;
    }
    return dropped;
  }

  #forget(mark: SessionHandle): void {
    const index = this.#urgent.findIndex((queued) => queued.replaces === mark);
    if (index < 0) return;
    const [replaced] = this.#urgent.splice(index, 1);
    this.#bytes -= replaced?.bytes.length ?? 0;
  }
}
