import type { LibcMemory } from './libc.ts';

/** Most messages in one call. */
export const MESSAGES_MAX = 64;

/**
 * Structures of Linux on 64-bit little-endian machines, glibc and musl alike (sendmmsg(2), cmsg(3), udp(7)), in 32-bit words:
 * the vector of `mmsghdr`, then for each message its `iovec`, its control message and its address.
 */
const HEADER_WORDS = 16;
const PART_WORDS = 4 + 6 + 8;
const PARTS_AT = MESSAGES_MAX * HEADER_WORDS;
const PAYLOAD_AT = 4 * (PARTS_AT + MESSAGES_MAX * PART_WORDS);

/** Within `mmsghdr`: address and its length, vector and its length, control and its length. */
const Header = { name: 0, nameLength: 2, vector: 4, vectorLength: 6, control: 8, controlLength: 10 } as const;
const CONTROL_BYTES = 24;
const CONTROL_USED_BYTES = 18;
const SOL_UDP = 17;
const UDP_SEGMENT = 103;

/** Messages for one `sendmmsg(2)`, laid out in memory that was taken once: adding one allocates nothing. */
export class MessageVector {
  readonly #bytes: Uint8Array;
  readonly #words: Uint32Array;
  readonly #baseLow: number;
  readonly #baseHigh: number;
  #count = 0;
  #used = PAYLOAD_AT;

  constructor({ bytes, address }: LibcMemory) {
    this.#bytes = bytes;
    this.#words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >> 2);
    this.#baseLow = Number(address & 0xffff_ffffn);
    this.#baseHigh = Number(address >> 32n);
  }

  /** Messages in it. */
  get count(): number {
    return this.#count;
  }

  clear(): void {
    this.#count = 0;
    this.#used = PAYLOAD_AT;
  }

  /** Whether one more message of so many bytes fits. */
  fits(bytes: number): boolean {
    return this.#count < MESSAGES_MAX && this.#used + bytes <= this.#bytes.length;
  }

  /** Adds bytes to the message that {@link end} will finish; to be asked for with {@link fits} before the first. */
  append(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#used);
    this.#used += bytes.length;
  }

  /**
   * Makes what was appended a message.
   *
   * @param bytes of all that was appended.
   * @param segmentBytes what the kernel cuts it into; 0 to leave it whole.
   */
  end(name: Uint8Array, bytes: number, segmentBytes: number): void {
    const words = this.#words;
    const header = this.#count * HEADER_WORDS;
    const vector = PARTS_AT + this.#count * PART_WORDS;
    const control = vector + 4;
    const address = control + 6;
    this.#bytes.set(name, 4 * address);
    this.#point(header + Header.name, 4 * address);
    words[header + Header.nameLength] = name.length;
    this.#point(header + Header.vector, 4 * vector);
    words[header + Header.vectorLength] = 1;
    this.#point(vector, this.#used - bytes);
    words[vector + 2] = bytes;
    this.#point(header + Header.control, 4 * control);
    words[header + Header.controlLength] = segmentBytes === 0 ? 0 : CONTROL_BYTES;
    words[control] = CONTROL_USED_BYTES;
    words[control + 2] = SOL_UDP;
    words[control + 3] = UDP_SEGMENT;
    words[control + 4] = segmentBytes;
    this.#count++;
  }

  /** Writes a pointer: the memory may lie across a border of 4 GiB. */
  #point(word: number, offset: number): void {
    const low = this.#baseLow + offset;
    this.#words[word] = low;
    this.#words[word + 1] = this.#baseHigh + (low > 0xffff_ffff ? 1 : 0);
  }
}
