/**
 * Sealed control frames (docs/PROTOCOL.md, section 7.5): AES-256-GCM under the direction's control secret. The nonce is the
 * frame's counter, header and counter are authenticated too. A counter is never used again, whatever the epoch (S11).
 *
 *       24       8         TLVs         16
 *     | header | counter | encrypted  | tag |
 */
import {
  CONTROL_REPLAY_WINDOW,
  HEADER_BYTES,
  SEALED_COUNTER_BYTES,
  SECURED_TRAILER_BYTES,
} from '../protocol/constants.ts';
import { FrameFlag } from '../protocol/frame.ts';
import { counterNonce, openAesGcm, sealAesGcm } from './aes-gcm.ts';
import { ReceiveKeys, SendKeys } from './key-schedule.ts';
import { ReplayWindow } from './replay-window.ts';
import type { Secret } from './secret.ts';

const FLAGS_AT = 3;
const TEXT_AT = HEADER_BYTES + SEALED_COUNTER_BYTES;

/** Why a sealed frame is not taken; each is a counter. */
export type SealedFault =
  /** This counter came already, or is too old to tell. */
  | 'replayed'
  /** Not made with a secret of this session, or changed on its way. */
  | 'notAuthentic'
  /** Authentic, but its secret is in use for too long: the session must end (KEY_LIMIT). */
  | 'keyLimit';

/** What one side sends. */
export class ControlSealer {
  readonly #keys: SendKeys;
  #counter: number;

  /** @param firstCounter 1 where START_CONFIRM used 0, else 0. */
  constructor(secret: Secret, firstCounter: number, nowMs: number) {
    this.#keys = new SendKeys(secret, nowMs);
    this.#counter = firstCounter;
  }

  /** Seals a frame in place: sets KEY_PHASE, the counter and the tag, and encrypts what is between them. */
  seal(datagram: Uint8Array, nowMs: number): void {
    const { epoch, secret } = this.#keys.take(nowMs);
    datagram[FLAGS_AT] = ((datagram[FLAGS_AT] ?? 0) & ~FrameFlag.KEY_PHASE) | ((epoch & 1) * FrameFlag.KEY_PHASE);
    const nonce = counterNonce(this.#counter++);
    datagram.set(nonce.subarray(nonce.length - SEALED_COUNTER_BYTES), HEADER_BYTES);
    const text = datagram.subarray(TEXT_AT, datagram.length - SECURED_TRAILER_BYTES);
    datagram.set(sealAesGcm(secret.bytes, nonce, datagram.subarray(0, TEXT_AT), text), TEXT_AT);
  }
}

/** What one side receives. */
export class ControlOpener {
  readonly #keys: ReceiveKeys;
  readonly #window = new ReplayWindow(CONTROL_REPLAY_WINDOW);

  /** @param firstCounter the least that may come. */
  constructor(secret: Secret, firstCounter: number, nowMs: number) {
    this.#keys = new ReceiveKeys(secret, nowMs);
    for (let counter = 0; counter < firstCounter; counter++) this.#window.note(counter);
  }

  /** The highest counter that came, -1 for none. */
  get newest(): number {
    return this.#window.newest;
  }

  /**
   * Opens a frame. What is not authentic changes nothing.
   *
   * @param datagram at least 48 bytes.
   * @returns the TLVs, or why there are none.
   */
  open(datagram: Uint8Array, nowMs: number): Uint8Array | SealedFault {
    const view = new DataView(datagram.buffer, datagram.byteOffset + HEADER_BYTES, SEALED_COUNTER_BYTES);
    const counter = view.getUint32(0) * 2 ** 32 + view.getUint32(4);
    if (counter > Number.MAX_SAFE_INTEGER) return 'notAuthentic';
    if (!this.#window.accepts(counter)) return 'replayed';
    const phase = ((datagram[FLAGS_AT] ?? 0) & FrameFlag.KEY_PHASE) === 0 ? 0 : 1;
    const key = this.#keys.candidate(phase, 1, nowMs);
    if (key === undefined) return 'notAuthentic';
    const additional = datagram.subarray(0, TEXT_AT);
    const text = openAesGcm(key.secret.bytes, counterNonce(counter), additional, datagram.subarray(TEXT_AT));
    if (text === undefined) return 'notAuthentic';
    if (!this.#keys.note(key.epoch, nowMs)) return 'keyLimit';
    this.#window.note(counter);
    return text;
  }
}
