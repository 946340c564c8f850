import { assertInvariant } from '../protocol/invariants.ts';
import type { RedeemedToken } from '../security/tokens.ts';
import { FastAllowance } from './fast-allowance.ts';
import type { Peer } from './io-types.ts';
import type { MediaProtection } from './media-protection.ts';
import type { PathProof } from './path-validation.ts';

/**
 * Proof that a START_CONFIRM with both ids of a session came from its tuple. Only {@link ConfirmProof.of} can make one, and
 * without one no gate opens.
 */
export class ConfirmProof {
  // Without it an object literal with the same fields would do.
  declare protected readonly brand: 'ConfirmProof';
  readonly sessionTag: bigint;
  readonly tupleKey: string;

  private constructor(sessionTag: bigint, tupleKey: string) {
    this.sessionTag = sessionTag;
    this.tupleKey = tupleKey;
  }

  /** The only way to a proof: what the frame says, beside what the session knows. `undefined` when they differ. */
  static of(
    confirm: { readonly streamId: bigint; readonly sessionTag: bigint; readonly tupleKey: string },
    session: { readonly streamId: bigint; readonly sessionTag: bigint; readonly tupleKey: string },
  ): ConfirmProof | undefined {
    const same =
      session.sessionTag !== 0n &&
      confirm.sessionTag === session.sessionTag &&
      confirm.streamId === session.streamId &&
      confirm.tupleKey === session.tupleKey;
    return same ? new ConfirmProof(session.sessionTag, session.tupleKey) : undefined;
  }
}

/**
 * Proof that a START of this candidate showed a token of this camera that was given to its address and not used before. It
 * opens a gate for no more than a {@link FastAllowance}.
 */
export class TokenProof {
  // Without it an object literal with the same fields would do.
  declare protected readonly brand: 'TokenProof';
  readonly sessionTag: bigint;
  readonly tupleKey: string;

  private constructor(sessionTag: bigint, tupleKey: string) {
    this.sessionTag = sessionTag;
    this.tupleKey = tupleKey;
  }

  /** The only way to a proof. `undefined` for a token that gave one before. */
  static of(
    token: RedeemedToken,
    session: { readonly sessionTag: bigint; readonly tupleKey: string },
  ): TokenProof | undefined {
    return token.spend() ? new TokenProof(session.sessionTag, session.tupleKey) : undefined;
  }
}

let mint: (bytes: Uint8Array, to: Peer) => MediaSend;

/** A media datagram on its way to the socket. Its constructor is private: only an open {@link MediaGate} makes one. */
export class MediaSend {
  // Without it an object literal with the same fields would do.
  declare protected readonly brand: 'MediaSend';
  readonly kind = 'media';
  readonly bytes: Uint8Array;
  readonly to: Peer;

  private constructor(bytes: Uint8Array, to: Peer) {
    this.bytes = bytes;
    this.to = to;
  }

  static {
    mint = (bytes, to) => new MediaSend(bytes, to);
  }
}

/**
 * The only way for media to leave (S1, S2, S9). Closed at first; opened by a proof of START_CONFIRM for this session; every
 * datagram passes only while consent holds at that very moment; once closed it never opens again. A proof of a token opens it
 * before, once and for a small allowance.
 */
export class MediaGate {
  readonly #sessionTag: bigint;
  #tupleKey: string;
  #to: Peer;
  #protection: MediaProtection | undefined;
  #open = false;
  #closed = false;
  #allowance: FastAllowance | undefined;
  #consentUntilMs = Number.NEGATIVE_INFINITY;

  constructor(sessionTag: bigint, tupleKey: string, to: Peer) {
    this.#sessionTag = sessionTag;
    this.#tupleKey = tupleKey;
    this.#to = to;
  }

  /**
   * Opens the gate; a proof of any other session is a bug and throws S1.
   *
   * @param protection of a secured session.
   */
  open(proof: ConfirmProof, consentUntilMs: number, protection?: MediaProtection): void {
    this.#assertOpens(proof);
    this.#open = true;
    this.#protection = protection;
    this.#consentUntilMs = consentUntilMs;
  }

  /**
   * Lets a little through before the confirm; a proof of any other session is a bug and throws S1, and so is a second one.
   *
   * @param receivedBytes of the candidate's STARTs so far.
   * @param protection of a secured session.
   */
  openFast(proof: TokenProof, receivedBytes: number, nowMs: number, protection?: MediaProtection): void {
    this.#assertOpens(proof);
    assertInvariant('S2', this.#allowance === undefined && !this.#open, 'a second allowance');
    this.#protection = protection;
    this.#allowance = new FastAllowance(nowMs);
    this.#allowance.startReceived(receivedBytes);
  }

  /** A further START of the candidate came. */
  startReceived(bytes: number): void {
    this.#allowance?.startReceived(bytes);
  }

  #assertOpens(proof: ConfirmProof | TokenProof): void {
    assertInvariant('S1', proof.sessionTag === this.#sessionTag, 'proof of another session');
    assertInvariant('S1', proof.tupleKey === this.#tupleKey, 'proof from another tuple');
    assertInvariant('S9', !this.#closed, 'opened after it was closed');
  }

  /** From now on media goes to another tuple (S14); a proof of any other session is a bug. */
  move(proof: PathProof): void {
    assertInvariant('S14', proof.sessionTag === this.#sessionTag, 'proof of another session');
    this.#tupleKey = proof.tupleKey;
    this.#to = proof.peer;
  }

  /** A PONG came: media may go on until then. */
  refresh(consentUntilMs: number): void {
    this.#consentUntilMs = consentUntilMs;
  }

  /** For ever. */
  close(): void {
    this.#open = false;
    this.#closed = true;
    this.#allowance = undefined;
  }

  /** Whether a datagram would pass now. */
  isOpen(nowMs: number): boolean {
    if (this.#open) return nowMs < this.#consentUntilMs;
    return this.#allowance?.hasRoom(nowMs) === true;
  }

  /**
   * Lets one datagram through, protected in a secured session. Calling it while the gate is shut is a bug and throws S1, in
   * production too.
   *
   * @returns `undefined` for what cannot be protected.
   */
  pass(bytes: Uint8Array, nowMs: number): MediaSend | undefined {
    assertInvariant('S1', this.isOpen(nowMs), 'media at a shut gate');
    const media = this.#protection === undefined ? bytes : this.#protection.protect(bytes, nowMs);
    if (media === undefined) return undefined;
    if (!this.#open)
      assertInvariant('S2', this.#allowance?.spend(media.length, nowMs) === true, 'beyond the allowance');
    return mint(media, this.#to);
  }
}
