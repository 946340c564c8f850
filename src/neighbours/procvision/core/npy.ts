/** An image with three bytes for each pixel, row by row from the top left. */
export interface RgbImage {
  /** Pixels, 1 to {@link SIDE_MAX}. */
  readonly width: number;
  readonly height: number;
  /** 3 x width x height bytes: red, green, blue. */
  readonly data: Uint8Array;
}

/** Largest width and height, in pixels. */
export const SIDE_MAX = 8192;

/** Largest image, in bytes: 64 MiB, 21 million pixels. */
export const IMAGE_BYTES_MAX = 64 * 1_048_576;

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const ALIGNMENT = 64;

/**
 * An image as a NumPy file, format version 1.0, of shape (height, width, 3) and type u1: what the reference adapter loads without a
 * library for pictures.
 *
 * Throws RangeError for an image whose sizes do not fit together, or are beyond the limits.
 */
export function encodeNpy({ width, height, data }: RgbImage): Uint8Array {
  if (!isSide(width) || !isSide(height) || data.length !== 3 * width * height || data.length > IMAGE_BYTES_MAX) {
    throw new RangeError(`${data.length} bytes are no image of ${width} x ${height} pixels with 3 bytes each`);
  }
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${height}, ${width}, 3), }`;
  const start = Math.ceil((MAGIC.length + 4 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const header = text.padEnd(start - MAGIC.length - 4 - 1, ' ');
  const bytes = new Uint8Array(start + data.length);
  bytes.set(MAGIC);
  bytes.set([1, 0], MAGIC.length);
  new DataView(bytes.buffer).setUint16(MAGIC.length + 2, header.length + 1, true);
  bytes.set(new TextEncoder().encode(`${header}\n`), MAGIC.length + 4);
  bytes.set(data, start);
  return bytes;
}

/** A NumPy file as an image; grey becomes red, green and blue. `undefined` for anything that is none, or is beyond the limits. */
export function decodeNpy(bytes: Uint8Array): RgbImage | undefined {
  if (bytes.length < MAGIC.length + 4 || MAGIC.some((byte, at) => bytes[at] !== byte)) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const major = bytes[MAGIC.length];
  const lengthBytes = major === 1 ? 2 : 4;
  const textAt = MAGIC.length + 2 + lengthBytes;
  if (bytes.length < textAt) return undefined;
  const textBytes = lengthBytes === 2 ? view.getUint16(MAGIC.length + 2, true) : view.getUint32(MAGIC.length + 2, true);
  const text = new TextDecoder('latin1').decode(bytes.subarray(textAt, textAt + Math.min(textBytes, 4096)));
  const shape = /'shape': \((\d+), (\d+)(?:, (\d+))?,?\)/.exec(text);
  if (!text.includes("'descr': '|u1'") || !text.includes("'fortran_order': False") || shape === null) return undefined;
  const [height, width, channels] = [Number(shape[1]), Number(shape[2]), Number(shape[3] ?? 1)];
  const data = bytes.subarray(textAt + textBytes);
  const fits = data.length === width * height * channels && 3 * width * height <= IMAGE_BYTES_MAX;
  if (!isSide(width) || !isSide(height) || !fits) return undefined;
  if (channels === 3) return { width, height, data };
  return channels === 1 ? { width, height, data: tripled(data) } : undefined;
}

/** Red and blue changed places, in new bytes. */
export function swapRedAndBlue(data: Uint8Array): Uint8Array {
  // Not `slice`, which for a Buffer of Node is no copy.
  const swapped = new Uint8Array(data);
  for (let at = 0; at + 2 < data.length; at += 3) {
    swapped[at] = data[at + 2] ?? 0;
    swapped[at + 2] = data[at] ?? 0;
  }
  return swapped;
}

function tripled(grey: Uint8Array): Uint8Array {
  const data = new Uint8Array(3 * grey.length);
  grey.forEach((value, at) => {
    data.fill(value, 3 * at, 3 * at + 3);
  });
  return data;
}

function isSide(pixels: number): boolean {
  return Number.isInteger(pixels) && pixels >= 1 && pixels <= SIDE_MAX;
}
