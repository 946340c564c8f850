/**
 * MAC1 (docs/PROTOCOL.md, section 7.2): the trailer of secured frames before there are session keys. It keeps a responder
 * silent to strangers; in mode `keys` it proves no identity, as its key comes from a public one.
 */
import { SECURED_TRAILER_BYTES } from '../protocol/constants.ts';
import { FrameFlag } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { expandLabel, extractKey } from './hkdf.ts';
import { equalBytes } from './reset-token.ts';
import { Secret } from './secret.ts';
import { HASH_BYTES, hmacInto } from './sha256.ts';

const NOTHING = new Uint8Array(0);
/** In use within one call only. */
const mac = new Uint8Array(HASH_BYTES);
const mac1 = mac.subarray(0, SECURED_TRAILER_BYTES);

/**
 * The key of MAC1.
 *
 * @param material the PSK in mode `psk`, the camera's public key in mode `keys`.
 */
export function mac1Key(material: Uint8Array): Secret {
  return new Secret(expandLabel(extractKey(material), 'mac1'));
}

/** Writes MAC1 of all before it into the last 16 bytes of a datagram. */
export function writeMac1(key: Secret, datagram: Uint8Array): void {
  const end = datagram.length - SECURED_TRAILER_BYTES;
  hmacInto(mac, key.bytes, datagram, NOTHING, end);
  datagram.set(mac1, end);
}

/** Whether the last 16 bytes of a datagram are MAC1 of all before them; in a time that does not tell how many are right. */
export function hasMac1(key: Secret, datagram: Uint8Array): boolean {
  const end = datagram.length - SECURED_TRAILER_BYTES;
  if (end < 0) return false;
  hmacInto(mac, key.bytes, datagram, NOTHING, end);
  return equalBytes(mac1, datagram, end);
}

/** The trailer of START, START_ACK, ERROR and RETRY in a secured session. */
export function mac1Trailer(key: Secret): FrameTrailer {
  return {
    flags: FrameFlag.SECURED,
    counterBytes: 0,
    bytes: SECURED_TRAILER_BYTES,
    complete: (datagram) => writeMac1(key, datagram),
  };
}
