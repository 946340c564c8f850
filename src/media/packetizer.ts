import type { AccessUnit } from './access-unit.ts';
import { GENERIC_FRAGMENTS_MAX, GENERIC_HEADER_BYTES, writeGenericHeader } from './generic-payload.ts';
import { NalType, nalRefIdc, nalType } from './h264.ts';
import { Piece } from './piece-pool.ts';
import { PAYLOAD_TYPE_GENERIC, PAYLOAD_TYPE_H264, RTP_HEADER_BYTES, writeRtpHeader } from './rtp.ts';

/** Smallest datagram that the packetizers cut for, in bytes. */
export const DATAGRAM_BYTES_MIN = 64;

/** Gives memory of at least so many bytes for all packets of a frame. */
export type FrameMemoryOf = (bytes: number) => Piece;

const fresh: FrameMemoryOf = (bytes) => new Piece(bytes);

const STAP_HEADER_BYTES = 1;
const STAP_LENGTH_BYTES = 2;
const FU_HEADER_BYTES = 2;
const FU_START = 0x80;
const FU_END = 0x40;

/**
 * Cuts an H.264 access unit into RTP packets (RFC 6184, packetization-mode 1), in decoding order.
 *
 * Consecutive NAL units that fit one datagram together go as one STAP-A (5.7.1), a unit that fits alone as it is (5.6), and a
 * larger one as FU-A fragments (5.8), each but the last of exactly `datagramBytesMax` bytes. The last packet has the marker.
 * Sequence number and SSRC are left 0 for the session to write ({@link rewriteRtp}).
 *
 * @param datagramBytesMax bytes of a packet with its RTP header at most, at least 64 (else RangeError).
 * @param payloadType 0..127, default 96.
 * @param memoryOf default: fresh.
 * @returns the packets; none for an access unit without bytes.
 */
export function packetizeH264(
  unit: AccessUnit,
  datagramBytesMax: number,
  payloadType: number = PAYLOAD_TYPE_H264,
  memoryOf: FrameMemoryOf = fresh,
): Uint8Array[] {
  checkSize(datagramBytesMax);
  const packets: Uint8Array[] = [];
  const payloadMax = datagramBytesMax - RTP_HEADER_BYTES;
  const nals = unit.units.filter((nal) => nal.length > 0);
  const memory = new FrameMemory(
    memoryOf(nals.reduce((bytes, nal) => bytes + packetBytesMax(nal, datagramBytesMax), 0)),
  );
  let first = 0;
  while (first < nals.length) {
    const nal = nals[first] ?? new Uint8Array(0);
    let end = first;
    let bytes = STAP_HEADER_BYTES;
    for (let next = nal; bytes + STAP_LENGTH_BYTES + next.length <= payloadMax; next = nals[end] ?? nal) {
      bytes += STAP_LENGTH_BYTES + next.length;
      if (++end === nals.length) break;
    }
    if (end - first > 1) {
      packets.push(aggregate(memory, nals, first, end, bytes));
      first = end;
    } else {
      if (nal.length <= payloadMax) packets.push(single(memory, nal));
      else fragment(memory, packets, nal, datagramBytesMax);
      first++;
    }
  }
  finish(packets, payloadType, unit.timestamp);
  return packets;
}

/**
 * Cuts a generic frame (docs/PROTOCOL.md, section 8) into RTP packets with the payload header of `generic-payload.ts`, each but the
 * last of exactly `datagramBytesMax` bytes; the last has the marker. Sequence number and SSRC are left 0.
 *
 * @param unit its entries joined are the frame; an empty frame is one packet.
 * @param frameNumber u32; higher bits are cut off.
 * @param datagramBytesMax bytes of a packet with its RTP header at most, at least 64 (else RangeError).
 * @param payloadType 0..127, default 97.
 * @param memoryOf default: fresh.
 * @returns the packets; none for a frame that would need more than 65,535.
 */
export function packetizeGeneric(
  unit: AccessUnit,
  frameNumber: number,
  datagramBytesMax: number,
  payloadType: number = PAYLOAD_TYPE_GENERIC,
  memoryOf: FrameMemoryOf = fresh,
): Uint8Array[] {
  checkSize(datagramBytesMax);
  const frame = unit.units.length === 1 && unit.units[0] !== undefined ? unit.units[0] : join(unit.units);
  const start = RTP_HEADER_BYTES + GENERIC_HEADER_BYTES;
  const fragmentBytes = datagramBytesMax - start;
  const fragmentCount = Math.max(1, Math.ceil(frame.length / fragmentBytes));
  const packets: Uint8Array[] = [];
  if (fragmentCount > GENERIC_FRAGMENTS_MAX) return packets;
  const memory = new FrameMemory(memoryOf(fragmentCount * start + frame.length));
  for (let fragmentIndex = 0; fragmentIndex < fragmentCount; fragmentIndex++) {
    const part = frame.subarray(fragmentIndex * fragmentBytes, (fragmentIndex + 1) * fragmentBytes);
    const packet = memory.take(start + part.length);
    writeGenericHeader(packet, RTP_HEADER_BYTES, { frameNumber, fragmentIndex, fragmentCount });
    packet.set(part, start);
    packets.push(packet);
  }
  finish(packets, payloadType, unit.timestamp);
  return packets;
}

/** Cuts one frame's packets from a piece, one after the other. */
class FrameMemory {
  readonly #piece: Piece;
  #used = 0;
  #packets = 0;

  constructor(piece: Piece) {
    this.#piece = piece;
  }

  take(length: number): Uint8Array {
    const packet = this.#piece.packet(this.#packets++, this.#used, length);
    this.#used += length;
    return packet;
  }
}

/** Bytes of the packets of a NAL unit at most, whether it goes alone, with others or in fragments. */
function packetBytesMax(nal: Uint8Array, datagramBytesMax: number): number {
  const alone = RTP_HEADER_BYTES + STAP_HEADER_BYTES + STAP_LENGTH_BYTES + nal.length;
  if (RTP_HEADER_BYTES + nal.length <= datagramBytesMax) return alone;
  const start = RTP_HEADER_BYTES + FU_HEADER_BYTES;
  return nal.length + start * Math.ceil(nal.length / (datagramBytesMax - start));
}

function checkSize(datagramBytesMax: number): void {
  if (!(datagramBytesMax >= DATAGRAM_BYTES_MIN)) throw new RangeError(`datagramBytesMax is ${datagramBytesMax}`);
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((bytes, part) => bytes + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function single(memory: FrameMemory, nal: Uint8Array): Uint8Array {
  const packet = memory.take(RTP_HEADER_BYTES + nal.length);
  packet.set(nal, RTP_HEADER_BYTES);
  return packet;
}

/** STAP-A: F is set if any unit's is, NRI is the largest (RFC 6184, 5.7). */
function aggregate(
  memory: FrameMemory,
  nals: readonly Uint8Array[],
  first: number,
  end: number,
  payloadBytes: number,
): Uint8Array {
  const packet = memory.take(RTP_HEADER_BYTES + payloadBytes);
  let forbidden = 0;
  let refIdc = 0;
  let offset = RTP_HEADER_BYTES + STAP_HEADER_BYTES;
  for (let index = first; index < end; index++) {
    const nal = nals[index] ?? new Uint8Array(0);
    forbidden |= (nal[0] ?? 0) & 0x80;
    refIdc = Math.max(refIdc, nalRefIdc(nal));
    packet[offset] = nal.length >>> 8;
    packet[offset + 1] = nal.length;
    packet.set(nal, offset + STAP_LENGTH_BYTES);
    offset += STAP_LENGTH_BYTES + nal.length;
  }
  packet[RTP_HEADER_BYTES] = forbidden | (refIdc << 5) | NalType.stapA;
  return packet;
}

function fragment(memory: FrameMemory, packets: Uint8Array[], nal: Uint8Array, datagramBytesMax: number): void {
  const start = RTP_HEADER_BYTES + FU_HEADER_BYTES;
  const partBytes = datagramBytesMax - start;
  const indicator = ((nal[0] ?? 0) & 0xe0) | NalType.fuA;
  const type = nalType(nal);
  for (let offset = 1; offset < nal.length; offset += partBytes) {
    const part = nal.subarray(offset, offset + partBytes);
    const packet = memory.take(start + part.length);
    packet[RTP_HEADER_BYTES] = indicator;
    packet[RTP_HEADER_BYTES + 1] =
      type | (offset === 1 ? FU_START : 0) | (offset + partBytes >= nal.length ? FU_END : 0);
    packet.set(part, start);
    packets.push(packet);
  }
}

function finish(packets: readonly Uint8Array[], payloadType: number, timestamp: number): void {
  packets.forEach((packet, index) => {
    writeRtpHeader(packet, { marker: index === packets.length - 1, payloadType, sequence: 0, timestamp, ssrc: 0 });
  });
}
