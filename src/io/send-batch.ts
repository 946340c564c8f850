import { getSystemErrorName } from 'node:util';
import { type HintName, hintName } from '../engine/counters.ts';
import type { Peer, SessionHandle } from '../engine/io-types.ts';
import type { Plane } from './datagram-socket.ts';
import { Errno } from './libc.ts';
import { MESSAGES_MAX, MessageVector } from './message-vector.ts';
import { messageEnd } from './segment-plan.ts';
import type { SendCalls } from './send-calls.ts';
import type { QueuedDatagram } from './send-queue.ts';

/** Datagrams that are gathered at most before they are sent. */
export const BATCH_DATAGRAMS_MAX = 256;

/** A place for a datagram: reused, so that sending makes no garbage. */
interface Slot {
  bytes: Uint8Array;
  to: Peer;
  name: Uint8Array;
  plane: Plane;
  replaces: SessionHandle | undefined;
}

const nothing = new Uint8Array();
const nobody: Peer = { address: '', port: 0 };

/** Told by a batch while it sends; not to send in turn. */
export interface SendBatchEvents {
  /** The system refused this datagram. */
  refused(to: Peer, hint: HintName, bytes: number): void;
  /** A device cannot cut messages up: from now on each datagram is one. */
  cannotCut(): void;
}

/** Datagrams that leave together: gathers them, hands them to the system, and knows which of them it did not take. */
export class SendBatch {
  readonly #calls: SendCalls;
  readonly #events: SendBatchEvents;
  readonly #vector: MessageVector;
  readonly #slots: Slot[] = [];
  /** Of each message in the vector, the slot after its last. */
  readonly #ends = new Uint16Array(MESSAGES_MAX);
  #first = 0;
  #count = 0;
  #segments: boolean;
  /** Slots before this one go one by one, because the message they were in was refused. */
  #singleUntil = 0;

  /** @param segments make messages that the kernel cuts up. */
  constructor(calls: SendCalls, segments: boolean, events: SendBatchEvents) {
    this.#calls = calls;
    this.#segments = segments;
    this.#events = events;
    this.#vector = new MessageVector(calls.memory);
    for (let i = 0; i < BATCH_DATAGRAMS_MAX; i++) {
      this.#slots.push({ bytes: nothing, to: nobody, name: nothing, plane: 'media', replaces: undefined });
    }
  }

  /** Datagrams in it. */
  get length(): number {
    return this.#count - this.#first;
  }

  /** Whether it has no place left. */
  get full(): boolean {
    return this.#count === BATCH_DATAGRAMS_MAX;
  }

  /** Adds a datagram, which must fit into one message. @param name see socket-address.ts. */
  add(bytes: Uint8Array, to: Peer, name: Uint8Array, plane: Plane, replaces: SessionHandle | undefined): void {
    const slot = this.#slots[this.#count];
    if (slot === undefined) throw new RangeError('the batch is full');
    this.#count++;
    slot.bytes = bytes;
    slot.to = to;
    slot.name = name;
    slot.plane = plane;
    slot.replaces = replaces;
  }

  /** Sends as much as the system takes. @returns whether that was all; else the rest is to be taken back. */
  transmit(fd: number): boolean {
    this.#singleUntil = 0;
    while (this.#first < this.#count) {
      const sent = this.#calls.send(fd, this.#fill());
      if (sent > 0) this.#first = this.#ends[sent - 1] ?? this.#count;
      else if (sent === -Errno.EAGAIN || sent === -Errno.ENOBUFS) return false;
      else if (sent !== -Errno.EINTR) this.#refuse(-sent);
    }
    this.#clear();
    return true;
  }

  /** Empties it of what was not sent, the newest first. */
  takeBack(put: (datagram: QueuedDatagram) => void): void {
    while (this.#count > this.#first) {
      const slot = this.#slots[--this.#count];
      if (slot === undefined) break;
      const { bytes, to, plane, replaces } = slot;
      slot.bytes = nothing;
      put({ bytes, to, plane, replaces });
    }
    this.#clear();
  }

  /** Lays out messages from the first slot that was not sent. */
  #fill(): number {
    const vector = this.#vector;
    vector.clear();
    let next = this.#first;
    while (next < this.#count) {
      const end = this.#endOf(next);
      const head = this.#slots[next] as Slot;
      let bytes = 0;
      for (let i = next; i < end; i++) bytes += (this.#slots[i] as Slot).bytes.length;
      if (!vector.fits(bytes)) break;
      for (let i = next; i < end; i++) vector.append((this.#slots[i] as Slot).bytes);
      vector.end(head.name, bytes, end - next > 1 ? head.bytes.length : 0);
      this.#ends[vector.count - 1] = end;
      next = end;
    }
    return vector.count;
  }

  #endOf(first: number): number {
    return this.#segments && first >= this.#singleUntil ? messageEnd(this.#slots, first, this.#count) : first + 1;
  }

  /** Of a message of several datagrams the kernel does not say which it refused: they go one by one, and it tells of each. */
  #refuse(errno: number): void {
    const end = this.#endOf(this.#first);
    if (end - this.#first > 1) {
      this.#singleUntil = end;
      // The device, or a tunnel before it, does not do checksums: it will not for the next message either.
      if (errno === Errno.EIO) {
        this.#segments = false;
        this.#events.cannotCut();
      }
      return;
    }
    const { to, bytes } = this.#slots[this.#first] as Slot;
    this.#first++;
    this.#events.refused(to, hintName(getSystemErrorName(-errno)), bytes.length);
  }

  #clear(): void {
    // Whoever keeps a datagram keeps the piece of memory that it was cut from.
    for (let i = 0; i < this.#first; i++) (this.#slots[i] as Slot).bytes = nothing;
    this.#first = 0;
    this.#count = 0;
  }
}
