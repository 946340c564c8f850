import { PADDED_BYTES_MIN, PATH_ASKS_MAX, PATH_OLD_ASKS, PATH_PAUSE_MS } from '../protocol/constants.ts';
import { type Frame, FrameType } from '../protocol/frame.ts';
import type { CounterName } from './counters.ts';
import type { Peer } from './io-types.ts';
import { Nonces } from './nonces.ts';
import { samePeer, tupleKeyOf } from './tuple.ts';

let mint: (session: PathSession, to: Peer, challengedAtMs: number, rttMs: number) => PathProof;

/** Proof that a tuple answered its PATH_CHALLENGE in time. Only a {@link PathValidation} makes one, and without one no session moves. */
export class PathProof {
  // Without it an object literal with the same fields would do.
  declare protected readonly brand: 'PathProof';
  readonly sessionTag: bigint;
  readonly peer: Peer;
  readonly tupleKey: string;
  /** When the challenge was sent that was answered, in ms. */
  readonly challengedAtMs: number;
  /** From then to the answer, in ms. */
  readonly rttMs: number;

  private constructor({ sessionTag }: PathSession, peer: Peer, challengedAtMs: number, rttMs: number) {
    this.sessionTag = sessionTag;
    this.peer = peer;
    this.tupleKey = tupleKeyOf(peer);
    this.challengedAtMs = challengedAtMs;
    this.rttMs = rttMs;
  }

  static {
    mint = (session, peer, challengedAtMs, rttMs) => new PathProof(session, peer, challengedAtMs, rttMs);
  }
}

/** What a validation needs of the session whose path it is. */
export interface PathSession {
  readonly sessionTag: bigint;
  /** Where its frames and media go. */
  readonly peer: Peer;
  /** Time of the input that is being handled. */
  readonly nowMs: number;
  /** Between two challenges, in ms. */
  readonly repeatMs: number;
  /** Sends a PATH_CHALLENGE of exactly {@link PADDED_BYTES_MIN} bytes. @returns its nonce. */
  challenge(to: Peer): bigint;
  /** Whether no other session lives there. */
  mayMoveTo(tupleKey: string): boolean;
  move(proof: PathProof): void;
  count(name: CounterName): void;
}

/** A tuple that may be where the peer is now. */
interface Candidate {
  readonly peer: Peer;
  readonly nonces: Nonces;
  /** What came from there and was not yet spent (S2). */
  creditBytes: number;
  creditDatagrams: number;
  /** It is time to ask, and nothing is left to do it with. */
  owed: boolean;
  asks: number;
  dueMs: number;
  proof: PathProof | undefined;
}

/**
 * Whether a session moves to another tuple (docs/PROTOCOL.md, section 7.8; S14). The newest authentic frame so far makes the tuple
 * that it comes from a candidate: one at a time, and none soon after another. Both paths are asked again and again. A still newer
 * frame from the old path ends it, as the peer is still there (RFC 9853, enhanced validation); a new path that has answered is
 * moved to when the old one was asked {@link PATH_OLD_ASKS} times in vain; one that has not after {@link PATH_ASKS_MAX} failed.
 */
export class PathValidation {
  readonly #session: PathSession;
  #candidate: Candidate | undefined;
  #pauseUntilMs = Number.NEGATIVE_INFINITY;

  constructor(session: PathSession) {
    this.#session = session;
  }

  /** When {@link timeout} is due; Infinity for never. */
  deadlineMs(): number {
    return this.#candidate?.dueMs ?? Number.POSITIVE_INFINITY;
  }

  /**
   * An authentic frame of the session came, from whatever tuple.
   *
   * @param bytes of its datagram.
   * @param newest no frame with a higher counter has come before.
   */
  heard(frame: Frame, bytes: number, from: Peer, newest: boolean): void {
    const candidate = this.#candidate;
    if (samePeer(from, this.#session.peer)) {
      if (newest && candidate !== undefined) this.#end('pathsKept');
    } else if (candidate === undefined) {
      if (newest) this.#consider(from, bytes);
    } else if (samePeer(from, candidate.peer)) {
      this.#credit(candidate, bytes);
      if (frame.type === FrameType.PATH_RESPONSE) this.#answered(candidate, frame.nonce);
    } else if (newest) {
      this.#session.count('pathsRefused');
    }
  }

  /** Time has passed. */
  timeout(): void {
    const candidate = this.#candidate;
    if (candidate === undefined || candidate.dueMs > this.#session.nowMs) return;
    if (candidate.proof !== undefined && candidate.asks >= PATH_OLD_ASKS) return this.#move(candidate.proof);
    if (candidate.asks >= PATH_ASKS_MAX) return this.#end('pathsFailed');
    this.#ask(candidate);
  }

  /** The session has no media any more: it stays where it is. */
  stop(): void {
    this.#candidate = undefined;
  }

  #consider(peer: Peer, bytes: number): void {
    const session = this.#session;
    if (session.nowMs < this.#pauseUntilMs || !session.mayMoveTo(tupleKeyOf(peer))) {
      return session.count('pathsRefused');
    }
    session.count('pathsTried');
    const candidate: Candidate = {
      peer,
      nonces: new Nonces(),
      creditBytes: bytes,
      creditDatagrams: 1,
      owed: false,
      asks: 0,
      dueMs: session.nowMs,
      proof: undefined,
    };
    this.#candidate = candidate;
    this.#ask(candidate);
  }

  #ask(candidate: Candidate): void {
    candidate.asks++;
    candidate.dueMs = this.#session.nowMs + this.#session.repeatMs;
    this.#session.challenge(this.#session.peer);
    candidate.owed = candidate.proof === undefined;
    this.#pay(candidate);
  }

  #credit(candidate: Candidate, bytes: number): void {
    candidate.creditBytes += bytes;
    candidate.creditDatagrams++;
    this.#pay(candidate);
  }

  /** Asks the new path what it is owed, if it has sent enough for it. */
  #pay(candidate: Candidate): void {
    if (!candidate.owed || candidate.creditDatagrams < 1 || candidate.creditBytes < PADDED_BYTES_MIN) return;
    candidate.owed = false;
    candidate.creditDatagrams--;
    candidate.creditBytes -= PADDED_BYTES_MIN;
    const { nowMs } = this.#session;
    candidate.nonces.add(this.#session.challenge(candidate.peer), nowMs);
  }

  #answered(candidate: Candidate, nonce: bigint): void {
    const sentAtMs = candidate.nonces.sentAtMs(nonce);
    if (sentAtMs === undefined || candidate.proof !== undefined) return;
    candidate.owed = false;
    candidate.proof = mint(this.#session, candidate.peer, sentAtMs, this.#session.nowMs - sentAtMs);
    if (candidate.asks > PATH_OLD_ASKS) this.#move(candidate.proof);
  }

  #move(proof: PathProof): void {
    if (!this.#session.mayMoveTo(proof.tupleKey)) return this.#end('pathsFailed');
    this.#end('pathsMoved');
    this.#session.move(proof);
  }

  #end(outcome: 'pathsKept' | 'pathsFailed' | 'pathsMoved'): void {
    this.#candidate = undefined;
    this.#pauseUntilMs = this.#session.nowMs + PATH_PAUSE_MS;
    this.#session.count(outcome);
  }
}
