import { crc32 } from '../../src/codec/crc.ts';
import { freshStreamId } from './raw-peer.ts';

/** A TLV as it lies in the bytes: type with its critical bit, value; and its length, if that is to be a lie. */
export type RawTlv = readonly [typeBits: number, value: readonly number[], length?: number];

/** A control frame byte by byte, right or wrong; a proper START but for what is named. */
export interface RawFrame {
  readonly version?: number;
  readonly type?: number;
  readonly flags?: number;
  readonly streamId?: bigint;
  readonly sessionTag?: bigint;
  readonly attempt?: number;
  readonly reserved?: number;
  /** Before PADDING; default VERSIONS 1. */
  readonly tlvs?: readonly RawTlv[];
  /** The byte that PADDING is made of. */
  readonly padding?: number;
  /** Of the datagram; what lacks is PADDING. Default 256. */
  readonly bytes?: number;
  /** CRC-32 or the size of a MAC. Default 4. */
  readonly trailerBytes?: number;
}

/** VERSIONS, as in every START. */
export const versionOne: RawTlv = [1, [1]];

/** Makes such a frame, with the right CRC. */
export function rawFrame(frame: RawFrame): Uint8Array {
  const { bytes = 256, tlvs = [versionOne], trailerBytes = 4 } = frame;
  const datagram = new Uint8Array(bytes);
  const view = new DataView(datagram.buffer);
  const bodyEnd = bytes - trailerBytes;
  view.setUint8(0, 0x0c);
  view.setUint8(1, frame.version ?? 1);
  view.setUint8(2, frame.type ?? 1);
  view.setUint8(3, frame.flags ?? 1);
  view.setBigUint64(4, frame.streamId ?? freshStreamId());
  view.setBigUint64(12, frame.sessionTag ?? 0n);
  view.setUint8(20, frame.attempt ?? 1);
  view.setUint8(21, frame.reserved ?? 0);
  view.setUint16(22, bodyEnd - 24);
  let at = 24;
  for (const [typeBits, value, length = value.length] of tlvs) {
    view.setUint16(at, typeBits);
    view.setUint16(at + 2, length);
    datagram.set(value, at + 4);
    at += 4 + value.length;
  }
  if (at + 4 <= bodyEnd) {
    view.setUint16(at, 0x7fff);
    view.setUint16(at + 2, bodyEnd - at - 4);
    datagram.fill(frame.padding ?? 0, at + 4, bodyEnd);
  }
  view.setUint32(bodyEnd, crc32(datagram, bodyEnd));
  return datagram;
}
