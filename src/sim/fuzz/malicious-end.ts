import { headerOffset } from '../../codec/header.ts';
import { firstSequence, isRtcp, RTP_HEADER_BYTES } from '../../media/rtp.ts';
import {
  CONTROL_FIRST_BYTE,
  HEADER_BYTES,
  MEDIA_FIRST_BYTE_MIN,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
} from '../../protocol/constants.ts';
import { FrameFlag } from '../../protocol/frame.ts';
import { ControlOpener, ControlSealer } from '../../security/sealed-control.ts';
import type { SessionKeys, SessionRole } from '../../security/session-keys.ts';
import { SrtpReceiver, SrtpSender } from '../../security/srtp.ts';
import type { Prng } from '../prng.ts';
import type { Mutator } from './mutator.ts';

/** Where the TLVs of a sealed frame begin. */
const TEXT_AT = HEADER_BYTES + SEALED_COUNTER_BYTES;
/** Counters that the real end may have used before. */
const COUNTERS_SKIPPED = 1000;
/** One of so many of its datagrams goes as it is. */
const AS_IT_IS = 3;

/**
 * One end of a secured session that has its keys and means ill: takes what a real end sends, changes what is inside, and protects
 * it again, so that the other end finds it authentic. All that the real end sends must go through it, since it counts by itself.
 */
export class MaliciousEnd {
  readonly #mutator: Mutator;
  readonly #prng: Prng;
  readonly #opener: ControlOpener;
  readonly #sealer: ControlSealer;
  readonly #receiver: SrtpReceiver;
  readonly #sender: SrtpSender;

  /**
   * @param role of the end whose datagrams are changed.
   * @param firstCounter of its sealed frames.
   * @param ssrc of the session's media.
   */
  constructor(
    keys: SessionKeys,
    role: SessionRole,
    firstCounter: number,
    ssrc: number,
    nowMs: number,
    mutator: Mutator,
    prng: Prng,
  ) {
    const { own } = keys.sidesOf(role);
    const first = firstSequence(ssrc);
    this.#opener = new ControlOpener(own.control, firstCounter, nowMs);
    this.#sealer = new ControlSealer(own.control, firstCounter + COUNTERS_SKIPPED, nowMs);
    this.#receiver = new SrtpReceiver(own.media, first, nowMs);
    this.#sender = new SrtpSender(own.media, first, nowMs);
    this.#mutator = mutator;
    this.#prng = prng;
  }

  /** What becomes of one datagram. */
  change(bytes: Uint8Array, nowMs: number): Uint8Array {
    const asItIs = this.#prng.below(AS_IT_IS) === 0;
    if ((bytes[0] ?? 0) >= MEDIA_FIRST_BYTE_MIN) return this.#changeMedia(bytes, asItIs, nowMs);
    const sealed = bytes[0] === CONTROL_FIRST_BYTE && ((bytes[headerOffset.flags] ?? 0) & FrameFlag.SECURED) !== 0;
    const text =
      sealed && bytes.length >= TEXT_AT + SECURED_TRAILER_BYTES ? this.#opener.open(bytes, nowMs) : undefined;
    // Of the handshake: MAC1 is the mutator's to make.
    if (text === undefined || typeof text === 'string') {
      return asItIs ? bytes : this.#mutator.of(bytes, this.#prng).slice();
    }
    return this.#seal(bytes, asItIs ? text : this.#mutator.body(text, this.#prng), asItIs, nowMs);
  }

  #seal(bytes: Uint8Array, text: Uint8Array, asItIs: boolean, nowMs: number): Uint8Array {
    const prng = this.#prng;
    const sealed = new Uint8Array(TEXT_AT + text.length + SECURED_TRAILER_BYTES);
    sealed.set(bytes.subarray(0, HEADER_BYTES));
    sealed.set(text, TEXT_AT);
    // Sometimes what is inside one frame says that it is another.
    if (!asItIs && prng.below(8) === 0) sealed[headerOffset.type] = prng.below(40);
    const body = sealed.length - HEADER_BYTES - SECURED_TRAILER_BYTES;
    sealed[headerOffset.bodyLength] = body >> 8;
    sealed[headerOffset.bodyLength + 1] = body;
    this.#sealer.seal(sealed, nowMs);
    return sealed;
  }

  #changeMedia(bytes: Uint8Array, asItIs: boolean, nowMs: number): Uint8Array {
    const rtcp = isRtcp(bytes);
    const packet = rtcp ? this.#receiver.openRtcp(bytes, nowMs) : this.#receiver.open(bytes, nowMs);
    if (typeof packet === 'string') return bytes;
    let changed = packet;
    if (!asItIs) {
      changed = this.#mutator.of(packet, this.#prng).slice();
      // Its first byte and its place in the sequence stay: without them it is no media of this session.
      changed.set(packet.subarray(0, Math.min(changed.length, rtcp ? 2 : 4)));
      if (!rtcp && changed.length >= RTP_HEADER_BYTES) changed.set(packet.subarray(8, RTP_HEADER_BYTES), 8);
      if (!rtcp) changed[0] = ((packet[0] ?? 0) & 0xc0) | (this.#prng.below(4) === 0 ? this.#prng.below(64) : 0);
    }
    if (changed.length < RTP_HEADER_BYTES) return bytes;
    return (rtcp ? this.#sender.protectRtcp(changed, nowMs) : this.#sender.protect(changed, nowMs)) ?? bytes;
  }
}
