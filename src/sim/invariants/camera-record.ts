import type { Peer, SessionHandle } from '../../engine/io-types.ts';
import { CONTROL_REPLAY_WINDOW, NONCES_KEPT } from '../../protocol/constants.ts';
import { PathRecord } from './path-record.ts';
import { SeenCounters } from './seen-counters.ts';
import { type SeenDatagram, sameIds } from './seen-datagram.ts';

/** Ended sessions that are still known by their SessionTag. */
const ENDED_MAX = 4096;
/** Remote ends that are known; beyond it those without a session are forgotten. */
const TUPLES_MAX = 16_384;

/** How far a camera's session has come, as its endpoint tells: `lost` with the program that had it. */
export type CameraPhase = 'reserved' | 'acked' | 'streaming' | 'ending' | 'closed' | 'lost';

/** One address prefix. Simulated hosts have an IPv4 address each, which is its own prefix. */
export interface Prefix {
  pending: number;
  tokens: number;
  refilledAtMs: number;
}

/** One remote end as the camera sees it. */
export class Tuple {
  readonly peer: Peer;
  readonly prefix: Prefix;
  /** Bytes and datagrams that came from it and were not answered while it was unconfirmed. */
  creditBytes = 0;
  creditDatagrams = 0;
  /** Sessions on it that were confirmed and are not closed. */
  confirmed = 0;
  /** Half-open ones. */
  candidates = 0;
  live: CameraSession | undefined;
  readonly sessions: CameraSession[] = [];

  constructor(peer: Peer, prefix: Prefix) {
    this.peer = peer;
    this.prefix = prefix;
  }
}

/** One session of the camera, from what it said and what reached it. */
export class CameraSession {
  readonly handle: SessionHandle;
  tuple: Tuple;
  readonly streamId: bigint;
  sessionTag = 0n;
  /** 0 until it is known: in a secured session it is inside START_ACK's Noise message, and shows with the first media. */
  ssrc = 0;
  /** Its frames are, but for those of the handshake. */
  sealed = false;
  phase: CameraPhase = 'reserved';
  /** A START_CONFIRM with both ids reached the camera from this tuple. */
  confirmed = false;
  everStreamed = false;
  /** The application, or its socket, ended it. */
  localEnd = false;
  /** The viewer said BYE with both ids. */
  viewerSaidBye = false;
  /** Such a BYE has reached the camera. */
  peerBye = false;
  byes = 0;
  /** Local time of the camera when consent ends and when a valid frame of it came last, in ms. */
  consentUntilMs = Number.NEGATIVE_INFINITY;
  heardAtMs = Number.NEGATIVE_INFINITY;
  /** Of each frame that may be repeated, the first copy. */
  startAck: Uint8Array | undefined;
  ready: Uint8Array | undefined;
  bye: Uint8Array | undefined;
  readyWindowMs = Number.NEGATIVE_INFINITY;
  readyInWindow = 0;
  granted = false;
  /** Media before the confirm was granted, at the camera's time; and bytes of it so far. */
  fast: { readonly atMs: number; bytes: number } | undefined;
  /** It was sent a TOKEN. */
  tokenGiven = false;
  released = 0;
  readonly #counters = new SeenCounters(CONTROL_REPLAY_WINDOW);
  #pings: { readonly nonce: bigint; readonly atMs: number }[] = [];
  readonly #paths = new PathRecord();

  constructor(handle: SessionHandle, tuple: Tuple, streamId: bigint) {
    this.handle = handle;
    this.tuple = tuple;
    this.streamId = streamId;
  }

  /** Half-open. */
  get pending(): boolean {
    return this.phase === 'reserved' || this.phase === 'acked';
  }

  /** Whether a frame of the viewer counts: a sealed one only after the confirm, and once. @param counter of a sealed one. */
  takes(counter: number | undefined): boolean {
    return counter === undefined || (this.confirmed && this.#counters.take(counter));
  }

  /** The camera asks, at its own `atMs`. */
  pinged(nonce: bigint, atMs: number): void {
    if (this.#pings.push({ nonce, atMs }) > NONCES_KEPT) this.#pings.shift();
  }

  /** What was asked and answered about other tuples. */
  get paths(): PathRecord {
    return this.#paths;
  }

  /** It goes to another tuple: PINGs to the one before say nothing any more, the answer that moved it is consent. */
  moved(tuple: Tuple, consentMs: number): void {
    this.tuple = tuple;
    this.#pings = [];
    const askedAtMs = this.#paths.answered(tuple);
    if (askedAtMs !== undefined) this.consentUntilMs = Math.max(this.consentUntilMs, askedAtMs + consentMs);
    this.#paths.clear();
  }

  /** The viewer answers: consent lasts `consentMs` from the question, and never becomes shorter. */
  ponged(nonce: bigint, consentMs: number): void {
    const ping = this.#pings.find((asked) => asked.nonce === nonce);
    if (ping !== undefined) this.consentUntilMs = Math.max(this.consentUntilMs, ping.atMs + consentMs);
  }
}

/** What has become of the camera's sessions, over all programs that ran on its address. */
export class CameraRecord {
  readonly #byPeer = new WeakMap<Peer, Tuple>();
  readonly #byKey = new Map<string, Tuple>();
  readonly #prefixes = new Map<string, Prefix>();
  readonly #byHandle = new Map<SessionHandle, CameraSession>();
  readonly #byTag = new Map<bigint, CameraSession>();
  readonly #ended: bigint[] = [];
  #lastPeer: Peer | undefined;
  #lastTuple: Tuple | undefined;
  #lastSession: CameraSession | undefined;
  readonly #burst: number;
  #pending = 0;

  /** @param burst tokens of a new prefix. */
  constructor(burst: number) {
    this.#burst = burst;
  }

  /** Half-open sessions. */
  get pending(): number {
    return this.#pending;
  }

  /** Sessions of the running program. */
  get size(): number {
    return this.#byHandle.size;
  }

  all(): Iterable<CameraSession> {
    return this.#byHandle.values();
  }

  tupleOf(peer: Peer): Tuple {
    if (this.#lastPeer === peer && this.#lastTuple !== undefined) return this.#lastTuple;
    const tuple = this.#byPeer.get(peer) ?? this.#newPeer(peer);
    this.#lastPeer = peer;
    this.#lastTuple = tuple;
    return tuple;
  }

  #newPeer(peer: Peer): Tuple {
    const key = `${peer.address} ${peer.port}`;
    let tuple = this.#byKey.get(key);
    if (tuple === undefined) {
      if (this.#byKey.size >= TUPLES_MAX) this.#forgetIdle();
      tuple = new Tuple(peer, this.#prefixOf(peer.address));
      this.#byKey.set(key, tuple);
    }
    this.#byPeer.set(peer, tuple);
    return tuple;
  }

  byHandle(handle: SessionHandle): CameraSession | undefined {
    return this.#byHandle.get(handle);
  }

  /** Also one that has ended. */
  byTag(sessionTag: bigint): CameraSession | undefined {
    return this.#byTag.get(sessionTag);
  }

  /** The one whose StreamId and SessionTag a frame has, ended or not. */
  bySeen(seen: SeenDatagram): CameraSession | undefined {
    const last = this.#lastSession;
    if (last?.startAck !== undefined && sameIds(last.startAck, seen.bytes)) return last;
    const session = this.#byTag.get(seen.sessionTag);
    if (session?.streamId !== seen.streamId) return undefined;
    this.#lastSession = session;
    return session;
  }

  /** One that has not ended. */
  byStreamId(tuple: Tuple, streamId: bigint): CameraSession | undefined {
    return tuple.sessions.find((session) => session.streamId === streamId);
  }

  /** Whose media this SSRC marks, ended or not. */
  bySsrc(ssrc: number): CameraSession | undefined {
    for (const session of this.#byTag.values()) if (session.ssrc === ssrc) return session;
    return undefined;
  }

  reserved(handle: SessionHandle, peer: Peer, streamId: bigint): CameraSession {
    const tuple = this.tupleOf(peer);
    const session = new CameraSession(handle, tuple, streamId);
    this.#byHandle.set(handle, session);
    tuple.sessions.push(session);
    tuple.candidates++;
    tuple.prefix.pending++;
    this.#pending++;
    return session;
  }

  acked(session: CameraSession, sessionTag: bigint, ssrc: number): void {
    session.phase = 'acked';
    session.sessionTag = sessionTag;
    session.ssrc = ssrc;
    this.#byTag.set(sessionTag, session);
    this.#lastSession = session;
  }

  confirmed(session: CameraSession): void {
    if (session.confirmed || session.phase !== 'acked') return;
    session.confirmed = true;
    session.tuple.confirmed++;
  }

  streaming(session: CameraSession): void {
    this.#leavePending(session);
    session.phase = 'streaming';
    session.everStreamed = true;
    session.tuple.live = session;
  }

  /** A live session has another tuple. */
  moved(session: CameraSession, tuple: Tuple, consentMs: number): void {
    const before = session.tuple;
    before.sessions.splice(before.sessions.indexOf(session), 1);
    before.confirmed--;
    if (before.live === session) before.live = undefined;
    tuple.sessions.push(session);
    tuple.confirmed++;
    tuple.live = session;
    session.moved(tuple, consentMs);
  }

  /** Closing or draining: no media any more. */
  ending(session: CameraSession): void {
    this.#leavePending(session);
    if (session.tuple.live === session) session.tuple.live = undefined;
    if (session.phase !== 'closed' && session.phase !== 'lost') session.phase = 'ending';
  }

  ended(session: CameraSession, phase: 'closed' | 'lost'): void {
    this.ending(session);
    session.phase = phase;
    const { tuple } = session;
    if (session.confirmed) tuple.confirmed--;
    const place = tuple.sessions.indexOf(session);
    if (place >= 0) tuple.sessions.splice(place, 1);
    this.#byHandle.delete(session.handle);
    if (session.sessionTag === 0n) return;
    if (!session.confirmed) this.#byTag.delete(session.sessionTag);
    else if (this.#ended.push(session.sessionTag) > ENDED_MAX) this.#byTag.delete(this.#ended.shift() ?? 0n);
  }

  /** The program is gone, and its limits with it. */
  programEnded(): void {
    for (const session of this.#byHandle.values()) this.ended(session, 'lost');
    for (const prefix of this.#prefixes.values()) prefix.tokens = this.#burst;
  }

  #leavePending(session: CameraSession): void {
    if (!session.pending) return;
    session.tuple.candidates--;
    session.tuple.prefix.pending--;
    this.#pending--;
  }

  #forgetIdle(): void {
    for (const [key, tuple] of this.#byKey) if (tuple.sessions.length === 0) this.#byKey.delete(key);
    for (const [address, prefix] of this.#prefixes) if (prefix.pending === 0) this.#prefixes.delete(address);
  }

  #prefixOf(address: string): Prefix {
    let prefix = this.#prefixes.get(address);
    if (prefix === undefined) {
      prefix = { pending: 0, tokens: this.#burst, refilledAtMs: Number.NEGATIVE_INFINITY };
      this.#prefixes.set(address, prefix);
    }
    return prefix;
  }
}
