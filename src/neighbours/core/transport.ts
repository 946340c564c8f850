import type { FramingFault } from './framing.ts';

/** How a transport came to its end. */
export interface TransportEnd {
  /** `local`: this end closed it; `ended`: the peer did, in order; `failed`: anything else. */
  readonly cause: 'local' | 'ended' | 'failed';
  /** The stream ended within a message. */
  readonly truncated: boolean;
  /** The operating system's word, such as ECONNRESET. */
  readonly detail?: string | undefined;
}

/** Told by a transport, never from within a call of its own methods other than `open`. */
export interface TransportEvents {
  /** A whole message; the bytes are the listener's own. */
  message(bytes: Uint8Array): void;
  /** The byte stream cannot be read any further. Nothing more will come; it can still be written to, and must be closed. */
  malformed(fault: FramingFault): void;
  /**
   * The peer sends nothing more. Its other direction may be open: it must be closed.
   *
   * @param truncated within a message.
   */
  ended(truncated: boolean): void;
  /** There is room again after a message was refused with `queueFull`. */
  writable(): void;
  /** It is over. Told once, and nothing after it. */
  closed(end: TransportEnd): void;
}

/** Why a message was not sent. */
export const refusals = ['closed', 'empty', 'tooLarge', 'queueFull'] as const;

/** See {@link refusals}. */
export type Refusal = (typeof refusals)[number];

/** What is counted by every transport. */
export const transportCounters = ['sent', 'received', 'malformed', ...refusals] as const;

/** See {@link transportCounters}. */
export type TransportCounter = (typeof transportCounters)[number];

/** Largest amount of bytes that waits in one transport by default. */
export const QUEUE_BYTES_MAX = 4 * 1_048_576;

/** Largest message in a datagram by default, in bytes. */
export const DATAGRAM_MESSAGE_BYTES_MAX = 1200;

/** How long a close waits for what is on its way, and for the peer to end too, in ms. */
export const CLOSE_MS = 5000;

/** Limits of a transport. */
export interface TransportLimits {
  /** Largest message in either direction, in bytes. Default 1,048,576; for datagrams 1,200. */
  readonly messageBytesMax?: number;
  /** Largest amount that waits to be sent, in bytes; a message beyond it is refused. Default 4 MiB. */
  readonly queueBytesMax?: number;
}

/**
 * Carries whole messages to one peer and back: over a byte stream each with its length before it, or one in each datagram. What it
 * is made of (pipe, TCP, TLS, UDP, the simulated link) does not show.
 */
export interface Transport {
  /** Whether messages arrive in order and once, or not at all. */
  readonly reliable: boolean;
  /** Largest message, in bytes. */
  readonly messageBytesMax: number;
  /** Counters by name. */
  readonly counters: Readonly<Record<TransportCounter, number>>;
  /** Begins to read. Called once. */
  open(events: TransportEvents): void;
  /**
   * Sends a message, or refuses it at once: nothing waits without bound.
   *
   * @param message may be used again by the caller afterwards.
   * @returns `undefined` when it is on its way.
   */
  send(message: Uint8Array): Refusal | undefined;
  /** Reads no more until {@link resume}; what was read already may still come. */
  pause(): void;
  resume(): void;
  /** Lets what waits leave, then closes; after a while even if it did not. Nothing is received any more. */
  close(): void;
  /** Closes now; what waits is lost. */
  destroy(): void;
}
