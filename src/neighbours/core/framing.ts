/** Bytes of the length before each message: u32, big-endian. */
export const PREFIX_BYTES = 4;

/** Largest message by default, in bytes: that of RRCC and of RedPepper. */
export const MESSAGE_BYTES_MAX = 1_048_576;

/** Room that is made for a message before any byte of it came; it grows as they come. */
const FIRST_ROOM_BYTES = 4096;

/** What is wrong with a length. The stream cannot be read any further. */
export type FramingFault = 'empty' | 'tooLong';

/** A message with its length before it, as one array, so that it is one write. */
export function withPrefix(message: Uint8Array): Uint8Array {
  const framed = new Uint8Array(PREFIX_BYTES + message.length);
  new DataView(framed.buffer).setUint32(0, message.length);
  framed.set(message, PREFIX_BYTES);
  return framed;
}

/**
 * Takes messages out of a byte stream, however it was cut: every message that is complete after a read comes out of that read. A
 * length of 0 or above the limit is refused as soon as it is known. Nothing is reserved for bytes that have not come, beyond twice
 * what is there, so that a peer cannot have memory taken by announcing.
 */
export class LengthPrefixReader {
  readonly #messageBytesMax: number;
  readonly #prefix = new Uint8Array(PREFIX_BYTES);
  #prefixBytes = 0;
  /** The message that is being read; `undefined` while its length is. */
  #body: Uint8Array | undefined;
  #bodyBytes = 0;
  #bodyLength = 0;
  #fault: FramingFault | undefined;

  constructor(messageBytesMax: number = MESSAGE_BYTES_MAX) {
    this.#messageBytesMax = messageBytesMax;
  }

  /** Bytes of the message that is not complete yet, with its prefix. */
  get pendingBytes(): number {
    return this.#prefixBytes + this.#bodyBytes;
  }

  /** Bytes that are reserved for it now. */
  get reservedBytes(): number {
    return this.#body?.length ?? 0;
  }

  /**
   * @param chunk may be used again by the caller afterwards.
   * @param deliver takes each message; the bytes are its own. It says whether to go on: `false` throws the rest of the chunk away.
   * @returns what is wrong with the stream, now and at every later call.
   */
  read(chunk: Uint8Array, deliver: (message: Uint8Array) => boolean): FramingFault | undefined {
    let offset = 0;
    while (this.#fault === undefined && offset < chunk.length) {
      offset += this.#body === undefined ? this.#readPrefix(chunk, offset) : this.#readBody(this.#body, chunk, offset);
      if (this.#body === undefined || this.#bodyBytes < this.#bodyLength) continue;
      const message = this.#body.length === this.#bodyLength ? this.#body : this.#body.slice(0, this.#bodyLength);
      this.#body = undefined;
      this.#prefixBytes = 0;
      this.#bodyBytes = 0;
      if (!deliver(message)) break;
    }
    return this.#fault;
  }

  #readPrefix(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(PREFIX_BYTES - this.#prefixBytes, chunk.length - offset);
    this.#prefix.set(chunk.subarray(offset, offset + taken), this.#prefixBytes);
    this.#prefixBytes += taken;
    if (this.#prefixBytes === PREFIX_BYTES) this.#begin(new DataView(this.#prefix.buffer).getUint32(0));
    return taken;
  }

  #begin(length: number): void {
    if (length === 0) this.#fault = 'empty';
    else if (length > this.#messageBytesMax) this.#fault = 'tooLong';
    else {
      this.#bodyLength = length;
      this.#body = new Uint8Array(Math.min(length, FIRST_ROOM_BYTES));
    }
  }

  #readBody(body: Uint8Array, chunk: Uint8Array, offset: number): number {
    const taken = Math.min(this.#bodyLength - this.#bodyBytes, chunk.length - offset);
    const room = this.#roomFor(body, this.#bodyBytes + taken);
    room.set(chunk.subarray(offset, offset + taken), this.#bodyBytes);
    this.#bodyBytes += taken;
    return taken;
  }

  #roomFor(body: Uint8Array, bytes: number): Uint8Array {
    if (bytes <= body.length) return body;
    const larger = new Uint8Array(Math.min(this.#bodyLength, Math.max(bytes, 2 * body.length)));
    larger.set(body);
    this.#body = larger;
    return larger;
  }
}
