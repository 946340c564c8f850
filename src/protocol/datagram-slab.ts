/**
 * Memory for datagrams that are sent once and forgotten: cut one after the other out of a large piece, because memory of its own
 * costs a datagram of more than 64 bytes 400 ns, and the collector as much again.
 *
 * Whoever keeps one of them keeps the whole piece; what is kept to be sent again must be a copy.
 */
export class DatagramSlab {
  readonly #pieceBytes: number;
  #piece = new ArrayBuffer(0);
  #used = 0;

  /** @param pieceBytes of one piece; larger datagrams get memory of their own. */
  constructor(pieceBytes: number) {
    this.#pieceBytes = pieceBytes;
  }

  /** A copy of the first `length` bytes, which nobody else has. */
  copy(bytes: Uint8Array, length: number): Uint8Array {
    if (length > this.#pieceBytes) return bytes.slice(0, length);
    if (this.#used + length > this.#piece.byteLength) {
      this.#piece = new ArrayBuffer(this.#pieceBytes);
      this.#used = 0;
    }
    const copy = new Uint8Array(this.#piece, this.#used, length);
    copy.set(length === bytes.length ? bytes : bytes.subarray(0, length));
    this.#used += (length + 7) & ~7;
    return copy;
  }
}
