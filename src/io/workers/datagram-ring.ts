import type { Peer } from '../../engine/io-types.ts';

/** What a record is: a datagram that came, one to be sent, by what it is for, or one for another worker. */
export const RingKind = { RECEIVED: 0, MEDIA: 1, CONTROL: 2, FEEDBACK: 3, SEND_WHEN_ROOM: 4, HANDED_OVER: 5 } as const;

/** One of {@link RingKind}. */
export type RingKind = (typeof RingKind)[keyof typeof RingKind];

/** Hears of what is taken out. `bytes` are a copy. `mark` is as it was put in, 0 for none. */
export type RingReader = (kind: RingKind, bytes: Uint8Array, peer: Peer, mark: number) => void;

/** Bytes of a ring: some 800 datagrams of the largest size, or 3,500 STARTs. */
const RING_BYTES = 1024 * 1024;
/** Of these, so many are for control alone: media has no place in the last of it. */
const CONTROL_BYTES = RING_BYTES / 8;

/**
 *      0        2      3         4      6          8      12
 *     +--------+------+---------+------+----------+------+---------+-------+---------+
 *     | length | kind | address | port | reserved | mark | address | bytes | padding |
 *     |        |      | length  |      |          |      |         |       | to 4    |
 *     +--------+------+---------+------+----------+------+---------+-------+---------+
 */
const RECORD_BYTES = 12;
const KIND_AT = 2;
const ADDRESS_LENGTH_AT = 3;
const PORT_AT = 4;
const MARK_AT = 8;
/** Instead of a kind: nothing more comes before the end of the memory. */
const SKIP = 255;

/** Words before the records. */
const WRITTEN = 0;
const READ = 1;
const SLEEPS = 2;
const HEADER_BYTES = 12;

/**
 * A queue of datagrams from one thread to one other, in memory that both have: no allocation and no message for each of them, and
 * no more than its 1 MiB, whatever comes. Whoever puts something in wakes the reader if that sleeps.
 *
 * The words count bytes since the beginning, modulo 2^32; each is written by one side alone.
 */
export class DatagramRing {
  readonly #words: Int32Array;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** @param memory of {@link DatagramRing.allocate}, the same on both sides. */
  constructor(memory: SharedArrayBuffer) {
    this.#words = new Int32Array(memory, 0, HEADER_BYTES / 4);
    this.#bytes = new Uint8Array(memory, HEADER_BYTES);
    this.#view = new DataView(memory, HEADER_BYTES);
  }

  /** Memory of an empty ring, whose reader sleeps. */
  static allocate(): SharedArrayBuffer {
    const memory = new SharedArrayBuffer(HEADER_BYTES + RING_BYTES);
    new Int32Array(memory)[SLEEPS] = 1;
    return memory;
  }

  /**
   * Puts a datagram in.
   *
   * @param mark u32.
   * @returns false when there is no room.
   */
  push(kind: RingKind, bytes: Uint8Array, { address, port }: Peer, mark = 0): boolean {
    const length = padded(RECORD_BYTES + address.length + bytes.length);
    const written = Atomics.load(this.#words, WRITTEN);
    const used = (written - Atomics.load(this.#words, READ)) >>> 0;
    const at = (written >>> 0) % RING_BYTES;
    const skipped = at + length > RING_BYTES ? RING_BYTES - at : 0;
    const room = RING_BYTES - used - (kind === RingKind.MEDIA ? CONTROL_BYTES : 0);
    if (skipped + length > room || address.length > 255 || bytes.length > 0xffff) return false;
    if (skipped > 0) this.#bytes[at + KIND_AT] = SKIP;
    this.#write(skipped > 0 ? 0 : at, kind, bytes, address, port, mark);
    Atomics.store(this.#words, WRITTEN, (written + skipped + length) | 0);
    return true;
  }

  /** Whether the reader must be woken now: true once for each time that it went to sleep. */
  wakes(): boolean {
    return Atomics.compareExchange(this.#words, SLEEPS, 1, 0) === 1;
  }

  /**
   * Takes datagrams out.
   *
   * @param most at a time, so that timers have their turn.
   * @returns false when there may be more: to be called again. True: the reader sleeps, and will be woken.
   */
  drain(most: number, take: RingReader): boolean {
    for (let taken = 0; taken < most; taken++) {
      if (this.#takeOne(take)) continue;
      Atomics.store(this.#words, SLEEPS, 1);
      // What came between the last look and going to sleep woke nobody.
      if (Atomics.load(this.#words, READ) === Atomics.load(this.#words, WRITTEN)) return true;
      // Somebody else has woken it meanwhile: a message is on its way.
      if (!this.wakes()) return true;
    }
    return false;
  }

  #takeOne(take: RingReader): boolean {
    for (;;) {
      const read = Atomics.load(this.#words, READ);
      if (read === Atomics.load(this.#words, WRITTEN)) return false;
      const at = (read >>> 0) % RING_BYTES;
      const kind = this.#bytes[at + KIND_AT] ?? SKIP;
      if (kind === SKIP) {
        Atomics.store(this.#words, READ, (read + RING_BYTES - at) | 0);
        continue;
      }
      const view = this.#view;
      const length = view.getUint16(at);
      const addressLength = view.getUint8(at + ADDRESS_LENGTH_AT);
      const peer = { address: this.#addressAt(at + RECORD_BYTES, addressLength), port: view.getUint16(at + PORT_AT) };
      const mark = view.getUint32(at + MARK_AT);
      const from = at + RECORD_BYTES + addressLength;
      const bytes = new Uint8Array(length);
      bytes.set(this.#bytes.subarray(from, from + length));
      Atomics.store(this.#words, READ, (read + padded(RECORD_BYTES + addressLength + length)) | 0);
      take(kind as RingKind, bytes, peer, mark);
      return true;
    }
  }

  #write(at: number, kind: RingKind, bytes: Uint8Array, address: string, port: number, mark: number): void {
    const view = this.#view;
    view.setUint16(at, bytes.length);
    view.setUint8(at + KIND_AT, kind);
    view.setUint8(at + ADDRESS_LENGTH_AT, address.length);
    view.setUint16(at + PORT_AT, port);
    view.setUint32(at + MARK_AT, mark);
    const start = at + RECORD_BYTES;
    for (let i = 0; i < address.length; i++) view.setUint8(start + i, address.charCodeAt(i));
    this.#bytes.set(bytes, start + address.length);
  }

  #addressAt(at: number, length: number): string {
    let address = '';
    for (let i = 0; i < length; i++) address += String.fromCharCode(this.#bytes[at + i] ?? 0);
    return address;
  }
}

/** A record begins at a multiple of 4, so that the word that says "skip" always has room. */
function padded(length: number): number {
  return (length + 3) & ~3;
}
