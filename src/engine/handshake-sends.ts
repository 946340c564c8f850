import { encodeOnce } from '../codec/encode.ts';
import type { StartPayload } from '../codec/handshake-payload.ts';
import { PROTOCOL_VERSION } from '../protocol/constants.ts';
import { FrameFlag, FrameType } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import type { HintName } from './counters.ts';
import type { InitiatorSecurity } from './initiator-security.ts';
import type { SessionCore } from './session-core.ts';
import { StartSends } from './start-sends.ts';

/** What a viewer asks for in START. */
export interface Wish {
  readonly streamName: string | undefined;
  /** Ask for media before the confirm. */
  readonly fast: boolean;
  /** From an earlier session with this camera; shown with the first StreamId only. */
  readonly token?: Uint8Array | undefined;
  /** Absent in mode `none`. */
  readonly security?: InitiatorSecurity | undefined;
}

/** STARTs and START_CONFIRM of a viewer: what is in them, and how many went out. */
export class HandshakeSends {
  /** Over all StreamIds. */
  startsSent = 0;
  readonly #core: SessionCore;
  readonly #wish: Wish;
  /** CRC-32 or MAC1. */
  readonly #trailer: FrameTrailer;
  #starts = new StartSends();
  #cookie: Uint8Array | undefined;
  #noise: Uint8Array | undefined;
  #token: Uint8Array | undefined;
  #confirm: Uint8Array | undefined;
  #confirmedAtMs = 0;
  #unsendable = 0;

  constructor(core: SessionCore, wish: Wish, trailer: FrameTrailer) {
    this.#core = core;
    this.#wish = wish;
    this.#trailer = trailer;
  }

  /** Attempts and times of the STARTs with this StreamId. */
  get starts(): StartSends {
    return this.#starts;
  }

  get hasCookie(): boolean {
    return this.#cookie !== undefined;
  }

  /** When the first START_CONFIRM went out. */
  get confirmedAtMs(): number {
    return this.#confirmedAtMs;
  }

  /** The own system refused every START. */
  get nothingSent(): boolean {
    return this.#unsendable >= this.startsSent;
  }

  /** Another StreamId, which the core has: nothing of the one before is valid any more. */
  begin(): void {
    const { fast, security, streamName, token } = this.#wish;
    // A camera that was restarted does not know it any more.
    this.#token = fast && this.startsSent === 0 ? token : undefined;
    this.#starts = new StartSends();
    this.#cookie = undefined;
    this.#confirm = undefined;
    this.#core.forgetKeys();
    this.#noise = security?.start(this.#core.streamId, this.#said(streamName));
  }

  /** @param nextAttempt that of the next START, the first with this cookie. */
  keepCookie(cookie: Uint8Array, nextAttempt: number): void {
    this.#cookie = cookie.slice();
    this.#starts.cookieAdopted(nextAttempt);
  }

  /** What stands in the open or in the Noise message. */
  #said(streamName: string | undefined): StartPayload {
    return {
      ...(this.#token === undefined ? {} : { token: this.#token }),
      ...(streamName === undefined ? {} : { streamName }),
    };
  }

  sendStart(attempt: number): void {
    const { streamName, fast } = this.#wish;
    const { streamId, nowMs } = this.#core;
    this.#starts.sent(attempt, nowMs);
    this.startsSent++;
    const flags = FrameFlag.ACK_REQUIRED | (fast ? FrameFlag.FAST : 0);
    const body = {
      type: FrameType.START,
      versions: [PROTOCOL_VERSION],
      ...(this.#cookie === undefined ? {} : { cookie: this.#cookie }),
      ...(this.#noise === undefined ? this.#said(streamName) : { handshake: this.#noise }),
    };
    this.#core.send(encodeOnce({ flags, streamId, sessionTag: 0n, attempt }, body, this.#trailer));
  }

  /** The same bytes each time (S13). */
  sendConfirm(): void {
    if (this.#confirm === undefined) this.#confirmedAtMs = this.#core.nowMs;
    this.#confirm ??= this.#encodeConfirm();
    this.#core.send(this.#confirm);
  }

  /** @param bytes 0 for an ICMP message, whose datagram did leave. */
  sendFailed(hint: HintName, bytes: number): void {
    const left = bytes === 0 || hint === 'ECONNREFUSED' || hint === 'EHOSTUNREACH' || hint === 'EMSGSIZE';
    if (!left) this.#unsendable++;
  }

  /** In a secured session this finishes the handshake: from here on there are keys. */
  #encodeConfirm(): Uint8Array {
    const { security } = this.#wish;
    if (security === undefined) return this.#core.encode({ type: FrameType.START_CONFIRM });
    const { message, trailer, keys } = security.confirm();
    this.#core.secure(keys, 'initiator', security.firstCounter);
    return this.#core.encode({ type: FrameType.START_CONFIRM, handshake: message }, trailer);
  }
}
