import { crc32 as zlibCrc32 } from 'node:zlib';

/**
 * CRC-32 (ISO-HDLC, as in Ethernet and zip) of the first `end` bytes: the trailer of a clear frame (docs/PROTOCOL.md,
 * section 2). It finds damage, not forgery.
 *
 * @param end number of bytes to include, 0..bytes.length; more is taken as all of them.
 * @returns u32.
 */
export function crc32(bytes: Uint8Array, end: number): number {
  return zlibCrc32(bytes.subarray(0, end));
}
