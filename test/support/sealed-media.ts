import type { ProtectMedia } from '../../src/engine/media-protection.ts';
import { openAesGcm, sealAesGcm, TAG_BYTES } from '../../src/security/aes-gcm.ts';
import { expandLabel } from '../../src/security/hkdf.ts';

const HEADER_BYTES = 12;
const RTCP_HEADER_BYTES = 8;

/**
 * The least that protects media: AES-256-GCM of the payload under the direction's media secret, header as additional data and
 * as the nonce. No key changes and no replay window: it shows what the engine does with a protection, and nothing more.
 */
export const sealedMedia: ProtectMedia = ({ keys, role }) => {
  const { fromInitiator, fromResponder } = keys;
  const [own, other] = role === 'initiator' ? [fromInitiator, fromResponder] : [fromResponder, fromInitiator];
  const sealing = (key: Uint8Array, headerBytes: number) => (packet: Uint8Array) => {
    if (packet.length < headerBytes) return undefined;
    const header = packet.subarray(0, headerBytes);
    const sealed = sealAesGcm(key, nonceOf(header), header, packet.subarray(headerBytes));
    return Uint8Array.of(...header, ...sealed);
  };
  const opening = (key: Uint8Array, headerBytes: number) => (datagram: Uint8Array) => {
    if (datagram.length < headerBytes + TAG_BYTES) return undefined;
    const header = datagram.subarray(0, headerBytes);
    const text = openAesGcm(key, nonceOf(header), header, datagram.subarray(headerBytes));
    return text && Uint8Array.of(...header, ...text);
  };
  const key = (secret: Uint8Array, plane: string) => expandLabel(secret, `test ${plane}`);
  return {
    overheadBytes: TAG_BYTES,
    protect: sealing(key(own.media.bytes, 'rtp'), HEADER_BYTES),
    unprotect: opening(key(other.media.bytes, 'rtp'), HEADER_BYTES),
    protectFeedback: sealing(key(own.media.bytes, 'rtcp'), RTCP_HEADER_BYTES),
    unprotectFeedback: opening(key(other.media.bytes, 'rtcp'), RTCP_HEADER_BYTES),
  };
};

function nonceOf(header: Uint8Array): Uint8Array {
  const nonce = new Uint8Array(12);
  nonce.set(header.subarray(0, 12));
  return nonce;
}
