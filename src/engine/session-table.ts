import type { StreamFeed } from '../media/stream-feed.ts';
import { CANDIDATES_PER_TUPLE_MAX } from '../protocol/constants.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import type { SessionHandle } from './io-types.ts';
import { type PendingRecord, PendingTable } from './pending-table.ts';
import type { ResponderSession } from './responder-session.ts';
import { SlotIndex } from './slot-index.ts';
import { TupleHash } from './tuple-hash.ts';

const NO_SESSIONS: readonly ResponderSession[] = [];
const NO_SLOT = -1;

/** What a {@link SessionTable} is made of. */
export interface SessionTableOptions {
  /** 8 secret bytes: strangers choose their addresses. */
  readonly tupleHashKey: Uint8Array;
  /** Of the longest START_ACK of a session that sleeps. */
  readonly startAckBytesMax: number;
  /** Half-open sessions that stay awake, the newest; 0 or more. */
  readonly awakePendingMax: number;
  /** A session that was awake since its START is a record from now on, and waits for nothing. */
  slept(session: ResponderSession): void;
  /** Makes a session of what was kept of it. */
  wake(record: PendingRecord): ResponderSession;
}

/**
 * Finds a responder's sessions by handle, by tuple and StreamId, by SessionTag, and by feed.
 *
 * A session that is half-open may sleep: it is a record between inputs. Whoever looks for it gets a session, made of the record, and
 * {@link settle} makes a record of it again. The newest stay awake, since most of them are confirmed within a round trip.
 */
export class SessionTable {
  /** Of each slot its session, the number of its record if it sleeps, or nothing. */
  readonly #slots: (ResponderSession | number | undefined)[] = [];
  readonly #freeSlots: number[] = [];
  readonly #byHandle = new SlotIndex();
  readonly #byTag = new SlotIndex();
  readonly #byTuple = new SlotIndex();
  readonly #tupleHash: TupleHash;
  readonly #pending: PendingTable;
  readonly #options: SessionTableOptions;
  /** Sessions that may have to sleep. */
  #awake: ResponderSession[] = [];
  /** A ring: those that were half-open and stayed awake, in the order in which they came. */
  readonly #newest: (ResponderSession | undefined)[] = [];
  #oldestOfNewest = 0;
  #size = 0;
  /** In the order of their handles, whenever they were reserved. */
  readonly #byFeed = new Map<StreamFeed, ResponderSession[]>();

  constructor(options: SessionTableOptions) {
    this.#tupleHash = new TupleHash(options.tupleHashKey);
    this.#pending = new PendingTable(options.startAckBytesMax);
    this.#options = options;
  }

  /** Sessions in all states. */
  get size(): number {
    return this.#size;
  }

  /** When the first of those that sleep is due; Infinity for never. */
  earliestMs(): number {
    return this.#pending.earliestMs();
  }

  /** One of those that slept, and whose time is over. Call {@link settle} after waking it. */
  takeDue(nowMs: number): ResponderSession | undefined {
    const number = this.#pending.due(nowMs);
    return number < 0 ? undefined : this.byHandle(this.#pending.handle(number));
  }

  /** No candidate is kept longer than until then. @param hurried is told of each whose timer may have changed. */
  hurry(untilMs: number, hurried: (session: ResponderSession) => void): void {
    this.#pending.hurry(untilMs);
    for (const session of this.#slots) {
      if (typeof session !== 'object' || !session.pending) continue;
      session.hurry(untilMs);
      hurried(session);
    }
  }

  /** Call after each input: what is half-open and sleeps becomes a record. */
  settle(): void {
    if (this.#awake.length === 0) return;
    const awake = this.#awake;
    this.#awake = [];
    for (const session of awake) {
      // Whoever was removed has ended: it does not sleep, and has no record.
      if (!session.sleeps) this.#forgetRecord(session);
      else if (session.record >= 0) this.#writeDown(session);
      else this.#keepAwake(session);
    }
  }

  /** In place of the one that has been awake for longest, which goes to sleep if it is still half-open. */
  #keepAwake(session: ResponderSession): void {
    const { awakePendingMax, slept } = this.#options;
    let oldest: ResponderSession | undefined = session;
    if (awakePendingMax > 0) {
      oldest = this.#newest[this.#oldestOfNewest];
      session.awakePlace = this.#oldestOfNewest;
      this.#newest[this.#oldestOfNewest] = session;
      this.#oldestOfNewest = (this.#oldestOfNewest + 1) % awakePendingMax;
    }
    if (oldest?.sleeps !== true) return;
    this.#writeDown(oldest);
    slept(oldest);
  }

  #writeDown(session: ResponderSession): void {
    const kept = session.kept();
    if (session.record >= 0) this.#pending.update(session.record, kept);
    else session.record = this.#pending.add(kept);
    this.#slots[session.slot] = session.record;
  }

  /** In the order of their handles; only one when it is named. Sessions may end while they are gone through. */
  *all(only?: SessionHandle): Iterable<ResponderSession> {
    const handles = only === undefined ? this.#slots.flatMap((entry) => this.#handleOf(entry) ?? []) : [only];
    for (const handle of handles.sort((a, b) => a - b)) {
      const session = this.byHandle(handle);
      if (session !== undefined) yield session;
    }
  }

  add(session: ResponderSession): void {
    const slot = this.#freeSlots.pop() ?? this.#slots.length;
    session.slot = slot;
    this.#slots[slot] = session;
    this.#size++;
    this.#byHandle.add(slot, session.handle >>> 0);
    this.#byTuple.add(slot, this.#tupleHash.of(session.tupleKey));
    this.#awake.push(session);
  }

  /** The session, which streams, has another tuple. */
  moved(session: ResponderSession): void {
    this.#byTuple.remove(session.slot);
    this.#byTuple.add(session.slot, this.#tupleHash.of(session.tupleKey));
  }

  /** @returns false when another session has the tag. */
  claimTag(tag: bigint, session: ResponderSession): boolean {
    if (this.byTag(tag) !== undefined) return false;
    this.#byTag.add(session.slot, lowWord(tag));
    return true;
  }

  /** @param session that has ended and is in the table. */
  remove(session: ResponderSession): void {
    const { slot } = session;
    this.#forgetRecord(session);
    this.#byHandle.remove(slot);
    this.#byTuple.remove(slot);
    this.#byTag.remove(slot);
    this.#slots[slot] = undefined;
    if (this.#newest[session.awakePlace] === session) this.#newest[session.awakePlace] = undefined;
    this.#freeSlots.push(slot);
    this.#size--;
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
    const ofFeed = this.#byFeed.get(feed);
    if (ofFeed === undefined) return;
    const index = placeOf(ofFeed, session.handle);
    if (ofFeed[index] === session) ofFeed.splice(index, 1);
    if (ofFeed.length === 0) this.#byFeed.delete(feed);
  }

  /** A copy: sessions may leave while it is gone through. */
  ofFeed(feed: StreamFeed): readonly ResponderSession[] {
    return this.#byFeed.get(feed)?.slice() ?? NO_SESSIONS;
  }

  byHandle(handle: SessionHandle): ResponderSession | undefined {
    for (let slot = this.#byHandle.first(handle >>> 0); slot !== NO_SLOT; slot = this.#byHandle.after(slot)) {
      if (this.#handleOf(this.#slots[slot]) === handle) return this.#at(slot);
    }
    return undefined;
  }

  byTag(tag: bigint): ResponderSession | undefined {
    for (let slot = this.#byTag.first(lowWord(tag)); slot !== NO_SLOT; slot = this.#byTag.after(slot)) {
      const entry = this.#slots[slot];
      const other = typeof entry === 'number' ? this.#pending.sessionTag(entry) : entry?.sessionTag;
      if (other === tag) return this.#at(slot);
    }
    return undefined;
  }

  byStreamId(tupleKey: string, streamId: bigint): ResponderSession | undefined {
    for (let slot = this.#firstOf(tupleKey); slot !== NO_SLOT; slot = this.#afterOf(tupleKey, slot)) {
      const entry = this.#slots[slot];
      const other = typeof entry === 'number' ? this.#pending.streamId(entry) : entry?.streamId;
      if (other === streamId) return this.#at(slot);
    }
    return undefined;
  }

  /** The tuple's one live session (S6). */
  streaming(tupleKey: string): ResponderSession | undefined {
    let live: ResponderSession | undefined;
    for (let slot = this.#firstOf(tupleKey); slot !== NO_SLOT; slot = this.#afterOf(tupleKey, slot)) {
      const session = this.#slots[slot];
      if (typeof session !== 'object' || session.state !== 'Streaming') continue;
      assertInvariant('S6', live === undefined, 'two live sessions on one tuple');
      live = session;
    }
    return live;
  }

  /** All sessions of a tuple in the order of their handles: candidates, the live one, and those that close or drain. */
  ofTuple(tupleKey: string): readonly ResponderSession[] {
    const sessions: ResponderSession[] = [];
    for (let slot = this.#firstOf(tupleKey); slot !== NO_SLOT; slot = this.#afterOf(tupleKey, slot)) {
      const session = this.#at(slot);
      if (session !== undefined) sessions.push(session);
    }
    return sessions.sort(byHandles);
  }

  /** Whether the tuple has as many candidates as it may. */
  candidatesFull(tupleKey: string): boolean {
    let candidates = 0;
    for (let slot = this.#firstOf(tupleKey); slot !== NO_SLOT; slot = this.#afterOf(tupleKey, slot)) {
      const entry = this.#slots[slot];
      if (typeof entry === 'number' || entry?.pending === true) candidates++;
    }
    return candidates >= CANDIDATES_PER_TUPLE_MAX;
  }

  /** The session in a slot, woken if it sleeps. */
  #at(slot: number): ResponderSession | undefined {
    const entry = this.#slots[slot];
    if (typeof entry !== 'number') return entry;
    const session = this.#options.wake(this.#pending.read(entry));
    session.slot = slot;
    session.record = entry;
    this.#slots[slot] = session;
    this.#awake.push(session);
    return session;
  }

  #forgetRecord(session: ResponderSession): void {
    if (session.record >= 0) this.#pending.remove(session.record);
    session.record = -1;
  }

  #handleOf(entry: ResponderSession | number | undefined): SessionHandle | undefined {
    return typeof entry === 'number' ? this.#pending.handle(entry) : entry?.handle;
  }

  /** One of the tuple's slots. No list of them: nearly every datagram asks. */
  #firstOf(tupleKey: string): number {
    return this.#sameTuple(tupleKey, this.#byTuple.first(this.#tupleHash.of(tupleKey)));
  }

  /** A further one. */
  #afterOf(tupleKey: string, slot: number): number {
    return this.#sameTuple(tupleKey, this.#byTuple.after(slot));
  }

  /** The first slot from there on that is the tuple's, among those of tuples with the same hash. */
  #sameTuple(tupleKey: string, from: number): number {
    let slot = from;
    for (; slot !== NO_SLOT; slot = this.#byTuple.after(slot)) {
      const entry = this.#slots[slot];
      const same = typeof entry === 'number' ? this.#pending.isOf(entry, tupleKey) : entry?.tupleKey === tupleKey;
      if (same) break;
    }
    return slot;
  }
}

const tagView = new DataView(new ArrayBuffer(8));

/** 32 of the 64 random bits of a tag that this end drew: a worker's number is in the others. */
function lowWord(tag: bigint): number {
  tagView.setBigUint64(0, tag);
  return tagView.getUint32(4);
}

function byHandles(a: ResponderSession, b: ResponderSession): number {
  return a.handle - b.handle;
}

/** Where a handle is, or would be. Handles ascend, so the end is looked at first. */
function placeOf(sessions: readonly ResponderSession[], handle: SessionHandle): number {
  let [low, high] = [0, sessions.length];
  for (let middle = high - 1; low < high; middle = (low + high) >> 1) {
    if ((sessions[middle]?.handle ?? handle) < handle) low = middle + 1;
    else high = middle;
  }
  return low;
}
