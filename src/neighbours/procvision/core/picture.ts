import { IMAGE_BYTES_MAX, SIDE_MAX } from './npy.ts';

/** A picture file as it is, JPEG or PNG; the algorithm makes pixels of it. */
export interface EncodedImage {
  readonly encoded: Uint8Array;
  /** What the file says of itself, in pixels, 1 to {@link SIDE_MAX}. */
  readonly width: number;
  readonly height: number;
}

const beginnings = [
  [0xff, 0xd8, 0xff],
  [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a],
] as const;

/** Throws RangeError for what is neither JPEG nor PNG, or is beyond the limits. @returns the bytes of the file. */
export function checkPicture({ encoded, width, height }: EncodedImage): Uint8Array {
  if (!beginnings.some((bytes) => bytes.every((byte, at) => encoded[at] === byte))) {
    throw new RangeError(`${encoded.length} bytes are neither a JPEG nor a PNG file`);
  }
  if (encoded.length > IMAGE_BYTES_MAX) throw new RangeError(`a picture file of ${encoded.length} bytes is too large`);
  for (const side of [width, height]) {
    if (!Number.isInteger(side) || side < 1 || side > SIDE_MAX)
      throw new RangeError(`no picture is ${side} pixels wide or high`);
  }
  return encoded;
}
