import type { DatagramMemory } from '../media/datagram-memory.ts';
import type { StreamFeed } from '../media/stream-feed.ts';
import type { FastStart } from './fast-start.ts';
import type { Peer, ResponderOutput } from './io-types.ts';
import type { CandidateSecurity } from './responder-security.ts';
import type { ResponderSession } from './responder-session.ts';
import type { SessionHost } from './session-host.ts';

/** What a responder's session asks of its endpoint. */
export interface ResponderHost extends SessionHost<ResponderOutput> {
  /** 32 bytes. */
  readonly resetKey: Uint8Array;
  /** NACKs are answered. */
  readonly repair: boolean;
  /** First datagram size for media in bytes. */
  readonly datagramBytesMax: number;
  /** Of media as it leaves; absent for fresh. */
  readonly mediaMemory: DatagramMemory | undefined;
  /** Absent where the camera does not allow fast mode. */
  readonly fast: FastStart | undefined;
  /** A SessionTag that no session of this endpoint has; from now on it is this session's. */
  claimTag(session: ResponderSession): bigint;
  /** Of the tuple's live session, if there is one; absent in mode `none`. */
  liveSecurity(tupleKey: string): CandidateSecurity | undefined;
  /** Whether no session lives on a tuple. */
  isFree(tupleKey: string): boolean;
  /** The session has another tuple. @param before that it had. */
  moved(session: ResponderSession, before: Peer): void;
  /** Ends the tuple's live session, if there is one, and its candidates older than this one. */
  supersedeOlder(session: ResponderSession): void;
  /** How long a candidate is kept after its newest START, in ms. */
  pendingMs(): number;
  /** The session is no longer half-open. */
  leftPending(session: ResponderSession): void;
  /** @param error what copies of the START get again; `undefined` for silence. */
  leaveTombstone(session: ResponderSession, error: Uint8Array | undefined, keepMs: number): void;
  /** The session sends what its feed has. */
  joinFeed(session: ResponderSession, feed: StreamFeed): void;
  /** The session has given its feed back. */
  leaveFeed(session: ResponderSession, feed: StreamFeed): void;
  /** The session is Closed and must be forgotten. */
  forget(session: ResponderSession): void;
}
