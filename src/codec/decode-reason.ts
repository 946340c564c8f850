/**
 * Why a datagram was refused. A closed set: each is a metric label (S16), so nothing from the wire ever becomes one.
 * In the order in which the decoder checks.
 */
export const decodeReasons = [
  /** Fewer than 28 bytes. */
  'tooShort',
  /** More than 1,200 bytes. */
  'tooLong',
  /** Not 0x0C. */
  'firstByte',
  /** The announced body does not end exactly where the trailer begins. */
  'bodyLength',
  /** The SECURED flag, at an end that is not configured as secured. */
  'secured',
  /** No SECURED flag, in any frame but RESET, at an end that is configured as secured. */
  'clear',
  /** The CRC-32 is wrong. */
  'crc',
  /** MAC1 is wrong. */
  'mac1',
  /** Not version 1. */
  'version',
  /** A frame type without a row in the table. */
  'type',
  /** Flags that this frame may not have, or not together. */
  'flags',
  /** StreamId is 0. */
  'streamIdZero',
  /** SessionTag is 0 where it must not be, or the reverse. */
  'sessionTag',
  /** The attempt is 0 where it must not be, or the reverse. */
  'attempt',
  /** The reserved byte is not 0. */
  'reserved',
  /** The body ends within a TLV's header or value. */
  'tlvTruncated',
  /** More than 32 TLVs. */
  'tlvCount',
  /** A type that is not above the one before it: out of order, or twice. */
  'tlvOrder',
  /** A TLV that this version knows but not in this frame. */
  'tlvNotAllowed',
  /** A TLV that this version does not know, and must. */
  'criticalTlv',
  /** A value shorter or longer than its type allows. */
  'tlvLength',
  /** Not well-formed UTF-8. */
  'utf8',
  /** A value that contradicts itself: a fragment that begins after the end of its message. */
  'tlvValue',
  /** PADDING with a byte other than 0. */
  'paddingNotZero',
  /** A TLV that this frame must have is not there. */
  'tlvMissing',
  /** Smaller or larger than this frame must be: START is 256 bytes, some others at least 72. */
  'size',
] as const;

/** One of {@link decodeReasons}. */
export type DecodeReason = (typeof decodeReasons)[number];
