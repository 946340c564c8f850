import type { Peer, SessionHandle } from '../engine/io-types.ts';
import { Prng } from '../sim/prng.ts';
import type { DatagramSocket, Plane, SocketEvents, SocketKind } from './datagram-socket.ts';

/** How a program makes its own link worse, to see what loss does. */
export interface Impairment {
  /** Fraction lost each way, 0..0.95. */
  readonly fraction: number;
  /** The same seed drops the same datagrams, counted from the first. */
  readonly seed: number;
}

/** The events of a socket whose incoming datagrams get lost. */
export function impairedEvents(events: SocketEvents, { fraction, seed }: Impairment): SocketEvents {
  const prng = new Prng(seed, 1);
  return {
    datagram: (bytes, from) => {
      if (prng.chance(fraction)) events.dropped('impaired');
      else events.datagram(bytes, from);
    },
    sendFailed: (to, hint, bytes) => events.sendFailed(to, hint, bytes),
    failed: (error) => events.failed(error),
    dropped: (cause) => events.dropped(cause),
  };
}

/** A socket whose outgoing datagrams get lost before they reach the network. */
export class ImpairedSocket implements DatagramSocket {
  readonly local: Peer;
  readonly #socket: DatagramSocket;
  readonly #events: SocketEvents;
  readonly #fraction: number;
  readonly #prng: Prng;

  constructor(socket: DatagramSocket, events: SocketEvents, { fraction, seed }: Impairment) {
    this.local = socket.local;
    this.#socket = socket;
    this.#events = events;
    this.#fraction = fraction;
    this.#prng = new Prng(seed, 2);
  }

  get kind(): SocketKind {
    return this.#socket.kind;
  }

  get receiveBufferBytes(): number {
    return this.#socket.receiveBufferBytes;
  }

  send(bytes: Uint8Array, to: Peer, plane: Plane, replaces?: SessionHandle): void {
    if (this.#prng.chance(this.#fraction)) this.#events.dropped('impaired');
    else this.#socket.send(bytes, to, plane, replaces);
  }

  flush(): void {
    this.#socket.flush();
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}
