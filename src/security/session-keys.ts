/**
 * What a finished handshake leaves behind (docs/PROTOCOL.md, section 7.4): for each direction a secret of the control frames
 * and one of the media, and the binding of the channel. SRTP and control frames derive everything else from these.
 */
import { expandLabel } from './hkdf.ts';
import type { NoiseHandshake } from './noise-handshake.ts';
import { Secret } from './secret.ts';

/** Which end of a session. */
export type SessionRole = 'initiator' | 'responder';

/** The secrets of what one side sends, 32 bytes each; epoch 0. */
export interface DirectionSecrets {
  /** Sealed control frames: the Noise transport key, AES-256-GCM. */
  readonly control: Secret;
  /** SRTP and SRTCP: key and salt are derived from it by {@link expandLabel}. */
  readonly media: Secret;
}

/** The secrets of one session. Each side sends with one direction and receives with the other. */
export class SessionKeys {
  readonly fromInitiator: DirectionSecrets;
  readonly fromResponder: DirectionSecrets;
  readonly #handshakeHash: Uint8Array;
  readonly #chainingKey: Uint8Array;

  private constructor(finished: NoiseHandshake) {
    const chainingKey = finished.chainingKey;
    const [fromInitiator, fromResponder] = finished.split();
    this.fromInitiator = {
      control: new Secret(fromInitiator),
      media: new Secret(expandLabel(chainingKey, 'media initiator')),
    };
    this.fromResponder = {
      control: new Secret(fromResponder),
      media: new Secret(expandLabel(chainingKey, 'media responder')),
    };
    this.#handshakeHash = finished.handshakeHash;
    this.#chainingKey = chainingKey;
  }

  /** @throws RangeError before the last message of the handshake. */
  static of(handshake: NoiseHandshake): SessionKeys {
    if (!handshake.finished) throw new RangeError('the handshake is not finished');
    return new SessionKeys(handshake);
  }

  /** What an end sends with, and what it receives with. */
  sidesOf(role: SessionRole): { readonly own: DirectionSecrets; readonly other: DirectionSecrets } {
    const { fromInitiator, fromResponder } = this;
    return role === 'initiator'
      ? { own: fromInitiator, other: fromResponder }
      : { own: fromResponder, other: fromInitiator };
  }

  /**
   * Channel binding: the Noise handshake hash, equal on both sides of one session and on no other, and no secret. An
   * application may sign it, or compare it, to find out who is at the other end. 32 bytes.
   */
  get channelBinding(): Uint8Array {
    return this.#handshakeHash.slice();
  }

  /**
   * A key for the application, equal on both sides; says nothing about other labels or about the session's own secrets.
   *
   * @param label ASCII, the application's own.
   * @param bytes 1..32, default 32.
   */
  exportKey(label: string, bytes?: number): Secret {
    return new Secret(expandLabel(expandLabel(this.#chainingKey, 'exporter'), `export ${label}`, bytes));
  }
}

/** The secret of the epoch after this one. Who learns it cannot compute the one before. */
export function nextSecret(secret: Secret): Secret {
  return new Secret(expandLabel(secret.bytes, 'next'));
}
