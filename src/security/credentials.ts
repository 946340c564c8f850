/** Who this end is, and what it asks of the other (docs/PROTOCOL.md, section 7.1). Made once for an endpoint. */
import { expandLabel, extractKey } from './hkdf.ts';
import { mac1Key } from './mac1.ts';
import { type NoisePattern, noisePatterns } from './noise-handshake.ts';
import { Secret } from './secret.ts';
import { KeyPair, X25519_BYTES } from './x25519.ts';

/** Fewest bytes of a PSK. */
export const PSK_BYTES_MIN = 32;
/** Most bytes of a PSK. */
export const PSK_BYTES_MAX = 1024;

/** Modes that protect a session. */
export type SecuredMode = 'psk' | 'keys';

/** Who may look. */
export interface AllowedViewers {
  /** @param publicKey 32 bytes, proven. */
  allows(publicKey: Uint8Array): boolean;
}

/**
 * The public key of a private one, both 32 bytes. Any 32 random bytes are a private key.
 *
 * @throws RangeError for another length.
 */
export function publicKeyOf(privateKey: Uint8Array): Uint8Array {
  return KeyPair.of(privateKey).publicKey;
}

/** What both ends have, in the form in which handshakes need it. */
export interface Credentials {
  readonly mode: SecuredMode;
  readonly pattern: NoisePattern;
  /** Key of MAC1. */
  readonly mac1: Secret;
  /** 32 bytes for Noise: derived from the PSK, or zeros in mode `keys` without one. */
  readonly psk: Secret;
}

/** A viewer's. */
export interface InitiatorCredentials extends Credentials {
  readonly staticKey?: KeyPair;
  /** The camera's public key. */
  readonly peerKey?: Uint8Array;
}

/** A camera's. */
export interface ResponderCredentials extends Credentials {
  readonly staticKey?: KeyPair;
  readonly viewers?: AllowedViewers;
}

/**
 * Mode `psk`, for either end.
 *
 * @param psk 32 to 1,024 random bytes that both ends have.
 * @throws RangeError for another length.
 */
export function pskCredentials(psk: Uint8Array): Credentials {
  return { mode: 'psk', pattern: noisePatterns.NNpsk0, mac1: mac1Key(checkedPsk(psk)), psk: noisePsk(psk) };
}

/**
 * Mode `keys`, for a viewer.
 *
 * @param peerKey the camera's public key, 32 bytes.
 * @param psk if the camera wants one besides.
 * @throws RangeError for a key of another length, or one that has no secret with anybody.
 */
export function viewerCredentials(staticKey: KeyPair, peerKey: Uint8Array, psk?: Uint8Array): InitiatorCredentials {
  if (peerKey.length !== X25519_BYTES) throw new RangeError(`a public key has ${X25519_BYTES} bytes`);
  if (staticKey.agree(peerKey) === undefined) throw new RangeError('that is no public key');
  return { ...keysCredentials(peerKey, psk), staticKey, peerKey: peerKey.slice() };
}

/**
 * Mode `keys`, for a camera.
 *
 * @param psk if viewers must have one besides.
 * @throws RangeError for a PSK of another length.
 */
export function cameraCredentials(staticKey: KeyPair, viewers: AllowedViewers, psk?: Uint8Array): ResponderCredentials {
  return { ...keysCredentials(staticKey.publicKey, psk), staticKey, viewers };
}

function keysCredentials(cameraKey: Uint8Array, psk: Uint8Array | undefined): Credentials {
  return {
    mode: 'keys',
    pattern: noisePatterns.XKpsk3,
    mac1: mac1Key(cameraKey),
    psk: psk === undefined ? new Secret(new Uint8Array(32)) : noisePsk(psk),
  };
}

function noisePsk(psk: Uint8Array): Secret {
  return new Secret(expandLabel(extractKey(checkedPsk(psk)), 'psk'));
}

function checkedPsk(psk: Uint8Array): Uint8Array {
  if (psk.length < PSK_BYTES_MIN || psk.length > PSK_BYTES_MAX) {
    throw new RangeError(`a PSK has ${PSK_BYTES_MIN} to ${PSK_BYTES_MAX} bytes, not ${psk.length}`);
  }
  return psk;
}
