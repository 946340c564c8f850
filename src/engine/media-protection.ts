import type { SessionKeys, SessionRole } from '../security/session-keys.ts';

/** Not authentic, or not to be used any more; or it came before. Names of counters. */
export type MediaRefusal = 'mediaForged' | 'mediaReplayed';

/**
 * Protects the media of one secured session: RTP and RTCP as they leave, and as they come. A packet that is refused changes
 * nothing. Without one no media of a secured session leaves, and none is taken.
 */
export interface MediaProtection {
  /** Bytes that {@link protect} adds to a packet. */
  readonly overheadBytes: number;
  /** An RTP packet as it leaves, in memory of its own; `undefined` for what is no RTP. */
  protect(packet: Uint8Array, nowMs: number): Uint8Array | undefined;
  /** The RTP packet in a datagram that came, or why it is none. */
  unprotect(datagram: Uint8Array, nowMs: number): Uint8Array | MediaRefusal;
  /** The same for RTCP. */
  protectFeedback(packet: Uint8Array, nowMs: number): Uint8Array | undefined;
  /** The same for RTCP. */
  unprotectFeedback(datagram: Uint8Array, nowMs: number): Uint8Array | MediaRefusal;
}

/** What a {@link MediaProtection} is made of. */
export interface ProtectedSession {
  readonly keys: SessionKeys;
  readonly role: SessionRole;
  /** Of its media; the low 16 bits are the first sequence number (docs/PROTOCOL.md, section 8.1). */
  readonly ssrc: number;
  readonly nowMs: number;
}

/** Makes the protection of a session whose handshake has finished. */
export type ProtectMedia = (session: ProtectedSession) => MediaProtection;
