/**
 * The generic NACK (RFC 4585, section 6.2.1), sent alone as RFC 5506 allows.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P|  FMT=1  |    PT=205     |            length             |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                  SSRC of packet sender                        |
 *     |                  SSRC of media source                         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |            PID                |             BLP               |   1 to 64 times
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *
 * PID is a missing sequence number, bit i of BLP says that PID + i + 1 is missing too.
 */

const TRANSPORT_FEEDBACK = 205;
const FORMAT_NACK = 1;
const HEADER_BYTES = 12;

/** Most PID/BLP pairs in one NACK; a longer list goes into several. */
export const NACK_PAIRS_MAX = 64;

/**
 * Encodes one NACK for as many of `missing` as fit 64 pairs.
 *
 * @param missing ascending on the 16-bit circle, not empty.
 * @returns the datagram and how many of `missing` it names.
 */
export function encodeNack(
  senderSsrc: number,
  mediaSsrc: number,
  missing: readonly number[],
): { readonly datagram: Uint8Array; readonly count: number } {
  const pairs: number[] = [];
  let count = 0;
  while (count < missing.length && pairs.length < NACK_PAIRS_MAX) {
    const pid = missing[count++] ?? 0;
    let blp = 0;
    while (count < missing.length) {
      const bit = (((missing[count] ?? 0) - pid) & 0xffff) - 1;
      if (bit < 0 || bit > 15) break;
      blp |= 1 << bit;
      count++;
    }
    pairs.push(((pid << 16) | blp) >>> 0);
  }
  const datagram = new Uint8Array(HEADER_BYTES + 4 * pairs.length);
  const view = new DataView(datagram.buffer);
  view.setUint8(0, 0x80 | FORMAT_NACK);
  view.setUint8(1, TRANSPORT_FEEDBACK);
  view.setUint16(2, datagram.length / 4 - 1);
  view.setUint32(4, senderSsrc);
  view.setUint32(8, mediaSsrc);
  pairs.forEach((pair, index) => {
    view.setUint32(HEADER_BYTES + 4 * index, pair);
  });
  return { datagram, count };
}

/**
 * Reads a NACK for `mediaSsrc`. Anything else, and a NACK whose announced length is not its size, is `undefined`.
 *
 * @returns the sequence numbers asked for, at most 64 x 17.
 */
export function decodeNack(datagram: Uint8Array, mediaSsrc: number): number[] | undefined {
  if (datagram.length <= HEADER_BYTES || datagram.length > HEADER_BYTES + 4 * NACK_PAIRS_MAX) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  if (view.getUint8(0) !== (0x80 | FORMAT_NACK) || view.getUint8(1) !== TRANSPORT_FEEDBACK) return undefined;
  if (4 * (view.getUint16(2) + 1) !== datagram.length || view.getUint32(8) !== mediaSsrc) return undefined;
  const missing: number[] = [];
  for (let offset = HEADER_BYTES; offset < datagram.length; offset += 4) {
    const pid = view.getUint16(offset);
    const blp = view.getUint16(offset + 2);
    missing.push(pid);
    for (let bit = 0; bit < 16; bit++) {
      if ((blp & (1 << bit)) !== 0) missing.push((pid + bit + 1) & 0xffff);
    }
  }
  return missing;
}
