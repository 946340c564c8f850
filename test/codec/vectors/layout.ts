/**
 * What the vectors of this folder are laid out with. Every byte but the CRC-32 stands in valid.ts and invalid.ts as digits,
 * and nothing of src/codec is used, so that codec and vectors can disagree. A second implementation can be tested with the
 * JSON files alone.
 *
 * Write the JSON files anew with `npx vitest run test/codec/vectors.test.ts -u`.
 */
import type { DecodeReason } from '../../../src/codec/decode-reason.ts';
import { fromHex, toHex, withCrc } from '../bytes.ts';

/** A datagram and what it decodes to, as JSON. */
export interface ValidVector {
  readonly name: string;
  readonly hex: string;
  readonly frame: unknown;
}

/** A datagram and why and where it is refused. */
export interface InvalidVector {
  readonly name: string;
  readonly hex: string;
  readonly reason: DecodeReason;
  readonly offset: number;
}

/** Digits of a StreamId. */
export const S = '0102030405060708';
/** Digits of a SessionTag. */
export const T = 'a1a2a3a4a5a6a7a8';
/** Digits of no SessionTag. */
export const O = '0000000000000000';
/** Digits of a nonce or request id. */
export const N = '1122334455667788';
/** Digits of a COOKIE's value. */
export const cookie = 'c0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3';
/** Digits of a RESET_TOKEN's value. */
export const resetToken = 'e0e1e2e3e4e5e6e7e8e9eaebecedeeef';
/** Digits of a REQUEST_ID TLV. */
export const request = `000f 0008 ${N}`;

/** Digits of so many bytes of 0. */
export const zeros = (count: number) => '00'.repeat(count);
/** Digits of the parts and their CRC-32. */
export const crc = (...parts: string[]) => toHex(withCrc(fromHex(parts.join(''))));
/** Digits of the parts as they are. */
export const raw = (...parts: string[]) => toHex(fromHex(parts.join('')));
