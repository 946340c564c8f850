import { rtpSsrc } from '../../media/rtp.ts';
import type { CameraRecord, CameraSession, Tuple } from './camera-record.ts';
import { FastLedger } from './fast-ledger.ts';
import type { ViolationLog } from './violation.ts';

/**
 * S1, S9, S14, and S4 as far as it is about media: where a camera's media goes. S2: how much goes to an address that has not
 * confirmed.
 */
export class MediaLedger {
  readonly #log: ViolationLog;
  readonly #camera: CameraRecord;
  /** What tokens open. */
  readonly fast: FastLedger;

  constructor(log: ViolationLog, camera: CameraRecord) {
    this.fast = new FastLedger(log);
    this.#log = log;
    this.#camera = camera;
  }

  /** A datagram reaches the camera. */
  received(tuple: Tuple, bytes: number): void {
    tuple.creditBytes += bytes;
    tuple.creditDatagrams++;
  }

  /** The camera sends anything. */
  sent(tuple: Tuple, bytes: number): void {
    if (tuple.confirmed > 0) return;
    tuple.creditBytes -= bytes;
    tuple.creditDatagrams--;
    if (tuple.creditBytes >= 0 && tuple.creditDatagrams >= 0) return;
    const { address, port } = tuple.peer;
    this.#log.report('S2', `${bytes} bytes more than came from ${address} ${port}, which did not confirm`);
    tuple.creditBytes = 0;
    tuple.creditDatagrams = 0;
  }

  /**
   * The camera sends media, at its own `localMs`.
   *
   * @returns whether it is what a token opened before the confirm.
   */
  media(tuple: Tuple, bytes: Uint8Array, localMs: number): boolean {
    const ssrc = rtpSsrc(bytes);
    const candidate = this.fast.sessionOf(tuple, ssrc);
    if (candidate === undefined) {
      this.sent(tuple, bytes.length);
      this.#afterConfirm(tuple, bytes, localMs);
      return false;
    }
    this.fast.media(candidate, bytes.length, ssrc, localMs);
    return true;
  }

  #afterConfirm(tuple: Tuple, bytes: Uint8Array, localMs: number): void {
    const { live } = tuple;
    if (live?.sealed === true && live.ssrc === 0) live.ssrc = rtpSsrc(bytes);
    if (live?.ssrc === rtpSsrc(bytes)) {
      if (localMs < live.consentUntilMs) return;
      return this.#log.report('S9', `media ${localMs - live.consentUntilMs} ms after consent ended`);
    }
    const { address, port } = tuple.peer;
    const owner = this.#camera.bySsrc(rtpSsrc(bytes));
    if (owner !== undefined && owner.tuple !== tuple) {
      this.#log.report('S14', `media of a session of ${owner.tuple.peer.address} goes to ${address} ${port}`);
    } else if (owner?.everStreamed === true && owner !== live) {
      this.#log.report('S9', `media of a session that is ${owner.phase}`);
    } else if (live === undefined) {
      this.#log.report('S1', `media to ${address} ${port}, which did not confirm`);
    } else {
      this.#log.report('S4', 'media with another SSRC than START_ACK announced');
    }
  }

  /** The camera moves a session to another tuple, before it is noted. */
  moved(session: CameraSession, tuple: Tuple): void {
    if (session.paths.answered(tuple) !== undefined) return;
    const { address, port } = tuple.peer;
    this.#log.report('S14', `session ${session.handle} moves to ${address} ${port}, which answered no PATH_CHALLENGE`);
  }

  /** The camera begins to stream. */
  streaming(session: CameraSession): void {
    if (!session.confirmed) this.#log.report('S1', `session ${session.handle} streams without a START_CONFIRM`);
  }
}
