import type { InitiatorState } from '../../machines/index.ts';
import { clearTrailer } from '../codec/clear-trailer.ts';
import { decodeFrame } from '../codec/decode.ts';
import { decodeSecured } from '../codec/decode-secured.ts';
import type { ReceiveStats } from '../media/receive-stats.ts';
import { CONTROL_FIRST_BYTE, MEDIA_FIRST_BYTE_MAX, MEDIA_FIRST_BYTE_MIN } from '../protocol/constants.ts';
import { ErrorCode } from '../protocol/error-code.ts';
import type { Profile } from '../protocol/profiles.ts';
import type { InitiatorCredentials } from '../security/credentials.ts';
import type { SessionKeys } from '../security/session-keys.ts';
import { Counters, type DropReason } from './counters.ts';
import { InitiatorSecurity } from './initiator-security.ts';
import { InitiatorSession } from './initiator-session.ts';
import type { Entropy, InitiatorInput, InitiatorOutput, Peer } from './io-types.ts';
import type { InletOptions } from './media-inlet.ts';
import type { ProtectMedia } from './media-protection.ts';
import { Random } from './random.ts';
import { drop, keptTlvs, type SessionHost, traceFrame } from './session-host.ts';

/** What an initiator's endpoint is made of. */
export interface InitiatorEndpointOptions {
  readonly profile: Profile;
  readonly entropy: Entropy;
  /** The responder. */
  readonly peer: Peer;
  /** Which of its streams; it may have just one. */
  readonly streamName?: string;
  /** Ask for media before the confirm; default false. */
  readonly fast?: boolean;
  /** From an earlier session with this camera, at most 52 bytes; with `fast`. */
  readonly token?: Uint8Array;
  /** T1's first interval in ms, when a remembered RTT is better than the profile's. */
  readonly rtoInitialMs?: number;
  /** Modes `psk` and `keys`; absent in mode `none`. */
  readonly security?: InitiatorCredentials;
  /** Protects the media of secured sessions; without it none is taken. */
  readonly protectMedia?: ProtectMedia;
  /** Default 200 ms play-out time, 2 s for the first group, repair on, frames only. */
  readonly media?: Partial<InletOptions>;
  /** Emit trace outputs; default false. */
  readonly trace?: boolean;
}

/** Play-out and repair when nothing else is asked for. */
export const defaultInletOptions: InletOptions = {
  latencyMs: 200,
  firstGroupMs: 2000,
  repair: true,
  datagrams: false,
};

/**
 * One socket of a viewer, with its one session. No sockets, no clock: `step` takes an input and the time and returns what is
 * to be done.
 */
export class InitiatorEndpoint {
  readonly counters = new Counters();
  readonly #host: SessionHost<InitiatorOutput>;
  readonly #session: InitiatorSession;
  readonly #security: InitiatorSecurity | undefined;
  #outputs: InitiatorOutput[] = [];

  constructor(options: InitiatorEndpointOptions) {
    const random = new Random(options.entropy);
    this.#security = options.security && new InitiatorSecurity(options.security, random);
    this.#host = {
      profile: options.profile,
      random,
      handshakeTrailer: this.#security?.trailer ?? clearTrailer,
      protectMedia: options.protectMedia,
      counters: this.counters,
      trace: options.trace ?? false,
      emit: (output) => this.#outputs.push(output),
    };
    this.#session = new InitiatorSession(this.#host, options.peer, {
      streamName: options.streamName,
      fast: options.fast ?? false,
      token: options.token,
      rtoInitialMs: options.rtoInitialMs,
      media: { ...defaultInletOptions, ...options.media },
      security: this.#security,
    });
  }

  get state(): InitiatorState {
    return this.#session.state;
  }

  /** 0 before the start; another one after a responder's restart. */
  get streamId(): bigint {
    return this.#session.streamId;
  }

  /** 0 until START_ACK. */
  get sessionTag(): bigint {
    return this.#session.sessionTag;
  }

  /** STARTs sent. */
  get attempts(): number {
    return this.#session.attempts;
  }

  /** Smoothed, in ms. */
  get rttMs(): number | undefined {
    return this.#session.rttMs;
  }

  /** Keys of a secured session from START_CONFIRM on. */
  get keys(): SessionKeys | undefined {
    return this.#session.keys;
  }

  /** Receive statistics; `undefined` until START_ACK. */
  stats(): ReceiveStats | undefined {
    return this.#session.stats();
  }

  /** When the next `timeout` input is due, Infinity for never. */
  deadlineMs(): number {
    return this.#session.deadlineMs();
  }

  /** Handles one input at a time that never goes back. The returned array is the caller's. */
  step(input: InitiatorInput, nowMs: number): readonly InitiatorOutput[] {
    switch (input.kind) {
      case 'start':
        this.#session.start(nowMs);
        break;
      case 'datagram':
        this.#datagram(input.bytes, input.from, nowMs);
        break;
      case 'timeout':
        this.#session.timeout(nowMs);
        break;
      case 'exchange':
        this.#session.exchange(input.input, nowMs);
        break;
      case 'close':
        this.#session.close(input.code, input.reason, nowMs);
        break;
      case 'sendFailed':
        this.counters.hint(input.hint);
        this.#session.sendFailed(input.hint, input.bytes);
        break;
      case 'socketFailed':
        this.#session.socketFailed(nowMs);
        break;
    }
    const outputs = this.#outputs;
    this.#outputs = [];
    return outputs;
  }

  #datagram(bytes: Uint8Array, from: Peer, nowMs: number): void {
    this.counters.add('datagramsReceived');
    this.counters.add('bytesReceived', bytes.length);
    const { peer } = this.#session;
    if (from.address !== peer.address || from.port !== peer.port) return this.#drop('wrongPeer', from, bytes);
    const first = bytes[0] ?? 0;
    if (first >= MEDIA_FIRST_BYTE_MIN && first <= MEDIA_FIRST_BYTE_MAX) return this.#session.media(bytes, nowMs);
    if (first !== CONTROL_FIRST_BYTE) return this.#drop('notOurs', from, bytes);
    const security = this.#security;
    const kept = keptTlvs(this.#host);
    const decoded = security === undefined ? decodeFrame(bytes, kept) : decodeSecured(bytes, security.hasMac1, kept);
    if (!decoded.ok) {
      this.#session.hint(ErrorCode.MALFORMED);
      return this.#drop(decoded.reason, from, bytes);
    }
    if ('header' in decoded) return this.#session.sealed(decoded.header, bytes, nowMs);
    if (this.#host.trace) traceFrame(this.#host, 'received', bytes, from, decoded.frame);
    this.#session.frame(decoded.frame, bytes.length, nowMs);
  }

  #drop(reason: DropReason, from: Peer, bytes: Uint8Array): void {
    drop(this.#host, reason, from, bytes.length);
  }
}
