/**
 * The payload header of generic frames (docs/PROTOCOL.md, section 8), behind the RTP header of each of their datagrams.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                         frame number                          |
 *     |        fragment index         |        fragment count         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of the generic payload header. */
export const GENERIC_HEADER_BYTES = 8;

/** Most fragments of one generic frame: what the count's 16 bits can say. */
export const GENERIC_FRAGMENTS_MAX = 0xffff;

/** Which part of which frame a datagram carries. */
export interface GenericHeader {
  /** u32, +1 with each frame of the stream, wraps. */
  readonly frameNumber: number;
  /** 0..fragmentCount - 1. */
  readonly fragmentIndex: number;
  /** 1..65535. */
  readonly fragmentCount: number;
}

/** Writes the 8 bytes of a header at `offset`; `target` must have room for them. */
export function writeGenericHeader(target: Uint8Array, offset: number, header: GenericHeader): void {
  target[offset] = header.frameNumber >>> 24;
  target[offset + 1] = header.frameNumber >>> 16;
  target[offset + 2] = header.frameNumber >>> 8;
  target[offset + 3] = header.frameNumber;
  target[offset + 4] = header.fragmentIndex >>> 8;
  target[offset + 5] = header.fragmentIndex;
  target[offset + 6] = header.fragmentCount >>> 8;
  target[offset + 7] = header.fragmentCount;
}

/**
 * Reads the header at `offset` of a payload that ends before `end`.
 *
 * @returns `undefined` when it does not fit, when the count is 0, or when the index is not below the count.
 */
export function readGenericHeader(bytes: Uint8Array, offset: number, end: number): GenericHeader | undefined {
  if (offset < 0 || end > bytes.length || offset + GENERIC_HEADER_BYTES > end) return undefined;
  const frameNumber =
    (((bytes[offset] ?? 0) << 24) |
      ((bytes[offset + 1] ?? 0) << 16) |
      ((bytes[offset + 2] ?? 0) << 8) |
      (bytes[offset + 3] ?? 0)) >>>
    0;
  const fragmentIndex = ((bytes[offset + 4] ?? 0) << 8) | (bytes[offset + 5] ?? 0);
  const fragmentCount = ((bytes[offset + 6] ?? 0) << 8) | (bytes[offset + 7] ?? 0);
  return fragmentIndex < fragmentCount ? { frameNumber, fragmentIndex, fragmentCount } : undefined;
}
