/**
 * How one state of the product is packed into 32-bit words.
 *
 *     word 0        both processes: the initiator's local state, its StreamId and SessionTag, and what was used of the bounds
 *     stream words  two StreamIds each, 16 bits: its STARTs, RETRYs and ERRORs on the way, and the responder's tombstone
 *     session words one session each: its frames on the way, the responder's local state, the StreamId, what happened to it
 *
 * StreamIds and sessions are numbered in the order in which they are drawn, from 1; the last StreamIds are the attacker's. A
 * SessionTag is drawn once for one session and never again, so session and tag are one number; 0 is none. A datagram is a bit:
 * on the way or not. Several copies on the way are one bit that need not go when one is delivered.
 */
import { attemptsMax, type Bounds, streamsMax } from './bounds.ts';

/** A field of a word. */
export interface Field {
  readonly shift: number;
  /** Largest value. */
  readonly max: number;
}

/** Fields of word 0. */
export const Global = {
  initiator: { shift: 0, max: 0x3ff },
  /** StreamId of the initiator, 0 for none. */
  stream: { shift: 10, max: 15 },
  /** Session whose tag the initiator has, 0 for none. */
  tag: { shift: 14, max: 7 },
  streamsDrawn: { shift: 17, max: 15 },
  sessionsDrawn: { shift: 21, max: 7 },
  initiatorRestarts: { shift: 24, max: 3 },
  responderRestarts: { shift: 26, max: 3 },
  /** Sessions drawn before the newest restart; kept only where a design error asks for it. */
  drawnBefore: { shift: 28, max: 7 },
} as const satisfies Record<string, Field>;

/** Fields of a session's word; bits 0..13 are {@link SessionFrame}s. */
export const Session = {
  local: { shift: 14, max: 0xff },
  stream: { shift: 22, max: 15 },
  /** The initiator sent START_CONFIRM with this tag. */
  confirmed: { shift: 26, max: 1 },
  /** The responder was in Streaming. */
  streamed: { shift: 27, max: 1 },
  /** Its RESET_TOKEN is of a reset key that the responder has no more. */
  keyLost: { shift: 28, max: 1 },
  /** A candidate whose START came with a good cookie. */
  proven: { shift: 29, max: 1 },
} as const satisfies Record<string, Field>;

/** Bits of a session's word: frames that carry both its ids. */
export const SessionFrame = {
  START_ACK: 0,
  READY: 1,
  PING_TO_INITIATOR: 2,
  PONG_TO_INITIATOR: 3,
  BYE_TO_INITIATOR: 4,
  BYE_ACK_TO_INITIATOR: 5,
  RESET: 6,
  /** RESET of a responder that lost the key. */
  RESET_WRONG_TOKEN: 7,
  MEDIA: 8,
  START_CONFIRM: 9,
  PING_TO_RESPONDER: 10,
  PONG_TO_RESPONDER: 11,
  BYE_TO_RESPONDER: 12,
  BYE_ACK_TO_RESPONDER: 13,
} as const;

/** Most attempts of one StreamId that a stream's half word can tell apart. */
export const ATTEMPT_BITS = 5;

/** Bits of a stream's half word: frames that carry only the StreamId. Attempt `a` of START is bit `a - 1`. */
export const StreamFrame = {
  START: 0,
  RETRY: ATTEMPT_BITS,
  ERROR_FOR_NOW: 2 * ATTEMPT_BITS,
  ERROR: 2 * ATTEMPT_BITS + 1,
} as const;

/** Tombstone in a stream's half word: 0 none, 1 an ERROR of the moment, 2 a final ERROR, 3 silent. */
export const tombstone: Field = { shift: 2 * ATTEMPT_BITS + 2, max: 3 };
/** In a stream's half word: its STARTs carry a cookie from the attempt after this one on; 0 for none that was sent. */
export const cookieAfter: Field = { shift: 2 * ATTEMPT_BITS + 4, max: 3 };

/** A field of a StreamId in its word. */
export function fieldOfStream({ shift, max }: Field, stream: number): Field {
  return { shift: shift + 16 * ((stream - 1) & 1), max };
}

/** Whether the attempt of a StreamId was sent with a cookie. @param word of the StreamId. */
export function hasCookie(word: number, stream: number, attempt: number): boolean {
  const after = get(word, fieldOfStream(cookieAfter, stream));
  return after !== 0 && attempt > after;
}

/** The tombstone of a StreamId in its word. */
export function stoneIn(word: number, stream: number): number {
  return get(word, fieldOfStream(tombstone, stream));
}

/** See {@link tombstone}. */
export const SILENT = 3;

/** Frames on their way, as masks over a word. */
export const Way = {
  streamToResponder: 0x001f_001f,
  streamToInitiator: 0x0fe0_0fe0,
  sessionToResponder: 0x3e00,
  sessionToInitiator: 0x01ff,
} as const;

/** Where the words are, for one set of bounds. */
export interface Layout {
  readonly words: number;
  /** The first of the attacker's StreamIds. */
  readonly attacker: number;
  /** The last StreamId. */
  readonly streams: number;
  readonly firstSession: number;
  readonly sessions: number;
}

/** @throws RangeError when the bounds do not fit into the words. */
export function layoutOf(bounds: Bounds): Layout {
  const attacker = streamsMax(bounds) + 1;
  const streams = attacker + bounds.attackerStreams - 1;
  if (streams > Global.stream.max) throw new RangeError(`${streams} StreamIds are more than ${Global.stream.max}`);
  if (streams < attacker) throw new RangeError('an attacker without a StreamId');
  if (attemptsMax(bounds) > ATTEMPT_BITS) throw new RangeError(`more than ${ATTEMPT_BITS} attempts`);
  if (bounds.sessionsMax > Global.tag.max) throw new RangeError(`more than ${Global.tag.max} sessions`);
  const firstSession = 1 + Math.ceil(streams / 2);
  return { words: firstSession + bounds.sessionsMax, attacker, streams, firstSession, sessions: bounds.sessionsMax };
}

/** Reads a field. */
export function get(word: number, { shift, max }: Field): number {
  return (word >>> shift) & max;
}

/** A word with another value in a field. */
export function put(word: number, { shift, max }: Field, value: number): number {
  return (word & ~(max << shift)) | (value << shift);
}
