import { IMAGE_BYTES_MAX, type RgbImage, SIDE_MAX } from './npy.ts';

/** Longest header of an image: `P6`, two sizes and the largest value, without comments. */
const HEADER_BYTES_MAX = 32;
const HEADER = /^P6\s(\d{1,5})\s(\d{1,5})\s255\s$/;

/**
 * Takes images out of a stream of binary PPM files (Netpbm `P6`, 8 bits), however it was cut: raw pixels that tell their size. Holds one
 * image, and takes room for it only within the limits.
 */
export class PpmReader {
  #header = '';
  #image: RgbImage | undefined;
  #filled = 0;
  #broken = false;

  /** Bytes that are held. */
  get held(): number {
    return this.#image?.data.length ?? this.#header.length;
  }

  /** @returns false when the stream is none of images, now and at every later call. */
  read(chunk: Uint8Array, deliver: (image: RgbImage) => void): boolean {
    let offset = 0;
    while (!this.#broken && offset < chunk.length) {
      if (this.#image === undefined) {
        this.#headerByte(chunk[offset] ?? 0);
        offset++;
        continue;
      }
      const { data } = this.#image;
      const taken = Math.min(data.length - this.#filled, chunk.length - offset);
      data.set(chunk.subarray(offset, offset + taken), this.#filled);
      this.#filled += taken;
      offset += taken;
      if (this.#filled < data.length) continue;
      const whole = this.#image;
      this.#image = undefined;
      deliver(whole);
    }
    return !this.#broken;
  }

  #headerByte(byte: number): void {
    this.#header += String.fromCharCode(byte);
    const sizes = HEADER.exec(this.#header);
    if (sizes === null) {
      if (this.#header.length >= HEADER_BYTES_MAX) this.#broken = true;
      return;
    }
    this.#header = '';
    this.#filled = 0;
    const [width, height] = [Number(sizes[1]), Number(sizes[2])];
    const bytes = 3 * width * height;
    const fits = width >= 1 && width <= SIDE_MAX && height >= 1 && height <= SIDE_MAX && bytes <= IMAGE_BYTES_MAX;
    if (fits) this.#image = { width, height, data: new Uint8Array(bytes) };
    else this.#broken = true;
  }
}
