import type { StreamFeed } from '../media/stream-feed.ts';
import type { Peer, SessionHandle } from './io-types.ts';
import type { CandidateSecurity } from './responder-security.ts';
import type { KeptCore } from './session-core.ts';

/** All that is known of a half-open session while nothing happens to it. */
export interface PendingRecord extends KeptCore {
  readonly handle: SessionHandle;
  readonly peer: Peer;
  readonly proven: boolean;
  readonly ssrc: number;
  readonly attempt: number;
  /** At most as long as the table's records have room for; absent while the application is asked. */
  readonly startAck: Uint8Array | undefined;
  readonly feed: StreamFeed | undefined;
  readonly sdp: string | undefined;
  readonly security: CandidateSecurity | undefined;
}

type Who = Pick<PendingRecord, 'handle' | 'peer' | 'proven' | 'security'>;
type Rest = Pick<PendingRecord, 'startAck' | 'ssrc' | 'attempt' | 'feed' | 'sdp'>;

/** A record of its parts, field by field: parts that are spread into one make a START twice as dear. */
export function pendingRecord(who: Who, core: KeptCore, rest: Rest): PendingRecord {
  return {
    handle: who.handle,
    peer: who.peer,
    proven: who.proven,
    security: who.security,
    streamId: core.streamId,
    sessionTag: core.sessionTag,
    expiresAtMs: core.expiresAtMs,
    largestReceivedBytes: core.largestReceivedBytes,
    startAck: rest.startAck,
    ssrc: rest.ssrc,
    attempt: rest.attempt,
    feed: rest.feed,
    sdp: rest.sdp,
  };
}

const NONE = -1;
/** Records that are made at a time: an endpoint that sees three viewers needs no room for 1,024. */
const PAGE_RECORDS = 8;
const PAGE_SHIFT = 3;
/** What was made for more than so many is given back once there is none: after a flood, or a rush. */
const KEPT_PAGES_MAX = 8;

// Bytes of a record, by what is in them.
const EXPIRES_AT_MS = 0;
const HANDLE = 8;
const STREAM_ID = 16;
const TAG = 24;
const SSRC = 32;
const PREVIOUS = 36;
const NEXT = 40;
const PORT = 44;
const LARGEST_RECEIVED = 46;
const START_ACK_LENGTH = 48;
const ATTEMPT = 50;
const FLAGS = 51;
const START_ACK = 52;

const FLAG_PROVEN = 1;
const FLAG_ASKED = 2;

/** What of a record is no number; shared by records where it is the same. */
interface Kept {
  readonly feed: StreamFeed | undefined;
  readonly sdp: string | undefined;
}

/** Those that wait for the same timer, whose length is the same for all: the first expires first. */
interface Line {
  first: number;
  last: number;
}

const NOTHING_KEPT: Kept = { feed: undefined, sdp: undefined };

/**
 * Half-open sessions as records of a fixed size in a few large arrays, START_ACK included (docs/PROTOCOL.md, section 6): as objects
 * each was 1,900 bytes. What is no number is kept beside: the address, the state of a secured handshake, and feed and description, which are
 * the stream's.
 */
export class PendingTable {
  readonly #startAckBytesMax: number;
  readonly #recordBytes: number;
  readonly #pages: DataView[] = [];
  readonly #addresses: string[] = [];
  readonly #kept: Kept[] = [];
  readonly #securities: (CandidateSecurity | undefined)[] = [];
  readonly #asked: Line = { first: NONE, last: NONE };
  readonly #acknowledged: Line = { first: NONE, last: NONE };
  #lastKept = NOTHING_KEPT;
  #free = NONE;
  #count = 0;

  /** @param startAckBytesMax of the longest START_ACK. */
  constructor(startAckBytesMax: number) {
    this.#startAckBytesMax = startAckBytesMax;
    // A multiple of eight.
    this.#recordBytes = (START_ACK + startAckBytesMax + 7) & ~7;
  }

  /** Records for which there is memory. */
  get room(): number {
    return PAGE_RECORDS * this.#pages.length;
  }

  /** Makes a record. @returns its number. */
  add(record: PendingRecord): number {
    const number = this.#take();
    this.#count++;
    const { streamId, handle, proven, peer, security } = record;
    const page = this.#page(number);
    const at = this.#at(number);
    page.setFloat64(at + HANDLE, handle);
    page.setBigUint64(at + STREAM_ID, streamId);
    page.setUint16(at + PORT, peer.port);
    page.setUint8(at + FLAGS, (proven ? FLAG_PROVEN : 0) | (record.sessionTag === 0n ? FLAG_ASKED : 0));
    this.#addresses[number] = peer.address;
    this.#securities[number] = security;
    this.#write(number, record);
    this.#append(number, record.expiresAtMs);
    return number;
  }

  /** Writes what may have changed of a record. */
  update(number: number, record: PendingRecord): void {
    const page = this.#page(number);
    const at = this.#at(number);
    const flags = page.getUint8(at + FLAGS);
    const asked = record.sessionTag === 0n ? FLAG_ASKED : 0;
    const moves = record.expiresAtMs !== this.expiresAtMs(number) || (flags & FLAG_ASKED) !== asked;
    if (moves) this.#unlink(number);
    page.setUint8(at + FLAGS, (flags & FLAG_PROVEN) | asked);
    this.#write(number, record);
    if (moves) this.#append(number, record.expiresAtMs);
  }

  remove(number: number): void {
    this.#unlink(number);
    this.#addresses[number] = '';
    this.#kept[number] = NOTHING_KEPT;
    this.#securities[number] = undefined;
    this.#page(number).setInt32(this.#at(number) + NEXT, this.#free);
    this.#free = number;
    this.#count--;
    if (this.#count === 0 && this.#pages.length > KEPT_PAGES_MAX) this.#forgetPages();
  }

  read(number: number): PendingRecord {
    const page = this.#page(number);
    const at = this.#at(number);
    const startAckLength = page.getUint16(at + START_ACK_LENGTH);
    const { feed, sdp } = this.#kept[number] ?? NOTHING_KEPT;
    return {
      handle: page.getFloat64(at + HANDLE),
      peer: { address: this.#addresses[number] ?? '', port: page.getUint16(at + PORT) },
      proven: (page.getUint8(at + FLAGS) & FLAG_PROVEN) !== 0,
      streamId: page.getBigUint64(at + STREAM_ID),
      sessionTag: page.getBigUint64(at + TAG),
      ssrc: page.getUint32(at + SSRC),
      attempt: page.getUint8(at + ATTEMPT),
      largestReceivedBytes: page.getUint16(at + LARGEST_RECEIVED),
      expiresAtMs: page.getFloat64(at + EXPIRES_AT_MS),
      startAck: startAckLength === 0 ? undefined : this.#startAckOf(number, startAckLength).slice(),
      feed,
      sdp,
      security: this.#securities[number],
    };
  }

  handle(number: number): SessionHandle {
    return this.#page(number).getFloat64(this.#at(number) + HANDLE);
  }

  streamId(number: number): bigint {
    return this.#page(number).getBigUint64(this.#at(number) + STREAM_ID);
  }

  sessionTag(number: number): bigint {
    return this.#page(number).getBigUint64(this.#at(number) + TAG);
  }

  expiresAtMs(number: number): number {
    return this.#page(number).getFloat64(this.#at(number) + EXPIRES_AT_MS);
  }

  /** Whether a tuple's key is the record's. */
  isOf(number: number, tupleKey: string): boolean {
    const address = this.#addresses[number] ?? '';
    const port = this.#page(number).getUint16(this.#at(number) + PORT);
    return tupleKey.startsWith(address) && tupleKey.slice(address.length) === ` ${port}`;
  }

  /** When the first one expires; Infinity for never. */
  earliestMs(): number {
    const { first } = this.#asked;
    const askedMs = first === NONE ? Number.POSITIVE_INFINITY : this.expiresAtMs(first);
    const { first: other } = this.#acknowledged;
    return Math.min(askedMs, other === NONE ? Number.POSITIVE_INFINITY : this.expiresAtMs(other));
  }

  /** The one that expired first at or before `nowMs`; -1 for none. */
  due(nowMs: number): number {
    const earliestMs = this.earliestMs();
    if (earliestMs > nowMs) return NONE;
    const { first } = this.#asked;
    return first !== NONE && this.expiresAtMs(first) === earliestMs ? first : this.#acknowledged.first;
  }

  /** Those that wait for START_CONFIRM are kept until then at most. */
  hurry(untilMs: number): void {
    for (let number = this.#acknowledged.last; number !== NONE; number = this.#link(number, PREVIOUS)) {
      if (this.expiresAtMs(number) <= untilMs) return;
      this.#page(number).setFloat64(this.#at(number) + EXPIRES_AT_MS, untilMs);
    }
  }

  #write(number: number, record: PendingRecord): void {
    const page = this.#page(number);
    const at = this.#at(number);
    page.setBigUint64(at + TAG, record.sessionTag);
    page.setUint32(at + SSRC, record.ssrc);
    page.setUint8(at + ATTEMPT, record.attempt);
    page.setUint16(at + LARGEST_RECEIVED, record.largestReceivedBytes);
    const { startAck } = record;
    page.setUint16(at + START_ACK_LENGTH, startAck?.length ?? 0);
    if (startAck !== undefined) this.#startAckOf(number, startAck.length).set(startAck);
    this.#kept[number] = this.#shared(record);
  }

  /** Viewers that come one after the other mostly want the same. */
  #shared({ feed, sdp }: PendingRecord): Kept {
    if (feed === undefined && sdp === undefined) return NOTHING_KEPT;
    if (this.#lastKept.feed !== feed || this.#lastKept.sdp !== sdp) this.#lastKept = { feed, sdp };
    return this.#lastKept;
  }

  #startAckOf(number: number, length: number): Uint8Array {
    if (length > this.#startAckBytesMax) throw new RangeError(`a START_ACK of ${length} bytes`);
    const { buffer } = this.#page(number);
    return new Uint8Array(buffer, this.#at(number) + START_ACK, length);
  }

  #lineOf(number: number): Line {
    const flags = this.#page(number).getUint8(this.#at(number) + FLAGS);
    return (flags & FLAG_ASKED) === 0 ? this.#acknowledged : this.#asked;
  }

  /** At the end, where it nearly always belongs: only a timer that was longer when it was armed expires after it. */
  #append(number: number, expiresAtMs: number): void {
    const line = this.#lineOf(number);
    let previous = line.last;
    while (previous !== NONE && this.expiresAtMs(previous) > expiresAtMs) previous = this.#link(previous, PREVIOUS);
    const next = previous === NONE ? line.first : this.#link(previous, NEXT);
    this.#page(number).setFloat64(this.#at(number) + EXPIRES_AT_MS, expiresAtMs);
    this.#join(line, previous, number);
    this.#join(line, number, next);
  }

  #unlink(number: number): void {
    this.#join(this.#lineOf(number), this.#link(number, PREVIOUS), this.#link(number, NEXT));
  }

  /** Makes two neighbours; none is the end of the line. */
  #join(line: Line, previous: number, next: number): void {
    if (previous === NONE) line.first = next;
    else this.#page(previous).setInt32(this.#at(previous) + NEXT, next);
    if (next === NONE) line.last = previous;
    else this.#page(next).setInt32(this.#at(next) + PREVIOUS, previous);
  }

  #link(number: number, which: typeof PREVIOUS | typeof NEXT): number {
    return this.#page(number).getInt32(this.#at(number) + which);
  }

  #take(): number {
    if (this.#free === NONE) this.#addPage();
    const number = this.#free;
    this.#free = this.#link(number, NEXT);
    return number;
  }

  #addPage(): void {
    const from = this.#pages.length * PAGE_RECORDS;
    this.#pages.push(new DataView(new ArrayBuffer(PAGE_RECORDS * this.#recordBytes)));
    for (let number = from + PAGE_RECORDS - 1; number >= from; number--) {
      this.#page(number).setInt32(this.#at(number) + NEXT, this.#free);
      this.#free = number;
    }
  }

  #forgetPages(): void {
    for (const list of [this.#pages, this.#addresses, this.#kept, this.#securities]) list.length = 0;
    this.#free = NONE;
  }

  #page(number: number): DataView {
    const page = this.#pages[number >> PAGE_SHIFT];
    if (page === undefined) throw new RangeError(`there is no record ${number}`);
    return page;
  }

  #at(number: number): number {
    return (number & (PAGE_RECORDS - 1)) * this.#recordBytes;
  }
}
