/**
 * Which secret of a direction is in use (docs/PROTOCOL.md, section 7.5). Each plane of a direction has its own: the sender
 * takes the next one at its limits, the receiver follows when a packet of the next epoch turns out to be authentic.
 */
import {
  EPOCHS_AHEAD_MAX,
  KEY_MS_MAX,
  KEY_PACKETS_MAX,
  OLD_KEY_MS,
  REKEY_MS,
  REKEY_PACKETS,
} from '../protocol/constants.ts';
import type { Secret } from './secret.ts';
import { nextSecret } from './session-keys.ts';

/** A secret and the number of its epoch, from 0. */
export interface EpochSecret {
  readonly epoch: number;
  readonly secret: Secret;
}

/** The sender's side: counts packets and time. */
export class SendKeys {
  #current: EpochSecret;
  #sinceMs: number;
  #packets = 0;

  /** @param secret of epoch 0. */
  constructor(secret: Secret, nowMs: number) {
    this.#current = { epoch: 0, secret };
    this.#sinceMs = nowMs;
  }

  /** The secret for one more packet: after 2^22 packets or 120 s a new one. */
  take(nowMs: number): EpochSecret {
    if (this.#packets >= REKEY_PACKETS || nowMs - this.#sinceMs >= REKEY_MS) {
      this.#current = following(this.#current);
      this.#sinceMs = nowMs;
      this.#packets = 0;
    }
    this.#packets++;
    return this.#current;
  }
}

/** The receiver's side: the current secret, those after it as far as a packet may name them, and for 3 s the one before it. */
export class ReceiveKeys {
  #current: EpochSecret;
  /** The last one after the current that a packet named: a forged packet does not cost the derivation each time. */
  #named: EpochSecret | undefined;
  #previous: EpochSecret | undefined;
  #previousUntilMs = 0;
  #sinceMs: number;
  #packets = 0;

  /** @param secret of epoch 0. */
  constructor(secret: Secret, nowMs: number) {
    this.#current = { epoch: 0, secret };
    this.#sinceMs = nowMs;
  }

  /**
   * The secret that a packet seems to be protected with. Nothing changes before {@link note}.
   *
   * @param bits low bits of the packet's epoch.
   * @param mask which bits they are: 1 for KEY_PHASE, 0xff for an MKI.
   * @returns `undefined` for an epoch that is neither current, nor at most EPOCHS_AHEAD_MAX ahead (1 where one bit is all that
   * names it), nor the one before while it is kept.
   */
  candidate(bits: number, mask: number, nowMs: number): EpochSecret | undefined {
    const ahead = (bits - this.#current.epoch) & mask;
    if (ahead === 0) return this.#current;
    if (this.#previous !== undefined && nowMs >= this.#previousUntilMs) this.#previous = undefined;
    // With one bit the one before looks like the next: it comes first, as no sender takes two new ones within 3 s.
    if (ahead === mask && this.#previous !== undefined) return this.#previous;
    if (ahead > EPOCHS_AHEAD_MAX) return undefined;
    return this.#later(this.#current.epoch + ahead);
  }

  /**
   * A packet of this epoch was authentic.
   *
   * @returns false if the sender should have taken a new secret long ago: the packet must not be used (KEY_LIMIT).
   */
  note(epoch: number, nowMs: number): boolean {
    if (epoch > this.#current.epoch) {
      // Of epochs that were passed over every packet was lost.
      this.#previous = epoch === this.#current.epoch + 1 ? this.#current : undefined;
      this.#previousUntilMs = nowMs + OLD_KEY_MS;
      this.#current = this.#later(epoch);
      this.#named = undefined;
      this.#sinceMs = nowMs;
      this.#packets = 0;
    }
    if (epoch !== this.#current.epoch) return true;
    this.#packets++;
    return this.#packets <= KEY_PACKETS_MAX && nowMs - this.#sinceMs < KEY_MS_MAX;
  }

  #later(epoch: number): EpochSecret {
    if (this.#named?.epoch !== epoch) {
      let later = this.#current;
      while (later.epoch < epoch) later = following(later);
      this.#named = later;
    }
    return this.#named;
  }
}

function following({ epoch, secret }: EpochSecret): EpochSecret {
  return { epoch: epoch + 1, secret: nextSecret(secret) };
}
