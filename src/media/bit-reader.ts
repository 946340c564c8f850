/**
 * Reads the bits of an RBSP (ITU-T H.264, 7.2 and 9.1), most significant first. Never throws and never reads past the
 * end: beyond it every bit is 0 and {@link BitReader.overrun} becomes true, to be asked once after all was read.
 */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;
  #overrun = false;

  /** @param bytes without emulation prevention, see {@link removeEmulationPrevention}. */
  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Something was read that is not there, or an Exp-Golomb code was longer than any that the standard allows. */
  get overrun(): boolean {
    return this.#overrun;
  }

  /** u(1). */
  bit(): number {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) {
      this.#overrun = true;
      return 0;
    }
    return (byte >> (7 - (this.#position++ & 7))) & 1;
  }

  /** u(1) as a flag. */
  flag(): boolean {
    return this.bit() === 1;
  }

  /** u(n), n of 0..32. */
  bits(count: number): number {
    let value = 0;
    for (let index = 0; index < count; index++) value = value * 2 + this.bit();
    return value;
  }

  /** ue(v): unsigned Exp-Golomb (9.1), 0..2^32 - 2. */
  unsigned(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      if (++zeros > 31 || this.#overrun) {
        this.#overrun = true;
        return 0;
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v): signed Exp-Golomb (9.1.1). */
  signed(): number {
    const code = this.unsigned();
    return code % 2 === 1 ? (code + 1) / 2 : -code / 2;
  }
}

/**
 * The payload of a NAL unit without its emulation prevention bytes: 00 00 03 becomes 00 00 (ITU-T H.264, 7.4.1).
 *
 * @param bytes a NAL unit's bytes behind its header byte.
 */
export function removeEmulationPrevention(bytes: Uint8Array): Uint8Array {
  const rbsp = new Uint8Array(bytes.length);
  let length = 0;
  let zeros = 0;
  for (const byte of bytes) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    rbsp[length++] = byte;
  }
  return rbsp.subarray(0, length);
}
