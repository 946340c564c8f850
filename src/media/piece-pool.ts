/** Bytes that a pool keeps for frames to come. */
export const POOL_BYTES_MAX = 2 * 1024 * 1024;

/**
 * Memory of frames' packets, used again when a frame is no longer kept: fresh memory of 250 kB a second for each stream has the collector
 * look at everything once a second, and with 200 streams each look kept all of them waiting for up to 60 ms (`node --trace-gc
 * dist/src/cli/main.js bench pacing --streams 200`).
 */
export class PiecePool {
  readonly #free = new Map<number, ArrayBuffer[]>();
  #bytes = 0;

  /** Memory of at least so many bytes, with anything in it. */
  take(bytes: number): ArrayBuffer {
    const size = sizeOf(bytes);
    const piece = this.#free.get(size)?.pop();
    if (piece === undefined) return new ArrayBuffer(size);
    this.#bytes -= size;
    return piece;
  }

  /** Nobody looks into it any more. @param piece that {@link take} gave. */
  give(piece: ArrayBuffer): void {
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
