import {
  type InitiatorState,
  type ResponderState,
  repeatMs,
  type TimerName,
  timerNames,
} from '../../machines/index.ts';
import { clearTrailer } from '../codec/clear-trailer.ts';
import { decodeOpened } from '../codec/decode-secured.ts';
import { encodeOnce, encodeParts } from '../codec/encode.ts';
import { BYE_REPEAT_MS, CLOSE_MS, DRAIN_MS } from '../protocol/constants.ts';
import { type Frame, type FrameBody, type FrameHeader, FrameType, type SecuredFrameBody } from '../protocol/frame.ts';
import type { FrameTrailer } from '../protocol/frame-trailer.ts';
import { equalBytes } from '../security/reset-token.ts';
import type { SessionKeys, SessionRole } from '../security/session-keys.ts';
import { Deadlines } from './deadlines.ts';
import type { ExchangeHost } from './exchange-host.ts';
import { type ExchangeFrame, Exchanges, failAsk } from './exchanges.ts';
import { type PlainEvent, plainEvent } from './frame-events.ts';
import type { ControlSend, ExchangeInput, ExchangeOutput, Peer, SessionHandle, TraceOutput } from './io-types.ts';
import type { MediaProtection } from './media-protection.ts';
import { Nonces } from './nonces.ts';
import { RttEstimate } from './rtt.ts';
import { SealedChannel } from './sealed-channel.ts';
import { drop, keptTlvs, type SessionHost, sendControl, traceFrame } from './session-host.ts';

type SessionState = InitiatorState | ResponderState;
type CoreOutput = ControlSend | TraceOutput | ExchangeOutput;

/** An event of both machines that a frame causes. */
export type SessionEvent =
  | PlainEvent
  | { readonly type: 'frame.PING' }
  | { readonly type: 'frame.PONG'; readonly nonceKnown: boolean }
  | { readonly type: 'frame.BYE'; readonly code: number }
  | { readonly type: 'frame.RESET'; readonly tokenValid: boolean };

/** See {@link SessionCore.kept}. */
export interface KeptCore {
  readonly streamId: bigint;
  /** 0 while the application is asked: the state is PendingStartRequest, then PendingConfirm. */
  readonly sessionTag: bigint;
  /** When its one timer expires, `reserve` or `pending`. */
  readonly expiresAtMs: number;
  readonly largestReceivedBytes: number;
}

/** An event of both machines that a timer causes. */
export type ExpiredEvent =
  | { readonly type: 'timer.deadline'; readonly nothingSent: boolean }
  | { readonly type: `timer.${Exclude<TimerName, 'deadline'>}` };

/** What both roles do alike: ids, timers, PING and PONG, BYE and BYE_ACK. */
export class SessionCore {
  /** Where its frames go. */
  peer: Peer;
  readonly handle: SessionHandle;
  readonly deadlines = new Deadlines(timerNames);
  readonly rtt = new RttEstimate();
  /** Time of the input that is being handled. */
  nowMs = 0;
  streamId: bigint;
  sessionTag = 0n;
  /** Words for the BYE that this end sends, or those of the BYE that came. */
  byeReason: string | undefined;
  readonly #host: SessionHost<CoreOutput>;
  /** From the first PING on. */
  #nonces: Nonces | undefined;
  /** Once a secured session is confirmed. */
  #channel: SealedChannel | undefined;
  #bye: Uint8Array | undefined;
  /** The one slot for an answer: a later PING overwrites it. */
  #peerNonce = 0n;
  /** Of the PATH_CHALLENGE that is being answered. */
  #pathNonce = 0n;
  #answeredPingAtMs = 0;
  #largestReceivedBytes = 0;
  /** Most sessions never have any. */
  #exchanges: Exchanges | undefined;
  #frame: Frame | undefined;
  #frameBytes = 0;

  constructor(host: SessionHost<CoreOutput>, peer: Peer, handle: SessionHandle, streamId: bigint) {
    this.#host = host;
    this.peer = peer;
    this.handle = handle;
    this.streamId = streamId;
  }

  arm(name: TimerName, afterMs: number): void {
    this.deadlines.arm(name, this.nowMs + afterMs);
  }

  /** When the first of its timers expires, those of its exchanges among them. */
  deadlineMs(): number {
    const earliestMs = this.deadlines.earliestMs();
    return this.#exchanges === undefined ? earliestMs : Math.min(earliestMs, this.#exchanges.deadlineMs());
  }

  /** Tells of each of the machine's timers that has expired. @param nothingSent see `timer.deadline`. */
  takeTimers(expired: (event: ExpiredEvent) => void, nothingSent: () => boolean = () => false): void {
    const { deadlines, nowMs } = this;
    for (let timer = deadlines.takeDue(nowMs); timer !== undefined; timer = deadlines.takeDue(nowMs)) {
      expired(
        timer === 'deadline' ? { type: 'timer.deadline', nothingSent: nothingSent() } : { type: `timer.${timer}` },
      );
    }
  }

  /** What is due in exchanges; call after the machine's own timers. */
  timeoutExchanges(): void {
    this.#exchanges?.timeout();
  }

  /**
   * What the application wants of exchanges.
   *
   * @param streaming without it there is none.
   * @throws RangeError for what no frame can carry.
   */
  takeExchange(input: ExchangeInput, streaming: boolean): void {
    if (streaming) return this.#exchangeTable.take(input);
    if (input.kind === 'ask' || input.kind === 'continue') failAsk(this.#exchangeHost, input.call);
  }

  /** When the PING was sent that the last PONG with a known nonce answered. */
  get answeredPingAtMs(): number {
    return this.#answeredPingAtMs;
  }

  /** A valid datagram of this session came: the next PONG tells the largest. */
  noteReceived(bytes: number): void {
    if (bytes > this.#largestReceivedBytes) this.#largestReceivedBytes = bytes;
  }

  /** What is to be remembered of a half-open session of a responder, whose one timer is `reserve` or, with a tag, `pending`. */
  kept(): KeptCore {
    const { streamId, sessionTag } = this;
    const expiresAtMs = this.deadlines.at(sessionTag === 0n ? 'reserve' : 'pending');
    return { streamId, sessionTag, expiresAtMs, largestReceivedBytes: this.#largestReceivedBytes };
  }

  /** As it was when that was kept. */
  resume({ sessionTag, expiresAtMs, largestReceivedBytes }: KeptCore): void {
    this.sessionTag = sessionTag;
    this.deadlines.arm(sessionTag === 0n ? 'reserve' : 'pending', expiresAtMs);
    this.#largestReceivedBytes = largestReceivedBytes;
  }

  /** Whether a PONG answers one of the last eight PINGs; remembers which, for an RTT sample. */
  #notePong(nonce: bigint): boolean {
    const sentAtMs = this.#nonces?.sentAtMs(nonce);
    if (sentAtMs !== undefined) this.#answeredPingAtMs = sentAtMs;
    return sentAtMs !== undefined;
  }

  /** The keys of a confirmed secured session. */
  get keys(): SessionKeys | undefined {
    return this.#channel?.keys;
  }

  /** The highest counter of a sealed frame that came, -1 for none. */
  get newestCounter(): number {
    return this.#channel?.newest ?? -1;
  }

  /** Another tuple, of which only this is known; PINGs that went to the one before say nothing about it. */
  moveTo(peer: Peer, rttMs: number): void {
    this.peer = peer;
    this.#nonces = undefined;
    this.rtt.restart(rttMs);
  }

  /** From now on all frames are sealed but those that say otherwise. */
  secure(keys: SessionKeys, role: SessionRole, firstInitiatorCounter: number): void {
    this.#channel = new SealedChannel(keys, role, firstInitiatorCounter, this);
  }

  /** What protects the media of a secured session; `undefined` where nothing can. */
  protection(ssrc: number): MediaProtection | undefined {
    if (this.#channel === undefined) return undefined;
    const { keys, role } = this.#channel;
    return this.#host.protectMedia?.({ keys, role, ssrc, nowMs: this.nowMs });
  }

  /** Another StreamId: its keys are others too. */
  forgetKeys(): void {
    this.#channel = undefined;
  }

  /**
   * The frame in a sealed datagram with this session's ids; what is none is counted.
   *
   * @param from where it came from.
   * @returns `keyLimit` when the session must end.
   */
  open(datagram: Uint8Array, from: Peer = this.peer): Frame | 'keyLimit' | undefined {
    const text = this.#channel?.open(datagram, this.nowMs) ?? 'sealedEarly';
    const kept = keptTlvs(this.#host);
    const opened = typeof text === 'string' ? text : decodeOpened(datagram, text, kept);
    if (typeof opened !== 'string' && opened.ok) {
      if (this.#host.trace) traceFrame(this.#host, 'received', datagram, from, opened.frame);
      return opened.frame;
    }
    const reason = typeof opened === 'string' ? opened : opened.reason;
    drop(this.#host, reason, from, datagram.length);
    return reason === 'keyLimit' ? reason : undefined;
  }

  /**
   * What a frame with this session's ids means to both machines; `undefined` for one that has no event.
   *
   * @param resetToken that of the session, for RESET.
   */
  eventOf(frame: Frame, bytes: number, resetToken: Uint8Array): SessionEvent | undefined {
    switch (frame.type) {
      case FrameType.PING:
        this.#peerNonce = frame.nonce;
        return { type: 'frame.PING' };
      case FrameType.PATH_CHALLENGE:
        this.#pathNonce = frame.nonce;
        return plainEvent(frame.type);
      case FrameType.PONG:
        return { type: 'frame.PONG', nonceKnown: this.#notePong(frame.nonce) };
      case FrameType.BYE:
        return { type: 'frame.BYE', code: frame.errorCode };
      case FrameType.RESET:
        return { type: 'frame.RESET', tokenValid: equalBytes(frame.resetToken, resetToken) };
      default:
        this.#frame = frame;
        this.#frameBytes = bytes;
        return plainEvent(frame.type);
    }
  }

  /** A frame with this session's ids, to be kept and repeated; never a sealed one, which has a counter of its own (S11). */
  encode(body: SecuredFrameBody, trailer: FrameTrailer = clearTrailer, attempt = 0): Uint8Array {
    return encodeParts(this.#header(attempt), body, trailer);
  }

  send(bytes: Uint8Array): void {
    sendControl(this.#host, this.peer, bytes);
  }

  /** Sends a frame with this session's ids once; sealed if it is secured. */
  sendOnce(body: FrameBody, replaces?: SessionHandle, to: Peer = this.peer): void {
    const header = this.#header(0);
    const bytes = encodeOnce(header, body, this.#channel?.trailer ?? clearTrailer);
    const hidden = this.#host.trace && this.#channel !== undefined;
    sendControl(this.#host, to, bytes, replaces, hidden ? ({ ...header, ...body } as Frame) : undefined);
  }

  /** Sends a frame with this session's ids that may be sent again: the same bytes, or sealed anew (S11, S13). */
  sendAgain(kept: Uint8Array | undefined, body: FrameBody): Uint8Array | undefined {
    if (this.#channel !== undefined) {
      this.sendOnce(body);
      return undefined;
    }
    const bytes = kept ?? this.encode(body);
    this.send(bytes);
    return bytes;
  }

  #header(attempt: number): FrameHeader {
    return { flags: 0, streamId: this.streamId, sessionTag: this.sessionTag, attempt };
  }

  /** @param sent is told the nonce of the PING. */
  sendPing(sent?: (nonce: bigint) => void): void {
    const nonce = this.#host.random.id();
    this.#nonces ??= new Nonces();
    this.#nonces.add(nonce, this.nowMs);
    this.sendOnce({ type: FrameType.PING, nonce });
    sent?.(nonce);
  }

  /** Asks whether this session's peer is there, on its own path or another. @returns the nonce. */
  sendPathChallenge(to: Peer): bigint {
    const nonce = this.#host.random.id();
    this.sendOnce({ type: FrameType.PATH_CHALLENGE, nonce }, undefined, to);
    return nonce;
  }

  /** Tells of a transition when tracing is on. */
  traceTransition(role: 'initiator' | 'responder', event: string, from: SessionState, to: SessionState): void {
    if (!this.#host.trace) return;
    const { handle: session, streamId, peer } = this;
    this.#host.emit({ kind: 'traceTransition', role, session, streamId, peer, event, from, to });
  }

  /**
   * Performs the outputs that mean the same in both machines.
   *
   * @returns false for an output that is not one of them.
   */
  perform(output: string, context: { readonly code: number; readonly byes: number }): boolean {
    switch (output) {
      case 'sendPong':
        this.sendOnce(
          { type: FrameType.PONG, nonce: this.#peerNonce, datagramBytesMax: this.#largestReceivedBytes },
          this.handle,
        );
        this.#largestReceivedBytes = 0;
        return true;
      case 'sendPathResponse':
        this.sendOnce({ type: FrameType.PATH_RESPONSE, nonce: this.#pathNonce });
        return true;
      case 'sendBye':
        this.#bye = this.sendAgain(this.#bye, {
          type: FrameType.BYE,
          errorCode: context.code,
          ...(this.byeReason === undefined ? {} : { reason: this.byeReason }),
        });
        return true;
      case 'sendByeAck':
        this.sendOnce({ type: FrameType.BYE_ACK });
        return true;
      case 'deliverExchange':
        this.#deliverExchange();
        return true;
      case 'stopMedia':
      case 'release':
        // The role has its own part in these.
        this.#exchanges?.end();
        this.#exchanges = undefined;
        return false;
      case 'sampleRtt':
        this.rtt.sample(this.nowMs - this.#answeredPingAtMs);
        return true;
      case 'armClosing':
        this.deadlines.disarmAll();
        this.arm('deadline', CLOSE_MS);
        this.#armClose(context.byes);
        return true;
      case 'armClose':
        this.#armClose(context.byes);
        return true;
      case 'armDrain':
        // No PONG means anything any more, and many sessions drain.
        this.#nonces = undefined;
        this.deadlines.disarmAll();
        this.arm('drain', DRAIN_MS);
        return true;
      default:
        return false;
    }
  }

  #deliverExchange(): void {
    const reason = this.#exchangeTable.frame(this.#frame as ExchangeFrame);
    if (reason !== undefined) drop(this.#host, reason, this.peer, this.#frameBytes);
  }

  get #exchangeTable(): Exchanges {
    this.#exchanges ??= new Exchanges(this.#exchangeHost, () => this.#host.random.id());
    return this.#exchanges;
  }

  get #exchangeHost(): ExchangeHost {
    const host = this.#host;
    const now = (): number => this.nowMs;
    return {
      session: this.handle,
      profile: host.profile,
      get nowMs() {
        return now();
      },
      unit: () => host.random.unit(),
      count: (name) => host.counters.add(name),
      emit: (output) => host.emit(output),
      send: (body) => this.sendOnce(body),
    };
  }

  /** Each wait for BYE_ACK is twice the one before. */
  #armClose(byes: number): void {
    this.arm('close', repeatMs(BYE_REPEAT_MS, this.rtt.ms) * 2 ** (byes - 1));
  }
}
