import { getSystemErrorName } from 'node:util';
import type { HintName } from '../engine/counters.ts';
import type { Peer, SessionHandle } from '../engine/io-types.ts';
import type { DatagramSocket, DescribedSocket, Plane, SocketEvents } from './datagram-socket.ts';
import { MESSAGE_BYTES_MAX } from './segment-plan.ts';
import { SendBatch } from './send-batch.ts';
import type { SendCalls } from './send-calls.ts';
import { SendQueue } from './send-queue.ts';
import { isNumericIPv6, NamedPeer, socketAddress } from './socket-address.ts';
import type { UdpSocketOptions } from './udp-socket.ts';

/** Control that waits for the end of the turn: more of it leaves at once, so that the first has not long to wait. */
const GATHERED_CONTROL_MAX = 16;
/** How many of those that waited are tried at once, so that control that comes meanwhile has not long to wait. */
const RESUMED_DATAGRAMS = 64;

const WHOLE = 'the batch socket sends each datagram as a message';

/** Those that are open. What they have gathered leaves also when somebody ends the process in the middle of a turn. */
const open = new Set<BatchSocket>();
const flushAll = (): void => {
  for (const socket of open) socket.flush();
};

/** A datagram that the system refused, to be told of. */
interface Refused {
  readonly to: Peer;
  readonly hint: HintName;
  readonly bytes: number;
}

/**
 * A socket that hands what one turn of the event loop sends to the system in one call: datagrams of one size to one destination as one
 * message that the kernel cuts up (UDP_SEGMENT), messages to different ones together (sendmmsg). It waits and closes as the socket that it
 * has, which receives too ({@link BatchReceiver}), and sends on the same descriptor, so that the tuple is the same.
 *
 * A datagram waits for the end of the turn, or for {@link flush}, so that answers to all that was received together, and what the
 * timers of one ms let out, leave together. Each call wakes whoever receives, which on loopback costs more than the datagram does.
 * What the system does not take waits in a {@link SendQueue}, control first, until libuv has found room for one of them.
 * What waits longer than a turn is copied: see `emptied` of {@link SocketEvents}.
 */
export class BatchSocket implements DatagramSocket {
  readonly kind = 'batch';
  readonly #udp: DescribedSocket;
  readonly #events: SocketEvents;
  readonly #ipv6: boolean;
  readonly #names = new WeakMap<Peer, Uint8Array>();
  readonly #batch: SendBatch;
  readonly #queue: SendQueue;
  readonly #endTurn = (): void => {
    this.#turnEnds = false;
    this.flush();
  };
  readonly #tell = (): void => {
    const refused = this.#refused;
    this.#refused = [];
    for (const { to, hint, bytes } of refused) this.#events.sendFailed(to, hint, bytes);
  };
  #gatheredControl = 0;
  /** A flush is to come at the end of the turn. */
  #turnEnds = false;
  /** The system has no room: all that is sent waits in the queue. */
  #blocked = false;
  /** At most a batch for each callback of one turn of the event loop. */
  #refused: Refused[] = [];
  #closed: Promise<void> | undefined;
  #drained: (() => void) | undefined;

  private constructor(
    udp: DescribedSocket,
    events: SocketEvents,
    { address, sendQueue }: UdpSocketOptions,
    calls: SendCalls,
    notice: (text: string) => void,
  ) {
    const segments = calls.segments(udp.fd ?? -1);
    if (!segments) notice(`${WHOLE}: this kernel has no UDP_SEGMENT`);
    this.#udp = udp;
    this.#events = events;
    this.#ipv6 = isNumericIPv6(address);
    this.#queue = new SendQueue(sendQueue);
    this.#batch = new SendBatch(calls, segments, {
      refused: (to, hint, bytes) => this.#refuse(to, hint, bytes),
      cannotCut: () => notice(`${WHOLE}: a network device has no checksums for UDP_SEGMENT`),
    });
  }

  /**
   * Takes over a socket that is bound.
   *
   * @param options those that it was bound with.
   * @param notice hears, in one line, when messages are not cut up by the kernel.
   * @throws an Error that says why sending in batches does not work on it.
   */
  static over(
    udp: DescribedSocket,
    events: SocketEvents,
    options: UdpSocketOptions,
    calls: SendCalls,
    notice: (text: string) => void,
  ): BatchSocket {
    const { fd } = udp;
    if (fd === undefined) throw new Error('this Node does not show the descriptors of its sockets');
    // No message at all: a kernel or a sandbox without the call says so.
    const answer = calls.send(fd, 0);
    if (answer !== 0) throw new Error(`sendmmsg is refused (${getSystemErrorName(answer)})`);
    const socket = new BatchSocket(udp, events, options, calls, notice);
    if (open.size === 0) process.on('exit', flushAll);
    open.add(socket);
    return socket;
  }

  get local(): Peer {
    return this.#udp.local;
  }

  get receiveBufferBytes(): number {
    return this.#udp.receiveBufferBytes;
  }

  send(bytes: Uint8Array, to: Peer, plane: Plane, replaces?: SessionHandle): void {
    if (this.#closed !== undefined) return;
    if (this.#blocked) {
      this.#count(this.#queue.push({ bytes: bytes.slice(), to, plane, replaces }));
      return;
    }
    this.#gather(bytes, to, plane, replaces);
    if (plane === 'control') this.#gatheredControl++;
    if (this.#batch.full || this.#gatheredControl === GATHERED_CONTROL_MAX) return this.flush();
    if (this.#turnEnds) return;
    this.#turnEnds = true;
    setImmediate(this.#endTurn);
  }

  flush(): void {
    this.#gatheredControl = 0;
    if (this.#batch.length === 0) return;
    // Asked for each time: after close() the number may be another file's.
    const blocked = !this.#batch.transmit(this.#udp.fd ?? -1);
    this.#batch.takeBack((datagram) =>
      this.#count(this.#queue.putBack({ ...datagram, bytes: datagram.bytes.slice() })),
    );
    this.#events.emptied?.();
    if (blocked) this.#awaitRoom();
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    this.flush();
    if (this.#blocked) {
      await new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
    }
    open.delete(this);
    if (open.size === 0) process.off('exit', flushAll);
    await this.#udp.close();
  }

  #gather(bytes: Uint8Array, to: Peer, plane: Plane, replaces: SessionHandle | undefined): void {
    // Control goes to strangers too, whose names would be kept for nothing.
    const name =
      NamedPeer.nameOf(to, this.#ipv6) ?? (plane === 'media' ? this.#nameOf(to) : socketAddress(to, this.#ipv6));
    // Nothing for a batch, perhaps nothing at all: the usual way knows, and tells.
    if (name === undefined || bytes.length > MESSAGE_BYTES_MAX) this.#udp.send(bytes.slice(), to, plane, replaces);
    else this.#batch.add(bytes, to, name, plane, replaces);
  }

  #nameOf(to: Peer): Uint8Array | undefined {
    let name = this.#names.get(to);
    if (name === undefined) {
      name = socketAddress(to, this.#ipv6);
      if (name !== undefined) this.#names.set(to, name);
    }
    return name;
  }

  /** libuv watches the descriptor for as long as it has something to send: it gets the next one. */
  #awaitRoom(): void {
    const next = this.#queue.shift();
    if (next === undefined) return;
    this.#blocked = true;
    this.#udp.handOver(next.bytes, next.to, () => {
      this.#blocked = false;
      this.#resume();
    });
  }

  #resume(): void {
    while (!this.#blocked && this.#queue.length > 0) {
      for (let i = 0; i < RESUMED_DATAGRAMS; i++) {
        const next = this.#queue.shift();
        if (next === undefined) break;
        this.#gather(next.bytes, next.to, next.plane, next.replaces);
      }
      this.flush();
    }
    if (!this.#blocked) this.#drained?.();
  }

  #count(dropped: number): void {
    for (let i = 0; i < dropped; i++) this.#events.dropped('queue');
  }

  /** Told later: whoever is sending is not to be called back in the middle of it. */
  #refuse(to: Peer, hint: HintName, bytes: number): void {
    this.#refused.push({ to, hint, bytes });
    if (this.#refused.length === 1) setImmediate(this.#tell);
  }
}
