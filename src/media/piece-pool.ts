/**
 * Memory of one frame's packets, which are kept together and given up together: a piece for each would cost more than to fill it. It remembers
 * its packets, because frames of about one size are cut in the same places: fresh ones of 600 streams outlived the collector's young
 * generation, 15 MB a second, and to move them took 4.5 ms ten times a second (`firstframe bench pacing --streams 600 --sockets batch`).
 */
export class Piece extends ArrayBuffer {
  readonly #packets: Uint8Array[] = [];

  /** The packet with this number, from 0 on, of which the bytes are anything. */
  packet(number: number, offset: number, length: number): Uint8Array {
    const before = this.#packets[number];
    if (before?.byteOffset === offset && before.length === length) return before;
    const packet = new Uint8Array(this, offset, length);
    this.#packets[number] = packet;
    return packet;
  }
}

/** Bytes that a pool keeps for frames to come. */
export const POOL_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Memory of frames' packets, used again when a frame is no longer kept: fresh memory of 250 kB a second for each stream has the collector
 * look at everything once a second, and with 200 streams each look kept all of them waiting for up to 60 ms (`node --trace-gc
 * dist/src/cli/main.js bench pacing --streams 200`).
 */
export class PiecePool {
  readonly #free = new Map<number, Piece[]>();
  #bytes = 0;

  /** Memory of at least so many bytes, with anything in it. */
  take(bytes: number): Piece {
    const size = sizeOf(bytes);
    const piece = this.#free.get(size)?.pop();
    if (piece === undefined) return new Piece(size);
    this.#bytes -= size;
    return piece;
  }

  /** Nobody looks into it any more. @param piece that {@link take} gave. */
  give(piece: Piece): void {
    const size = piece.byteLength;
    if (this.#bytes + size > POOL_BYTES_MAX) return;
    this.#bytes += size;
    const free = this.#free.get(size);
    if (free === undefined) this.#free.set(size, [piece]);
    else free.push(piece);
  }
}

/** Two sizes an octave, so that frames of about one size share theirs. */
function sizeOf(bytes: number): number {
  const whole = 2 ** (32 - Math.clz32(Math.max(bytes, 2) - 1));
  return bytes <= 0.75 * whole ? 0.75 * whole : whole;
}
