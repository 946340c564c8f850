import type { StreamFeed } from '../media/stream-feed.ts';
import { CANDIDATES_PER_TUPLE_MAX } from '../protocol/constants.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import type { SessionHandle } from './io-types.ts';
import type { ResponderSession } from './responder-session.ts';

const NO_SESSIONS: readonly ResponderSession[] = [];

/** Finds a responder's sessions by handle, by tuple and StreamId, by SessionTag, and by feed. */
export class SessionTable {
  readonly #byHandle = new Map<SessionHandle, ResponderSession>();
  readonly #byTag = new Map<bigint, ResponderSession>();
  readonly #byTuple = new Map<string, ResponderSession[]>();
  /** In the order of their handles, whenever they were reserved. */
  readonly #byFeed = new Map<StreamFeed, ResponderSession[]>();

  /** Sessions in all states. */
  get size(): number {
    return this.#byHandle.size;
  }

  /** Sessions may end while they are gone through. */
  all(): Iterable<ResponderSession> {
    return this.#byHandle.values();
  }

  add(session: ResponderSession): void {
    this.#byHandle.set(session.handle, session);
    this.#join(session);
  }

  /** The session has another tuple. @param before the key of the one that it had. */
  moved(session: ResponderSession, before: string): void {
    this.#leave(session, before);
    this.#join(session);
  }

  /** @returns false when another session has the tag. */
  claimTag(tag: bigint, session: ResponderSession): boolean {
    if (this.#byTag.has(tag)) return false;
    this.#byTag.set(tag, session);
    return true;
  }

  remove(session: ResponderSession): void {
    this.#byHandle.delete(session.handle);
    if (session.sessionTag !== 0n) this.#byTag.delete(session.sessionTag);
    this.#leave(session, session.tupleKey);
  }

  #join(session: ResponderSession): void {
    const ofTuple = this.#byTuple.get(session.tupleKey);
    if (ofTuple === undefined) this.#byTuple.set(session.tupleKey, [session]);
    else ofTuple.push(session);
  }

  #leave(session: ResponderSession, tupleKey: string): void {
    const rest = (this.#byTuple.get(tupleKey) ?? []).filter((other) => other !== session);
    if (rest.length > 0) this.#byTuple.set(tupleKey, rest);
    else this.#byTuple.delete(tupleKey);
  }

  /** The session has a feed now; harmless when it is known. */
  joinFeed(feed: StreamFeed, session: ResponderSession): void {
    const ofFeed = this.#byFeed.get(feed);
    if (ofFeed === undefined) {
      this.#byFeed.set(feed, [session]);
      return;
    }
    const index = placeOf(ofFeed, session.handle);
    if (ofFeed[index] !== session) ofFeed.splice(index, 0, session);
  }

  leaveFeed(feed: StreamFeed, session: ResponderSession): void {
    const ofFeed = this.#byFeed.get(feed) ?? [];
    const index = placeOf(ofFeed, session.handle);
    if (ofFeed[index] === session) ofFeed.splice(index, 1);
    if (ofFeed.length === 0) this.#byFeed.delete(feed);
  }

  /** A copy: sessions may leave while it is gone through. */
  ofFeed(feed: StreamFeed): readonly ResponderSession[] {
    return this.#byFeed.get(feed)?.slice() ?? NO_SESSIONS;
  }

  byHandle(handle: SessionHandle): ResponderSession | undefined {
    return this.#byHandle.get(handle);
  }

  byTag(tag: bigint): ResponderSession | undefined {
    return this.#byTag.get(tag);
  }

  byStreamId(tupleKey: string, streamId: bigint): ResponderSession | undefined {
    for (const session of this.ofTuple(tupleKey)) if (session.streamId === streamId) return session;
    return undefined;
  }

  /** The tuple's one live session (S6). */
  streaming(tupleKey: string): ResponderSession | undefined {
    let live: ResponderSession | undefined;
    for (const session of this.ofTuple(tupleKey)) {
      if (session.state !== 'Streaming') continue;
      assertInvariant('S6', live === undefined, 'two live sessions on one tuple');
      live = session;
    }
    return live;
  }

  /** All sessions of a tuple: candidates, the live one, and those that close or drain. */
  ofTuple(tupleKey: string): readonly ResponderSession[] {
    return this.#byTuple.get(tupleKey) ?? NO_SESSIONS;
  }

  /** Whether the tuple has as many candidates as it may. */
  candidatesFull(tupleKey: string): boolean {
    let candidates = 0;
    for (const session of this.ofTuple(tupleKey)) if (session.pending) candidates++;
    return candidates >= CANDIDATES_PER_TUPLE_MAX;
  }
}

/** Where a handle is, or would be. Handles ascend, so the end is looked at first. */
function placeOf(sessions: readonly ResponderSession[], handle: SessionHandle): number {
  let [low, high] = [0, sessions.length];
  if ((sessions.at(-1)?.handle ?? -1) < handle) return high;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sessions[middle]?.handle ?? handle) < handle) low = middle + 1;
    else high = middle;
  }
  return low;
}
