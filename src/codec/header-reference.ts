import { Parser } from 'binary-parser';
import type { FixedHeader } from './header.ts';

/** The header's layout as a declaration, field by field in wire order. */
const parser = new Parser()
  .endianness('big')
  .seek(1)
  .uint8('version')
  .uint8('type')
  .uint8('flags')
  .uint64('streamId')
  .uint64('sessionTag')
  .uint8('attempt')
  .uint8('reserved')
  .uint16('bodyLength');

/**
 * What `readHeader` must read, by a parser made of the declared layout. Not on the path of any datagram: test/codec/header
 * holds the two against each other.
 *
 * @param datagram at least 24 bytes.
 */
export function parseHeader(datagram: Uint8Array): FixedHeader {
  return parser.parse(datagram) as FixedHeader;
}
