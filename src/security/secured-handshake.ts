/**
 * The secured handshake (docs/PROTOCOL.md, section 7.3): Noise messages in the frames of the clear one, three in both modes.
 * NNpsk0 has two messages, so that START_CONFIRM carries the first transport message instead of a third.
 */
import { HEADER_BYTES, PROTOCOL_VERSION, TLV_HEADER_BYTES } from '../protocol/constants.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { counterNonce, openAesGcm, sealAesGcm, TAG_BYTES } from './aes-gcm.ts';
import type { Credentials, InitiatorCredentials, ResponderCredentials } from './credentials.ts';
import { mac1Trailer, writeMac1 } from './mac1.ts';
import { NoiseHandshake } from './noise-handshake.ts';
import { SessionKeys } from './session-keys.ts';
import { KeyPair } from './x25519.ts';

const NOTHING = new Uint8Array(0);
const PROLOGUE_NAME = new TextEncoder().encode('firstframe');
/** A StreamId while it is written: a view of the prologue itself would move that out of the heap. */
const id = new Uint8Array(8);
const idView = new DataView(id.buffer);
/** Prologues by how many versions they have. */
const prologues: Uint8Array[] = [];
const MODE_NUMBER = { psk: 1, keys: 2 } as const;
/** START_CONFIRM's HANDSHAKE is its first TLV. */
const CONFIRM_TAG_AT = HEADER_BYTES + TLV_HEADER_BYTES;

/** What of START both ends must have seen alike, so that nobody on the path can change it. */
export interface StartIdentity {
  readonly streamId: bigint;
  readonly versions: readonly number[];
}

/** What a viewer does once START_ACK was read. */
export interface Acknowledged {
  /** SessionTag, RESET_TOKEN, SSRC. */
  readonly payload: Uint8Array;
  /** Finishes the handshake, once. */
  confirm(): Confirmation;
}

/** The viewer's last message, and what it leads to. */
export interface Confirmation {
  /** HANDSHAKE of START_CONFIRM; in mode `psk` zeros that the trailer replaces by the tag. */
  readonly message: Uint8Array;
  /** How START_CONFIRM ends. */
  readonly trailer: FrameTrailer;
  readonly keys: SessionKeys;
}

/** A viewer's side of one StreamId. */
export class InitiatorHandshake {
  /** HANDSHAKE of every START of this StreamId. */
  readonly message: Uint8Array;
  readonly #credentials: Credentials;
  readonly #afterStart: NoiseHandshake;

  private constructor(credentials: Credentials, message: Uint8Array, afterStart: NoiseHandshake) {
    this.#credentials = credentials;
    this.message = message;
    this.#afterStart = afterStart;
  }

  /**
   * @param payload TOKEN and STREAM_NAME.
   * @param ephemeral 32 random bytes, used for nothing else.
   * @throws RangeError if the camera's public key has no secret with anybody; `viewerCredentials` finds that out before.
   */
  static start(
    credentials: InitiatorCredentials,
    identity: StartIdentity,
    payload: Uint8Array,
    ephemeral: Uint8Array,
  ): InitiatorHandshake {
    const { pattern, psk, staticKey, peerKey: remoteStatic } = credentials;
    const start = { pattern, psk: psk.bytes, prologue: prologue(credentials, identity), initiator: true };
    const state = NoiseHandshake.start({ ...start, staticKey, remoteStatic });
    const written = state.write(payload, KeyPair.of(ephemeral));
    if (written === undefined) throw new RangeError('that is no public key');
    return new InitiatorHandshake(credentials, written.message, written.next);
  }

  /** Reads a START_ACK, each against the state after START: one that does not decrypt changes nothing. */
  acknowledge(message: Uint8Array): Acknowledged | undefined {
    const read = this.#afterStart.read(message);
    return read && { payload: read.payload, confirm: () => this.#confirm(read.next) };
  }

  #confirm(state: NoiseHandshake): Confirmation {
    const { mac1 } = this.#credentials;
    if (!state.finished) {
      const written = state.write(NOTHING);
      // The camera's ephemeral key had a secret with this end's ephemeral one, so it has one with any.
      if (written === undefined) throw new RangeError('that is no public key');
      return { message: written.message, trailer: mac1Trailer(mac1), keys: SessionKeys.of(written.next) };
    }
    const keys = SessionKeys.of(state);
    const complete = (datagram: Uint8Array): void => {
      datagram.set(confirmTag(keys, datagram), CONFIRM_TAG_AT);
      writeMac1(mac1, datagram);
    };
    return { message: new Uint8Array(TAG_BYTES), trailer: { ...mac1Trailer(mac1), complete }, keys };
  }
}

/** What a camera knows once START_CONFIRM was read. */
export interface Confirmed {
  readonly keys: SessionKeys;
  /** Who it is; mode `keys` only. */
  readonly viewerKey: Uint8Array | undefined;
}

/** A camera's side of one candidate. */
export class ResponderHandshake {
  /** TOKEN and STREAM_NAME. */
  readonly payload: Uint8Array;
  #state: NoiseHandshake;

  private constructor(payload: Uint8Array, state: NoiseHandshake) {
    this.payload = payload;
    this.#state = state;
  }

  /** Reads a START. `undefined` if it was not made for this camera with its PSK. */
  static read(
    credentials: ResponderCredentials,
    identity: StartIdentity,
    message: Uint8Array,
  ): ResponderHandshake | undefined {
    const { pattern, psk, staticKey } = credentials;
    const start = { pattern, psk: psk.bytes, prologue: prologue(credentials, identity), initiator: false, staticKey };
    const read = NoiseHandshake.startReading(start, message);
    return read && new ResponderHandshake(read.payload, read.next);
  }

  /**
   * Writes START_ACK's message, once.
   *
   * @param payload SessionTag, RESET_TOKEN and SSRC.
   * @param ephemeral 32 random bytes, used for nothing else.
   * @returns `undefined` if the viewer's ephemeral key has no secret with anybody.
   */
  acknowledge(payload: Uint8Array, ephemeral: Uint8Array): Uint8Array | undefined {
    const written = this.#state.write(payload, KeyPair.of(ephemeral));
    if (written !== undefined) this.#state = written.next;
    return written?.message;
  }

  /** Those of the session, where two messages are all: in mode `psk` once START_ACK was written. */
  get earlyKeys(): SessionKeys | undefined {
    return this.#state.finished ? SessionKeys.of(this.#state) : undefined;
  }

  /**
   * Reads a START_CONFIRM; one that is not authentic changes nothing.
   *
   * @param message its HANDSHAKE.
   * @param datagram all of it, for its header.
   */
  confirm(message: Uint8Array, datagram: Uint8Array): Confirmed | undefined {
    if (!this.#state.finished) {
      const read = this.#state.read(message);
      return read && { keys: SessionKeys.of(read.next), viewerKey: read.next.remoteStatic };
    }
    const keys = SessionKeys.of(this.#state);
    const key = keys.fromInitiator.control.bytes;
    const text = openAesGcm(key, counterNonce(0), datagram.subarray(0, HEADER_BYTES), message);
    return text?.length === 0 ? { keys, viewerKey: undefined } : undefined;
  }
}

/** The first transport message: counter 0, no text, the header as additional data. */
function confirmTag(keys: SessionKeys, datagram: Uint8Array): Uint8Array {
  const key = keys.fromInitiator.control.bytes;
  return sealAesGcm(key, counterNonce(0), datagram.subarray(0, HEADER_BYTES), NOTHING);
}

/** The first counter of the viewer's sealed frames: in mode `psk` START_CONFIRM has used 0. */
export function firstInitiatorCounter({ mode }: Credentials): number {
  return mode === 'psk' ? 1 : 0;
}

/**
 * Name, version, mode, StreamId, VERSIONS: nothing that a repeated START may change.
 *
 * @returns memory that is the next one's too.
 */
function prologue({ mode }: Credentials, { streamId, versions }: StartIdentity): Uint8Array {
  const bytes = prologues[versions.length] ?? new Uint8Array(PROLOGUE_NAME.length + 10 + versions.length);
  prologues[versions.length] = bytes;
  bytes.set(PROLOGUE_NAME);
  bytes[PROLOGUE_NAME.length] = PROTOCOL_VERSION;
  bytes[PROLOGUE_NAME.length + 1] = MODE_NUMBER[mode];
  idView.setBigUint64(0, streamId);
  bytes.set(id, PROLOGUE_NAME.length + 2);
  bytes.set(versions, PROLOGUE_NAME.length + 10);
  return bytes;
}
