import type { HintName } from '../engine/counters.ts';
import type { Peer, SessionHandle } from '../engine/io-types.ts';
import type { ReceiveCalls } from './receive-calls.ts';

/** What a datagram is for; when the queue is full, media goes first. */
export type Plane = 'control' | 'feedback' | 'media';

/** Which socket it is: Node's own, or the one that hands many datagrams to the system at once, and takes many from it. */
export type SocketKind = 'dgram' | 'batch';

/** Told by a socket; set once, before the first datagram. */
export interface SocketEvents {
  datagram(bytes: Uint8Array, from: Peer): void;
  /** The operating system refused a datagram, or an ICMP message came: a hint, no more. `bytes` is 0 when unknown. */
  sendFailed(to: Peer, hint: HintName, bytes: number): void;
  /** The socket is gone. */
  failed(error: Error): void;
  /** Datagrams that were dropped because the queue was full, or that an impaired link swallowed. */
  dropped(cause: 'queue' | 'impaired'): void;
  /** Of all that it was given to send it needs nothing any more: it has left, or was copied. Not every socket tells. */
  emptied?(): void;
}

/** A bound UDP socket, or something that behaves like one. */
export interface DatagramSocket {
  /** How it sends and receives now. */
  readonly kind: SocketKind;
  /** Where it is bound. */
  readonly local: Peer;
  /** Receive buffer that the operating system granted, in bytes. */
  readonly receiveBufferBytes: number;
  /**
   * @param bytes must not change afterwards.
   * @param replaces a queued datagram with the same mark is not sent any more.
   */
  send(bytes: Uint8Array, to: Peer, plane: Plane, replaces?: SessionHandle): void;
  /** Lets leave at once what waits only so that more can go with it. */
  flush(): void;
  /** Lets queued datagrams leave, then closes. Never rejects. */
  close(): Promise<void>;
}

/** A socket on whose descriptor others may send. */
export interface DescribedSocket extends DatagramSocket {
  /** The descriptor; `undefined` where Node shows none, and once it is closed. */
  readonly fd: number | undefined;
  /** Has one datagram sent, which waits for room if need be; `done` is called when it has left or was refused. */
  handOver(bytes: Uint8Array, to: Peer, done: () => void): void;
  /**
   * From now on reads what waits together in one call. Absent: it is not the one that receives on its descriptor.
   *
   * @throws an Error that says why this does not work.
   */
  receiveTogether?(calls: ReceiveCalls): void;
}
