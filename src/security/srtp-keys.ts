/**
 * Session keys of SRTP and SRTCP for AEAD_AES_128_GCM: from a media secret to a master key and salt by HKDF labels, from those
 * to session keys by the key derivation of RFC 3711, section 4.3, so that any SRTP implementation can be given master key and salt.
 */
import { createCipheriv } from 'node:crypto';
import { expandLabel } from './hkdf.ts';
import type { Secret } from './secret.ts';

/** Bytes of a master key and of a session key. */
export const SRTP_KEY_BYTES = 16;
/** Bytes of a master salt and of a session salt (RFC 7714, section 12). */
export const SRTP_SALT_BYTES = 12;

/** Labels of the derivation (RFC 3711, sections 4.3.1 and 4.3.2). */
const LABELS = { rtpKey: 0, rtpSalt: 2, rtcpKey: 3, rtcpSalt: 5 } as const;

/** What other SRTP implementations are configured with. */
export interface SrtpMaster {
  /** 16 bytes. */
  readonly key: Uint8Array;
  /** 12 bytes. */
  readonly salt: Uint8Array;
}

/** Master key and salt of one direction in one epoch. @param secret the direction's media secret of that epoch. */
export function srtpMaster(secret: Secret): SrtpMaster {
  return {
    key: expandLabel(secret.bytes, 'srtp key', SRTP_KEY_BYTES),
    salt: expandLabel(secret.bytes, 'srtp salt', SRTP_SALT_BYTES),
  };
}

/**
 * One derived key: the key stream of AES in counter mode that begins at salt XOR label (RFC 3711, section 4.3.3, with a key
 * derivation rate of 0).
 *
 * @param salt at most 14 bytes; a shorter one is filled up with zeros (RFC 7714, section 11).
 * @param label 0..255.
 * @param bytes of the result.
 */
export function deriveSrtpKey(key: Uint8Array, salt: Uint8Array, label: number, bytes: number): Uint8Array {
  const counter = new Uint8Array(16);
  counter.set(salt);
  counter[7] = (counter[7] ?? 0) ^ label;
  return createCipheriv('aes-128-ctr', key, counter).update(new Uint8Array(bytes));
}

/** Key and salt of RTP and of RTCP, of one direction in one epoch. */
export class SrtpKeys {
  readonly #rtpKey: Uint8Array;
  readonly #rtpSalt: Uint8Array;
  readonly #rtcpKey: Uint8Array;
  readonly #rtcpSalt: Uint8Array;

  /** @param rtcp default: the same as for RTP, as the vectors of RFC 7714 have it. */
  constructor(rtp: SrtpMaster, rtcp: SrtpMaster = rtp) {
    this.#rtpKey = rtp.key;
    this.#rtpSalt = rtp.salt;
    this.#rtcpKey = rtcp.key;
    this.#rtcpSalt = rtcp.salt;
  }

  /** The keys that an epoch's media secret gives. */
  static of(secret: Secret): SrtpKeys {
    const master = srtpMaster(secret);
    const derived = (label: number, bytes: number) => deriveSrtpKey(master.key, master.salt, label, bytes);
    return new SrtpKeys(
      { key: derived(LABELS.rtpKey, SRTP_KEY_BYTES), salt: derived(LABELS.rtpSalt, SRTP_SALT_BYTES) },
      { key: derived(LABELS.rtcpKey, SRTP_KEY_BYTES), salt: derived(LABELS.rtcpSalt, SRTP_SALT_BYTES) },
    );
  }

  get rtpKey(): Uint8Array {
    return this.#rtpKey;
  }

  get rtpSalt(): Uint8Array {
    return this.#rtpSalt;
  }

  get rtcpKey(): Uint8Array {
    return this.#rtcpKey;
  }

  get rtcpSalt(): Uint8Array {
    return this.#rtcpSalt;
  }
}
