import type { HintName } from '../../engine/counters.ts';
import type { Peer } from '../../engine/io-types.ts';
import { bindAnywhere } from '../bind-anywhere.ts';
import type { Plane } from '../datagram-socket.ts';
import { UdpSocket, type UdpSocketOptions } from '../udp-socket.ts';
import { RingKind } from './datagram-ring.ts';
import type { HandedSocketOptions } from './worker-messages.ts';

const planeOf: Readonly<Partial<Record<RingKind, Plane>>> = {
  [RingKind.CONTROL]: 'control',
  [RingKind.FEEDBACK]: 'feedback',
  [RingKind.MEDIA]: 'media',
};

/** Who hears of the socket. */
export interface ReceiverHost {
  datagram(bytes: Uint8Array, from: Peer): void;
  sendFailed(to: Peer, hint: HintName, bytes: number): void;
  failed(): void;
  dropped(): void;
}

/** The socket of the main thread, when it receives for all workers: it also sends what they do not send themselves. */
export class Receiver {
  readonly #socket: UdpSocket;

  private constructor(socket: UdpSocket) {
    this.#socket = socket;
  }

  /** @throws the operating system's error, such as EADDRINUSE. */
  static async bind(options: UdpSocketOptions, host: ReceiverHost): Promise<Receiver> {
    const socket = await bindAnywhere(options.address, options.ipv6Only === true, (address) =>
      UdpSocket.bind(
        { ...options, address },
        {
          datagram: (bytes, from) => host.datagram(bytes, from),
          sendFailed: (to, hint, bytes) => host.sendFailed(to, hint, bytes),
          failed: () => host.failed(),
          dropped: () => host.dropped(),
        },
      ),
    );
    return new Receiver(socket);
  }

  get local(): Peer {
    return this.#socket.local;
  }

  /** What workers must know of it. */
  get handed(): HandedSocketOptions {
    const { local, receiveBufferBytes, fd } = this.#socket;
    return { local, receiveBufferBytes, fd };
  }

  /**
   * Sends what a worker put into its ring.
   *
   * @param replaces a mark that no other worker uses, if there is one.
   * @param room is called when there is room again for what had to wait.
   */
  send(kind: RingKind, bytes: Uint8Array, to: Peer, replaces: number | undefined, room: () => void): void {
    const plane = planeOf[kind];
    if (plane !== undefined) this.#socket.send(bytes, to, plane, replaces);
    else if (kind === RingKind.SEND_WHEN_ROOM) this.#socket.handOver(bytes, to, room);
  }

  close(): Promise<void> {
    return this.#socket.close();
  }
}

/**
 * An address and port that nobody has, for workers that each bind it: two cameras that share a port would each get a part of the
 * other's datagrams, and neither would know.
 *
 * @throws the operating system's error, such as EADDRINUSE.
 */
export async function freeAddress(options: UdpSocketOptions): Promise<Peer> {
  const nobody = { datagram() {}, sendFailed() {}, failed() {}, dropped() {} };
  const probe = await Receiver.bind(options, nobody);
  const { local } = probe;
  await probe.close();
  return local;
}
