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
    datagram[end] = crc >>> 24;
    datagram[end + 1] = crc >>> 16;
    datagram[end + 2] = crc >>> 8;
    datagram[end + 3] = crc;
  },
};
