/**
 * SRTP and SRTCP packets with AEAD_AES_128_GCM and a key identifier of one byte (RFC 7714, sections 8 and 9; RFC 3711, section 3).
 *
 *     SRTP   | RTP header, CSRCs, extension | payload, encrypted | tag, 16 bytes | MKI |
 *     SRTCP  | first 8 bytes of RTCP | rest, encrypted | tag, 16 bytes | E, 31-bit index | MKI |
 *
 * What stands before the encrypted part is authenticated; for SRTCP the word with E and index too. The MKI is the epoch, and
 * says only which key to try.
 */
import { NONCE_BYTES, openAesGcmInto, sealAesGcmInto, TAG_BYTES } from './aes-gcm.ts';
import type { SrtpKeys } from './srtp-keys.ts';

/** What SRTP adds to a packet: tag and MKI. */
export const SRTP_OVERHEAD_BYTES = 17;
/** What SRTCP adds: tag, index and MKI. */
export const SRTCP_OVERHEAD_BYTES = 21;
/** The last index of a direction; it is never used again with the same key (RFC 3711, section 3.4). */
export const SRTCP_INDEX_MAX = 0x7fff_ffff;

const MKI_BYTES = 1;
const RTCP_CLEAR_BYTES = 8;
const INDEX_BYTES = 4;
const ENCRYPTED = 0x8000_0000;

// One each is enough: a nonce is used up within the call that writes it.
const nonce = new Uint8Array(NONCE_BYTES);
const nonceView = new DataView(nonce.buffer);
const rtcpAdditional = new Uint8Array(RTCP_CLEAR_BYTES + INDEX_BYTES);
const rtcpAdditionalView = new DataView(rtcpAdditional.buffer);

/** RFC 7714, section 8.1. @param rollover how often the sequence number began anew, u32. */
function rtpNonce(salt: Uint8Array, packet: Uint8Array, rollover: number): Uint8Array {
  nonceView.setUint16(0, 0);
  nonce.set(packet.subarray(8, 12), 2);
  nonceView.setUint32(6, rollover);
  nonce.set(packet.subarray(2, 4), 10);
  return salted(salt);
}

/** RFC 7714, section 9.1. */
function rtcpNonce(salt: Uint8Array, packet: Uint8Array, index: number): Uint8Array {
  nonceView.setUint16(0, 0);
  nonce.set(packet.subarray(4, 8), 2);
  nonceView.setUint16(6, 0);
  nonceView.setUint32(8, index);
  return salted(salt);
}

function salted(salt: Uint8Array): Uint8Array {
  for (let at = 0; at < nonce.length; at++) nonce[at] = (nonce[at] ?? 0) ^ (salt[at] ?? 0);
  return nonce;
}

/** Where a packet's payload begins: past CSRCs and extension. `undefined` when they are longer than the packet. */
function rtpHeaderBytes(packet: Uint8Array, end: number): number | undefined {
  const first = packet[0] ?? 0;
  let bytes = 12 + 4 * (first & 0x0f);
  if ((first & 0x10) !== 0) {
    if (bytes + 4 > end) return undefined;
    bytes += 4 + 4 * (((packet[bytes + 2] ?? 0) << 8) | (packet[bytes + 3] ?? 0));
  }
  return bytes <= end ? bytes : undefined;
}

/**
 * Protects an RTP packet.
 *
 * @param rollover how often the sequence number began anew, u32.
 * @param mki 0..255.
 * @param target as long as the packet and {@link SRTP_OVERHEAD_BYTES}; not the packet's own memory.
 * @returns false for a packet whose own lengths do not fit its size; nothing was written then.
 */
export function sealRtp(
  keys: SrtpKeys,
  packet: Uint8Array,
  rollover: number,
  mki: number,
  target: Uint8Array,
): boolean {
  const header = rtpHeaderBytes(packet, packet.length);
  if (header === undefined) return false;
  const additional = packet.subarray(0, header);
  target.set(additional);
  const iv = rtpNonce(keys.rtpSalt, packet, rollover);
  sealAesGcmInto(target.subarray(header), keys.rtpKey, iv, additional, packet.subarray(header));
  target[packet.length + TAG_BYTES] = mki;
  return true;
}

/** Checks and decrypts an SRTP packet. @returns the RTP packet in memory of its own, `undefined` if it is not authentic. */
export function openRtp(keys: SrtpKeys, datagram: Uint8Array, rollover: number): Uint8Array | undefined {
  const end = datagram.length - SRTP_OVERHEAD_BYTES;
  const header = rtpHeaderBytes(datagram, end);
  if (header === undefined) return undefined;
  const additional = datagram.subarray(0, header);
  const packet = new Uint8Array(end);
  packet.set(additional);
  const sealed = datagram.subarray(header, datagram.length - MKI_BYTES);
  const iv = rtpNonce(keys.rtpSalt, datagram, rollover);
  return openAesGcmInto(packet.subarray(header), keys.rtpKey, iv, additional, sealed) ? packet : undefined;
}

function rtcpAdditionalData(packet: Uint8Array, word: number): Uint8Array {
  rtcpAdditional.set(packet.subarray(0, RTCP_CLEAR_BYTES));
  rtcpAdditionalView.setUint32(RTCP_CLEAR_BYTES, word);
  return rtcpAdditional;
}

/**
 * Protects an RTCP packet.
 *
 * @param packet at least 8 bytes.
 * @param index 0..{@link SRTCP_INDEX_MAX}, each once with these keys.
 * @param mki 0..255.
 */
export function sealRtcp(keys: SrtpKeys, packet: Uint8Array, index: number, mki: number): Uint8Array {
  const word = (ENCRYPTED | index) >>> 0;
  const target = new Uint8Array(packet.length + SRTCP_OVERHEAD_BYTES);
  target.set(packet.subarray(0, RTCP_CLEAR_BYTES));
  const iv = rtcpNonce(keys.rtcpSalt, packet, index);
  const additional = rtcpAdditionalData(packet, word);
  const rest = packet.subarray(RTCP_CLEAR_BYTES);
  sealAesGcmInto(target.subarray(RTCP_CLEAR_BYTES), keys.rtcpKey, iv, additional, rest);
  new DataView(target.buffer).setUint32(packet.length + TAG_BYTES, word);
  target[target.length - MKI_BYTES] = mki;
  return target;
}

/** The index that an SRTCP packet announces; `undefined` when it is too short, or not encrypted. */
export function rtcpIndex(datagram: Uint8Array): number | undefined {
  if (datagram.length < RTCP_CLEAR_BYTES + SRTCP_OVERHEAD_BYTES) return undefined;
  const view = new DataView(datagram.buffer, datagram.byteOffset, datagram.byteLength);
  const word = view.getUint32(datagram.length - MKI_BYTES - INDEX_BYTES);
  return word >= ENCRYPTED ? word - ENCRYPTED : undefined;
}

/** Checks and decrypts an SRTCP packet. @param index as {@link rtcpIndex} told. @returns `undefined` if it is not authentic. */
export function openRtcp(keys: SrtpKeys, datagram: Uint8Array, index: number): Uint8Array | undefined {
  const end = datagram.length - SRTCP_OVERHEAD_BYTES;
  const packet = new Uint8Array(end);
  packet.set(datagram.subarray(0, RTCP_CLEAR_BYTES));
  const iv = rtcpNonce(keys.rtcpSalt, datagram, index);
  const additional = rtcpAdditionalData(datagram, (ENCRYPTED | index) >>> 0);
  const sealed = datagram.subarray(RTCP_CLEAR_BYTES, end + TAG_BYTES);
  return openAesGcmInto(packet.subarray(RTCP_CLEAR_BYTES), keys.rtcpKey, iv, additional, sealed) ? packet : undefined;
}
