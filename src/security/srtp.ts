/**
 * The media of a secured session: SRTP and SRTCP with AEAD_AES_128_GCM (RFC 7714), one object for each direction.
 *
 * The packet index that enters the nonce (RFC 3711, section 3.3.1) begins with the session's first sequence number, which both
 * sides know from the SSRC, so that a receiver is right about it even if it misses the first packets. It goes on through
 * changes of keys, which the MKI tells: one byte, the epoch.
 */

import { MEDIA_REPLAY_WINDOW } from '../protocol/constants.ts';
import { assertInvariant } from '../protocol/invariants.ts';
import { type EpochSecret, ReceiveKeys, SendKeys } from './key-schedule.ts';
import { ReplayWindow } from './replay-window.ts';
import type { Secret } from './secret.ts';
import { SrtpKeys } from './srtp-keys.ts';
import {
  openRtcp,
  openRtp,
  rtcpIndex,
  SRTCP_INDEX_MAX,
  SRTCP_OVERHEAD_BYTES,
  SRTP_OVERHEAD_BYTES,
  sealRtcp,
  sealRtp,
} from './srtp-packet.ts';

/** Epochs whose derived keys are at hand: those of {@link ReceiveKeys}. */
const EPOCHS_KEPT = 3;

const RTP_HEADER_BYTES = 12;

/** Why a packet is refused: too short; protected by a key that is over, or not yet; by one used for too long; came before; forged or damaged. */
export type SrtpRefusal = 'short' | 'epoch' | 'keyLimit' | 'replay' | 'forged';

function sequenceOf(packet: Uint8Array): number {
  return ((packet[2] ?? 0) << 8) | (packet[3] ?? 0);
}

/** The index nearest to `newest` with these low 16 bits. */
function nearestIndex(newest: number, sequence: number): number {
  return newest + (((sequence - newest) << 16) >> 16);
}

/** The SRTP keys of the epochs in use. */
class EpochKeys {
  readonly #kept = new Map<number, SrtpKeys>();

  of({ epoch, secret }: EpochSecret): SrtpKeys {
    const found = this.#kept.get(epoch);
    if (found !== undefined) return found;
    const keys = SrtpKeys.of(secret);
    for (const oldest of this.#kept.keys()) if (this.#kept.size >= EPOCHS_KEPT) this.#kept.delete(oldest);
    this.#kept.set(epoch, keys);
    return keys;
  }
}

/** What one side sends. */
export class SrtpSender {
  readonly #epochs: SendKeys;
  readonly #keys = new EpochKeys();
  #newest: number;
  #rtcpIndex = 0;

  /**
   * @param secret the direction's media secret.
   * @param firstSequence of the session's media, 0..65535.
   */
  constructor(secret: Secret, firstSequence: number, nowMs: number) {
    this.#epochs = new SendKeys(secret, nowMs);
    this.#newest = firstSequence;
  }

  /**
   * Protects an RTP packet. One that is sent again must be the same as it was (S11).
   *
   * @returns in memory of its own, {@link SRTP_OVERHEAD_BYTES} longer; `undefined` for one that is no RTP.
   */
  protect(packet: Uint8Array, nowMs: number): Uint8Array | undefined {
    if (packet.length < RTP_HEADER_BYTES) return undefined;
    const index = nearestIndex(this.#newest, sequenceOf(packet));
    assertInvariant('S11', index >= 0, 'a sequence number before the first');
    const epoch = this.#epochs.take(nowMs);
    const target = new Uint8Array(packet.length + SRTP_OVERHEAD_BYTES);
    const rollover = Math.floor(index / 0x1_0000);
    if (!sealRtp(this.#keys.of(epoch), packet, rollover, epoch.epoch & 0xff, target)) return undefined;
    this.#newest = Math.max(this.#newest, index);
    return target;
  }

  /** Protects an RTCP packet of at least 8 bytes. @returns in memory of its own, {@link SRTCP_OVERHEAD_BYTES} longer. */
  protectRtcp(packet: Uint8Array, nowMs: number): Uint8Array {
    const epoch = this.#epochs.take(nowMs);
    const index = this.#rtcpIndex++;
    assertInvariant('S11', index <= SRTCP_INDEX_MAX, 'no SRTCP index is left');
    return sealRtcp(this.#keys.of(epoch), packet, index, epoch.epoch & 0xff);
  }
}

/** What one side receives. A packet that is refused changes nothing. */
export class SrtpReceiver {
  readonly #epochs: ReceiveKeys;
  readonly #keys = new EpochKeys();
  readonly #replay = new ReplayWindow(MEDIA_REPLAY_WINDOW);
  readonly #rtcpReplay = new ReplayWindow(MEDIA_REPLAY_WINDOW);
  #newest: number;

  /**
   * @param secret the direction's media secret.
   * @param firstSequence of the session's media, 0..65535.
   */
  constructor(secret: Secret, firstSequence: number, nowMs: number) {
    this.#epochs = new ReceiveKeys(secret, nowMs);
    this.#newest = firstSequence;
  }

  /** Checks and decrypts an SRTP packet. @returns the RTP packet in memory of its own, or why there is none. */
  open(datagram: Uint8Array, nowMs: number): Uint8Array | SrtpRefusal {
    if (datagram.length < RTP_HEADER_BYTES + SRTP_OVERHEAD_BYTES) return 'short';
    const index = nearestIndex(this.#newest, sequenceOf(datagram));
    const epoch = this.#epoch(datagram, nowMs);
    if (epoch === undefined) return 'epoch';
    if (!this.#replay.accepts(index)) return 'replay';
    const packet = openRtp(this.#keys.of(epoch), datagram, Math.floor(index / 0x1_0000));
    if (packet === undefined) return 'forged';
    if (!this.#epochs.note(epoch.epoch, nowMs)) return 'keyLimit';
    this.#replay.note(index);
    this.#newest = Math.max(this.#newest, index);
    return packet;
  }

  /** Checks and decrypts an SRTCP packet. @returns the RTCP packet in memory of its own, or why there is none. */
  openRtcp(datagram: Uint8Array, nowMs: number): Uint8Array | SrtpRefusal {
    const index = rtcpIndex(datagram);
    if (index === undefined) return datagram.length < 8 + SRTCP_OVERHEAD_BYTES ? 'short' : 'forged';
    const epoch = this.#epoch(datagram, nowMs);
    if (epoch === undefined) return 'epoch';
    if (!this.#rtcpReplay.accepts(index)) return 'replay';
    const packet = openRtcp(this.#keys.of(epoch), datagram, index);
    if (packet === undefined) return 'forged';
    if (!this.#epochs.note(epoch.epoch, nowMs)) return 'keyLimit';
    this.#rtcpReplay.note(index);
    return packet;
  }

  #epoch(datagram: Uint8Array, nowMs: number): EpochSecret | undefined {
    return this.#epochs.candidate(datagram[datagram.length - 1] ?? 0, 0xff, nowMs);
  }
}
