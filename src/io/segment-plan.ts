import type { Peer } from '../engine/io-types.ts';

/** Most datagrams in one message: UDP_MAX_SEGMENTS of Linux before 6.9; later ones take 128. */
export const SEGMENTS_MAX = 64;
/** Most bytes in one message: what fits into one IPv4 packet beside both headers. */
export const MESSAGE_BYTES_MAX = 65_507;

/** A datagram to be sent. */
export interface Addressed {
  readonly bytes: Uint8Array;
  readonly to: Peer;
}

/**
 * How many datagrams can leave as one message that the kernel cuts up again (UDP_SEGMENT): those that follow each other to one
 * destination and have one size, but the last may be shorter. An empty datagram is alone: it would be no segment.
 *
 * @param first index of the message's first datagram.
 * @param end index after the last that may be taken.
 * @returns the index after the message's last datagram, `first + 1` at least.
 */
export function messageEnd(datagrams: readonly Addressed[], first: number, end: number): number {
  const head = datagrams[first];
  const segmentBytes = head?.bytes.length ?? 0;
  if (head === undefined || segmentBytes === 0) return first + 1;
  let total = segmentBytes;
  let next = first + 1;
  const limit = Math.min(end, first + SEGMENTS_MAX);
  while (next < limit) {
    const datagram = datagrams[next];
    if (datagram === undefined) break;
    const { length } = datagram.bytes;
    total += length;
    if (length === 0 || length > segmentBytes || total > MESSAGE_BYTES_MAX || !samePeer(head.to, datagram.to)) break;
    next++;
    if (length < segmentBytes) break;
  }
  return next;
}

function samePeer(one: Peer, other: Peer): boolean {
  return one === other || (one.port === other.port && one.address === other.address);
}
