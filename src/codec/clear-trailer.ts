import { CRC_TRAILER_BYTES } from '../protocol/constants.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { crc32 } from './crc.ts';

/** The trailer of a clear frame: CRC-32. */
export const clearTrailer: FrameTrailer = {
  flags: 0,
  counterBytes: 0,
  bytes: CRC_TRAILER_BYTES,
  complete(datagram) {
    const end = datagram.length - CRC_TRAILER_BYTES;
    const crc = crc32(datagram, end);
    for (let at = 0; at < CRC_TRAILER_BYTES; at++) datagram[end + at] = crc >>> (24 - 8 * at);
  },
};
