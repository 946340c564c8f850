import { decodeStartAckPayload, encodeStartPayload, type StartPayload } from '../codec/handshake-payload.ts';
import { PROTOCOL_VERSION } from '../protocol/constants.ts';
import { FrameType, type SecuredStartAckFrame, type StartAckFrame } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import type { InitiatorCredentials } from '../security/credentials.ts';
import { hasMac1, mac1Trailer } from '../security/mac1.ts';
import {
  type Acknowledged,
  type Confirmation,
  firstInitiatorCounter,
  InitiatorHandshake,
} from '../security/secured-handshake.ts';
import type { Random } from './random.ts';

/** A START_ACK as a clear one would be, or why it is of no use. */
export type ReadStartAck = StartAckFrame | 'notAuthentic' | 'handshakePayload';

/** What a viewer's session does besides when it is secured: one Noise handshake for each StreamId. */
export class InitiatorSecurity {
  /** How START ends. */
  readonly trailer: FrameTrailer;
  readonly #credentials: InitiatorCredentials;
  readonly #random: Random;
  #handshake: InitiatorHandshake | undefined;
  #acknowledged: Acknowledged | undefined;

  constructor(credentials: InitiatorCredentials, random: Random) {
    this.#credentials = credentials;
    this.#random = random;
    this.trailer = mac1Trailer(credentials.mac1);
  }

  /** First counter of sealed frames. */
  get firstCounter(): number {
    return firstInitiatorCounter(this.#credentials);
  }

  /** Handed to the decoder as it is: a datagram of a stranger makes no closure. */
  readonly hasMac1 = (datagram: Uint8Array): boolean => hasMac1(this.#credentials.mac1, datagram);

  /** Begins anew with another StreamId. @returns the Noise message of every START with it. */
  start(streamId: bigint, payload: StartPayload): Uint8Array {
    const identity = { streamId, versions: [PROTOCOL_VERSION] };
    const ephemeral = this.#random.bytes(32);
    this.#acknowledged = undefined;
    this.#handshake = InitiatorHandshake.start(this.#credentials, identity, encodeStartPayload(payload), ephemeral);
    return this.#handshake.message;
  }

  /** What a START_ACK says, judged against the state after START; {@link confirm} is about the one that was read last. */
  read(frame: SecuredStartAckFrame): ReadStartAck {
    const acknowledged = this.#handshake?.acknowledge(frame.handshake);
    if (acknowledged === undefined) return 'notAuthentic';
    const payload = decodeStartAckPayload(acknowledged.payload);
    if (payload?.sessionTag !== frame.sessionTag) return 'handshakePayload';
    this.#acknowledged = acknowledged;
    const { flags, streamId, attempt } = frame;
    return { type: FrameType.START_ACK, flags, streamId, attempt, ...payload };
  }

  /** Finishes the handshake with the START_ACK that was read last. */
  confirm(): Confirmation {
    assertInvariant('S3', this.#acknowledged !== undefined, 'a START_CONFIRM without a START_ACK');
    return this.#acknowledged.confirm();
  }
}
