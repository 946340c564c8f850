/** One UDP datagram over IPv4 or IPv6 in a capture. */
export interface CapturedDatagram {
  /** Since 1970, in ms. */
  readonly atMs: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  /** As much of the UDP payload as was captured. */
  readonly payload: Uint8Array;
  /** Length of the whole UDP payload. */
  readonly bytes: number;
}

const MAGIC_MICROSECONDS = 0xa1b2c3d4;
const MAGIC_NANOSECONDS = 0xa1b23c4d;
const FILE_HEADER_BYTES = 24;
const RECORD_HEADER_BYTES = 16;
const PROTOCOL_UDP = 17;
const UDP_HEADER_BYTES = 8;
const ETHERTYPE_IPV4 = 0x0800;
const ETHERTYPE_IPV6 = 0x86dd;

/** DLT_NULL (0) has 4 bytes before IP, DLT_EN10MB (1) has 14, DLT_RAW (101) none, DLT_LINUX_SLL (113) 16. */
const linkHeaderBytes: Readonly<Record<number, number>> = { 0: 4, 1: 14, 101: 0, 113: 16 };

/**
 * Reads the UDP datagrams of a capture file in the classic pcap format (draft-ietf-opsawg-pcap), in either byte order. Whatever is
 * not UDP is left out, and so is a record that the end of the file cut off.
 *
 * @throws Error if it is no such file, or of a link type that is not known here.
 */
export function readPcap(file: Uint8Array): CapturedDatagram[] {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  if (file.length < FILE_HEADER_BYTES) throw new Error('too short for a pcap file');
  const magics = [MAGIC_MICROSECONDS, MAGIC_NANOSECONDS];
  const little = magics.includes(view.getUint32(0, true));
  const magic = view.getUint32(0, little);
  if (!magics.includes(magic)) throw new Error(`not a pcap file: magic ${magic.toString(16)}`);
  const unitsPerMs = magic === MAGIC_NANOSECONDS ? 1e6 : 1e3;
  const linkType = view.getUint32(20, little) & 0x0fff_ffff;
  const linkBytes = linkHeaderBytes[linkType];
  if (linkBytes === undefined) throw new Error(`link type ${linkType} is not known here`);
  const datagrams: CapturedDatagram[] = [];
  for (let at = FILE_HEADER_BYTES; at + RECORD_HEADER_BYTES <= file.length; ) {
    const atMs = view.getUint32(at, little) * 1000 + view.getUint32(at + 4, little) / unitsPerMs;
    const start = at + RECORD_HEADER_BYTES;
    const end = start + view.getUint32(at + 8, little);
    if (end > file.length) break;
    if (linkType !== 1 || isIp(view, start, end)) {
      const datagram = readIp(file.subarray(start + linkBytes, end), atMs);
      if (datagram !== undefined) datagrams.push(datagram);
    }
    at = end;
  }
  return datagrams;
}

function isIp(view: DataView, start: number, end: number): boolean {
  if (end - start < 14) return false;
  const type = view.getUint16(start + 12);
  return type === ETHERTYPE_IPV4 || type === ETHERTYPE_IPV6;
}

function readIp(packet: Uint8Array, atMs: number): CapturedDatagram | undefined {
  const version = (packet[0] ?? 0) >> 4;
  const headerBytes = version === 4 ? 4 * ((packet[0] ?? 0) & 0x0f) : 40;
  const protocol = version === 4 ? packet[9] : packet[6];
  if ((version !== 4 && version !== 6) || protocol !== PROTOCOL_UDP) return undefined;
  if (packet.length < headerBytes + UDP_HEADER_BYTES) return undefined;
  const udp = new DataView(packet.buffer, packet.byteOffset + headerBytes);
  const bytes = udp.getUint16(4) - UDP_HEADER_BYTES;
  const payload = packet.subarray(headerBytes + UDP_HEADER_BYTES).subarray(0, Math.max(0, bytes));
  return { atMs, sourcePort: udp.getUint16(0), destinationPort: udp.getUint16(2), payload, bytes };
}
