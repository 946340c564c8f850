import type { Socket } from 'node:dgram';
import { DgramAsPromised, type SocketAsPromised } from 'dgram-as-promised';
import { RECEIVE_BUFFER_BYTES } from '../config/settings.ts';
import { type HintName, hintName } from '../engine/counters.ts';
import type { Peer, SessionHandle } from '../engine/io-types.ts';
import { BatchReceiver } from './batch-receiver.ts';
import type { DescribedSocket, Plane, SocketEvents } from './datagram-socket.ts';
import type { ReceiveCalls } from './receive-calls.ts';
import { SendQueue, type SendQueueLimits } from './send-queue.ts';
import { isNumericIPv6 } from './socket-address.ts';

/** Where and how to bind. */
export interface UdpSocketOptions {
  /** Numeric address; `::` takes IPv4 too unless `ipv6Only`. */
  readonly address: string;
  /** 0 for any. */
  readonly port: number;
  readonly ipv6Only?: boolean;
  /** Asked of the operating system; default 4 MiB. */
  readonly receiveBufferBytes?: number;
  /** Others may bind the same port, and the system spreads datagrams over all (SO_REUSEPORT); default false. */
  readonly reusePort?: boolean;
  /** Connects, so that datagrams of others are not received and ICMP errors are. */
  readonly remote?: Peer;
  /** What waits to be sent at most; default 256 datagrams, 1 MiB. */
  readonly sendQueue?: SendQueueLimits;
}

/** Datagrams handed to libuv and not yet reported as sent. */
const IN_FLIGHT_MAX = 64;

/**
 * A UDP socket of dgram-as-promised. It is used to bind, connect and close only: its `recv()` and async iterator lose
 * datagrams that come in the same turn of the event loop (7 of 200 arrived), so one `message` listener stays on the socket.
 */
export class UdpSocket implements DescribedSocket {
  readonly kind = 'dgram';
  readonly local: Peer;
  readonly #owner: SocketAsPromised;
  readonly #socket: Socket;
  readonly #events: SocketEvents;
  readonly #remote: Peer | undefined;
  readonly #queue: SendQueue;
  #state: { readonly handle: unknown } | undefined;
  #more: BatchReceiver | undefined;
  #inFlight = 0;
  #closing = false;
  #closed: Promise<void> | undefined;
  #idle: (() => void) | undefined;

  private constructor(owner: SocketAsPromised, events: SocketEvents, { remote, sendQueue }: UdpSocketOptions) {
    this.#owner = owner;
    this.#socket = owner.socket;
    this.#events = events;
    this.#remote = remote;
    this.#queue = new SendQueue(sendQueue);
    const { address, port } = this.#socket.address();
    this.local = { address, port };
    this.#socket.on('message', (bytes, from) => {
      if (this.#closing) return;
      events.datagram(bytes, { address: from.address, port: from.port });
      this.#more?.readMore();
    });
    this.#socket.on('error', (error: NodeJS.ErrnoException) => this.#failed(error, 0));
  }

  /**
   * Binds.
   *
   * @throws the operating system's error, such as EADDRINUSE or EADDRNOTAVAIL.
   */
  static async bind(options: UdpSocketOptions, events: SocketEvents): Promise<UdpSocket> {
    const owner = DgramAsPromised.createSocket({
      type: isNumericIPv6(options.address) ? 'udp6' : 'udp4',
      ipv6Only: options.ipv6Only ?? false,
      ...(options.reusePort === true ? { reusePort: true } : {}),
      // Addresses are numeric; the default would resolve them anew, a turn of the event loop later, for every datagram.
      lookup: (address, family, done) => done(null, address, typeof family === 'number' ? family : 4),
    });
    try {
      await owner.bind({ address: options.address, port: options.port });
      if (options.remote !== undefined) await connect(owner.socket, options.remote);
    } catch (error) {
      await owner.close().catch(() => {});
      throw error;
    }
    owner.socket.setRecvBufferSize(options.receiveBufferBytes ?? RECEIVE_BUFFER_BYTES);
    return new UdpSocket(owner, events, options);
  }

  get receiveBufferBytes(): number {
    // Linux reports twice the size, for its own bookkeeping (socket(7), SO_RCVBUF).
    return this.#socket.getRecvBufferSize() / (process.platform === 'linux' ? 2 : 1);
  }

  /** The descriptor, for those who send past libuv; `undefined` where Node shows none, and once it is closed. */
  get fd(): number | undefined {
    this.#state ??= stateOf(this.#socket);
    const handle: unknown = this.#state?.handle;
    if (typeof handle !== 'object' || handle === null || !('fd' in handle)) return undefined;
    return typeof handle.fd === 'number' && handle.fd >= 0 ? handle.fd : undefined;
  }

  receiveTogether(calls: ReceiveCalls): void {
    const [fd, closing] = [() => this.fd, () => this.#closing];
    this.#more = new BatchReceiver(calls, {
      get fd() {
        return fd();
      },
      get closing() {
        return closing();
      },
      datagram: (bytes, from) => this.#events.datagram(bytes, from),
      receiveFailed: (error) => this.#failed(error, 0),
    });
  }

  /** Hands one datagram to libuv, which waits for room if need be; `done` is called when it has left or was refused. */
  handOver(bytes: Uint8Array, to: Peer, done: () => void): void {
    this.#hand(bytes, to, done);
  }

  send(bytes: Uint8Array, to: Peer, plane: Plane, replaces?: SessionHandle): void {
    if (this.#closing) return;
    if (this.#inFlight < IN_FLIGHT_MAX && this.#queue.length === 0) return this.#hand(bytes, to);
    const dropped = this.#queue.push({ bytes, to, plane, replaces });
    for (let i = 0; i < dropped; i++) this.#events.dropped('queue');
  }

  /** Nothing waits for more. */
  flush(): void {}

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.#closing = true;
    if (this.#inFlight > 0) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await this.#owner.close().catch(() => {});
  }

  #hand(bytes: Uint8Array, to: Peer, done?: () => void): void {
    this.#inFlight++;
    const handed = (error: Error | null): void => {
      this.#handed(error, to, bytes.length);
      done?.();
    };
    try {
      if (this.#remote === undefined) this.#socket.send(bytes, to.port, to.address, handed);
      else this.#socket.send(bytes, handed);
    } catch (error) {
      handed(error as Error);
    }
  }

  #handed(error: NodeJS.ErrnoException | null, to: Peer, bytes: number): void {
    this.#inFlight--;
    if (error !== null) this.#events.sendFailed(to, hintOf(error), bytes);
    const next = this.#queue.shift();
    if (next !== undefined) this.#hand(next.bytes, next.to);
    else if (this.#inFlight === 0) this.#idle?.();
  }

  /** An error without a datagram: on a connected socket an ICMP message, anything else is the end of the socket. */
  #failed(error: NodeJS.ErrnoException, bytes: number): void {
    const hint = hintOf(error);
    if (hint === 'other' && !(this.#remote !== undefined && toldByIcmp(error))) this.#events.failed(error);
    else if (this.#remote !== undefined) this.#events.sendFailed(this.#remote, hint, bytes);
  }
}

/**
 * What Linux makes of ICMP messages besides those that have a hint of their own: protocol unreachable, source route failed, host
 * unknown, host isolated, bad parameter. Anybody can forge one who guesses a port, so none of them may end a socket (S7).
 */
const icmpErrors: ReadonlySet<string | undefined> = new Set([
  'ENOPROTOOPT',
  'ENOTSUP',
  'EOPNOTSUPP',
  'EHOSTDOWN',
  'ENONET',
  'EPROTO',
]);
/** The same without a name in libuv. */
const ENONET = -64;

function toldByIcmp({ code, errno }: NodeJS.ErrnoException): boolean {
  return icmpErrors.has(code) || (process.platform === 'linux' && errno === ENONET);
}

function hintOf(error: NodeJS.ErrnoException): HintName {
  return hintName(error.code ?? '');
}

/** Where Node (20 to 26) keeps a socket's handle. `_handle` would be the same, with a warning to the user (DEP0112). */
function stateOf(socket: Socket): { readonly handle: unknown } | undefined {
  for (const symbol of Object.getOwnPropertySymbols(socket)) {
    if (symbol.description !== 'state symbol') continue;
    const state: unknown = Reflect.get(socket, symbol);
    if (typeof state === 'object' && state !== null && 'handle' in state) return state;
  }
  return undefined;
}

function connect(socket: Socket, remote: Peer): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.connect(remote.port, remote.address, () => {
      socket.off('error', reject);
      resolve();
    });
  });
}
