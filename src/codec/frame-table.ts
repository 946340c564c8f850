/**
 * What each frame looks like (docs/PROTOCOL.md, sections 2 and 9): one table for decoder and encoder.
 *
 * The pictures show the whole datagram. Above each box are its bytes; `4+` is a TLV's own type and length; `?` marks what
 * may be missing. "header" is that of header.ts. TLVs that this version does not know may stand between them, in order of
 * type.
 */
import { CONTROL_BYTES_MAX, CONTROL_BYTES_MIN, PADDED_BYTES_MIN, START_BYTES } from '../protocol/constants.ts';
import { type Frame, FrameFlag, FrameType, type FrameTypeName, type SecuredHandshakeFrame } from '../protocol/frame.ts';
import { type TlvField, type TlvValue, tlvBit, tlvTable } from './tlv.ts';

type FrameOf<F, N extends FrameTypeName> = Extract<F, { readonly type: (typeof FrameType)[N] }>;
type Presence = 'required' | 'optional';

/** Every field of the frame's type, and as required as it is there; only PADDING can be required and left to the encoder. */
type Presences<F> = {
  readonly [K in keyof F as K extends TlvField ? K : never]-?: K extends 'paddingBytes'
    ? Presence
    : object extends Pick<F, K>
      ? 'optional'
      : 'required';
};

interface Rules<F> {
  /** Every legal value of the flags byte; only 0 if absent. */
  readonly flags?: readonly number[];
  /** Not zero if absent. */
  readonly sessionTag?: 'zero' | 'any';
  /** Zero if absent. */
  readonly attempt?: 'nonZero' | 'any';
  /** Least and largest size in bytes; whatever fits if absent. */
  readonly bytes?: readonly [min: number, max: number];
  /** In order of TLV type, as on the wire. */
  readonly tlvs: Presences<F>;
}

const { ACK_REQUIRED, FAST } = FrameFlag;
const padded = [PADDED_BYTES_MIN, CONTROL_BYTES_MAX] as const;
const exchange = {
  requestId: 'required',
  round: 'required',
  method: 'optional',
  status: 'optional',
  fragment: 'optional',
  body: 'optional',
} as const;

const rules: { readonly [N in FrameTypeName]: Rules<FrameOf<Frame, N>> } = {
  /*
   *   24       4+1..4     4+20      4+1..52  4+1..64        4+rest    4
   * | header | VERSIONS | COOKIE? | TOKEN? | STREAM_NAME? | PADDING | CRC-32 |   always 256
   */
  START: {
    flags: [ACK_REQUIRED, ACK_REQUIRED | FAST],
    sessionTag: 'zero',
    attempt: 'nonZero',
    bytes: [START_BYTES, START_BYTES],
    tlvs: {
      versions: 'required',
      cookie: 'optional',
      token: 'optional',
      streamName: 'optional',
      paddingBytes: 'required',
    },
  },
  /*
   *   24       4+16          4+4    4
   * | header | RESET_TOKEN | SSRC | CRC-32 |   56; FAST grants media before the confirm, ACK_REQUIRED does not
   */
  START_ACK: {
    flags: [ACK_REQUIRED, FAST],
    attempt: 'nonZero',
    tlvs: { resetToken: 'required', ssrc: 'required' },
  },
  /*
   *   24       4+40       4
   * | header | PADDING? | CRC-32 |   at least 72
   */
  START_CONFIRM: { bytes: padded, tlvs: { paddingBytes: 'optional' } },
  /*
   *   24       4+1..4      4+2          4+4               4+0..64   4
   * | header | VERSIONS? | ERROR_CODE | RETRY_AFTER_MS? | REASON? | CRC-32 |   SessionTag 0 before a START_ACK
   */
  ERROR: {
    sessionTag: 'any',
    attempt: 'any',
    tlvs: { versions: 'optional', errorCode: 'required', retryAfterMs: 'optional', reason: 'optional' },
  },
  /*
   *   24       4+20     4
   * | header | COOKIE | CRC-32 |   52
   */
  RETRY: { sessionTag: 'zero', attempt: 'nonZero', tlvs: { cookie: 'required' } },
  /*
   *   24       4+0..700   4
   * | header | SDP?     | CRC-32 |
   */
  READY: { tlvs: { sdp: 'optional' } },
  /*
   *   24       4+8     4+28       4
   * | header | NONCE | PADDING? | CRC-32 |   at least 72
   */
  PING: { bytes: padded, tlvs: { nonce: 'required', paddingBytes: 'optional' } },
  /*
   *   24       4+2                  4+8     4
   * | header | DATAGRAM_BYTES_MAX | NONCE | CRC-32 |   46
   */
  PONG: { tlvs: { datagramBytesMax: 'required', nonce: 'required' } },
  /*
   *   24       4+2          4+0..64   4+rest     4
   * | header | ERROR_CODE | REASON? | PADDING? | CRC-32 |   at least 72
   */
  BYE: { bytes: padded, tlvs: { errorCode: 'required', reason: 'optional', paddingBytes: 'optional' } },
  /*
   *   24       4
   * | header | CRC-32 |   28
   */
  BYE_ACK: { tlvs: {} },
  /*
   *   24       4+16          4+2          4
   * | header | RESET_TOKEN | ERROR_CODE | CRC-32 |   54
   */
  RESET: { tlvs: { resetToken: 'required', errorCode: 'required' } },
  /*
   *   24       4+8     4+28       4
   * | header | NONCE | PADDING? | CRC-32 |   at least 72
   */
  PATH_CHALLENGE: { bytes: padded, tlvs: { nonce: 'required', paddingBytes: 'optional' } },
  /*
   *   24       4+8     4+rest     4
   * | header | NONCE | PADDING? | CRC-32 |
   */
  PATH_RESPONSE: { tlvs: { nonce: 'required', paddingBytes: 'optional' } },
  /*
   *   24       4+1..52   4
   * | header | TOKEN   | CRC-32 |
   */
  TOKEN: { tlvs: { token: 'required' } },
  /*
   *   24       4+8          4+2      4+1..64  4+4       4+8         4+rest  4
   * | header | REQUEST_ID | ROUND? | METHOD | STATUS? | FRAGMENT? | BODY? | CRC-32 |
   */
  NOTIFY: { tlvs: { ...exchange, round: 'optional', method: 'required' } },
  /*
   *   24       4+8          4+2     4+1..64  4+4       4+8         4+rest  4
   * | header | REQUEST_ID | ROUND | METHOD | STATUS? | FRAGMENT? | BODY? | CRC-32 |
   */
  REQUEST: { tlvs: { ...exchange, method: 'required' } },
  /*
   *   24       4+8          4+2     4+1..64   4+4       4+8         4+rest  4
   * | header | REQUEST_ID | ROUND | METHOD? | STATUS? | FRAGMENT? | BODY? | CRC-32 |
   */
  RECEIPT: { tlvs: exchange },
  /*
   *   24       4+8          4+2     4+1..64   4+4      4+8         4+rest  4
   * | header | REQUEST_ID | ROUND | METHOD? | STATUS | FRAGMENT? | BODY? | CRC-32 |
   */
  RESPONSE: { tlvs: { ...exchange, status: 'required' } },
  /*
   *   24       4+8          4+2     4+1..64   4+4      4+8         4+rest  4
   * | header | REQUEST_ID | ROUND | METHOD? | STATUS | FRAGMENT? | BODY? | CRC-32 |
   */
  CONTINUE: { tlvs: { ...exchange, status: 'required' } },
};

/** Where a secured session has other TLVs. MAC1 is the trailer of all three. */
const securedRules: {
  readonly [N in 'START' | 'START_ACK' | 'START_CONFIRM']: Rules<FrameOf<SecuredHandshakeFrame, N>>;
} = {
  /*
   *   24       4+1..4     4+20      4+48..172   4+rest    16
   * | header | VERSIONS | COOKIE? | HANDSHAKE | PADDING | MAC1 |   always 256
   */
  START: {
    ...rules.START,
    tlvs: { versions: 'required', cookie: 'optional', handshake: 'required', paddingBytes: 'required' },
  },
  /*
   *   24       4+84        16
   * | header | HANDSHAKE | MAC1 |   128
   */
  START_ACK: { ...rules.START_ACK, tlvs: { handshake: 'required' } },
  /*
   *   24       4+16, 4+64  4+8        16
   * | header | HANDSHAKE | PADDING? | MAC1 |   72 in mode psk, 108 in mode keys
   */
  START_CONFIRM: { bytes: padded, tlvs: { handshake: 'required', paddingBytes: 'optional' } },
};

/** One TLV of a frame. */
export interface RowTlv {
  /** Field of the frame that holds its value. */
  readonly field: TlvField;
  /** Without the critical bit. */
  readonly type: number;
  /** Its bit in masks, see `tlvBit`. */
  readonly mask: number;
  readonly required: boolean;
  readonly value: TlvValue<unknown>;
}

/** Which TLVs may stand together, prepared for use. */
export interface TlvRow {
  /** What they are in, for messages. */
  readonly name: string;
  /** In order of type, as on the wire. */
  readonly tlvs: readonly RowTlv[];
  /** The same by `tlvBit` of their type. */
  readonly tlvAtBit: readonly (RowTlv | undefined)[];
  /** Mask of those that must be there. */
  readonly required: number;
  /** Smallest datagram with them, in bytes; 0 where there is none. */
  readonly bytesMin: number;
}

/** The rules of one frame type, prepared for use. */
export interface FrameRow extends TlvRow {
  readonly name: FrameTypeName;
  /** Every legal value of the flags byte. */
  readonly flags: readonly number[];
  readonly sessionTag: 'zero' | 'nonZero' | 'any';
  readonly attempt: 'zero' | 'nonZero' | 'any';
  /** Largest datagram, in bytes. */
  readonly bytesMax: number;
}

/** Prepares the TLVs of something, in order of type as on the wire. */
export function tlvRow<N extends string>(
  name: N,
  presences: Readonly<Partial<Record<TlvField, Presence>>>,
  bytesMin = 0,
): TlvRow & { readonly name: N } {
  const tlvs = (Object.entries(presences) as [TlvField, Presence][]).map(([field, presence]): RowTlv => {
    const { type, value } = tlvTable[field];
    return { field, type, mask: 1 << tlvBit(type), required: presence === 'required', value };
  });
  const tlvAtBit = new Array<RowTlv | undefined>(32).fill(undefined);
  for (const tlv of tlvs) tlvAtBit[tlvBit(tlv.type)] = tlv;
  const required = tlvs.reduce((mask, tlv) => (tlv.required ? mask | tlv.mask : mask), 0);
  return { name, tlvs, tlvAtBit, required, bytesMin };
}

function prepare(name: FrameTypeName, given: Rules<object>): FrameRow {
  const { flags = [0], sessionTag = 'nonZero', attempt = 'zero', bytes, tlvs: presences } = given;
  const [bytesMin, bytesMax] = bytes ?? [CONTROL_BYTES_MIN, CONTROL_BYTES_MAX];
  return { ...tlvRow(name, presences, bytesMin), flags, sessionTag, attempt, bytesMax };
}

/** By type. */
const rows: (FrameRow | undefined)[] = [];
for (const name of Object.keys(rules) as FrameTypeName[]) rows[FrameType[name]] = prepare(name, rules[name]);
const securedRows = rows.slice();
for (const name of Object.keys(securedRules) as (keyof typeof securedRules)[]) {
  securedRows[FrameType[name]] = prepare(name, securedRules[name]);
}

/** The rules for the number of a clear frame's type, `undefined` if it is none. */
export function frameRow(type: number): FrameRow | undefined {
  return rows[type];
}

/** The same for a secured session. Flags are without SECURED and KEY_PHASE there; sizes are those of the datagram. */
export function securedFrameRow(type: number): FrameRow | undefined {
  return securedRows[type];
}
