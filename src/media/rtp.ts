/**
 * RTP as bytes (RFC 3550, section 5.1), read and written in place: the media path makes no object per datagram.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |V=2|P|X|  CC   |M|     PT      |       sequence number         |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |                           timestamp                           |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 *     |           synchronization source (SSRC) identifier            |
 *     +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
 */

/** Bytes of an RTP header without CSRCs and extension. */
export const RTP_HEADER_BYTES = 12;

/** Payload type of H.264 when no SDP says otherwise. */
export const PAYLOAD_TYPE_H264 = 96;
/** Payload type of generic frames (docs/PROTOCOL.md, section 8) when no SDP says otherwise. */
export const PAYLOAD_TYPE_GENERIC = 97;

/** Ticks of the RTP timestamp per second, for H.264 (RFC 6184, section 5.1) and for generic frames alike. */
export const RTP_CLOCK_HZ = 90_000;

function u16(bytes: Uint8Array, offset: number): number {
  return ((bytes[offset] ?? 0) << 8) | (bytes[offset + 1] ?? 0);
}

function u32(bytes: Uint8Array, offset: number): number {
  return ((u16(bytes, offset) << 16) | u16(bytes, offset + 2)) >>> 0;
}

/** Version 2 and at least a header long. The first byte's range was checked by whoever told media from control frames. */
export function isRtpOrRtcp(datagram: Uint8Array): boolean {
  return datagram.length >= 8 && (datagram[0] ?? 0) >> 6 === 2;
}

/** RTCP packet types 192..223 stand where RTP has marker and payload type (RFC 5761, section 4). */
export function isRtcp(datagram: Uint8Array): boolean {
  const type = datagram[1] ?? 0;
  return type >= 192 && type <= 223;
}

/** The marker bit: last packet of a frame. */
export function rtpMarker(datagram: Uint8Array): boolean {
  return ((datagram[1] ?? 0) & 0x80) !== 0;
}

/** Payload type, 0..127. */
export function rtpPayloadType(datagram: Uint8Array): number {
  return (datagram[1] ?? 0) & 0x7f;
}

/** Sequence number, 0..65535. */
export function rtpSequence(datagram: Uint8Array): number {
  return u16(datagram, 2);
}

/** Timestamp, u32. */
export function rtpTimestamp(datagram: Uint8Array): number {
  return u32(datagram, 4);
}

/** SSRC, u32. In RTCP feedback the same offset holds the SSRC of the sender of the feedback. */
export function rtpSsrc(datagram: Uint8Array): number {
  return u32(datagram, 8);
}

/**
 * Where the payload lies: `start` past CSRCs and header extension, `end` before padding.
 * Returns `undefined` for a packet whose own lengths do not fit its size, which must be dropped.
 */
export function rtpPayloadRange(datagram: Uint8Array): { readonly start: number; readonly end: number } | undefined {
  if (datagram.length < RTP_HEADER_BYTES) return undefined;
  const first = datagram[0] ?? 0;
  let start = RTP_HEADER_BYTES + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (start + 4 > datagram.length) return undefined;
    start += 4 + 4 * u16(datagram, start + 2);
  }
  const padding = (first & 0x20) !== 0 ? (datagram[datagram.length - 1] ?? 0) : 0;
  if ((first & 0x20) !== 0 && padding === 0) return undefined;
  const end = datagram.length - padding;
  return start <= end ? { start, end } : undefined;
}

/** Values of a header without CSRCs, extension and padding. */
export interface RtpHeader {
  readonly marker: boolean;
  /** 0..127. */
  readonly payloadType: number;
  /** 0..65535. */
  readonly sequence: number;
  /** u32. */
  readonly timestamp: number;
  /** u32. */
  readonly ssrc: number;
}

/** Writes the 12 bytes of a header at the start of `target`. */
export function writeRtpHeader(target: Uint8Array, header: RtpHeader): void {
  target[0] = 0x80;
  target[1] = (header.marker ? 0x80 : 0) | header.payloadType;
  writeU16(target, 2, header.sequence);
  writeU32(target, 4, header.timestamp);
  writeU32(target, 8, header.ssrc);
}

/** Gives a packet of a stream the sequence number and SSRC of one session, in place. */
export function rewriteRtp(datagram: Uint8Array, sequence: number, ssrc: number): void {
  writeU16(datagram, 2, sequence);
  writeU32(datagram, 8, ssrc);
}

function writeU16(target: Uint8Array, offset: number, value: number): void {
  target[offset] = value >>> 8;
  target[offset + 1] = value;
}

function writeU32(target: Uint8Array, offset: number, value: number): void {
  writeU16(target, offset, value >>> 16);
  writeU16(target, offset + 2, value);
}

/** How far `later` is ahead of `earlier` on the 16-bit circle, -32768..32767. */
export function sequenceDistance(later: number, earlier: number): number {
  return ((later - earlier) << 16) >> 16;
}

/** How far timestamp `later` is ahead of `earlier` on the 32-bit circle. */
export function timestampDistance(later: number, earlier: number): number {
  return (later - earlier) | 0;
}

/**
 * The first RTP sequence number of a session: the low 16 bits of its SSRC. Random as RFC 3550 asks, and known to the
 * receiver from START_ACK, so that it can ask for the very first packets when they are lost.
 */
export function firstSequence(ssrc: number): number {
  return ssrc & 0xffff;
}
