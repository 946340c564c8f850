import { decodeStartPayload, encodeStartAckPayload, type StartAckPayload } from '../codec/handshake-payload.ts';
import type { SecuredStartConfirmFrame, SecuredStartFrame, StartConfirmFrame, StartFrame } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import type { ResponderCredentials } from '../security/credentials.ts';
import { hasMac1, mac1Trailer } from '../security/mac1.ts';
import { equalBytes } from '../security/reset-token.ts';
import { firstInitiatorCounter, ResponderHandshake } from '../security/secured-handshake.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import type { Random } from './random.ts';
import type { SessionCore } from './session-core.ts';

/** The key of every viewer in mode `psk`. */
const NOBODY = new Uint8Array(0);

/** Either kind of START_CONFIRM. */
export type ConfirmFrame = StartConfirmFrame | SecuredStartConfirmFrame;

/** Either kind of START. */
export type AnyStart = StartFrame | SecuredStartFrame;

/** What START asks for, and the handshake that it begins. */
export interface Wish {
  readonly streamName: string | undefined;
  /** For fast mode. */
  readonly token: Uint8Array | undefined;
  /** Absent in mode `none`. */
  readonly candidate: CandidateSecurity | undefined;
}

/** Why there is no telling what a START asks for. */
export type UnreadableStart = 'notAuthentic' | 'handshakePayload';

/** What a camera's endpoint does besides when it is secured. */
export class ResponderSecurity {
  /** How START_ACK, ERROR and RETRY end. */
  readonly trailer: FrameTrailer;
  readonly #credentials: ResponderCredentials;
  readonly #random: Random;

  constructor(credentials: ResponderCredentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
    this.trailer = mac1Trailer(credentials.mac1);
  }

  /** Handed to the decoder as it is: a datagram of a stranger makes no closure. */
  readonly hasMac1 = (datagram: Uint8Array): boolean => hasMac1(this.#credentials.mac1, datagram);

  /** Reads the Noise message of a START that was admitted: in mode `keys` an agreement of 35 us. Nothing is kept of it here. */
  read(frame: SecuredStartFrame): Wish | UnreadableStart {
    const handshake = ResponderHandshake.read(this.#credentials, frame, frame.handshake);
    if (handshake === undefined) return 'notAuthentic';
    const payload = decodeStartPayload(handshake.payload);
    if (payload === undefined) return 'handshakePayload';
    return {
      streamName: payload.streamName,
      token: payload.token,
      candidate: new CandidateSecurity(handshake, this.#credentials, this.#random),
    };
  }
}

/** One candidate's handshake, and once it was confirmed what came of it. */
export class CandidateSecurity {
  readonly #credentials: ResponderCredentials;
  readonly #random: Random;
  #handshake: ResponderHandshake | undefined;
  #confirm: Uint8Array | undefined;
  #message: Uint8Array | undefined;
  #viewerKey: Uint8Array | undefined;

  constructor(handshake: ResponderHandshake, credentials: ResponderCredentials, random: Random) {
    this.#handshake = handshake;
    this.#credentials = credentials;
    this.#random = random;
  }

  /** Who it is, once its START_CONFIRM was authentic; mode `keys` only. */
  get viewerKey(): Uint8Array | undefined {
    return this.#viewerKey?.slice();
  }

  /**
   * The Noise message of START_ACK, made once. `undefined` for a viewer whose key has a secret with nobody: it gets no answer,
   * and the candidate expires.
   */
  acknowledge(payload: StartAckPayload): Uint8Array | undefined {
    this.#message ??= this.#handshake?.acknowledge(encodeStartAckPayload(payload), this.#random.bytes(32));
    return this.#message;
  }

  /** The session's keys once START_ACK was made, where they need no third message: in mode `psk`. */
  get earlyKeys(): SessionKeys | undefined {
    return this.#handshake?.earlyKeys;
  }

  /**
   * Whether the viewer of a START_CONFIRM may look. The first authentic one decides, and from it on the session has keys;
   * further ones must be the same bytes (S13).
   *
   * @param datagram all of it.
   * @param live of the session that lives on its tuple, which only the same viewer takes.
   */
  admits(
    frame: ConfirmFrame,
    datagram: Uint8Array,
    core: SessionCore,
    live: () => CandidateSecurity | undefined,
  ): boolean | 'notAuthentic' {
    if (this.#confirm !== undefined) return equalBytes(this.#confirm, datagram) || 'notAuthentic';
    const confirmed = 'handshake' in frame ? this.#handshake?.confirm(frame.handshake, datagram) : undefined;
    if (confirmed === undefined) return 'notAuthentic';
    const { keys, viewerKey } = confirmed;
    this.#viewerKey = viewerKey;
    if (!this.#allowed || !this.#isOfViewer(live())) return false;
    this.#confirm = datagram.slice();
    this.#handshake = undefined;
    core.secure(keys, 'responder', firstInitiatorCounter(this.#credentials));
    return true;
  }

  /** On the camera's list; in mode `psk` everybody with the PSK is. */
  get #allowed(): boolean {
    const { viewers } = this.#credentials;
    return viewers === undefined || (this.#viewerKey !== undefined && viewers.allows(this.#viewerKey));
  }

  /** Whether there is no other session, or both are of one viewer; in mode `psk` all are. */
  #isOfViewer(other: CandidateSecurity | undefined): boolean {
    return other === undefined || equalBytes(this.#viewerKey ?? NOBODY, other.#viewerKey ?? NOBODY);
  }
}
