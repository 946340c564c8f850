import type { StreamFeed } from '../media/stream-feed.ts';
import { START_BYTES } from '../protocol/constants.ts';
import type { RedeemedToken } from '../security/tokens.ts';
import type { AdmittedStart } from './admission.ts';
import type { DropReason } from './counters.ts';
import { type ConfirmProof, TokenProof } from './media-gate.ts';
import { MediaOutlet } from './media-outlet.ts';
import type { MediaProtection } from './media-protection.ts';
import type { PathProof } from './path-validation.ts';
import type { ResponderHost } from './responder-host.ts';
import type { CandidateSecurity } from './responder-security.ts';
import type { ResponderSession } from './responder-session.ts';

/** The media of one responder's session: nothing for a candidate, unless it showed a token; an outlet from the confirm on. */
export class ResponderMedia {
  /** The stream that the session was promised, until it is given back. */
  feed: StreamFeed | undefined;
  readonly #host: ResponderHost;
  readonly #security: CandidateSecurity | undefined;
  readonly #redeemed: RedeemedToken | undefined;
  /** Bytes of its STARTs. */
  #startBytes = START_BYTES;
  #outlet: MediaOutlet | undefined;
  /** The confirm, or the newest PING that was answered. */
  #consentFromMs = 0;

  constructor(host: ResponderHost, start: Pick<AdmittedStart, 'security' | 'redeemed'>) {
    this.#host = host;
    this.#security = start.security;
    this.#redeemed = start.redeemed;
  }

  /** START showed a token that was good. */
  get fastGranted(): boolean {
    return this.#redeemed !== undefined;
  }

  /** What it leaves through; absent for most candidates. */
  get outlet(): MediaOutlet | undefined {
    return this.#outlet;
  }

  /** Everything of an ended stream was sent. */
  get finished(): boolean {
    return this.#outlet?.finished === true;
  }

  /** The last PONG told of no full-size datagram: ask again soon. */
  get suspicious(): boolean {
    return this.#outlet?.suspicious === true;
  }

  /** Sends whatever is due and may leave. @returns how many datagrams. */
  pump(nowMs: number): number {
    return this.#outlet?.pump(nowMs) ?? 0;
  }

  /** START_ACK has granted it: a candidate that showed a token is sent a little before its confirm. */
  openFast(owner: ResponderSession, nowMs: number): void {
    const proof = this.#redeemed && TokenProof.of(this.#redeemed, owner);
    if (proof === undefined) return;
    const keys = this.#security?.earlyKeys;
    const protection = keys && this.#host.protectMedia?.({ keys, role: 'responder', ssrc: owner.ssrc, nowMs });
    this.#host.counters.add('fastGranted');
    this.#outlet ??= this.#makeOutlet(owner);
    this.#outlet?.openFast(proof, this.#startBytes, nowMs, protection);
  }

  /** A further START of the candidate came. */
  startReceived(bytes: number): void {
    this.#startBytes += bytes;
    this.#outlet?.startReceived(bytes);
  }

  /** The confirm came. */
  open(
    owner: ResponderSession,
    proof: ConfirmProof,
    nowMs: number,
    protection: () => MediaProtection | undefined,
  ): void {
    this.#consentFromMs = nowMs;
    this.#outlet ??= this.#makeOutlet(owner);
    this.#outlet?.open(proof, this.#host.profile.consentMs, nowMs, protection);
  }

  /**
   * A PONG may have waited in the socket through a stall: it says what the viewer wanted when it was asked, no more.
   *
   * @param askedAtMs when the PING was sent.
   * @returns when consent ends.
   */
  refreshConsent(askedAtMs: number): number {
    this.#consentFromMs = Math.max(this.#consentFromMs, askedAtMs);
    const untilMs = this.#consentFromMs + this.#host.profile.consentMs;
    this.#outlet?.refresh(untilMs);
    return untilMs;
  }

  /** It goes to another tuple from now on. */
  move(proof: PathProof, nowMs: number): void {
    this.#outlet?.move(proof, nowMs);
  }

  /** RTCP of the viewer. @returns why it has no effect. */
  feedback(datagram: Uint8Array, nowMs: number): DropReason | undefined {
    return this.#outlet?.feedback(datagram, nowMs);
  }

  /** The newest group is sent again. */
  refreshGroup(nowMs: number): void {
    this.#outlet?.refreshGroup(nowMs);
  }

  pingSent(nonce: bigint, nowMs: number): void {
    this.#outlet?.pingSent(nonce, nowMs);
  }

  /** @returns false when not even the smallest datagrams arrive. */
  pong(nonce: bigint, datagramBytesMax: number, nowMs: number): boolean {
    return this.#outlet?.pong(nonce, datagramBytesMax, nowMs) !== false;
  }

  /** The operating system says that a datagram of this size cannot leave. */
  tooLarge(bytes: number, nowMs: number): void {
    this.#outlet?.tooLarge(bytes, nowMs);
  }

  /** Nothing leaves any more; a session that drains for seconds is not to hold what only media needs. */
  close(): void {
    this.#outlet?.close();
    this.#outlet = undefined;
  }

  /** A candidate has nothing to send, and there may be many. */
  #makeOutlet(owner: ResponderSession): MediaOutlet | undefined {
    if (this.feed === undefined) return undefined;
    const { repair, datagramBytesMax, mediaMemory: memory } = this.#host;
    const secured = this.#security !== undefined;
    this.#host.joinFeed(owner, this.feed);
    return new MediaOutlet(this.#host, owner, this.feed, { repair, datagramBytesMax, secured, memory });
  }
}
