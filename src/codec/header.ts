/**
 * The fixed header (docs/PROTOCOL.md, section 2). All integers are big-endian.
 *
 *      0      1         2      3       4               12
 *     +------+---------+------+-------+---------------+----------------+
 *     | 0x0C | version | type | flags | StreamId      | SessionTag     |
 *     +------+---------+------+-------+---------------+----------------+
 *      20        21         22            24       24+n
 *     +---------+----------+-------------+--------+--------------------+
 *     | attempt | reserved | n           | body   | trailer            |
 *     +---------+----------+-------------+--------+--------------------+
 */
import { CONTROL_FIRST_BYTE, PROTOCOL_VERSION } from '../protocol/constants.ts';
import type { FrameHeader } from '../protocol/frame.ts';
import { u16At, u64At } from './big-endian.ts';
import type { FrameRow } from './frame-table.ts';
import { uint64, uintAtMost } from './range.ts';

/** Bytes 1..23 as they came. Nothing is checked but the first byte, the length and the CRC. */
export interface FixedHeader {
  readonly version: number;
  readonly type: number;
  readonly flags: number;
  readonly streamId: bigint;
  readonly sessionTag: bigint;
  readonly attempt: number;
  readonly reserved: number;
  /** n: announced bytes between header and trailer. */
  readonly bodyLength: number;
}

/** Where each field begins, by the name of the decode reason that points there. */
export const headerOffset = {
  version: 1,
  type: 2,
  flags: 3,
  streamIdZero: 4,
  sessionTag: 12,
  attempt: 20,
  reserved: 21,
  bodyLength: 22,
} as const;

/** Reads the header. The datagram must have at least 24 bytes. */
export function readHeader(datagram: Uint8Array): FixedHeader {
  return {
    version: datagram[headerOffset.version] ?? 0,
    type: datagram[headerOffset.type] ?? 0,
    flags: datagram[headerOffset.flags] ?? 0,
    streamId: u64At(datagram, headerOffset.streamIdZero),
    sessionTag: u64At(datagram, headerOffset.sessionTag),
    attempt: datagram[headerOffset.attempt] ?? 0,
    reserved: datagram[headerOffset.reserved] ?? 0,
    bodyLength: u16At(datagram, headerOffset.bodyLength),
  };
}

/** Writes the header but for the body's length, which is not known yet. Throws RangeError for what does not fit. */
export function writeHeader(view: DataView, type: number, frame: FrameHeader): void {
  view.setUint8(0, CONTROL_FIRST_BYTE);
  view.setUint8(headerOffset.version, PROTOCOL_VERSION);
  view.setUint8(headerOffset.type, type);
  view.setUint8(headerOffset.flags, frame.flags);
  view.setBigUint64(headerOffset.streamIdZero, uint64(frame.streamId, 'streamId'));
  view.setBigUint64(headerOffset.sessionTag, uint64(frame.sessionTag, 'sessionTag'));
  view.setUint8(headerOffset.attempt, uintAtMost(0xff, frame.attempt, 'attempt'));
  view.setUint8(headerOffset.reserved, 0);
}

/**
 * Which of the row's rules for flags, ids and attempt is broken first, `undefined` if all hold.
 *
 * @param trailerFlags flags that belong to the kind of trailer, which the row says nothing of.
 */
export function headerFault(
  row: FrameRow,
  header: Pick<FrameHeader, 'flags' | 'streamId' | 'sessionTag' | 'attempt'>,
  trailerFlags: number,
): 'flags' | 'streamIdZero' | 'sessionTag' | 'attempt' | undefined {
  if (!row.flags.includes(header.flags & ~trailerFlags)) return 'flags';
  if (header.streamId === 0n) return 'streamIdZero';
  if (row.sessionTag !== 'any' && (header.sessionTag === 0n) !== (row.sessionTag === 'zero')) return 'sessionTag';
  if (row.attempt !== 'any' && (header.attempt === 0) !== (row.attempt === 'zero')) return 'attempt';
  return undefined;
}
