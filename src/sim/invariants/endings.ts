import type { ClosedOutput } from '../../engine/io-types.ts';
import { ErrorCode, errorCodeName } from '../../protocol/error-code.ts';
import { FrameType } from '../../protocol/frame.ts';
import type { Profile } from '../../protocol/profiles.ts';
import type { CameraSession } from './camera-record.ts';
import type { Cause } from './cause.ts';
import type { ViewerRecord } from './viewer-record.ts';
import type { ViolationLog } from './violation.ts';

/** Rounding of times that were added up in another order, in ms. */
const SLACK_MS = 1e-6;

/** S8: a live session ends only by the peer's own BYE or RESET, a timer that really ran out, or a decision of its own side. */
export class Endings {
  readonly #log: ViolationLog;
  readonly #profile: Profile;

  constructor(log: ViolationLog, profile: Profile) {
    this.#log = log;
    this.#profile = profile;
  }

  /** A viewer is told that its session ended. */
  viewerClosed(record: ViewerRecord, { code, wasStreaming }: ClosedOutput, cause: ReturnType<Cause['of']>): void {
    if (!wasStreaming || record.localEnd || record.peerBye) return;
    const who = `viewer ${record.viewer.number}`;
    if (code === ErrorCode.PEER_RESET) {
      if (!record.peerReset) this.#log.report('S8', `${who} was ended by a RESET that the camera did not send`);
      return;
    }
    if (code === ErrorCode.PEER_DEAD) return this.#silence(who, record.heardAtMs, record.viewer.localMs, cause);
    this.#log.report('S8', `${who} ended with ${errorCodeName(code)} for no reason that it may have`);
  }

  /** The camera is told that a session ended. */
  cameraClosed(session: CameraSession, output: ClosedOutput, localMs: number, cause: Cause, kind: CauseKind): void {
    if (!output.wasStreaming || session.localEnd || session.peerBye) return;
    const who = `session ${session.handle}`;
    switch (output.code) {
      case ErrorCode.PEER_DEAD:
        return this.#silence(who, session.heardAtMs, localMs, kind);
      case ErrorCode.CONSENT_EXPIRED:
        if (kind === 'batch' || localMs >= session.consentUntilMs - SLACK_MS) return;
        return this.#log.report('S8', `${who} lost a consent that holds`);
      case ErrorCode.SUPERSEDED: {
        const newer = kind === 'datagram' && cause.seen?.type === FrameType.START_CONFIRM;
        if (kind === 'batch' || (newer && cause.tuple === session.tuple && cause.seen?.streamId !== session.streamId))
          return;
        return this.#log.report('S8', `${who} was superseded without a START_CONFIRM of its tuple`);
      }
      default:
        // The stream's end and a path too small are decisions of the camera, and said.
        if (session.byes > 0) return;
        this.#log.report('S8', `${who} ended with ${errorCodeName(output.code)} for no reason that it may have`);
    }
  }

  #silence(who: string, heardAtMs: number, localMs: number, cause: CauseKind): void {
    if (cause === 'batch') return;
    if (cause === 'datagram') return this.#log.report('S8', `${who} was given up when a datagram came`);
    const silentMs = localMs - heardAtMs;
    if (silentMs < this.#profile.deadMs - SLACK_MS) this.#log.report('S8', `${who} was given up after ${silentMs} ms`);
  }
}

type CauseKind = ReturnType<Cause['of']>;
