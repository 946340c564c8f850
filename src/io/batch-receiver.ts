import { getSystemErrorName } from 'node:util';
import type { Peer } from '../engine/io-types.ts';
import { DatagramSlab } from '../protocol/datagram-slab.ts';
import { Errno } from './libc.ts';
import { PeerTable } from './peer-table.ts';
import type { ReceiveCalls } from './receive-calls.ts';
import { RECEIVED_MAX } from './receive-vector.ts';

/** Datagrams that one turn of the event loop reads at most beside those of libuv, so that timers and other sockets have their turn. */
export const TURN_DATAGRAMS_MAX = 256;
/** When so many or fewer may still be read, they are all allowed again at the end of the turn. */
const COUNTED_FROM = TURN_DATAGRAMS_MAX - RECEIVED_MAX;
/** Datagrams of libuv after which it is tried again whether others wait, when none did: to ask in vain takes 1 us. */
const QUIET_DATAGRAMS = 4;
/** Whoever keeps a datagram keeps the piece of memory that it was cut from: of control some 80 are in one. */
const PIECE_BYTES = 8192;

/** The socket that is read from. */
export interface ReceivingSocket {
  /** Its descriptor, asked for before each call: after it is closed the number may be another file's. */
  readonly fd: number | undefined;
  /** Nothing is to be received any more. */
  readonly closing: boolean;
  datagram(bytes: Uint8Array, from: Peer): void;
  /** A call failed, for a reason other than that nothing waits. */
  receiveFailed(error: NodeJS.ErrnoException): void;
}

/**
 * Reads what else waits when libuv has told of one datagram: in one call for 64 of them (recvmmsg), where libuv takes one call, a
 * buffer and three objects for each. Datagrams keep their order, because nobody reads between the one that was told of and these.
 * Bytes that are handed on are copies that nobody else has, and may be kept.
 */
export class BatchReceiver {
  readonly #calls: ReceiveCalls;
  readonly #socket: ReceivingSocket;
  readonly #peers: PeerTable;
  readonly #slab = new DatagramSlab(PIECE_BYTES);
  readonly #beginTurn = (): void => {
    this.#left = TURN_DATAGRAMS_MAX;
  };
  #left = TURN_DATAGRAMS_MAX;
  #quiet = 0;

  /** @throws an Error that says why receiving in batches does not work on this socket. */
  constructor(calls: ReceiveCalls, socket: ReceivingSocket) {
    // No message at all: a kernel or a sandbox without the call says so.
    const answer = calls.receive(socket.fd ?? -1, 0);
    if (answer !== 0) throw new Error(`recvmmsg is refused (${getSystemErrorName(answer)})`);
    this.#calls = calls;
    this.#socket = socket;
    this.#peers = new PeerTable((index) => calls.interfaceName(index));
  }

  /** To be called after a datagram of libuv was handed on. If a datagram's handler throws, those that were read with it are lost. */
  readMore(): void {
    const { vector } = this.#calls;
    if (this.#quiet > 0) this.#quiet--;
    else if (!vector.inUse) {
      vector.inUse = true;
      try {
        this.#readAll();
      } finally {
        vector.inUse = false;
      }
    }
  }

  #readAll(): void {
    while (this.#left > 0) {
      const { fd, closing } = this.#socket;
      if (fd === undefined || closing) return;
      const asked = Math.min(this.#left, RECEIVED_MAX);
      const received = this.#calls.receive(fd, asked);
      if (received <= 0) {
        if (received < 0) this.#fail(-received);
        this.#quiet = QUIET_DATAGRAMS - 1;
        return;
      }
      this.#count(received);
      this.#handOn(received);
      if (received < asked) return;
    }
  }

  /** Few at a time are counted over several turns: to be called at the end of each costs more than to be a little strict. */
  #count(received: number): void {
    const before = this.#left;
    this.#left -= received;
    if (before > COUNTED_FROM && this.#left <= COUNTED_FROM) setImmediate(this.#beginTurn);
  }

  #handOn(received: number): void {
    const { vector } = this.#calls;
    const socket = this.#socket;
    vector.clear(received);
    for (let i = 0; i < received && !socket.closing; i++) {
      const room = vector.rooms[i];
      const name = vector.names[i];
      if (room === undefined || name === undefined) return;
      socket.datagram(this.#slab.copy(room, vector.lengthOf(i)), this.#peers.peerOf(name));
    }
  }

  #fail(errno: number): void {
    if (errno === Errno.EAGAIN || errno === Errno.EINTR) return;
    const code = getSystemErrorName(-errno);
    this.#socket.receiveFailed(
      Object.assign(new Error(`recvmmsg ${code}`), { errno: -errno, code, syscall: 'recvmmsg' }),
    );
  }
}
