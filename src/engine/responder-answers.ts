import { encodeParts, patchAttempt } from '../codec/encode.ts';
import { READY_PER_SECOND_MAX, RETRY_AFTER_MIN_MS, TOMBSTONE_MS } from '../protocol/constants.ts';
import { isTransient } from '../protocol/error-code.ts';
import { FrameFlag, FrameType } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { resetToken } from '../security/reset-token.ts';
import { wireReason, wireRetryAfterMs } from './application-input.ts';
import type { CandidateSecurity } from './responder-security.ts';
import type { SessionCore } from './session-core.ts';

/** The answers of one responder's session: to the same question the same bytes, as often as it is asked (S13). */
export class ResponderAnswers {
  readonly #core: SessionCore;
  /** CRC-32 or MAC1. */
  readonly #trailer: FrameTrailer;
  readonly #security: CandidateSecurity | undefined;
  #startAck: Uint8Array | undefined;
  #error: Uint8Array | undefined;
  #retryAfterMs = RETRY_AFTER_MIN_MS;
  #refusalReason: string | undefined;
  #readyWindowMs = Number.NEGATIVE_INFINITY;
  #readyInWindow = 0;

  constructor(core: SessionCore, trailer: FrameTrailer, security: CandidateSecurity | undefined) {
    this.#core = core;
    this.#trailer = trailer;
    this.#security = security;
  }

  /** START_ACK, once it was sent and until READY was. */
  get startAck(): Uint8Array | undefined {
    return this.#startAck;
  }

  /** As it was before the session slept. */
  resume(startAck: Uint8Array | undefined): void {
    this.#startAck = startAck;
  }

  /** The ERROR that was sent, for the tombstone. */
  get error(): Uint8Array | undefined {
    return this.#error;
  }

  /** How long copies of a START that was refused get that ERROR again, in ms. */
  tombstoneMs(code: number): number {
    return isTransient(code) ? this.#retryAfterMs : TOMBSTONE_MS;
  }

  /** What the application says with its no. @param retryAfterMs goes with RESOURCE and BUSY only. */
  explain(retryAfterMs: number | undefined, reason: string | undefined): void {
    this.#retryAfterMs = wireRetryAfterMs(retryAfterMs);
    this.#refusalReason = wireReason(reason);
  }

  /**
   * Sends START_ACK, and then copies with the newest attempt each, because the one before may still be in the socket's queue.
   *
   * @param resetKey of which its reset token is made: to keep that costs a session 200 bytes.
   */
  sendStartAck(attempt: number, ssrc: number, resetKey: Uint8Array, fastGranted: boolean): void {
    const { streamId, sessionTag } = this.#core;
    if (this.#startAck === undefined) {
      const parameters = { resetToken: resetToken(resetKey, streamId, sessionTag), ssrc };
      const flags = fastGranted ? FrameFlag.FAST : FrameFlag.ACK_REQUIRED;
      const header = { flags, streamId, sessionTag, attempt };
      const handshake = this.#security?.acknowledge({ sessionTag, ...parameters });
      if (this.#security !== undefined && handshake === undefined) return;
      const inside = handshake === undefined ? parameters : { handshake };
      this.#startAck = encodeParts(header, { type: FrameType.START_ACK, ...inside }, this.#trailer);
      return this.#core.send(this.#startAck);
    }
    const bytes = this.#startAck.slice();
    patchAttempt(bytes, attempt, this.#trailer);
    this.#core.send(bytes);
  }

  /** Encoded anew from what does not change, which costs no more than a copy: kept, it would be 340 bytes of each live session. */
  sendReady(sdp: string | undefined): void {
    // Nothing asks for it any more.
    this.#startAck = undefined;
    this.#core.sendOnce({ type: FrameType.READY, ...(sdp === undefined ? {} : { sdp }) });
  }

  /** Counts one more READY; false when this second has seen its 50. */
  readyAllowed(nowMs: number): boolean {
    if (nowMs - this.#readyWindowMs >= 1000) {
      this.#readyWindowMs = nowMs;
      this.#readyInWindow = 0;
    }
    return this.#readyInWindow++ < READY_PER_SECOND_MAX;
  }

  /** To a START with everything that helps; to a START_CONFIRM the code alone, to stay below its size. */
  sendError(code: number, attempt: number): void {
    const reason = this.#refusalReason;
    const body = { type: FrameType.ERROR, errorCode: code } as const;
    const toConfirm = this.#core.sessionTag !== 0n;
    this.#error = toConfirm
      ? this.#core.encode(body, this.#trailer)
      : this.#core.encode(
          {
            ...body,
            ...(isTransient(code) ? { retryAfterMs: this.#retryAfterMs } : {}),
            ...(reason === undefined ? {} : { reason }),
          },
          this.#trailer,
          attempt,
        );
    this.#core.send(this.#error);
  }
}
