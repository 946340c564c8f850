/** Largest NAL unit by default, in bytes: far above any level of ITU-T H.264 at which a camera streams. */
export const NAL_BYTES_MAX = 4 * 1024 * 1024;

/**
 * Cuts a byte stream (ITU-T H.264, Annex B) into NAL units, however it is chunked.
 *
 * Start codes of 3 and 4 bytes and any number of zeros between units are understood (B.1.1); what stands before the first
 * start code is skipped. A unit is complete when the next start code was seen, so the last one comes out of {@link end}.
 * The result does not depend on where the chunks were cut. Memory is bounded by the largest unit allowed.
 */
export class AnnexBSplitter {
  readonly #bytesMax: number;
  #held = new Uint8Array(4096);
  #heldBytes = 0;
  #zeros = 0;
  #inUnit = false;
  #skipping = false;
  #droppedUnits = 0;

  /** @param nalBytesMax bytes from one start code to the next at most, default 4 MiB; a longer unit is dropped and counted. */
  constructor(nalBytesMax: number = NAL_BYTES_MAX) {
    this.#bytesMax = nalBytesMax;
  }

  /** Units dropped because they were too large. */
  get droppedUnits(): number {
    return this.#droppedUnits;
  }

  /** Takes the next bytes of the stream; they may be reused afterwards. Returns the units that became complete, as own copies. */
  push(chunk: Uint8Array): Uint8Array[] {
    const units: Uint8Array[] = [];
    let zeros = this.#zeros;
    let start = 0;
    for (let index = 0; index < chunk.length; index++) {
      const byte = chunk[index];
      if (byte === 0) {
        zeros++;
      } else {
        if (byte === 1 && zeros >= 2) {
          this.#finish(units, chunk, start, index, 2);
          this.#inUnit = true;
          start = index + 1;
        }
        zeros = 0;
      }
    }
    this.#zeros = zeros;
    if (this.#inUnit && !this.#skipping) this.#hold(chunk, start);
    return units;
  }

  /** The stream is over: returns its last unit, if there is one. The splitter can be used for another stream then. */
  end(): Uint8Array[] {
    const units: Uint8Array[] = [];
    this.#finish(units, new Uint8Array(0), 0, 0, 0);
    this.#inUnit = false;
    this.#zeros = 0;
    return units;
  }

  #hold(chunk: Uint8Array, start: number): void {
    const total = this.#heldBytes + chunk.length - start;
    // Two zeros at the end may belong to the next start code.
    if (total > this.#bytesMax + 2) {
      this.#skipping = true;
      this.#held = new Uint8Array(4096);
      this.#heldBytes = 0;
      return;
    }
    if (total > this.#held.length) {
      const grown = new Uint8Array(Math.max(total, 2 * this.#held.length));
      grown.set(this.#held.subarray(0, this.#heldBytes));
      this.#held = grown;
    }
    this.#held.set(start === 0 ? chunk : chunk.subarray(start), this.#heldBytes);
    this.#heldBytes = total;
  }

  /** `codeZeros` of the bytes before `end` are the start code's, not the unit's. */
  #finish(units: Uint8Array[], chunk: Uint8Array, start: number, end: number, codeZeros: number): void {
    if (!this.#inUnit) return;
    const raw = this.#heldBytes + end - start - codeZeros;
    if (this.#skipping || raw > this.#bytesMax) {
      this.#droppedUnits++;
    } else {
      const unit = new Uint8Array(this.#heldBytes + end - start);
      unit.set(this.#held.subarray(0, this.#heldBytes));
      unit.set(chunk.subarray(start, end), this.#heldBytes);
      let length = unit.length;
      while (length > 0 && unit[length - 1] === 0) length--;
      if (length > 0) units.push(unit.subarray(0, length));
    }
    this.#heldBytes = 0;
    this.#skipping = false;
  }
}
