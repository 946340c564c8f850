import type { LibcMemory } from './libc.ts';
import { SOCKET_ADDRESS_BYTES } from './socket-address.ts';

/** Most datagrams in one call. */
export const RECEIVED_MAX = 64;

/** Room for each: no UDP datagram is longer (65,527 bytes over IPv6), so none is ever cut off. */
const ROOM_BYTES = 65_536;
/** Beginnings that lie 64 KiB apart would all fall into the same few lines of the processor's caches. */
const STRIDE_BYTES = ROOM_BYTES + 5 * 64;

/** Structures of Linux on 64-bit little-endian machines (recvmmsg(2)), in 32-bit words: `mmsghdr`, then each one's `iovec` and address. */
const HEADER_WORDS = 16;
const PART_WORDS = 4 + 8;
const NAME_AT = 4;
const PARTS_AT = RECEIVED_MAX * HEADER_WORDS;
const ROOM_AT = 4 * (PARTS_AT + RECEIVED_MAX * PART_WORDS);

/** Within `mmsghdr`: address and its length, vector and its length, control and its length; then what came. */
const Header = { name: 0, nameLength: 2, vector: 4, vectorLength: 6, received: 14 } as const;

/** Bytes of memory that it needs. What no datagram was written to is never touched, so it costs no memory of the machine. */
export const RECEIVE_MEMORY_BYTES = ROOM_AT + RECEIVED_MAX * STRIDE_BYTES;

/** What one `recvmmsg(2)` fills, laid out once. */
export class ReceiveVector {
  /** Of each message its room, from the datagram's first byte on. */
  readonly rooms: readonly Uint8Array[];
  /** Of each message the address that it came from. */
  readonly names: readonly Uint32Array[];
  /** Somebody is reading it. */
  inUse = false;
  readonly #words: Uint32Array;

  constructor({ bytes, address }: LibcMemory) {
    bytes.fill(0, 0, ROOM_AT);
    const view = new DataView(bytes.buffer, bytes.byteOffset, ROOM_AT);
    const point = (word: number, offset: number): void => view.setBigUint64(4 * word, address + BigInt(offset), true);
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, ROOM_AT >> 2);
    const rooms: Uint8Array[] = [];
    const names: Uint32Array[] = [];
    for (let message = 0; message < RECEIVED_MAX; message++) {
      const header = message * HEADER_WORDS;
      const vector = PARTS_AT + message * PART_WORDS;
      const name = vector + NAME_AT;
      const room = ROOM_AT + message * STRIDE_BYTES;
      point(header + Header.name, 4 * name);
      point(header + Header.vector, 4 * vector);
      this.#words[header + Header.vectorLength] = 1;
      point(vector, room);
      this.#words[vector + 2] = ROOM_BYTES;
      rooms.push(bytes.subarray(room, room + ROOM_BYTES));
      names.push(this.#words.subarray(name, name + (SOCKET_ADDRESS_BYTES >> 2)));
    }
    this.rooms = rooms;
    this.names = names;
    this.clear(RECEIVED_MAX);
  }

  /** Bytes of a message that came. */
  lengthOf(message: number): number {
    return this.#words[message * HEADER_WORDS + Header.received] ?? 0;
  }

  /** Makes the first messages ready for the next call: the system writes how long each address was. */
  clear(messages: number): void {
    for (let message = 0; message < messages; message++) {
      this.#words[message * HEADER_WORDS + Header.nameLength] = SOCKET_ADDRESS_BYTES;
    }
  }
}
