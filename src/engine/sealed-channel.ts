import { SEALED_COUNTER_BYTES, SECURED_TRAILER_BYTES } from '../protocol/constants.ts';
import { FrameFlag } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { ControlOpener, ControlSealer, type SealedFault } from '../security/sealed-control.ts';
import type { SessionKeys, SessionRole } from '../security/session-keys.ts';

/** The control frames of one confirmed session, both ways, under its keys. */
export class SealedChannel {
  readonly keys: SessionKeys;
  readonly role: SessionRole;
  /** How a frame ends that this end sends now. */
  readonly trailer: FrameTrailer;
  readonly #opener: ControlOpener;

  /**
   * @param firstInitiatorCounter 1 where START_CONFIRM used counter 0, else 0.
   * @param now time of the input that is being handled, in ms.
   */
  constructor(keys: SessionKeys, role: SessionRole, firstInitiatorCounter: number, now: { readonly nowMs: number }) {
    const { own, other } = keys.sidesOf(role);
    const [ownFirst, otherFirst] = role === 'initiator' ? [firstInitiatorCounter, 0] : [0, firstInitiatorCounter];
    const sealer = new ControlSealer(own.control, ownFirst, now.nowMs);
    this.keys = keys;
    this.role = role;
    this.#opener = new ControlOpener(other.control, otherFirst, now.nowMs);
    this.trailer = {
      flags: FrameFlag.SECURED,
      counterBytes: SEALED_COUNTER_BYTES,
      bytes: SECURED_TRAILER_BYTES,
      complete: (datagram) => sealer.seal(datagram, now.nowMs),
    };
  }

  /** The highest counter that came, -1 for none. */
  get newest(): number {
    return this.#opener.newest;
  }

  /** Opens a sealed datagram; one that is not authentic changes nothing. @returns its TLVs, or why there are none. */
  open(datagram: Uint8Array, nowMs: number): Uint8Array | SealedFault {
    return this.#opener.open(datagram, nowMs);
  }
}
