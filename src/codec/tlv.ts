/**
 * The TLVs of a body (docs/PROTOCOL.md, section 2): for each field of a frame, which TLV carries it and how its value lies
 * in the bytes. Decoder and encoder both read this one table.
 *
 *      0                   1                   2                   3
 *      0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *     +-+-----------------------------+-------------------------------+
 *     |C|            type             |        length of value        |
 *     +-+-----------------------------+-------------------------------+
 *     |  value ...        C: critical
 *     +------------------
 */
import { CONTROL_BYTES_MAX, CONTROL_BYTES_MIN, TLV_HEADER_BYTES } from '../protocol/constants.ts';
import {
  type ExchangeStatus,
  type Fragment,
  type Frame,
  type FrameHeader,
  type SecuredHandshakeFrame,
  TlvType,
} from '../protocol/frame.ts';
import { u16At, u32At, u64At } from './big-endian.ts';
import type { DecodeReason } from './decode-reason.ts';
import { U32_MAX, uint64, uintAtMost } from './range.ts';

type KeyOf<F> = F extends unknown ? keyof F : never;
type ValueOf<F, K> = F extends unknown ? (K extends keyof F ? Exclude<F[K], undefined> : never) : never;

/** Name of a frame's field that a TLV carries, such as `'streamName'`. */
export type TlvField = Exclude<KeyOf<AnyFrame>, keyof FrameHeader | 'type'>;

type AnyFrame = Frame | SecuredHandshakeFrame;

/** How values of one kind are read from and written to a TLV. */
export interface TlvValue<V> {
  /** Fewest and most bytes; the decoder checks them before it reads. */
  readonly bytesMin: number;
  readonly bytesMax: number;
  /** Why a value of a legal length may still be refused. */
  readonly fault: DecodeReason;
  /** The value at start..end, `undefined` for {@link fault}. */
  read(datagram: Uint8Array, start: number, end: number): V | undefined;
  /**
   * Writes the value at `at`, where there is room for {@link bytesMax} bytes.
   *
   * @returns number of bytes written.
   * @throws RangeError if the value is out of range; `field` is for the message.
   */
  write(view: DataView, at: number, value: V, field: string): number;
}

/** Longest value that fits into a frame as its only TLV. */
export const TLV_VALUE_BYTES_MAX = CONTROL_BYTES_MAX - CONTROL_BYTES_MIN - TLV_HEADER_BYTES;

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** A view of `length` bytes from `start` on; plain also where the datagram is a Buffer. */
export function bytesAt(within: DataView | Uint8Array, start: number, length: number): Uint8Array {
  return new Uint8Array(within.buffer, within.byteOffset + start, length);
}

const u16: TlvValue<number> = {
  bytesMin: 2,
  bytesMax: 2,
  fault: 'tlvValue',
  read: (datagram, start) => u16At(datagram, start),
  write(view, at, value, field) {
    view.setUint16(at, uintAtMost(0xffff, value, field));
    return 2;
  },
};

const u32: TlvValue<number> = {
  bytesMin: 4,
  bytesMax: 4,
  fault: 'tlvValue',
  read: (datagram, start) => u32At(datagram, start),
  write(view, at, value, field) {
    view.setUint32(at, uintAtMost(U32_MAX, value, field));
    return 4;
  },
};

const u64: TlvValue<bigint> = {
  bytesMin: 8,
  bytesMax: 8,
  fault: 'tlvValue',
  read: (datagram, start) => u64At(datagram, start),
  write(view, at, value, field) {
    view.setBigUint64(at, uint64(value, field));
    return 8;
  },
};

function bytes(bytesMin: number, bytesMax: number): TlvValue<Uint8Array> {
  return {
    bytesMin,
    bytesMax,
    fault: 'tlvValue',
    read: (datagram, start, end) => bytesAt(datagram, start, end - start),
    write(view, at, value, field) {
      if (value.length < bytesMin || value.length > bytesMax) {
        throw new RangeError(`${field} must have ${bytesMin} to ${bytesMax} bytes, not ${value.length}`);
      }
      bytesAt(view, at, value.length).set(value);
      return value.length;
    },
  };
}

/** A BOM is a character like any other, and a lone surrogate none: otherwise bytes would change on their way through. */
function text(bytesMin: number, bytesMax: number): TlvValue<string> {
  return {
    bytesMin,
    bytesMax,
    fault: 'utf8',
    read(datagram, start, end) {
      try {
        return decoder.decode(bytesAt(datagram, start, end - start));
      } catch {
        return undefined;
      }
    },
    write(view, at, value, field) {
      if (/\p{Surrogate}/u.test(value)) throw new RangeError(`${field} has a lone surrogate`);
      const { read, written } = encoder.encodeInto(value, bytesAt(view, at, bytesMax));
      if (read < value.length || written < bytesMin) {
        throw new RangeError(`${field} must have ${bytesMin} to ${bytesMax} bytes of UTF-8`);
      }
      return written;
    },
  };
}

const versionList: TlvValue<readonly number[]> = {
  bytesMin: 1,
  bytesMax: 4,
  fault: 'tlvValue',
  read(datagram, start, end) {
    // Nearly always the only one: a list that begins empty makes room for 17.
    const versions = [datagram[start] ?? 0];
    for (let at = start + 1; at < end; at++) versions.push(datagram[at] ?? 0);
    return versions;
  },
  write(view, at, value, field) {
    if (value.length < 1 || value.length > 4) throw new RangeError(`${field} must be 1 to 4, not ${value.length}`);
    for (const [i, version] of value.entries()) view.setUint8(at + i, uintAtMost(0xff, version, field));
    return value.length;
  },
};

const status: TlvValue<ExchangeStatus> = {
  bytesMin: 4,
  bytesMax: 4,
  fault: 'tlvValue',
  read: (datagram, start) => ({ exchange: u16At(datagram, start), method: u16At(datagram, start + 2) }),
  write(view, at, value, field) {
    u16.write(view, at, value.exchange, field);
    u16.write(view, at + 2, value.method, field);
    return 4;
  },
};

const fragment: TlvValue<Fragment> = {
  bytesMin: 8,
  bytesMax: 8,
  fault: 'tlvValue',
  read(datagram, start) {
    const offset = u32At(datagram, start);
    const total = u32At(datagram, start + 4);
    return offset <= total ? { offset, total } : undefined;
  },
  write(view, at, value, field) {
    u32.write(view, at, uintAtMost(value.total, value.offset, field), field);
    u32.write(view, at + 4, value.total, field);
    return 8;
  },
};

/** The value is the number of zeros. */
const zeros: TlvValue<number> = {
  bytesMin: 0,
  bytesMax: TLV_VALUE_BYTES_MAX,
  fault: 'paddingNotZero',
  // Words at a time: START is mostly this, and strangers send it.
  read(datagram, start, end) {
    let at = start;
    for (; at + 4 <= end; at += 4) if (u32At(datagram, at) !== 0) return undefined;
    for (; at < end; at++) if (datagram[at] !== 0) return undefined;
    return end - start;
  },
  write(view, start, value, field) {
    bytesAt(view, start, uintAtMost(TLV_VALUE_BYTES_MAX, value, field)).fill(0);
    return value;
  },
};

/** A skipped TLV's value. */
export const opaque: TlvValue<Uint8Array> = bytes(0, TLV_VALUE_BYTES_MAX);

/** Type and value of the TLV behind each field. */
export const tlvTable: {
  readonly [K in TlvField]: { readonly type: number; readonly value: TlvValue<ValueOf<AnyFrame, K>> };
} = {
  versions: { type: TlvType.VERSIONS, value: versionList },
  cookie: { type: TlvType.COOKIE, value: bytes(20, 20) },
  resetToken: { type: TlvType.RESET_TOKEN, value: bytes(16, 16) },
  token: { type: TlvType.TOKEN, value: bytes(1, 52) },
  errorCode: { type: TlvType.ERROR_CODE, value: u16 },
  retryAfterMs: { type: TlvType.RETRY_AFTER_MS, value: u32 },
  reason: { type: TlvType.REASON, value: text(0, 64) },
  streamName: { type: TlvType.STREAM_NAME, value: text(1, 64) },
  ssrc: { type: TlvType.SSRC, value: u32 },
  sdp: { type: TlvType.SDP, value: text(0, 700) },
  datagramBytesMax: { type: TlvType.DATAGRAM_BYTES_MAX, value: u16 },
  nonce: { type: TlvType.NONCE, value: u64 },
  // A tag alone in START_CONFIRM; a public key, and TOKEN and STREAM_NAME at their longest, in START.
  handshake: { type: TlvType.HANDSHAKE, value: bytes(16, 172) },
  requestId: { type: TlvType.REQUEST_ID, value: u64 },
  round: { type: TlvType.ROUND, value: u16 },
  method: { type: TlvType.METHOD, value: text(1, 64) },
  status: { type: TlvType.STATUS, value: status },
  fragment: { type: TlvType.FRAGMENT, value: fragment },
  body: { type: TlvType.BODY, value: opaque },
  paddingBytes: { type: TlvType.PADDING, value: zeros },
};

const knownTypes: ReadonlySet<number> = new Set(Object.values(TlvType));

/** Whether this version gives the TLV type (without the critical bit) a meaning, in whatever frame. 11 is reserved: no. */
export function isKnownTlv(type: number): boolean {
  return knownTypes.has(type);
}

/**
 * The bit that stands for a TLV type in a mask such as `criticalTlvs`: t for types up to 20, 31 for PADDING, -1 for a type
 * that has none.
 */
export function tlvBit(type: number): number {
  if (type <= TlvType.BODY) return type;
  return type === TlvType.PADDING ? 31 : -1;
}
