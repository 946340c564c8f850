import { encodeFrame } from '../codec/encode.ts';
import { PROTOCOL_VERSION } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import { type ErrorFrame, FrameType, type StartFrame } from '../protocol/frame.ts';
import { resetToken } from '../security/reset-token.ts';
import type { Admission } from './admission.ts';
import type { Peer } from './io-types.ts';
import type { ResponderHost } from './responder-host.ts';
import { sendControl } from './session-host.ts';

/** What an ERROR echoes of a START. */
type StartIds = Pick<StartFrame, 'streamId' | 'attempt'>;

/** What a camera says to those that have no session: without any state, and only as fast as their prefix's tokens allow. */
export class StrangerAnswers {
  readonly #host: ResponderHost;
  readonly #admission: Admission;

  constructor(host: ResponderHost, admission: Admission) {
    this.#host = host;
    this.#admission = admission;
  }

  /** An ERROR, whose caller has taken a token. */
  refuse(to: Peer, start: StartIds, body: Pick<ErrorFrame, 'errorCode' | 'versions' | 'retryAfterMs'>): void {
    const { streamId, attempt } = start;
    const error = { type: FrameType.ERROR, flags: 0, streamId, sessionTag: 0n, attempt, ...body };
    sendControl(this.#host, to, encodeFrame(error, this.#host.handshakeTrailer));
  }

  /** Ask again with this cookie; its caller has taken a token. */
  retry(to: Peer, start: StartIds, nowMs: number): void {
    const { streamId, attempt } = start;
    this.#host.counters.add('retriesSent');
    const cookie = this.#admission.cookie(to, streamId, nowMs);
    const retry = { type: FrameType.RETRY, flags: 0, streamId, sessionTag: 0n, attempt, cookie };
    sendControl(this.#host, to, encodeFrame(retry, this.#host.handshakeTrailer));
  }

  refuseVersion(to: Peer, start: StartIds, nowMs: number): void {
    if (!this.#mayAnswer(to, nowMs)) return;
    this.refuse(to, start, { errorCode: ErrorCode.UNSUPPORTED_VERSION, versions: [PROTOCOL_VERSION] });
  }

  refuseCriticalTlv(to: Peer, start: StartIds, nowMs: number): void {
    if (this.#mayAnswer(to, nowMs)) this.refuse(to, start, { errorCode: ErrorCode.UNSUPPORTED_CRITICAL_TLV });
  }

  /** To ids that no session has: clear in every mode, as there are no keys. */
  reset(to: Peer, streamId: bigint, sessionTag: bigint, nowMs: number): void {
    if (!this.#mayAnswer(to, nowMs)) return;
    this.#host.counters.add('resetsSent');
    const reset = encodeFrame({
      type: FrameType.RESET,
      flags: 0,
      streamId,
      sessionTag,
      attempt: 0,
      resetToken: resetToken(this.#host.resetKey, streamId, sessionTag),
      errorCode: ErrorCode.NO_SESSION,
    });
    sendControl(this.#host, to, reset);
  }

  /** A token of the stranger's prefix for an answer; without one the answer is withheld and counted. */
  #mayAnswer(to: Peer, nowMs: number): boolean {
    const allowed = this.#admission.takeToken(to.address, nowMs);
    if (!allowed) this.#host.counters.add('answersWithheld');
    return allowed;
  }
}
