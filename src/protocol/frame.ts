/**
 * The control frames as values: what the codec produces and the engine consumes (docs/PROTOCOL.md, section 2).
 *
 * Every frame is one type of a discriminated union, with the TLVs that its row of the table lists as plain fields, so that
 * a decoded frame needs no further checks for presence. 64-bit ids are `bigint`.
 */

/** Frame types on the wire. */
export const FrameType = {
  START: 1,
  START_ACK: 2,
  START_CONFIRM: 3,
  ERROR: 4,
  RETRY: 5,
  READY: 6,
  PING: 7,
  PONG: 8,
  BYE: 9,
  BYE_ACK: 10,
  RESET: 11,
  PATH_CHALLENGE: 12,
  PATH_RESPONSE: 13,
  TOKEN: 14,
  NOTIFY: 32,
  REQUEST: 33,
  RECEIPT: 34,
  RESPONSE: 35,
  CONTINUE: 36,
} as const;

/** Name of a frame type. */
export type FrameTypeName = keyof typeof FrameType;
/** Number of a frame type. */
export type FrameTypeValue = (typeof FrameType)[FrameTypeName];

const frameTypeNames = new Map<number, FrameTypeName>(
  (Object.entries(FrameType) as [FrameTypeName, number][]).map(([name, value]) => [value, name]),
);

/** The name of a frame type's number, `undefined` for a number that is none. */
export function frameTypeName(type: number): FrameTypeName | undefined {
  return frameTypeNames.get(type);
}

/** Bits of the flags byte; every other bit must be 0. */
export const FrameFlag = {
  ACK_REQUIRED: 0x01,
  FAST: 0x02,
  SECURED: 0x04,
  KEY_PHASE: 0x08,
} as const;

/** TLV types, without the critical bit. */
export const TlvType = {
  VERSIONS: 1,
  COOKIE: 2,
  RESET_TOKEN: 3,
  TOKEN: 4,
  ERROR_CODE: 5,
  RETRY_AFTER_MS: 6,
  REASON: 7,
  STREAM_NAME: 8,
  SSRC: 9,
  SDP: 10,
  DATAGRAM_BYTES_MAX: 12,
  NONCE: 13,
  HANDSHAKE: 14,
  REQUEST_ID: 15,
  ROUND: 16,
  METHOD: 17,
  STATUS: 18,
  FRAGMENT: 19,
  BODY: 20,
  PADDING: 0x7fff,
} as const;

/** A TLV of a type that this version does not know and that was not critical: skipped, but kept for exact re-encoding. */
export interface UnknownTlv {
  /** Type without the critical bit. */
  readonly type: number;
  /** Its value; a view of the datagram, copy it to keep it. */
  readonly value: Uint8Array;
}

/** What every frame carries. */
export interface FrameHeader {
  /** Bits of {@link FrameFlag}. */
  readonly flags: number;
  /** 1..2^64-1. */
  readonly streamId: bigint;
  /** 0 in START, RETRY and an ERROR sent before a START_ACK, else 1..2^64-1. */
  readonly sessionTag: bigint;
  /** 1..255 in START, START_ACK and RETRY; echoed or 0 in ERROR; 0 elsewhere. */
  readonly attempt: number;
  /** Known TLVs that came with the critical bit: bit t for type t, bit 31 for PADDING. Absent when none did. */
  readonly criticalTlvs?: number;
  /** Skipped TLVs in wire order. Absent when there were none. */
  readonly unknownTlvs?: readonly UnknownTlv[];
}

/** Frames whose table row lists PADDING: length of its value in zeros, absent without the TLV. */
interface Padded {
  readonly paddingBytes?: number;
}

export interface StartFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.START;
  /** 1 to 4 protocol versions, best first. */
  readonly versions: readonly number[];
  /** 20 bytes from the newest RETRY. */
  readonly cookie?: Uint8Array;
  /** At most 52 bytes. */
  readonly token?: Uint8Array;
  /** UTF-8, at most 64 bytes. */
  readonly streamName?: string;
}

export interface StartAckFrame extends FrameHeader {
  readonly type: typeof FrameType.START_ACK;
  /** 16 bytes that a RESET of this session will carry. */
  readonly resetToken: Uint8Array;
  /** u32, the only SSRC whose media counts in this session. */
  readonly ssrc: number;
}

export interface StartConfirmFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.START_CONFIRM;
}

export interface ErrorFrame extends FrameHeader {
  readonly type: typeof FrameType.ERROR;
  readonly versions?: readonly number[];
  /** u16, see error-code.ts. */
  readonly errorCode: number;
  /** u32, ms. */
  readonly retryAfterMs?: number;
  /** UTF-8, at most 64 bytes. */
  readonly reason?: string;
}

export interface RetryFrame extends FrameHeader {
  readonly type: typeof FrameType.RETRY;
  /** 20 bytes. */
  readonly cookie: Uint8Array;
}

export interface ReadyFrame extends FrameHeader {
  readonly type: typeof FrameType.READY;
  /** UTF-8, at most 700 bytes. */
  readonly sdp?: string;
}

export interface PingFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.PING;
  readonly nonce: bigint;
}

export interface PongFrame extends FrameHeader {
  readonly type: typeof FrameType.PONG;
  /** That of the PING. */
  readonly nonce: bigint;
  /** u16, largest datagram received in this session since the last PONG, in bytes. */
  readonly datagramBytesMax: number;
}

export interface ByeFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.BYE;
  readonly errorCode: number;
  readonly reason?: string;
}

export interface ByeAckFrame extends FrameHeader {
  readonly type: typeof FrameType.BYE_ACK;
}

export interface ResetFrame extends FrameHeader {
  readonly type: typeof FrameType.RESET;
  /** 16 bytes, those of the START_ACK. */
  readonly resetToken: Uint8Array;
  /** Always NO_SESSION. */
  readonly errorCode: number;
}

export interface PathChallengeFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.PATH_CHALLENGE;
  readonly nonce: bigint;
}

export interface PathResponseFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.PATH_RESPONSE;
  readonly nonce: bigint;
}

export interface TokenFrame extends FrameHeader {
  readonly type: typeof FrameType.TOKEN;
  /** At most 52 bytes. */
  readonly token: Uint8Array;
}

/** A part of an exchange's message: where it begins and how long the whole is, in bytes. */
export interface Fragment {
  /** u32. */
  readonly offset: number;
  /** u32. */
  readonly total: number;
}

/** Two layers of success: the exchange's (0 OK, 1 ERROR; in CONTINUE 1 continue, 0 stop) and the method's own. */
export interface ExchangeStatus {
  /** u16. */
  readonly exchange: number;
  /** u16. */
  readonly method: number;
}

/** What the five exchange frames share; which of them a frame must have is in the codec's table. */
interface ExchangeFrameBody extends FrameHeader {
  readonly requestId: bigint;
  /** u16. */
  readonly round?: number;
  /** UTF-8, at most 64 bytes. */
  readonly method?: string;
  readonly status?: ExchangeStatus;
  readonly fragment?: Fragment;
  readonly body?: Uint8Array;
}

export interface NotifyFrame extends ExchangeFrameBody {
  readonly type: typeof FrameType.NOTIFY;
  readonly method: string;
}

export interface RequestFrame extends ExchangeFrameBody {
  readonly type: typeof FrameType.REQUEST;
  readonly round: number;
  readonly method: string;
}

export interface ReceiptFrame extends ExchangeFrameBody {
  readonly type: typeof FrameType.RECEIPT;
  readonly round: number;
}

export interface ResponseFrame extends ExchangeFrameBody {
  readonly type: typeof FrameType.RESPONSE;
  readonly round: number;
  readonly status: ExchangeStatus;
}

export interface ContinueFrame extends ExchangeFrameBody {
  readonly type: typeof FrameType.CONTINUE;
  readonly round: number;
  readonly status: ExchangeStatus;
}

/** Any control frame. */
export type Frame =
  | StartFrame
  | StartAckFrame
  | StartConfirmFrame
  | ErrorFrame
  | RetryFrame
  | ReadyFrame
  | PingFrame
  | PongFrame
  | ByeFrame
  | ByeAckFrame
  | ResetFrame
  | PathChallengeFrame
  | PathResponseFrame
  | TokenFrame
  | NotifyFrame
  | RequestFrame
  | ReceiptFrame
  | ResponseFrame
  | ContinueFrame;

/** START of a secured session; the rest of it is inside its Noise message. */
export interface SecuredStartFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.START;
  /** 1 to 4 protocol versions, best first. */
  readonly versions: readonly number[];
  /** 20 bytes from the newest RETRY. */
  readonly cookie?: Uint8Array;
  /** First Noise message. */
  readonly handshake: Uint8Array;
}

/** START_ACK of a secured session; the rest of it is inside its Noise message. */
export interface SecuredStartAckFrame extends FrameHeader {
  readonly type: typeof FrameType.START_ACK;
  /** Second Noise message. */
  readonly handshake: Uint8Array;
}

/** START_CONFIRM of a secured session. */
export interface SecuredStartConfirmFrame extends FrameHeader, Padded {
  readonly type: typeof FrameType.START_CONFIRM;
  /** Third Noise message, or the first transport message where the pattern has two. */
  readonly handshake: Uint8Array;
}

/** The frames whose fields differ in a secured session. */
export type SecuredHandshakeFrame = SecuredStartFrame | SecuredStartAckFrame | SecuredStartConfirmFrame;

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;

/** A frame's type and the fields that are TLVs; the rest is its {@link FrameHeader}. */
export type FrameBody = DistributiveOmit<Frame, keyof FrameHeader>;

/** As {@link FrameBody}, of a frame of a secured session. */
export type SecuredFrameBody = FrameBody | DistributiveOmit<SecuredHandshakeFrame, keyof FrameHeader>;
