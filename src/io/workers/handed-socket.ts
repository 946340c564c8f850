import type { Peer, SessionHandle } from '../../engine/io-types.ts';
import type { DescribedSocket, Plane, SocketEvents } from '../datagram-socket.ts';
import { RingKind } from './datagram-ring.ts';
import type { WorkerLine } from './worker-line.ts';
import type { HandedSocketOptions } from './worker-messages.ts';

const kindOfPlane = {
  control: RingKind.CONTROL,
  feedback: RingKind.FEEDBACK,
  media: RingKind.MEDIA,
} as const satisfies Record<Plane, RingKind>;

/**
 * A worker's part of the main thread's socket: what comes is handed to it, what it sends goes back the same way. A batch socket over
 * it sends on the descriptor itself, which all threads have, and the main thread hears only of what had no room.
 */
export class HandedSocket implements DescribedSocket {
  readonly kind = 'dgram';
  readonly local: Peer;
  readonly receiveBufferBytes: number;
  readonly fd: number | undefined;
  readonly #line: WorkerLine;
  readonly #events: SocketEvents;
  /** Of those that wait for room, oldest first. */
  readonly #waiting: (() => void)[] = [];
  #closing = false;

  constructor({ local, receiveBufferBytes, fd }: HandedSocketOptions, line: WorkerLine, events: SocketEvents) {
    this.local = local;
    this.receiveBufferBytes = receiveBufferBytes;
    this.fd = fd;
    this.#line = line;
    this.#events = events;
    line.listen((message) => {
      if (this.#closing) return;
      if (message.kind === 'sendFailed') events.sendFailed(message.to, message.hint, message.bytes);
      else if (message.kind === 'socketFailed') events.failed(new Error('the socket is gone'));
      else if (message.kind === 'room') this.#waiting.shift()?.();
    });
  }

  /** A datagram for this worker. */
  receive(bytes: Uint8Array, from: Peer): void {
    if (!this.#closing) this.#events.datagram(bytes, from);
  }

  send(bytes: Uint8Array, to: Peer, plane: Plane, replaces?: SessionHandle): void {
    if (this.#closing) return;
    if (!this.#line.push(kindOfPlane[plane], bytes, to, replaces)) this.#events.dropped('queue');
  }

  /** Nothing waits here. */
  flush(): void {}

  handOver(bytes: Uint8Array, to: Peer, done: () => void): void {
    if (this.#line.push(RingKind.SEND_WHEN_ROOM, bytes, to)) {
      this.#waiting.push(done);
      return;
    }
    this.#events.dropped('queue');
    setImmediate(done);
  }

  async close(): Promise<void> {
    this.#closing = true;
  }
}
